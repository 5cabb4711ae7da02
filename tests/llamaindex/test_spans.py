"""Every ending of every endpoint closes its span: done, failing, left and cancelled."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from contextlib import suppress

import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from bestofinf import SamplingError
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.testing.endpoints import CHATS, COMPLETIONS, STRUCTURED, TOOL_CHATS
from support.llm_members import ScriptedLLM, adder
from support.tracer import traced


class Sum(BaseModel):
    """A sum."""

    result: int


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


PROMPT = "What is 4 and 4? Use the tool."
TOOLS = [FunctionTool.from_defaults(add)]
OBJECTS = ("chat", "achat", "stream_chat", "astream_chat", "complete", "acomplete")
ENDPOINTS = [
    *(("llm", name, (PROMPT,) if "complete" in name else ([ChatMessage(PROMPT)],)) for name in (*CHATS, *COMPLETIONS)),
    *(("llm", name, (TOOLS, PROMPT)) for name in TOOL_CHATS),
    *(("llm", name, (Sum, PromptTemplate(PROMPT))) for name in STRUCTURED),
    *(("object", name, (PROMPT,) if "complete" in name else ([ChatMessage(PROMPT)],)) for name in OBJECTS),
]  # fmt: skip
IDS = [f"{kind}-{name}" for kind, name, _ in ENDPOINTS]


def ensemble(say=adder, **settings):
    settings.setdefault("rule", "fixed:n=3")
    return AdaptiveEnsembleLLM([ScriptedLLM(say, model=m) for m in "ab"], **settings)


def started(llm, kind, name, given):
    target = llm.as_structured_llm(Sum) if kind == "object" else llm
    return getattr(target, name)(*given)


async def read(found, *, most=None):
    """Take all of a stream, or some of it, then leave."""
    if inspect.isawaitable(found):
        found = await found
    seen = 0
    if inspect.isasyncgen(found):
        async for _ in found:
            seen += 1
            if seen == most:
                await found.aclose()
                return
    elif inspect.isgenerator(found):
        for _ in found:
            seen += 1
            if seen == most:
                found.close()
                return


def complete(tracer):
    assert not tracer.open
    assert not tracer.orphans
    assert len(tracer.roots) == 1
    return True


@pytest.mark.parametrize(("kind", "name", "given"), ENDPOINTS, ids=IDS)
@pytest.mark.parametrize("progress", [False, True])
async def test_done(kind, name, given, progress):
    with traced() as tracer:
        await read(started(ensemble(stream_progress=progress), kind, name, given))
    assert complete(tracer)
    assert not tracer.failed


@pytest.mark.parametrize(("kind", "name", "given"), ENDPOINTS, ids=IDS)
async def test_failing(kind, name, given):
    llm = ensemble([ValueError("broken")], retries=0, cooldown=0)
    with traced() as tracer, pytest.raises(Exception, match="broken"):
        await read(started(llm, kind, name, given))
    assert complete(tracer)
    assert tracer.roots[0] in tracer.failed


STREAMS = [(case, name) for case, name in zip(ENDPOINTS, IDS, strict=True) if "stream" in name]


@pytest.mark.parametrize(("kind", "name", "given"), [c for c, _ in STREAMS], ids=[n for _, n in STREAMS])  # fmt: skip
@pytest.mark.parametrize("progress", [False, True])
async def test_left(kind, name, given, progress):
    if progress and ("structured" in name or kind == "object"):
        pytest.skip("streams of objects have no pieces before it")
    with traced() as tracer:
        await read(started(ensemble(stream_progress=progress), kind, name, given), most=1)
        for _ in range(50):  # what a thread still has in hand
            if not tracer.open:
                break
            await asyncio.sleep(0.02)
    assert complete(tracer)


CANCELLED = [(case, name) for case, name in zip(ENDPOINTS, IDS, strict=True) if case[1][0] == "a"]


@pytest.mark.parametrize(("kind", "name", "given"), [c for c, _ in CANCELLED], ids=[n for _, n in CANCELLED])  # fmt: skip
async def test_cancelled(kind, name, given):
    llm = AdaptiveEnsembleLLM([ScriptedLLM(adder, seconds=30)], launch="eager")
    with traced() as tracer:
        task = asyncio.ensure_future(read(started(llm, kind, name, given)))
        for _ in range(400):
            if llm._members[0].model.in_flight:
                break
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
    assert complete(tracer)
    assert isinstance(tracer.failed[tracer.roots[0]], asyncio.CancelledError)


@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)
@pytest.mark.parametrize("progress", [False, True])
@pytest.mark.parametrize("say", [adder, [ValueError("broken")]], ids=["done", "failing"])
async def test_a_query_and_an_agent(say, progress):
    llm = ensemble(say, retries=0, cooldown=0, stream_progress=progress)
    index = VectorStoreIndex.from_documents([Document(text="a")], embed_model=MockEmbedding(4))
    for run in (
        lambda: index.as_query_engine(llm=llm).aquery("What is 4 and 4?"),
        lambda: run_agent(llm),
    ):
        with traced() as tracer, suppress(SamplingError):  # an agent tells it in its result
            await run()
        own = {s for s in tracer.open if s.startswith(("AdaptiveEnsembleLLM", "ScriptedLLM"))}
        assert not own
        assert not tracer.orphans


async def run_agent(llm):
    return await FunctionAgent(tools=TOOLS, llm=llm).run(PROMPT)


HELD = """
import asyncio
from llama_index.core.base.llms.types import ChatMessage
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.llm_members import ScriptedLLM
held = []
async def main():
    llm = AdaptiveEnsembleLLM([ScriptedLLM(seconds=30)], stream_progress={progress})
    stream = await llm.astream_chat([ChatMessage("?")])
    held.append(stream)
    held.append(asyncio.ensure_future(anext(stream)))
    await asyncio.sleep(.2)
asyncio.run(main())
"""


@pytest.mark.parametrize("progress", [False, True])
def test_a_stream_that_is_held_when_its_loop_closes_is_silent(progress):
    script = HELD.format(progress=progress)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0
    assert ran.stderr == ""
