"""Which members can be compared, and on which questions.

Members come and go, and call sites differ, so in a store hardly any two members were asked the same
questions. Means over the questions that each happened to be asked would compare the questions, not
the members. So members are compared on questions that all of them were asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from math import sqrt
from typing import Any

from bestofinf.errors import UsageError
from bestofinf.evaluation.sets import EvaluationSet


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which members were asked how many questions, and which of them are compared.

    Attributes:
        questions: Number of questions in the set.
        asked: Number of these with at least `samples` samples, by member.
        compared: Names of the members that are compared.
        common: Number of questions on which all compared members have at least `samples` samples.
        samples: Minimum number of samples of a member for a question to count.
    """

    questions: int
    asked: Mapping[str, int]
    compared: tuple[str, ...]
    common: int
    samples: int = 1

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the members that are not compared."""
        return tuple(name for name in self.asked if name not in self.compared)

    @property
    def complete(self) -> bool:
        """Whether every member was asked every question."""
        return self.common == self.questions and not self.left_out

    def __str__(self) -> str:
        """Return the coverage in one sentence."""
        often = "" if self.samples == 1 else f" {self.samples} times or more"
        if self.common == self.questions:
            whole = "every member" if not self.left_out else f"{len(self.compared)} members"
            verb = "was" if not self.left_out or len(self.compared) == 1 else "were"
            told = f"{whole} {verb} asked all {self.questions} questions{often}"
        else:
            counts = ", ".join(f"{name} {self.asked[name]}" for name in self.compared)
            told = f"of {self.questions} questions{often} were asked {counts}"
            if len(self.compared) > 1:
                told += f"; compared on the {self.common} that they share"
        out = ", ".join(f"{name} (asked {self.asked[name]})" for name in self.left_out)
        return f"{told}; left out: {out}" if out else told

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            **asdict(self),
            "compared": list(self.compared),
            "left_out": list(self.left_out),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Coverage:
        """Return what `to_json` wrote."""
        return cls(
            questions=int(record["questions"]),
            asked={str(name): int(count) for name, count in record["asked"].items()},
            compared=tuple(map(str, record["compared"])),
            common=int(record["common"]),
            samples=int(record["samples"]),
        )


def comparable(
    evaluation_set: EvaluationSet, members: Sequence[str] | None = None, *, samples: int = 1
) -> tuple[EvaluationSet, Coverage]:
    """Return the questions that the members can be compared on, and their coverage.

    If no members are named, the set of members is chosen that maximises the number of members times
    the square root of the number of common questions, that is, how many are compared times how
    precisely.

    Args:
        evaluation_set: Recorded answers.
        members: Names of the members to compare; None chooses.
        samples: Minimum number of samples of a member for a question to count.

    Returns:
        The common questions with only the compared members' samples, in the order of
        `EvaluationSet.ordered`; and the coverage.

    Raises:
        UsageError: If a name is unknown, nothing was asked, or the members share no question.
    """
    ordered = evaluation_set.ordered
    if not evaluation_set.members:
        raise UsageError("the set has no recorded answers of any member")
    names = sorted(evaluation_set.members)
    for name in members or ():
        if name not in names:
            raise UsageError(f"no member {name!r} in the set; it has {', '.join(names)}")
    if members is not None and not members:
        raise UsageError("name at least one member, got an empty list")
    has = dict.fromkeys(names, 0)  # one bit for each question
    for place, question in enumerate(ordered):
        for name, recorded in question.samples.items():
            if len(recorded) >= samples:
                has[name] |= 1 << place
    asked = {name: bits.bit_count() for name, bits in has.items()}
    chosen = _chosen(has) if members is None else tuple(sorted(set(members)))
    common = _common(has, chosen) if chosen else 0
    coverage = Coverage(len(ordered), asked, chosen, common.bit_count(), samples)
    alone = members is None and len(chosen) == 1
    disjoint = alone and sum(map(bool, asked.values())) > 1 and not _any_pair(has)
    if not coverage.common or disjoint:
        often = "" if samples == 1 else f" {samples} times or more"
        counts = ", ".join(
            f"{name} {asked[name]} of {len(ordered)}" for name in (chosen if members else names)
        )
        raise UsageError(
            f"members that share no question cannot be compared: asked{often} were {counts}; "
            "name members that were asked the same questions"
        )
    kept = tuple(
        replace(question, samples={name: question.samples[name] for name in chosen})
        for place, question in enumerate(ordered)
        if common >> place & 1
    )
    return replace(ordered, questions=kept), coverage


def deep_enough(compared: EvaluationSet, most: int, *, questions: int) -> tuple[EvaluationSet, int]:
    """Return the questions with enough samples for long votes, and the possible length.

    Demanding more samples allows longer votes on fewer questions. The choice maximises the square
    root of the number of questions times (1 - 1 / samples).

    Args:
        compared: Questions with samples of every member, as from `comparable`.
        most: Maximum number of samples of a vote.
        questions: Minimum number of questions that must remain; at most the number of `compared`.

    Returns:
        The questions, and the smallest number of samples of a member for any of them, at most
        `most`.
    """
    depths = [min(map(len, question.samples.values())) for question in compared]

    def worth(depth: int) -> tuple[float, int]:
        return sqrt(sum(d >= depth for d in depths) * (1 - 1 / depth)), depth

    enough = [
        depth
        for depth in sorted({min(d, most) for d in depths})
        if sum(d >= depth for d in depths) >= questions
    ]
    depth = max(enough, key=worth)
    kept = tuple(q for q, d in zip(compared, depths, strict=True) if d >= depth)
    return replace(compared, questions=kept), depth


def _common(has: Mapping[str, int], names: Sequence[str]) -> int:
    common = -1
    for name in names:
        common &= has[name]
    return common


def _chosen(has: Mapping[str, int]) -> tuple[str, ...]:
    """Return the members to compare, chosen greedily; of equal sets the first by name.

    Starting from each member in turn, the member that keeps the most common questions is added.
    """
    best: tuple[float, int] = (0.0, 0)
    chosen: tuple[str, ...] = ()
    for first in has:
        names, common = [first], has[first]
        others = [name for name in has if name != first]
        while common:
            worth = len(names) * sqrt(common.bit_count()), len(names)
            if worth >= best:
                ordered = tuple(sorted(names))
                chosen = min(chosen, ordered) if worth == best else ordered
                best = worth
            if not others:
                break
            shared = [(common & has[name]).bit_count() for name in others]
            name = others.pop(shared.index(max(shared)))
            names.append(name)
            common &= has[name]
    return chosen


def _any_pair(has: Mapping[str, int]) -> bool:
    return any(a & b for a, b in combinations(has.values(), 2))
