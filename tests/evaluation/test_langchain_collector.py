"""The collector for LangChain, with real ensembles of scripted models."""

import itertools

import pytest

pytest.importorskip("langchain_core", reason="needs the extra langchain")

from langchain_core.language_models import BaseChatModel, FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda

from bestofinf.evaluation import EvaluationStore, Explore, Recorder, question_id
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat, EvaluationCollector


class Scripted(BaseChatModel):
    """A chat model that says these texts in turn; "!" fails."""

    says: tuple[str, ...] = ("5",)
    model_name: str = "scripted"
    turn: object = None

    def model_post_init(self, context):
        self.turn = itertools.count()

    @property
    def _llm_type(self):
        return "scripted"

    def _get_ls_params(self, stop=None, **kwargs):
        return {"ls_model_name": self.model_name, "ls_model_type": "chat"}

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        text = self.says[next(self.turn) % len(self.says)]
        if text == "!":
            raise RuntimeError("overloaded, key sk-proj-abcdefghijklmnopqrst")
        usage = {"input_tokens": 7, "output_tokens": len(text), "total_tokens": 7 + len(text)}
        message = AIMessage(text, usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


def ensemble(*says, rule="ahead-by", **settings):
    return AdaptiveEnsembleChat(members=[Scripted(says=says)], rule=rule, **settings)


@pytest.fixture
def store(sqlite_url):
    with EvaluationStore(sqlite_url) as opened:
        yield opened


@pytest.fixture
def collector(store):
    with EvaluationCollector(store) as opened:
        yield opened
    assert opened.stats.errors == 0


def records(collector):
    collector.flush()
    return list(collector.recorder.store.records())


def test_the_first_samples_of_an_adaptive_call_are_known_to_be_free(collector):
    model = ensemble("5", "6", "5", "5")
    model.invoke("adaptive?", {"callbacks": [collector]})
    model.invoke("other rule?", {"callbacks": [collector]}, rule="ahead-by:votes=1")
    model.invoke(
        "fixed?", {"callbacks": [collector]}, **Explore(1, samples=5).settings("c", members=1)
    )
    collector.flush()
    adaptive, other, fixed = collector.recorder.store.read()
    [(_, samples)] = adaptive.samples.items()
    assert samples.calls == (0, 0, 0, 1, 1)
    assert other.stopped == {}
    [(_, samples)] = fixed.samples.items()
    assert (len(samples), samples.calls, fixed.stopped) == (5, (), {})


def test_the_samples_of_an_ensemble_are_not_plain_calls(store):
    for mode in ("all", "tracers", "none"):
        with EvaluationCollector(store, keep="replies") as collector:
            model = ensemble("5", sample_callbacks=mode)
            model.invoke(f"{mode}?", {"callbacks": [collector]})
    assert {call.kind for _, calls, _, _ in store.records() for call in calls} == {"ensemble"}
    assert store.status().calls == 3


def test_a_plain_model_is_recorded_as_one_sample(collector):
    messages = [SystemMessage("Be brief."), HumanMessage("What is 2 + 3?")]
    Scripted(says=("The answer is 5",)).invoke(messages, {"callbacks": [collector]})
    [(question, [call], [sample], _)] = records(collector)
    asked = [{"role": m.type, "content": m.content} for m in messages]
    assert question.id == question_id(asked)
    assert (call.kind, call.fixed) == ("model", True)
    assert (sample.member, sample.answer, sample.tokens) == ("scripted", "5", 15)


def test_a_model_that_completes_text_is_recorded_too(collector):
    FakeListLLM(responses=["5"]).invoke("What is 2 + 3?", {"callbacks": [collector]})
    [(question, [_], [sample], _)] = records(collector)
    assert question.id == question_id("What is 2 + 3?")
    assert sample.answer == "5"


@pytest.mark.parametrize(
    "config",
    [
        {"metadata": {"question_id": "q-17", "dataset": "sums"}},
        {"tags": ["question_id:q-17"], "metadata": {"dataset": "sums"}},
    ],
)
def test_the_user_names_question_and_dataset(collector, config):
    ensemble("5").invoke("?", {"callbacks": [collector], **config})
    [(question, _, _, _)] = records(collector)
    assert (question.id, question.dataset) == ("q-17", "sums")


def test_tools_are_part_of_the_question(collector):
    def add(a: int, b: int) -> int:
        """Add."""

    class Calling(Scripted):
        def bind_tools(self, tools, **kwargs):
            return self.bind(tools=[{"name": tool.__name__} for tool in tools])

    Calling().bind_tools([add]).invoke("?", {"callbacks": [collector]})
    Calling().invoke("?", {"callbacks": [collector]})
    assert len(records(collector)) == 2


def test_a_chain_that_votes_is_recorded_too(collector):
    texts = itertools.cycle(["5", "6", "5", "5"])
    chain = AdaptiveEnsemble(RunnableLambda(lambda _: next(texts)), rule="ahead-by", concurrency=1)
    assert chain.invoke("What is 2 + 3?", {"callbacks": [collector]}) == "5"
    [(question, [call], samples, _)] = records(collector)
    assert question.id == question_id("What is 2 + 3?")
    assert (call.kind, call.answer) == ("ensemble", "5")
    assert [s.answer for s in samples if s.counted] == ["5", "6", "5", "5", "5"]


def test_the_models_within_a_voting_chain_are_its_samples_and_no_plain_calls(collector):
    chain = AdaptiveEnsemble(Scripted() | (lambda message: message.text), rule="ahead-by")
    chain.invoke("?", {"callbacks": [collector]})
    [(_, [call], _, _)] = records(collector)
    assert call.kind == "ensemble"


def test_two_collectors_may_share_one_recorder(store):
    with Recorder(store) as recorder:
        for collector in (EvaluationCollector(recorder), EvaluationCollector(recorder)):
            ensemble("5").invoke("?", {"callbacks": [collector]})
    assert store.status().calls == 2


def test_a_report_that_makes_no_sense_is_counted_and_the_model_answers(store, caplog):
    collector = EvaluationCollector(store)
    collector.on_llm_start({}, [], run_id="no uuid")
    assert collector.stats.errors == 1
    assert "was not understood" in caplog.text
    assert Scripted().invoke("?", {"callbacks": [collector]}).text == "5"
    collector.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [("tool_calls", None), ("tool_calls", 5), ("tool_calls", [{"id": "t"}]), ("name", ["Ada"])],
)
def test_replies_to_messages_with_odd_fields_are_recorded(store, field, value):
    message = AIMessage("and?")
    setattr(message, field, value)
    with EvaluationCollector(store) as collector:
        Scripted().invoke([HumanMessage("2 + 3?"), message], {"callbacks": [collector]})
        ((_, [call], [sample], _),) = records(collector)
    assert (call.kind, sample.answer) == ("model", "5")


def test_a_call_is_labelled_by_the_id_of_its_run(store):
    from uuid import uuid4

    run = uuid4()
    with EvaluationCollector(store) as collector:
        ensemble("5").invoke("?", {"callbacks": [collector], "run_id": run})
        collector.recorder.verdict(str(run), True)
    assert store.read().questions[0].gold == "5"
