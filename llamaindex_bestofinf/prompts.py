"""Prompts that are passed through the ensemble and made anew for every member.

`LLM.predict` makes messages or a text with the system prompt and templates of the model that it is
called on, and passes them to `chat` or `complete`. An ensemble without a system prompt or templates
of its own lets every member make them again with its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.llm import LLM

from bestofinf.records import Member


class MessagesFor(list[ChatMessage]):
    """Messages that can be made anew with a member's system prompt and templates."""

    def __init__(
        self, messages: Iterable[ChatMessage], render: Callable[[LLM], list[ChatMessage]]
    ) -> None:
        super().__init__(messages)
        self._render = render

    def rendered(self, model: LLM) -> list[ChatMessage]:
        """Return the messages that a member would have made."""
        return self._render(model)


class PromptFor(str):
    """A prompt that can be made anew with a member's system prompt and templates."""

    _render: Callable[[LLM], str]

    @classmethod
    def made(cls, text: str, render: Callable[[LLM], str]) -> Self:
        """Return a prompt and how a member would have made it."""
        prompt = cls(text)
        prompt._render = render
        return prompt

    def rendered(self, model: LLM) -> str:
        """Return the prompt that a member would have made, in its own format."""
        return self._render(model)


def common_parser(members: Sequence[Member[LLM]]) -> Any:
    """Return the members' parser of outputs, if it is the same for all."""
    first = members[0].model.output_parser
    return first if all(member.model.output_parser is first for member in members) else None
