"""Every ending of every endpoint closes its span: done, failing, left and cancelled."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress

import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent

from bestofinf import SamplingError
from support.llm_members import adder
from support.llm_paths import ENDPOINTS, IDS, PROMPT, TOOLS, cancelled, ensemble, read, started
from support.tracer import traced


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
    with traced() as tracer:
        await cancelled(kind, name, given)
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
