"""Batches of a chat model under one budget: messages, runs, errors."""

import random
from importlib.util import find_spec

import pytest

if find_spec("langchain_core") is None:
    pytest.skip("the extra langchain is not installed", allow_module_level=True)

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from bestofinf import Budget
from bestofinf.errors import NoConsensusError, SamplingError, UsageError
from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted, Tree

QUESTIONS = [f"question {i}" for i in range(12)]


class Member(BaseChatModel):
    """Answers in a fixed order; questions with an even number are clear, others are not."""

    counts: dict[str, int] = {}  # noqa: RUF012  # pydantic copies it
    fails: str = ""
    dead: bool = False
    asked: int = 0

    @property
    def _llm_type(self):
        return "member"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        text = messages[-1].text
        self.asked += 1
        if self.dead:
            raise ConnectionError("nobody there")
        if text == self.fails:
            raise PermissionError("no access")
        turn = self.counts[text] = self.counts.get(text, 0) + 1
        clear = int(text.split()[-1]) % 2 == 0
        answer = "A" if clear else random.Random(f"{text}/{turn}").choice("AB")
        usage = {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}
        message = AIMessage(answer, usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


def ensemble(**settings):
    fails = settings.pop("fails", "")
    given = {"rule": "exhaustive", "answer": "choice", "retries": 0, "usage": "all", **settings}
    return AdaptiveEnsembleChat([Member(fails=fails)], **given)


@pytest.fixture(params=["batch", "abatch", "batch_as_completed", "abatch_as_completed"])
def batched(request):
    """Every way to answer many questions, as one that gives messages in order."""

    async def run(model, inputs, config=None, **options):
        method = getattr(model, request.param)
        if request.param == "batch":
            return method(inputs, config, **options)
        if request.param == "abatch":
            return await method(inputs, config, **options)
        if request.param == "batch_as_completed":
            found = dict(method(inputs, config, **options))
        else:
            found = {i: message async for i, message in method(inputs, config, **options)}
        return [found[i] for i in range(len(inputs))]

    return run


def counted(messages):
    return [message.response_metadata["bestofinf"]["n_samples"] for message in messages]


async def test_the_total_is_met_and_goes_where_it_helps(batched):
    messages = await batched(ensemble(), QUESTIONS, budget=60)
    samples = counted(messages)
    assert sum(samples) == 60
    assert sum(samples[1::2]) > 1.4 * sum(samples[::2])
    assert [m.text for m in messages[::2]] == ["A"] * 6
    assert sum(m.usage_metadata["output_tokens"] for m in messages) == 5 * 60


async def test_a_total_of_tokens_is_met(batched):
    messages = await batched(
        ensemble(), QUESTIONS, {"max_concurrency": 1}, budget=Budget(300, "tokens")
    )
    assert sum(m.usage_metadata["output_tokens"] for m in messages) == 300


async def test_without_a_budget_nothing_is_changed(batched):
    messages = await batched(ensemble(rule="ahead-by:votes=2"), QUESTIONS[::2])
    assert counted(messages) == [2] * 6


async def test_every_question_is_one_run_with_its_samples_beneath(batched):
    tree = Tree()
    messages = await batched(ensemble(), QUESTIONS, {"callbacks": [tree]}, budget=40)
    shapes = tree.shape()
    assert len(shapes) == len(QUESTIONS)
    assert sorted(len(samples) for _, _, samples in shapes) == sorted(counted(messages))
    assert tree.open == 0


async def test_an_error_is_raised_or_stands_in_its_place(batched):
    tree = Tree()
    found = await batched(
        ensemble(fails="question 3"),
        QUESTIONS[:5],
        {"callbacks": [tree]},
        budget=40,
        return_exceptions=True,
    )
    assert isinstance(found[3], SamplingError)
    assert [isinstance(message, AIMessage) for message in found].count(True) == 4
    with pytest.raises(SamplingError, match="no access"):
        await batched(ensemble(fails="question 3"), QUESTIONS[:5], {"callbacks": [tree]}, budget=40)
    assert tree.open == 0


async def test_a_lack_of_consensus_is_escalated(batched):
    higher = Scripted(replies=["the answer is C"])
    messages = await batched(
        ensemble(min_confidence=0.999, escalate_to=higher), QUESTIONS[:4], budget=12
    )
    assert [m.text for m in messages] == ["the answer is C"] * 4
    found = await batched(
        ensemble(min_confidence=0.999), QUESTIONS[:4], budget=12, return_exceptions=True
    )
    assert all(isinstance(error, NoConsensusError) for error in found)


async def test_settings_may_be_changed_for_all_but_not_for_single_questions(batched):
    settings = {"configurable": {"bestofinf": {"rule": "fast"}}}
    messages = await batched(ensemble(), QUESTIONS[:3], settings, budget=90)
    assert sum(counted(messages)) < 90
    with pytest.raises(UsageError, match="the same settings"):
        await batched(ensemble(), QUESTIONS[:2], [settings, {}], budget=9)
    with pytest.raises(UsageError, match="values the next sample"):
        await batched(ensemble(), QUESTIONS[:2], budget=9, rule="ahead-by")


class Heard(BaseCallbackHandler):
    """Notes events of progress, with the run they came under, and ends of runs."""

    def __init__(self):
        self.events, self.runs, self.ended = [], [], []

    def on_custom_event(self, name, data, *, run_id, **kwargs):
        assert name == "bestofinf.sample"
        assert run_id not in self.ended
        self.events.append(data)
        self.runs.append(run_id)

    def on_llm_end(self, response, *, run_id, **kwargs):
        self.ended.append(run_id)


async def test_progress_comes_under_the_run_of_each_question_with_what_is_spent(batched):
    heard = Heard()
    messages = await batched(ensemble(), QUESTIONS, {"callbacks": [heard]}, budget=40)
    assert len(heard.events) == 40
    assert [event["spent"] for event in heard.events] == list(range(1, 41))
    assert {event["budget"] for event in heard.events} == {40.0}
    by_question = {}
    for event, run in zip(heard.events, heard.runs, strict=True):
        by_question.setdefault(event["question"], []).append((event["n_samples"], run))
    for place, message in enumerate(messages):
        counts, runs = zip(*by_question[place], strict=True)
        assert list(counts) == sorted(counts)
        assert counts[-1] == message.response_metadata["bestofinf"]["n_samples"]
        assert len(set(runs)) == 1
    assert len(set(heard.runs)) == len(QUESTIONS)


async def test_a_dead_member_is_not_asked_for_every_question(batched):
    dead = Member(dead=True)
    model = AdaptiveEnsembleChat([Member(), dead], rule="exhaustive", answer="choice", retries=0)
    questions = [f"question {i}" for i in range(80)]
    heard = Heard()
    config = {"max_concurrency": 4, "callbacks": [heard]}
    messages = await batched(model, questions, config, budget=320)
    assert sum(counted(messages)) == 320
    assert dead.asked <= 5 + 4
    errors = [event["error"] for event in heard.events if event["error"]]
    assert any("nobody there" in error for error in errors)
    # The ensemble remembers it for its next call.
    dead.asked = 0
    assert "(left out: " in model.invoke("question 2").response_metadata["bestofinf"]["reason"]
    assert dead.asked == 0
