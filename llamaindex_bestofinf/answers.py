"""Answer types for LlamaIndex's own forms: steps of ReAct agents, routers and rerankers."""

from __future__ import annotations

import re
from typing import Any

from bestofinf import answers
from bestofinf.answers import Answer
from bestofinf.answers.asking import Ask
from bestofinf.ensemble import CitationAnswer
from bestofinf.records import AnswerValue, Reply
from llamaindex_bestofinf.ranking import ranked
from llamaindex_bestofinf.routing import routed

_STEP = re.compile(r"^[ \t]*(?:Thought:|Action:[^\n]*\n[ \t]*Action Input:)", re.M)


class StepAnswer(answers.AutoAnswer):
    """The default answer type: `AutoAnswer`, which also reads the steps of agents, routers, rerankers.

    For agents that write their steps as text (``Thought:``, ``Action:``, ``Action Input:``) the
    answer is the action with its parsed input, or the final answer. For routers it is the
    selection, for planners of sub-questions the selected tools in any order, and for rerankers the
    documents by falling relevance; reasons, questions and relevances are ignored, because they
    differ in every sample.

    Args:
        judge: As for `AutoAnswer`.
    """

    def __init__(self, *, judge: Ask | None = None) -> None:
        super().__init__(judge=judge)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer of a reply or of a step."""
        goal = routed(reply)
        if goal is None:
            goal = ranked(reply)
        if goal is not None:
            return goal
        if reply.parsed is None and not reply.tool_calls and _STEP.search(reply.text[:20_000]):
            final = answers.AutoAnswer()  # what a step ends with is no step itself
            final.__dict__.update(self.__dict__)
            return answers.ReActAnswer(final=final).extract(reply)
        return super().extract(reply)


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
