"""A vote on free text: replies that no other reading can vote on are classed by their meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from bestofinf.answers.base import AT_LENGTH, FREE_TEXT, Answer, Resolved
from bestofinf.answers.embedding import EmbeddingAnswer
from bestofinf.answers.judge import JudgeAnswer
from bestofinf.records import AnswerValue, Reply, Sample, Usage


class FreeReply(str):
    """The text of a reply that votes by its meaning."""

    __slots__ = ()


class MeaningAnswer(Answer):
    """Wraps an answer type; replies in which it finds no answer vote by their meaning.

    A new text is compared with one text of each class, the oldest class first, until the judge says
    that they say the same; with embeddings before it, only with those that are near. The classes
    are votes like any others, so the same rule stops and the same numbers tell the confidence.
    Texts are compared with texts alone: what the other type can read keeps its own votes.

    Source: classes of free text as votes, Kuhn et al. 2023, Semantic Uncertainty (arXiv 2302.09664);
    the reply nearest to all others of its class, as the least Bayes risk under likeness of words.

    Args:
        base: Reads a reply first.
        judge: Compares texts.
    """

    def __init__(self, base: Answer, judge: JudgeAnswer | EmbeddingAnswer) -> None:
        self.base = base
        self.judge = judge
        self.expected = base.expected
        self.executes = base.executes
        self.thoughts = base.thoughts
        self._texts = judge.with_thoughts(*base.thoughts)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the answer that the other type finds; of a text without one the text."""
        return self.vote(reply)[0]

    def vote(self, reply: Reply, *, tokens: int | None = None) -> tuple[AnswerValue | None, str]:
        """Return what the other type reads; free text as its own answer."""
        value, why = self.base.vote(reply, tokens=tokens)
        if value is not None or why not in (FREE_TEXT, AT_LENGTH):
            return value, why
        text, why = self._texts.vote(reply, tokens=tokens)
        return (None if text is None else FreeReply(text)), why

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of a recorded answer, by the other type where it has one."""
        found = self.base.canonical(text)
        return FreeReply(text) if found is None and text.strip() else found

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return what the judge has said of two texts, and the other type of two answers."""
        free = isinstance(first, FreeReply), isinstance(second, FreeReply)
        if all(free):
            return self._texts.same(first, second)
        return not any(free) and self.base.same(first, second)

    async def resolve(self, value: AnswerValue) -> Resolved:
        """Let the other type carry out what it must; a text is what it is."""
        free = isinstance(value, FreeReply)
        return Resolved(value) if free else await self.base.resolve(value)

    def yields(self, value: AnswerValue) -> bool:
        """Return what the other type says; a text gives way to none."""
        return not isinstance(value, FreeReply) and self.base.yields(value)

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Compare a new answer with those of its kind."""
        free = isinstance(answer, FreeReply)
        alike = [other for other in others if isinstance(other, FreeReply) is free]
        return await (self._texts if free else self.base).prepare(answer, alike)

    def in_words(self, value: AnswerValue) -> bool:
        """Return whether it is free text, or words to the other type."""
        return isinstance(value, FreeReply) or self.base.in_words(value)

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the medoid of a class of texts; of others what the other type takes."""
        if not isinstance(samples[0].answer, FreeReply):
            return self.base.represent(samples)
        if isinstance(self.judge, EmbeddingAnswer):
            return self._texts.represent(samples)
        return samples[medoid([str(sample.answer) for sample in samples])]


def medoid(texts: Sequence[str]) -> int:
    """Return the place of the text that has most words in common with the others.

    Likeness of two texts is Dice's coefficient of their sets of words; the first of equals.
    """
    words = [frozenset(re.findall(r"\w+", text.lower())) for text in texts]

    def likeness(place: int) -> float:
        return sum(_dice(words[place], other) for i, other in enumerate(words) if i != place)

    return max(range(len(texts)), key=likeness)


def _dice(first: frozenset[str], second: frozenset[str]) -> float:
    total = len(first) + len(second)
    return 2 * len(first & second) / total if total else 1.0


def entropy(shares: Mapping[AnswerValue, float]) -> float:
    """Return the entropy of the votes in nats: 0 where all agree, log n where n are level.

    Source: semantic entropy over classes of meaning, Kuhn et al. 2023 (arXiv 2302.09664), from
    counts instead of probabilities of sequences, as their discrete form.

    >>> entropy({"a": 0.5, "b": 0.5}) == math.log(2)
    True
    """
    return -sum(share * math.log(share) for share in shares.values() if share > 0) + 0.0
