"""The default answer type: takes the first reading that applies, and abstains on free text."""

from __future__ import annotations

from collections.abc import Sequence

from bestofinf.answers.base import Abstain, Answer
from bestofinf.answers.calls import ToolCallsAnswer, calls_in_text
from bestofinf.answers.finding import announced, is_marked
from bestofinf.answers.forms import MAX_NOTATION, date_form, says_nothing, short_form
from bestofinf.answers.latex import is_mathematical, last_box
from bestofinf.answers.mathematics import MathAnswer, missing_package
from bestofinf.answers.structured import object_form
from bestofinf.records import AnswerValue, Reply, Usage

CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens"})
"""Finish reasons of a reply that was ended by a limit."""


class AutoAnswer(Answer):
    r"""Takes the vote from whatever a reply offers, the first of these that applies.

    Tool calls; a structured object, or text that is a JSON object; the last ``\boxed{}``; what
    is announced last ("the answer is ...", ``#### ...``); a reply of a few words that is a
    number, a choice, notation or just words. Everything else abstains: a number somewhere in a
    long text is not a vote.

    Answers with numbers or notation are compared by value as by `MathAnswer`, expressions among
    them where the extra ``math`` is installed; all others as they are.

    Args:
        calls: How tool calls are compared.
        math: How numbers and notation are compared.
    """

    def __init__(
        self, *, calls: ToolCallsAnswer | None = None, math: MathAnswer | None = None
    ) -> None:
        self.calls = calls or ToolCallsAnswer()
        self.math = math or MathAnswer(symbolic=not missing_package())

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer; tool calls and objects are JSON text, others plain text."""
        if reply.refusal:
            raise Abstain("refused")
        if reply.tool_calls:
            return self.calls.extract(reply)
        structured = object_form(reply)
        if structured is not None:
            return structured
        box = last_box(reply.text)
        if box is not None:
            return self._checked(box)
        if reply.finish_reason in CUT_OFF:
            raise Abstain("cut off")
        span = announced(reply.text)
        if span is not None:
            return self._checked(span)
        if len(reply.text) > 10 * MAX_NOTATION:
            raise Abstain("free text")
        return self._checked(reply.text)

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of a recorded answer."""
        if calls := calls_in_text(text):
            return self.calls.form(calls)
        return self.vote(Reply(text=text))[0] if len(text) <= MAX_NOTATION else None

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether both are equal, or have the same value."""
        if first == second:
            return True
        if _is_call(first) or _is_call(second):
            return self.calls.same(first, second)
        return _has_value(first) and _has_value(second) and self.math.same(first, second)

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Find the values of answers that have one without blocking the event loop."""
        if not _has_value(answer):
            return Usage()
        return await self.math.prepare(answer, [other for other in others if _has_value(other)])

    def _checked(self, text: str) -> str:
        form = short_form(text)
        if form is None or is_marked(form):
            raise Abstain("free text" if text.strip() else "empty")
        if says_nothing(form):
            raise Abstain("does not answer")
        return form


def _is_call(value: AnswerValue) -> bool:
    return str(value).startswith('[{"args":')


def _has_value(value: AnswerValue) -> bool:
    """Return whether a canonical answer is one that arithmetic can say something about."""
    text = str(value)
    if text[:2] in ('{"', "{}", "[{") or _is_date(text):
        return False
    return is_mathematical(text) or any(map(str.isdigit, text))


def _is_date(text: str) -> bool:
    return len(text) == 10 and date_form(text) == text
