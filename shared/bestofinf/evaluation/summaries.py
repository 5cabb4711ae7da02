"""The sizes of an evaluation set: its numbers of questions, labels and samples, by member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bestofinf.records.display import table

if TYPE_CHECKING:
    from bestofinf.evaluation.sets import EvaluationSet


@dataclass(frozen=True, slots=True)
class MemberSummary:
    """The sizes of one member's part of a set.

    Attributes:
        questions: Number of questions it was asked.
        samples: Number of its samples.
        abstained: Number of its samples without an answer.
        mean_tokens: Mean generated tokens of a sample; None if unknown.
        single: Mean share of right answers per labelled question, in [0, 1]; None without
            labels. Biased where calls stopped adaptively: see `bestofinf.evaluation.censoring`.
    """

    questions: int
    samples: int
    abstained: int
    mean_tokens: float | None
    single: float | None


@dataclass(frozen=True, slots=True)
class SetSummary:
    """The sizes of a set.

    Attributes:
        questions: Number of questions.
        labelled: Number of questions whose right answer is known.
        samples: Number of samples of all members.
        adaptive_calls: Number of calls whose number of samples depended on the answers.
        members: The sizes by member.
    """

    questions: int
    labelled: int
    samples: int
    adaptive_calls: int
    members: Mapping[str, MemberSummary]

    def __str__(self) -> str:
        names = list(self.members)
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        return (
            f"{self.questions:,} questions, {self.labelled:,} labelled, {self.samples:,} samples"
            + (f" of {shown[:400]}" if names else "")
        )

    def html(self, title: str) -> str:
        """Return the sizes as a table with a row for each member."""
        rows = [
            (
                name,
                f"{one.questions:,}",
                f"{one.samples:,}",
                "–" if one.mean_tokens is None else f"{one.mean_tokens:,.0f}",
                "–" if one.single is None else f"{one.single:.3f}",
            )
            for name, one in self.members.items()
        ]
        head = ("member", "questions", "samples", "mean tokens", "one answer is right")
        note = f"{self.questions:,} questions, {self.labelled:,} labelled, {self.samples:,} samples"
        return table(title, head, rows, note=note)


def summarise(recorded: EvaluationSet) -> SetSummary:
    """Return the sizes of a set."""
    members = {}
    for name in recorded.members:
        columns = [q.samples[name] for q in recorded if name in q.samples]
        known = [(q.gold, q.samples[name]) for q in recorded if q.gold and name in q.samples]
        shares = [s.answers.count(gold) / len(s) for gold, s in known if len(s)]
        lengths = [t for s in columns for t in s.tokens if t is not None]
        members[name] = MemberSummary(
            questions=len(columns),
            samples=sum(map(len, columns)),
            abstained=sum(s.answers.count(None) for s in columns),
            mean_tokens=sum(lengths) / len(lengths) if lengths else None,
            single=sum(shares) / len(shares) if shares else None,
        )
    return SetSummary(
        questions=len(recorded),
        labelled=sum(q.gold is not None for q in recorded),
        samples=sum(m.samples for m in members.values()),
        adaptive_calls=sum(len(q.stopped) for q in recorded),
        members=members,
    )
