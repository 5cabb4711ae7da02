"""Base of all conformance tests: the LLM, its prompts, and the ways to call it.

Nothing here needs a plugin of pytest: asynchronous endpoints run in event loops of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar

import pytest
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex_bestofinf.testing.endpoints import Called, asked, called


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Sum(BaseModel):
    """The sum of two numbers."""

    result: int


class Case:
    """Base class of conformance tests with their LLM and prompts; not collected by itself.

    Attributes:
        prompt: Prompt for every endpoint.
        tool_prompt: Prompt with which a model that calls tools calls ``add``.
        object_prompt: Prompt with which the model makes a ``Sum``.
    """

    prompt: ClassVar[str] = "What is 4 plus 4?"
    tool_prompt: ClassVar[str] = "Use the tool: what is 4 plus 4?"
    object_prompt: ClassVar[str] = "What is 4 plus 4? Give the result."

    def make_llm(self) -> LLM:
        """Return a new LLM. Override this."""
        raise NotImplementedError("a conformance class says how its LLM is made: give make_llm")

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in an event loop of its own."""
        return asyncio.run(work)

    def call(self, llm: LLM, endpoint: str, **kwargs: Any) -> Called:
        """Call one of the eight endpoints with the prompt."""
        found = self.run(called(llm, endpoint, asked(endpoint, self.prompt), **kwargs))
        assert isinstance(found, Called)
        return found

    def call_tools(self, llm: LLM, endpoint: str) -> Called:
        """Call one of the four endpoints with tools, or skip."""
        want_tools(llm)
        tools = [FunctionTool.from_defaults(add)]
        found = self.run(called(llm, endpoint, tools, self.tool_prompt))
        assert isinstance(found, Called)
        return found

    def call_structured(self, llm: LLM, endpoint: str) -> Any:
        """Call one of the four structured endpoints; return the object."""
        template = PromptTemplate("{question}")
        return self.run(called(llm, endpoint, Sum, template, question=self.object_prompt)).last


def want_tools(llm: LLM) -> FunctionCallingLLM:
    """Return the LLM as one that calls tools, or skip the test."""
    if not isinstance(llm, FunctionCallingLLM) or not llm.metadata.is_function_calling_model:
        pytest.skip("this LLM calls no tools")
    return llm
