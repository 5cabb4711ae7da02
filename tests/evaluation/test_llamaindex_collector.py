"""The collectors for LlamaIndex, with mock models and an ensemble that only reports."""

import asyncio
import inspect

import pytest

pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ToolCallBlock,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index_instrumentation import get_dispatcher

from bestofinf.evaluation import EvaluationStore, question_id
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.collector import EvaluationCallbackHandler, EvaluationCollector
from llamaindex_bestofinf.events import EnsembleEndEvent, EnsembleSampleEvent, EnsembleStartEvent
from llamaindex_bestofinf.plain import reply_of
from support.llm_members import ScriptedLLM

dispatcher = get_dispatcher(__name__)


class Five(MockLLM):
    """A model that says five."""

    @llm_completion_callback()
    def complete(self, prompt, formatted=False, **kwargs):
        return CompletionResponse(text="five")

    @llm_completion_callback()
    def stream_complete(self, prompt, formatted=False, **kwargs):
        def parts():
            yield CompletionResponse(text="fi", delta="fi")
            yield CompletionResponse(text="five", delta="ve")

        return parts()


class Broken(MockLLM):
    """A model that fails."""

    def complete(self, prompt, formatted=False, **kwargs):
        raise RuntimeError("overloaded")


def said(*texts):
    return [ChatMessage(role="user", content=text) for text in texts]


@pytest.fixture
def store(sqlite_url):
    with EvaluationStore(sqlite_url) as opened:
        yield opened


@pytest.fixture
def collector(store):
    with EvaluationCollector(store, answer="text") as opened:
        yield opened
    assert opened.stats.errors == 0


def records(collector):
    collector.recorder.flush()
    return list(collector.recorder.store.records())


def test_a_late_sample_is_booked(collector):
    dispatcher.event(EnsembleStartEvent(call_id="c1", kind="chat", prompt=said("?")))
    dispatcher.event(EnsembleEndEvent(call_id="c1", kind="chat", trace={"answer": "5"}))
    late = EnsembleSampleEvent(
        call_id="c1", index=4, member="m", kind="chat", answer="6", counted=False
    )
    dispatcher.event(late)
    [(_, [call], [sample], _)] = records(collector)
    assert (call.answer, sample.draw, sample.answer, sample.counted) == ("5", 4, "6", False)


async def asked(model, method):
    """Ask a model in one of its ways, and use up what it gives."""
    argument = said("five") if "chat" in method else "five"
    response = getattr(model, method)(argument)
    if inspect.iscoroutine(response):
        response = await response
    if hasattr(response, "__aiter__"):
        return [part async for part in response][-1]
    return list(response)[-1] if hasattr(response, "__next__") else response


