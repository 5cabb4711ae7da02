"""The default answer type: takes the first reading that applies, and abstains on free text."""

from __future__ import annotations

from bestofinf.answers.base import Abstain, Answer
from bestofinf.answers.calls import ToolCallsAnswer, calls_in_text
from bestofinf.answers.finding import announced
from bestofinf.answers.forms import MAX_NOTATION, says_nothing, short_form
from bestofinf.answers.latex import last_box
from bestofinf.answers.structured import object_form
from bestofinf.records import AnswerValue, Reply

CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens"})
"""Finish reasons of a reply that was ended by a limit."""


class AutoAnswer(Answer):
    r"""Takes the vote from whatever a reply offers, the first of these that applies.

    Tool calls; a structured object, or text that is a JSON object; the last ``\boxed{}``; what
    is announced last ("the answer is ...", ``#### ...``); a reply of a few words that is a
    number, a choice, notation or just words. Everything else abstains: a number somewhere in a
    long text is not a vote.

    Args:
        calls: How tool calls are compared.
    """

    def __init__(self, *, calls: ToolCallsAnswer | None = None) -> None:
        self.calls = calls or ToolCallsAnswer()

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
        return self.extract(Reply(text=text)) if len(text) <= MAX_NOTATION else None

    def _checked(self, text: str) -> str:
        form = short_form(text)
        if form is None:
            raise Abstain("free text" if text.strip() else "empty")
        if says_nothing(form):
            raise Abstain("does not answer")
        return form
