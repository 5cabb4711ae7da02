"""Tests that an LLM that wraps another one behaves as that one alone."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.llms.llm import LLM
from llama_index.core.prompts import PromptTemplate

from llamaindex_bestofinf.testing.case import Case, want_tools
from llamaindex_bestofinf.testing.endpoints import (
    CHATS,
    COMPLETIONS,
    PREDICTIONS,
    STRUCTURED,
    TOOL_CHATS,
    called,
)


class IdentityLaw(Case):
    """Tests that an LLM around another one behaves as the other one alone, in every endpoint.

    For caches, proxies, fallbacks and ensembles of one. Both must be deterministic.
    """

    def make_reference(self) -> LLM:
        """Return a new LLM of the kind that `make_llm` wraps. Override this."""
        raise NotImplementedError("the law is about two LLMs: give make_reference, too")

    @pytest.mark.parametrize("endpoint", [*CHATS, *COMPLETIONS])
    def test_text_and_stream_are_the_same(self, endpoint: str) -> None:
        """So is the message, but for what describes the response."""
        ours, theirs = self._both(lambda llm: self.call(llm, endpoint))
        assert ours.text == theirs.text
        if ours.streamed:
            assert ours.deltas == theirs.deltas
        if endpoint in CHATS:
            assert ours.last.message.role == theirs.last.message.role
            assert ours.last.message.blocks == theirs.last.message.blocks

    @pytest.mark.parametrize("endpoint", PREDICTIONS)
    def test_predictions_are_the_same(self, endpoint: str) -> None:
        """Templates, system prompts and parsers are those of the model within."""
        template = PromptTemplate("Answer briefly. {question}")
        ours, theirs = self._both(
            lambda llm: self.run(called(llm, endpoint, template, question=self.prompt))
        )
        assert "".join(ours.responses) == "".join(theirs.responses)

    @pytest.mark.parametrize("endpoint", TOOL_CHATS)
    def test_tool_calls_are_the_same(self, endpoint: str) -> None:
        """But for their ids, which are made anew for every request."""

        def selections(llm: LLM) -> list[tuple[str, Any]]:
            found = self.call_tools(llm, endpoint)
            calls = want_tools(llm).get_tool_calls_from_response(found.last)
            return [(call.tool_name, call.tool_kwargs) for call in calls]

        ours, theirs = self._both(selections)
        assert ours == theirs

    @pytest.mark.parametrize("endpoint", STRUCTURED)
    def test_objects_are_the_same(self, endpoint: str) -> None:
        """The last item of a stream counts."""
        ours, theirs = self._both(lambda llm: self.call_structured(llm, endpoint).model_dump())
        assert ours == theirs

    def test_metadata_lets_frameworks_treat_both_alike(self) -> None:
        """But for the name."""
        ours, theirs = self._both(lambda llm: llm.metadata.model_dump(exclude={"model_name"}))
        assert ours == theirs

    def _both(self, get: Any) -> tuple[Any, Any]:
        return get(self.make_llm()), get(self.make_reference())
