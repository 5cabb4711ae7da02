"""Answer types for LlamaIndex's own forms: steps of ReAct agents and of routers."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bestofinf import answers
from bestofinf.answers import Answer
from bestofinf.answers.judge import Ask
from bestofinf.ensemble import CitationAnswer
from bestofinf.records import AnswerValue, Reply, Usage
from llamaindex_bestofinf.routing import routed

_STEP = re.compile(r"^[ \t]*(?:Thought:|Action:[^\n]*\n[ \t]*Action Input:)", re.M)


class StepAnswer(Answer):
    """The default answer type: `AutoAnswer`, which also reads the steps of agents and routers.

    For agents that write their steps as text (``Thought:``, ``Action:``, ``Action Input:``) the
    answer is the action with its parsed input, or the final answer. For routers it is the
    selection, and for planners of sub-questions the selected tools in any order; reasons and
    questions are ignored, because they differ in every sample.

    Args:
        judge: As for `AutoAnswer`.
    """

    gives_up = True

    def __init__(self, *, judge: Ask | None = None) -> None:
        self._auto = answers.AutoAnswer(judge=judge)

    def for_question(self, text: str) -> StepAnswer:
        """Return a copy that reads short replies by what they add to this question."""
        other = copy.copy(self)
        other._auto = self._auto.for_question(text)
        return other

    def for_tools(self, tools: Mapping[str, Mapping[str, Any]]) -> StepAnswer:
        """Return a copy that knows the tools of a request."""
        other = copy.copy(self)
        other._auto = self._auto.for_tools(tools)
        return other

    def in_words(self, value: AnswerValue) -> bool:
        """Return whether an answer is compared by its words; false for steps."""
        return self._auto.in_words(value)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer of a reply or of a step."""
        goal = routed(reply)
        if goal is not None:
            return goal
        if reply.parsed is None and not reply.tool_calls and _STEP.search(reply.text[:20_000]):
            return answers.ReActAnswer(final=self._auto).extract(reply)
        return self._auto.extract(reply)

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of a recorded answer."""
        return self._auto.canonical(text)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether two answers are equal or have the same value."""
        return self._auto.same(first, second)

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Compute the values of answers, without blocking the event loop."""
        return await self._auto.prepare(answer, others)


def named_answer(answer: Any) -> Answer:
    """Return the answer type with a name: ``auto``, ``citations``, or one of the core's names.

    Raises:
        UsageError: If the name is unknown.
    """
    if answer == "auto":
        return StepAnswer()
    if answer == "react":
        return answers.ReActAnswer()
    if answer == "citations":
        return CitationAnswer()
    return answers.resolve_answer(answer)
