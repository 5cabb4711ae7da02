import asyncio
from types import SimpleNamespace

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LogProb
from llama_index.core.evaluation import BaseEvaluator, EvaluationResult

from bestofinf.errors import UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Reply, Usage
from bestofinf.scorers import Scale, SelfCertainty
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.scorers import EvaluatorScorer, LLMJudge, resolve_scorer, top_logprobs
from support.llm_members import IN, OUT, ScriptedLLM

REPLY = Reply(text="42")


class Evaluator(BaseEvaluator):
    def __init__(self, **result):
        self.result = result
        self.asked = []

    def _get_prompts(self):
        return {}

    def _update_prompts(self, prompts):
        pass

    async def aevaluate(self, query=None, response=None, contexts=None, **_):
        self.asked.append((query, response, contexts))
        if self.result.get("error"):
            raise self.result["error"]
        await asyncio.sleep(self.result.get("seconds", 0))
        return EvaluationResult(**self.result)


def both(scorer):
    found = scorer.score("6 x 7?", REPLY)
    assert asyncio.run(scorer.ascore("6 x 7?", REPLY)) == found
    return found


def test_evaluator_is_asked_with_prompt_and_reply():
    evaluator = Evaluator(score=0.75)
    found = both(EvaluatorScorer(evaluator, contexts=lambda p, r: ["context"]))
    assert found.value == 0.75
    assert found.usage == Usage(calls=1)
    assert evaluator.asked[0] == ("6 x 7?", "42", ["context"])


def test_evaluator_with_its_own_scale_and_its_own_cost():
    scorer = EvaluatorScorer(
        Evaluator(score=4), scale=Scale(1, 5), usage=lambda result: Usage(cost=result.score)
    )
    found = both(scorer)
    assert found.value == 0.75
    assert found.usage.cost == 4


@pytest.mark.parametrize(("passing", "score"), [(True, 1.0), (False, 0.0)])
@pytest.mark.parametrize("scale", [Scale(), Scale(1, 5)])
def test_verdict_without_a_score_is_all_or_nothing(passing, score, scale):
    assert both(EvaluatorScorer(Evaluator(passing=passing), scale=scale)).value == score


@pytest.mark.parametrize(
    "result",
    [{}, {"score": 0.5, "invalid_result": True, "invalid_reason": "?"}, {"score": 3.0},
     {"error": ValueError("broken")}],
)  # fmt: skip
def test_evaluation_that_fails_is_no_score_but_a_call(result):
    found = both(EvaluatorScorer(Evaluator(**result)))
    assert found.value is None
    assert found.usage.calls == 1
    assert found.note


def test_evaluator_that_hangs_is_left_behind_in_time():
    policy = FailurePolicy(retries=0, timeout=0.1)
    scorer = EvaluatorScorer(Evaluator(score=0.5, seconds=1.5), policy=policy)
    assert both(scorer).value is None


def test_top_log_probabilities_are_read_from_the_response():
    places = [[LogProb(token="4", logprob=-0.1), LogProb(token="5", logprob=-3.0)]]
    native = ChatResponse(message=ChatMessage(content="4"), logprobs=places)
    reply = Reply(text="4", native=native)
    assert top_logprobs(reply) == [[-0.1, -3.0]]
    assert SelfCertainty(top_logprobs).score("", reply).value > 0
    assert top_logprobs(REPLY) is None
    assert top_logprobs(Reply(native=SimpleNamespace(logprobs=None))) is None


def test_scorers_are_made_from_what_users_have():
    assert isinstance(resolve_scorer(Evaluator()), EvaluatorScorer)
    assert resolve_scorer(lambda p, r: 1.0).score("", REPLY).value == 1
    assert resolve_scorer(None) is None
    with pytest.raises(UsageError):
        resolve_scorer("judge")


def test_an_llm_judges_with_the_default_rubric_and_its_cost_is_counted():
    llm = ScriptedLLM(["It adds up.\nscore: 7.5"])
    judge = resolve_scorer(llm)
    assert isinstance(judge, LLMJudge)
    found = both(judge)
    assert found.value == 0.75
    assert (found.usage.input_tokens, found.usage.output_tokens) == (IN, OUT)
    priced = both(LLMJudge(model=llm, price=(1.0, 2.0)))
    assert priced.usage.cost == IN + 2 * OUT
    assert "6 x 7?" in str(llm.seen[0])
    assert "42" in str(llm.seen[0])


def test_an_llm_that_gives_no_score_or_fails_is_no_opinion():
    assert 'no "score: NUMBER"' in both(LLMJudge(model=ScriptedLLM(["Well."]))).note
    failed = both(LLMJudge(model=ScriptedLLM([ValueError("down")])))
    assert failed.value is None
    assert "down" in failed.note
    with pytest.raises(UsageError, match="model must be a LlamaIndex LLM"):
        LLMJudge(model="gpt")


@pytest.mark.parametrize("blocking", [False, True])
async def test_an_llm_as_scorer_chooses_the_best_of_n(blocking):
    member = ScriptedLLM(["The answer is 1.", "The answer is 2.", "The answer is 1."])
    judge = ScriptedLLM(["score: 2", "score: 9", "score: 3"])
    llm = AdaptiveEnsembleLLM(
        [member], rule="fixed:n=3", selector="best-score", scorer=judge, concurrency=1
    )
    asked = [ChatMessage("1 or 2?")]
    response = llm.chat(asked) if blocking else await llm.achat(asked)
    told = response.additional_kwargs["bestofinf"]
    assert told["answer"] == "2"
    assert [line["score"] for line in told["samples"]] == [0.2, 0.9, 0.3]
