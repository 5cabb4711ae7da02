"""Red flags: replies that should not vote at all, whatever they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from bestofinf.answers.base import CUT_OFF_NOTE, Abstain, Answer, PartedAnswer, Resolved, bound
from bestofinf.border import CUT_OFF
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply, Sample, Usage

Validator: TypeAlias = Callable[[Reply], bool | str | None]
"""Gives True or None for a good reply, False or the reason for a bad one; may raise ValueError."""

_REFUSAL = re.compile(
    r"\W*+(?:i['’]?m\s+(?:very\s+)?sorry|i\s+am\s+(?:very\s+)?sorry|sorry|unfortunately|apologies)?"
    r"[,.]?\s*(?:but\s+)?(?:as\s+an\s+ai[^.,]{0,60}[.,]\s*)?(?:i['’]?m|i\s+am|i)\s+"
    r"(?:can(?:not|['’]t|\s+not)|won['’]?t|will\s+not|(?:not|un)\s*able\s+to|must\s+decline)\s+"
    r"(?:to\s+)?(?:help|assist|answer|comply|provide|fulfil|do|continue|discuss|engage)",
    re.I,
)


class RedFlags(PartedAnswer):
    """Wraps an answer type; replies with a red flag abstain with a reason.

    A reply that went wrong in its form is more likely wrong in its content (MAKER,
    arXiv 2511.09030, section 3.3).

    Args:
        answer: How the other replies vote.
        max_chars: Longer texts abstain.
        max_tokens: Replies of more generated tokens abstain, where the number is known.
        cut_off: Flag replies that a length limit ended.
        refused: Flag refusals: marked by the provider, or worded as one at the beginning.
        validator: The user's own check.

    Raises:
        UsageError: If a limit is not above 0.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        max_chars: int | None = None,
        max_tokens: int | None = None,
        cut_off: bool = True,
        refused: bool = True,
        validator: Validator | None = None,
    ) -> None:
        for name, limit in (("max_chars", max_chars), ("max_tokens", max_tokens)):
            if limit is not None and limit <= 0:
                raise UsageError(f"{name} must be above 0, got {limit!r}")
        self.answer = answer
        self.max_chars = max_chars
        self.max_tokens = max_tokens
        self.cut_off = cut_off
        self.refused = refused
        self.validator = validator
        self.expected = answer.expected
        self.gives_up = answer.gives_up
        self.executes = answer.executes
        self.whole = answer.whole
        self.parts = answer.parts if isinstance(answer, PartedAnswer) else {}

    def for_question(self, text: str) -> RedFlags:
        """Return the same flags on the wrapped type, bound to the question."""
        return bound(self, answer=self.answer.for_question(text))

    def for_tools(self, tools: Mapping[str, Mapping[str, Any]]) -> RedFlags:
        """Return the same flags on the wrapped type, bound to the tools of a request."""
        return bound(self, answer=self.answer.for_tools(tools))

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the answer of a reply without red flags."""
        if (flag := self._flag(reply)) is not None:
            raise Abstain(flag)
        return self.answer.extract(reply)

    def vote(self, reply: Reply, *, tokens: int | None = None) -> tuple[AnswerValue | None, str]:
        """Return the answer, or the flag why there is none."""
        if tokens is None and reply.logprobs is not None:
            tokens = len(reply.logprobs)
        if self.max_tokens is not None and tokens is not None and tokens > self.max_tokens:
            return None, f"too long: {tokens} tokens"
        return super().vote(reply, tokens=tokens)

    async def resolve(self, value: AnswerValue) -> Resolved:
        """Let the wrapped type carry out what it must."""
        return await self.answer.resolve(value)

    def yields(self, value: AnswerValue) -> bool:
        """Return what the wrapped type says."""
        return self.answer.yields(value)

    def in_words(self, value: AnswerValue) -> bool:
        """Return what the wrapped type says."""
        return self.answer.in_words(value)

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the canonical form of a recorded answer; flags are for replies alone."""
        return self.answer.canonical(text)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether the wrapped type says that both are the same."""
        return self.answer.same(first, second)

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Let the wrapped type find out what it must."""
        return await self.answer.prepare(answer, others)

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the wrapped type's choice."""
        return self.answer.represent(samples)

    def split(self, value: AnswerValue) -> Mapping[str, AnswerValue]:
        """Return the wrapped type's parts."""
        return self._parted().split(value)

    def join(self, parts: Mapping[str, AnswerValue]) -> AnswerValue:
        """Return the wrapped type's answer of these parts."""
        return self._parted().join(parts)

    def compose(self, parts: Mapping[str, AnswerValue], samples: Sequence[Sample]) -> Sample:
        """Return what the wrapped type composes."""
        return self._parted().compose(parts, samples)

    def raised(self, value: AnswerValue) -> Mapping[str, Answer]:
        """Return the parts that the wrapped type raises."""
        return self._parted().raised(value)

    def on_raised(self, value: AnswerValue, names: Collection[str]) -> Mapping[str, AnswerValue]:
        """Return the wrapped type's votes on them."""
        return self._parted().on_raised(value, names)

    def _parted(self) -> PartedAnswer:
        if not isinstance(self.answer, PartedAnswer):
            raise UsageError(f"{type(self.answer).__name__} has no parts")
        return self.answer

    def _flag(self, reply: Reply) -> str | None:
        if self.refused and (reply.refusal or _REFUSAL.match(reply.text[:400])):
            return "refused"
        if self.cut_off and reply.finish_reason == CUT_OFF:
            return CUT_OFF_NOTE
        if not reply.text.strip() and not reply.tool_calls and reply.parsed is None:
            return "empty"
        if self.max_chars is not None and len(reply.text) > self.max_chars:
            return f"too long: {len(reply.text)} characters"
        if self.validator is None:
            return None
        try:
            verdict = self.validator(reply)
        except ValueError as error:
            return f"not valid: {error}"[:200]
        if isinstance(verdict, str):
            return f"not valid: {verdict}"[:200] if verdict else None
        return "not valid" if verdict is False else None
