"""An overview of recorded answers that needs no labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from bestofinf.answers.wording.prompts import question_in
from bestofinf.evaluation import EvaluationSet, Question
from bestofinf.evaluation.contested import contested_first
from bestofinf.evaluation.store.activity import Activity

CONTESTED = 20
"""Maximum number of questions listed, the most contested first."""

_SHOWN = 300  # maximum number of characters shown of a question


@dataclass(frozen=True, slots=True)
class MemberOverview:
    """The recorded answers of one member.

    Attributes:
        questions: Number of questions it was asked.
        samples: Number of its samples.
        abstained: Share of the samples without an answer, from 0 to 1.
        tokens: Mean generated tokens of a sample; None if unknown.
        agreement: Chance that two of its answers to a question agree; None if no question has two.
    """

    questions: int
    samples: int
    abstained: float
    tokens: float | None
    agreement: float | None


@dataclass(frozen=True, slots=True)
class ContestedQuestion:
    """A question whose vote is close.

    Attributes:
        id: Id of the question.
        text: Its text; None if not stored.
        votes: Votes per answer, most first.
        lead: Probability that the leader is truly ahead of the runner-up, from 1/2 to 1.
    """

    id: str
    text: str
    votes: Mapping[str, int]
    lead: float


@dataclass(frozen=True)
class Overview:
    """An overview of recorded answers that needs no labels.

    Attributes:
        name: Name of the evaluation set.
        questions: Number of questions.
        labelled: Number of questions whose right answer is known.
        samples: Number of samples of all members.
        tokens: Mean generated tokens of a question; None if unknown.
        unanimous: Share, of the questions with two votes or more, on which all votes agree.
        members: Overviews by name of the member.
        pairs: Chance that an answer of one member and one of another agree, by the two names.
        contested: The most contested of the questions with several answers.
        activity: Statistics of the calls; None if the answers are not from a store.
    """

    name: str
    questions: int
    labelled: int
    samples: int
    tokens: float | None
    unanimous: float | None
    members: Mapping[str, MemberOverview]
    pairs: Mapping[tuple[str, str], float]
    contested: Sequence[ContestedQuestion]
    activity: Activity | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        record = asdict(self)
        record["pairs"] = [[*names, share] for names, share in self.pairs.items()]
        return record

    def lines(self) -> list[str]:
        """Return the overview as a few lines of text."""
        told = [
            f"{self.questions:,} questions, {self.labelled:,} of them labelled; {self.samples:,} "
            f"samples of {len(self.members)} members"
        ]
        if self.tokens is not None:
            money = self.activity.cost if self.activity is not None else 0.0
            cost = f", cost {money:,.4g} in all" if money else ""
            told.append(f"{self.tokens:,.0f} tokens a question{cost}")
        if self.unanimous is not None:
            told.append(f"All votes agree on {self.unanimous:.0%} of the questions")
        for name, member in self.members.items():
            told.append(self._member(name, member))
        if self.activity is not None and self.activity.reasons:
            calls = self.activity.calls
            ended = ", ".join(
                f"{reason} {times / calls:.0%}" for reason, times in self.activity.reasons.items()
            )
            told.append(f"{calls:,} calls of {self.activity.samples:.1f} samples ended by: {ended}")
        if self.contested:
            first = self.contested[0]
            votes = ", ".join(f"{a[:40]} ({n})" for a, n in list(first.votes.items())[:3])
            told.append(f"Most contested: {first.id}: {votes}")
        return told

    def _member(self, name: str, member: MemberOverview) -> str:
        told = f"{name}: asked {member.questions:,} questions, {member.samples:,} samples"
        if member.agreement is not None:
            told += f", agrees with itself {member.agreement:.0%}"
        if member.abstained:
            told += f", no answer in {member.abstained:.0%}"
        activity = self.activity.members.get(name) if self.activity is not None else None
        if activity is not None and activity.failures:
            kinds = ", ".join(activity.errors)
            told += f", {activity.failures:,} of {activity.requests:,} requests failed ({kinds})"
        return told


def overview(evaluation_set: EvaluationSet, activity: Activity | None = None) -> Overview:
    """Return an overview of recorded answers.

    Agreement is estimated without bias from pairs of different samples, using only samples that were
    drawn whatever the earlier answers were, if there are any.

    Args:
        evaluation_set: Recorded answers.
        activity: Statistics of the calls of the store that the answers are from.
    """
    ordered = evaluation_set.ordered
    fair = ordered.fixed()
    summary = ordered.summary()
    spent = [sum(t for s in q.samples.values() for t in s.tokens if t is not None) for q in ordered]
    votes = {q.id: _votes(q) for q in ordered}
    several = [v for v in votes.values() if v.total() > 1]
    split = {name: dict(counted) for name, counted in votes.items() if len(counted) > 1}
    asked = [(q.id, q.prompt) for q in ordered if q.id in split]
    contested = contested_first(asked, split)[:CONTESTED]
    return Overview(
        name=evaluation_set.name or "evaluation set",
        questions=summary.questions,
        labelled=summary.labelled,
        samples=summary.samples,
        tokens=sum(spent) / len(spent) if any(spent) else None,
        unanimous=sum(len(v) == 1 for v in several) / len(several) if several else None,
        members={
            name: MemberOverview(
                member.questions,
                member.samples,
                member.abstained / max(member.samples, 1),
                member.mean_tokens,
                _mean([_with_itself(q.samples[name].counts()) for q in fair if name in q.samples]),
            )
            for name, member in summary.members.items()
        },
        pairs={
            pair: share
            for pair in combinations(summary.members, 2)
            if (share := _mean([_with_another(q, *pair) for q in fair])) is not None
        },
        contested=tuple(
            ContestedQuestion(c.id, question_in(c.prompt or "")[:_SHOWN], c.votes, c.lead)
            for c in contested
        ),
        activity=activity,
    )


def _votes(question: Question) -> Counter[str]:
    return sum((samples.counts() for samples in question.samples.values()), Counter())


def _with_itself(counts: Counter[str]) -> float | None:
    n = counts.total()
    return sum(c * (c - 1) for c in counts.values()) / (n * (n - 1)) if n > 1 else None


def _with_another(question: Question, one: str, other: str) -> float | None:
    if one not in question.samples or other not in question.samples:
        return None
    mine, theirs = question.samples[one].counts(), question.samples[other].counts()
    pairs = mine.total() * theirs.total()
    return sum(c * theirs[answer] for answer, c in mine.items()) / pairs if pairs else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