METHODS = [
    "chat",
    "complete",
    "stream_chat",
    "stream_complete",
    "achat",
    "acomplete",
    "astream_chat",
    "astream_complete",
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("chat_model", [False, True])
async def test_a_plain_model_is_recorded_once_however_it_is_asked(collector, method, chat_model):
    await asked(Five(is_chat_model=chat_model), method)
    [(question, [call], [sample], _)] = records(collector)
    assert question.id == question_id("five")
    assert (call.kind, call.fixed, call.answer) == ("model", True, "five")
    assert sample.member == "MockLLM"
    assert collector.stats.open == 0


async def test_the_same_stream_many_times_at_once_is_recorded_as_often(collector):
    await asyncio.gather(*(asked(MockLLM(is_chat_model=True), "astream_chat") for _ in range(20)))
    [(_, calls, _, _)] = records(collector)
    assert len(calls) == 20


def test_a_detached_collector_hears_nothing(store):
    collector = EvaluationCollector(store).attach()
    collector.detach()
    before = len(get_dispatcher().event_handlers), len(get_dispatcher().span_handlers)
    MockLLM().complete("?")
    collector.close()
    assert store.status().calls == 0
    assert before == (len(get_dispatcher().event_handlers), len(get_dispatcher().span_handlers))


def test_replies_with_tools_are_read():
    block = ToolCallBlock(tool_name="add", tool_kwargs={"a": 1}, tool_call_id="x")
    reply = reply_of(ChatResponse(message=ChatMessage(role="assistant", blocks=[block])))
    assert [(call.name, dict(call.args)) for call in reply.tool_calls] == [("add", {"a": 1})]


@pytest.mark.parametrize(
    "response",
    [
        {"additional_kwargs": {"completion_tokens": 4, "prompt_tokens": 9}},
        {"raw": {"usage": {"completion_tokens": 4, "prompt_tokens": 9}}},
        {"raw": {"usage": {"output_tokens": 4, "input_tokens": 9}}},
    ],
)
def test_tokens_are_found_wherever_an_integration_puts_them(collector, response):
    class Counting(MockLLM):
        @llm_completion_callback()
        def complete(self, prompt, formatted=False, **kwargs):
            return CompletionResponse(text="5", **response)

    Counting().complete("?")
    [(_, _, [sample], _)] = records(collector)
    assert (sample.tokens, sample.input_tokens) == (4, 9)


# -- the legacy handler -----------------------------------------------------------------------


@pytest.fixture
def legacy(store):
    handler = EvaluationCallbackHandler(store, answer="text")
    yield handler
    handler.close()
    assert handler.stats.errors == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("chat_model", [False, True])
async def test_the_legacy_handler_records_a_plain_call_once(legacy, method, chat_model):
    manager = CallbackManager([legacy])
    model = Five(is_chat_model=chat_model, callback_manager=manager)
    await asked(model, method)
    [(question, [call], [sample], _)] = records(legacy)
    assert question.id == question_id("five")
    assert (call.kind, sample.answer) == ("model", "five")


def test_the_legacy_handler_records_the_samples_of_an_ensemble(legacy):
    manager = CallbackManager([legacy])
    members = [Five(is_chat_model=True, callback_manager=manager) for _ in range(2)]
    AdaptiveEnsembleLLM(members, rule="fixed:n=3", answer="text", callback_manager=manager).chat(
        said("five")
    )
    [(_, [call], samples, _)] = records(legacy)
    assert (call.kind, call.fixed) == ("ensemble", False)
    assert sorted(s.draw for s in samples) == [0, 1, 2]
    assert {s.member for s in samples} == {"MockLLM", "MockLLM#2"}


def test_the_legacy_handler_takes_no_judgement_for_a_sample(legacy):
    manager = CallbackManager([legacy])
    judge = ScriptedLLM(["score: 5"], model="judge", callback_manager=manager)
    AdaptiveEnsembleLLM(
        [ScriptedLLM(["five"], callback_manager=manager)],
        rule="fixed:n=2",
        answer="text",
        scorer=judge,
        concurrency=1,
    ).chat(said("?"))
    [(_, _, samples, _)] = records(legacy)
    assert [(s.draw, s.answer) for s in samples] == [(0, "five"), (1, "five")]


def test_the_legacy_handler_can_leave_plain_calls_out(store):
    handler = EvaluationCallbackHandler(store, answer="text", plain_calls=False)
    MockLLM(callback_manager=CallbackManager([handler])).chat(said("?"))
    handler.close()
    assert handler.stats.written == 0


def test_the_legacy_handler_records_failures(legacy):
    model = Broken(callback_manager=CallbackManager([legacy]))
    with pytest.raises(RuntimeError):
        model.chat(said("?"))
    [(_, _, [sample], _)] = records(legacy)
    assert sample.error == "RuntimeError"


# -- the real ensemble ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["chat", "achat", "complete", "stream_chat", "astream_chat"])
async def test_the_real_ensemble_is_recorded_once_with_its_samples(collector, method):
    ensemble = AdaptiveEnsembleLLM(
        members=[Five(is_chat_model=True)], rule="ahead-by", answer="text"
    )
    response = await asked(ensemble, method)
    [(question, [call], samples, _)] = records(collector)
    assert question.id == question_id("five")
    assert (call.kind, call.answer) == ("ensemble", "five")
    assert call.rule == "ahead-by"
    assert [s.answer for s in samples if s.counted] == ["five"] * 3
    assert call.id == response.additional_kwargs["bestofinf"]["call_id"]
    collector.recorder.verdict(call.id, True)
    assert collector.recorder.store.read().questions[0].gold == "five"
