"""The recorded samples of one member for one question, column by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bestofinf._arrays import Floats, Ints, np
from bestofinf.errors import UsageError
from bestofinf.records import Likelihood, Reply
from bestofinf.records.display import Brief

T = TypeVar("T")

MOST_TOKENS = 10**15
"""Larger counts of tokens are invalid; this one also fits into the arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Samples as arrays. The arrays are shared and must not be changed.

    Attributes:
        texts: Distinct valid answers, in order of first appearance.
        answers: Index of each sample's answer in `texts`, shape (samples,); -1 abstains.
        votes: Number of samples per answer, shape (len(texts),).
        tokens: Generated tokens, shape (samples,); 0 if unknown, at most `MOST_TOKENS`.
        scores: Scores, shape (samples,); NaN if unknown.
    """

    texts: tuple[str, ...]
    answers: Ints
    votes: Ints
    tokens: Ints
    scores: Floats


@dataclass(frozen=True, slots=True, repr=False)
class Samples(Brief):
    """All recorded samples of one member for one question, in the order they were drawn.

    Attributes:
        answers: One entry per sample; None abstains (no valid answer).
        tokens: Generated tokens per sample, aligned with ``answers``; empty if unknown.
        scores: Verifier scores in [0, 1], aligned with ``answers``; empty if there are none.
        calls: For each sample, 0 if it was drawn whatever the earlier answers were; otherwise the
            number, from 1, of the adaptive call that drew it because it had not stopped yet. Empty
            if all are 0.
        replies: Whole replies, aligned with ``answers``; empty if there are none. They become votes
            when an answer type reads them: see `bestofinf.evaluation.canonical`.
        likelihoods: Probability of each reply, aligned with ``answers``; empty if unknown.
    """

    answers: tuple[str | None, ...]
    tokens: tuple[int | None, ...] = ()
    scores: tuple[float | None, ...] = ()
    calls: tuple[int, ...] = ()
    replies: tuple[Reply | None, ...] = ()
    likelihoods: tuple[Likelihood | None, ...] = ()
    # Caches in slots, which allow no cached_property. `_ordered` is True if self is in order.
    _ordered: Samples | bool = field(default=False, init=False, repr=False, compare=False)
    _coded: Coded | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("tokens", "scores", "calls", "replies", "likelihoods"):
            column = getattr(self, name)
            if column and len(column) != len(self.answers):
                raise UsageError(f"{len(self.answers)} answers but {len(column)} {name}")
        if not self.likelihoods and any(r is not None and r.logprobs for r in self.replies):
            told = tuple(None if r is None else r.likelihood for r in self.replies)
            object.__setattr__(self, "likelihoods", told)

    def __len__(self) -> int:
        return len(self.answers)

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the caches: they can be computed again, and unpickled arrays would be writable.
        columns = (self.tokens, self.scores, self.calls, self.replies, self.likelihoods)
        return Samples, (self.answers, *columns)

    def call_numbers(self) -> tuple[int, ...]:
        """Return the number of the adaptive call of each sample; 0 for none."""
        return self.calls or (0,) * len(self)

    def pick(self, places: Iterable[int]) -> Samples:
        """Return the samples at these indices, in the order given."""
        places = tuple(places)

        def column(values: tuple[T, ...]) -> tuple[T, ...]:
            return tuple(values[place] for place in places) if values else ()

        return Samples(
            column(self.answers),
            _unless_empty(column(self.tokens)),
            _unless_empty(column(self.scores)),
            column(self.calls) if any(column(self.calls)) else (),
            _unless_empty(column(self.replies)),
            _unless_empty(column(self.likelihoods)),
        )

    def counts(self) -> Counter[str]:
        """Return votes per valid answer, in order of first appearance."""
        return Counter(answer for answer in self.answers if answer is not None)

    def mode(self) -> str | None:
        """Return the most frequent valid answer; a tie goes to the one seen first."""
        counts = self.counts()
        return max(counts, key=counts.__getitem__) if counts else None


def in_order(samples: Samples) -> Samples:
    """Return the same samples in an order that depends only on their content."""
    known = samples._ordered
    if known is False:
        keys = _keys(samples)
        places = sorted(range(len(keys)), key=keys.__getitem__)
        known = places == list(range(len(keys))) or samples.pick(places)
        object.__setattr__(samples, "_ordered", known)
        if isinstance(known, Samples):
            object.__setattr__(known, "_ordered", True)
    return known if isinstance(known, Samples) else samples


def _keys(samples: Samples) -> list[tuple[Any, ...]]:
    names = ("answers", "tokens", "scores", "replies", "likelihoods")
    columns = zip(*(getattr(samples, n) or (None,) * len(samples) for n in names), strict=True)
    return [
        (
            answer is None,
            answer or "",
            -1 if tokens is None else tokens,
            -1 if score is None else score,
            "" if reply is None else reply.text,
            () if told is None else (told.logprob, told.said),
        )
        for answer, tokens, score, reply, told in columns
    ]


def coded(samples: Samples) -> Coded:
    """Return the answers, tokens and scores of samples as arrays."""
    known = samples._coded
    if known is None:
        place: dict[str | None, int] = {}
        answers = [-1 if a is None else place.setdefault(a, len(place)) for a in samples.answers]
        codes = np.array(answers, dtype=np.int64)
        tokens = [min(t or 0, MOST_TOKENS) for t in samples.tokens] or [0] * len(samples)
        scores = [np.nan if s is None else s for s in samples.scores] or [np.nan] * len(samples)
        known = Coded(
            texts=tuple(a for a in place if a is not None),
            answers=codes,
            votes=np.bincount(codes[codes >= 0], minlength=len(place)),
            tokens=np.array(tokens, dtype=np.int64),
            scores=np.array(scores, dtype=np.float64),
        )
        for array in (known.answers, known.votes, known.tokens, known.scores):
            array.setflags(write=False)
        object.__setattr__(samples, "_coded", known)
    return known


def joined(first: Samples, second: Samples, shift: int = 0) -> Samples:
    """Return the samples of both, with `shift` added to the call numbers of the second."""

    def column(name: str) -> tuple[Any, ...]:
        return tuple(
            value for s in (first, second) for value in getattr(s, name) or (None,) * len(s)
        )

    later = tuple(n + shift if n else 0 for n in second.call_numbers())
    calls = first.call_numbers() + later
    return Samples(
        first.answers + second.answers,
        _unless_empty(column("tokens")),
        _unless_empty(column("scores")),
        calls if any(calls) else (),
        _unless_empty(column("replies")),
        _unless_empty(column("likelihoods")),
    )


def _unless_empty(values: tuple[T, ...]) -> tuple[T, ...]:
    return values if any(value is not None for value in values) else ()
