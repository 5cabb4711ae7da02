"""Calls that are cancelled while a tracer is being told of a run: no run is left open."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.runnables import RunnableLambda
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms import ChatMessage

from bestofinf.records import Member
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.chat_members import Scripted, Tree
from support.llm_members import ScriptedLLM

RULE = {"rule": "balanced", "max_samples": 3, "concurrency": 2}


class SlowTree(Tree):
    """Takes its time to note that a run begins or ends, once; LangChain tells it in a thread."""

    def __init__(self, moment, of_ensemble):
        super().__init__()
        self.moment, self.of_ensemble = moment, of_ensemble
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.ends = []

    def _take_time(self, moment, run):
        wanted = (self.moment, self.of_ensemble) == (moment, run.parent_run_id is None)
        if wanted and not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(60)

    def _start_trace(self, run):
        self._take_time("begins", run)
        super()._start_trace(run)

    def _end_trace(self, run):
        self._take_time("ends", run)
        self.ends.append(run.id)
        super()._end_trace(run)


def chat():
    return AdaptiveEnsembleChat([Scripted(replies=["4"])], **RULE)


async def invoked(config):
    await chat().ainvoke("x", config)


async def streamed(config):
    async for _ in chat().astream("x", config):
        pass


async def in_a_batch(config):
    await chat().abatch(["x"], config, budget=3)


async def within_another(config):
    await AdaptiveEnsembleChat([chat()], **RULE).ainvoke("x", config)


async def several_at_once(config):
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], samples_per_request=3, **RULE)
    await model.ainvoke("x", config)


async def of_a_chain(config):
    chain = RunnableLambda(lambda text: text) | Scripted(replies=["4"])
    await AdaptiveEnsemble(chain, **RULE).ainvoke("x", config)


CALLS = [invoked, streamed, in_a_batch, within_another, several_at_once, of_a_chain]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("of_ensemble", [True, False], ids=["ensemble", "sample"])
@pytest.mark.parametrize("moment", ["begins", "ends"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_call_cancelled_while_a_run_begins_or_ends_leaves_none_open(
    call, of_ensemble, moment, times
):
    tree = SlowTree(moment, of_ensemble)
    task = asyncio.create_task(call({"callbacks": [tree]}))
    assert await asyncio.to_thread(tree.reached.wait, 5)
    for _ in range(times):
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
    threading.Timer(0.01, tree.go_on.set).start()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.02)  # for threads that come late
    assert tree.open == 0
    assert len(tree.roots) == 1
    assert len(tree.ends) == len(set(tree.ends)), "a run that ended twice"


@pytest.mark.parametrize("call", CALLS)
async def test_an_end_that_no_thread_has_told_yet_is_made_up_for(call):
    """With a single thread that is busy: what a cancelled call wanted to tell is dropped."""
    loop = asyncio.get_running_loop()
    busy, go_on = asyncio.Event(), threading.Event()

    class Blocking(Scripted):
        """Keeps the loop's only thread busy from its first reply on."""

        async def _agenerate(self, *given, **kwargs):
            result = await super()._agenerate(*given, **kwargs)
            if not busy.is_set():
                loop.run_in_executor(None, go_on.wait, 5)
                loop.call_later(0.02, busy.set)
            return result

    tree = Tree()
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "Scripted", Blocking)
        loop.set_default_executor(pool)
        task = asyncio.create_task(call({"callbacks": [tree]}))
        await busy.wait()
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert tree.open == 0


async def test_a_cancelled_call_waits_for_no_rate_limit():
    class Closed:
        async def aacquire(self, *, blocking):
            await asyncio.sleep(3600)

    model = chat()
    object.__setattr__(model, "rate_limiter", Closed())
    tree = Tree()
    task = asyncio.create_task(model.ainvoke("x", {"callbacks": [tree]}))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert tree.open == 0


async def test_a_time_limit_around_a_call_ends_it():
    tree = Tree()
    model = AdaptiveEnsembleChat(
        [Member(Scripted(replies=["4"], seconds=(3600.0,)), concurrency=1)], **RULE
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await model.ainvoke("x", {"callbacks": [tree]})
    assert tree.open == 0


# -- LlamaIndex: spans are told in the caller's own thread ------------------------------------


async def completed(model):
    await model.acomplete("x")


async def chatted(model):
    await model.achat([ChatMessage("x")])


async def completed_in_pieces(model):
    async for _ in await model.astream_complete("x"):
        pass


async def chatted_in_pieces(model):
    async for _ in await model.astream_chat([ChatMessage("x")]):
        pass


@pytest.mark.parametrize(
    "call", [completed, chatted, completed_in_pieces, chatted_in_pieces], ids=lambda c: c.__name__
)
@pytest.mark.parametrize("rounds", [0, 1, 2, 5, 20, 60])
async def test_a_cancelled_call_leaves_no_span_open(call, rounds):
    spans = SimpleSpanHandler()
    dispatcher = get_dispatcher()
    dispatcher.add_span_handler(spans)
    try:
        model = AdaptiveEnsembleLLM([ScriptedLLM("4", seconds=0.001)], **RULE)
        task = asyncio.create_task(call(model))
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.02)
        assert not spans.open_spans
    finally:
        dispatcher.span_handlers = [h for h in dispatcher.span_handlers if h is not spans]
