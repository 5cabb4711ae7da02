"""All ways to ask an ensemble in LlamaIndex, and all ways in which that ends."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.testing.endpoints import CHATS, COMPLETIONS, STRUCTURED, TOOL_CHATS
from support.llm_members import ScriptedLLM, adder


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


def ensemble(say: Any = adder, **settings: Any) -> AdaptiveEnsembleLLM:
    settings.setdefault("rule", "fixed:n=3")
    return AdaptiveEnsembleLLM([ScriptedLLM(say, model=m) for m in "ab"], **settings)


def started(llm: AdaptiveEnsembleLLM, kind: str, name: str, given: Any) -> Any:
    """Ask in one of these ways; return what comes of it: a result, a stream or a coroutine."""
    target = llm.as_structured_llm(Sum) if kind == "object" else llm
    return getattr(target, name)(*given)


async def read(found: Any, *, most: int | None = None) -> None:
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


async def cancelled(kind: str, name: str, given: Any) -> None:
    """Ask a slow member, and cancel that once it is under way."""
    llm = AdaptiveEnsembleLLM([ScriptedLLM(adder, seconds=30)], launch="eager")
    task = asyncio.ensure_future(read(started(llm, kind, name, given)))
    for _ in range(400):
        if llm._members[0].model.in_flight:
            break
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await asyncio.sleep(0)
