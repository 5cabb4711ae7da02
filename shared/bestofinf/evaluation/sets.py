"""An evaluation set: questions, the right answers, and what each member answered.

The set is immutable and columnar: one `Samples` per question and member holds the answers, the
token counts and the scores side by side. Weights are fitted on it and stopping rules replayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from bestofinf.errors import UsageError


@dataclass(frozen=True, slots=True)
class Samples:
    """All recorded samples of one member for one question, in the order they were drawn.

    Attributes:
        answers: One entry per sample; None abstains (no valid answer).
        tokens: Generated tokens per sample, aligned with ``answers``; empty when unknown.
        scores: Verifier scores in [0, 1], aligned with ``answers``; empty when not scored.
    """

    answers: tuple[str | None, ...]
    tokens: tuple[int | None, ...] = ()
    scores: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        for name in ("tokens", "scores"):
            column = getattr(self, name)
            if column and len(column) != len(self.answers):
                raise UsageError(f"{len(self.answers)} answers but {len(column)} {name}")

    def __len__(self) -> int:
        return len(self.answers)

    def counts(self) -> Counter[str]:
        """Return votes per valid answer, in order of first appearance."""
        return Counter(answer for answer in self.answers if answer is not None)

    def mode(self) -> str | None:
        """Return the most frequent valid answer; a tie goes to the one seen first."""
        counts = self.counts()
        return max(counts, key=counts.__getitem__) if counts else None


@dataclass(frozen=True, slots=True)
class Question:
    """One question with everything recorded about it.

    Attributes:
        id: Unique within the set.
        samples: Recorded samples by member name; a member that was not asked is absent.
        gold: The right answer; None while unlabelled.
        dataset: Name of the collection it comes from.
        prompt: Its text, where kept.
    """

    id: str
    samples: Mapping[str, Samples]
    gold: str | None = None
    dataset: str = ""
    prompt: str | None = None


@dataclass(frozen=True)
class EvaluationSet:
    """Questions with recorded answers of one or more members.

    Attributes:
        questions: In a fixed order; ids are unique.
        name: Shown in reports.

    Raises:
        UsageError: If two questions share an id.
    """

    questions: tuple[Question, ...]
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        seen = Counter(question.id for question in self.questions)
        for identifier, times in seen.items():
            if times > 1:
                raise UsageError(f"question id {identifier!r} stands {times} times in the set")

    def __len__(self) -> int:
        return len(self.questions)

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names of all members, in order of first appearance."""
        return tuple(dict.fromkeys(name for q in self.questions for name in q.samples))

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Names of all datasets, in order of first appearance."""
        return tuple(dict.fromkeys(question.dataset for question in self.questions))

    def filter(self, keep: Callable[[Question], bool]) -> EvaluationSet:
        """Return the set of the questions for which `keep` is true."""
        return replace(self, questions=tuple(q for q in self.questions if keep(q)))

    def labelled(self) -> EvaluationSet:
        """Return the questions whose right answer is known."""
        return self.filter(lambda question: question.gold is not None)

    def only(self, *members: str) -> EvaluationSet:
        """Return the set with these members' samples alone; questions without any are dropped.

        Raises:
            UsageError: If a name is not a member of the set.
        """
        for name in members:
            if name not in self.members:
                raise UsageError(f"no member {name!r} in the set; it has {', '.join(self.members)}")
        kept = (
            replace(q, samples={name: q.samples[name] for name in members if name in q.samples})
            for q in self.questions
        )
        return replace(self, questions=tuple(q for q in kept if q.samples))

    def split(self, fraction: float = 0.5, *, seed: int = 0) -> tuple[EvaluationSet, EvaluationSet]:
        """Split the questions at random into two sets, each in the original order.

        Args:
            fraction: Share of the questions in the first set, in [0, 1], rounded to nearest.
            seed: The same seed gives the same split.
        """
        if not 0 <= fraction <= 1:
            raise UsageError(f"fraction must lie in [0, 1], got {fraction!r}")
        order = np.random.default_rng(seed).permutation(len(self))
        chosen = set(order[: round(fraction * len(self))].tolist())
        first = tuple(q for i, q in enumerate(self.questions) if i in chosen)
        second = tuple(q for i, q in enumerate(self.questions) if i not in chosen)
        return replace(self, questions=first), replace(self, questions=second)

    @staticmethod
    def merge(sets: Iterable[EvaluationSet], *, name: str = "") -> EvaluationSet:
        """Join sets: samples of the same question are put together, member by member.

        Where two sets have samples of one member for one question, they are appended in the
        order of the sets. Two different right answers for one question are an error.
        """
        merged: dict[str, Question] = {}
        for evaluation_set in sets:
            for question in evaluation_set:
                known = merged.get(question.id)
                merged[question.id] = question if known is None else _join(known, question)
        return EvaluationSet(tuple(merged.values()), name=name)


def _join(first: Question, second: Question) -> Question:
    if None not in (first.gold, second.gold) and first.gold != second.gold:
        raise UsageError(
            f"question {first.id!r} has two right answers, {first.gold!r} and {second.gold!r}"
        )
    samples = dict(first.samples)
    for name, more in second.samples.items():
        samples[name] = _append(samples[name], more) if name in samples else more
    return replace(
        first,
        samples=samples,
        gold=first.gold if first.gold is not None else second.gold,
        prompt=first.prompt if first.prompt is not None else second.prompt,
    )


def _append(first: Samples, second: Samples) -> Samples:
    def column(name: str) -> tuple[object, ...]:
        parts: Sequence[tuple[object, ...]] = [
            getattr(s, name) or (None,) * len(s) for s in (first, second)
        ]
        joined = parts[0] + parts[1]
        return joined if any(value is not None for value in joined) else ()

    return Samples(first.answers + second.answers, column("tokens"), column("scores"))  # type: ignore[arg-type]
