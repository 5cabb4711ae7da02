"""Prepare one question for lists and for its page: replies by member, and every vote in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bestofinf.answers.base import Answer
from bestofinf.evaluation.equivalence import vote_of
from bestofinf.evaluation.rows import CallRow, LabelRow, SampleRow
from bestofinf.evaluation.store.catalogue import Entry
from bestofinf.evaluation.store.listing import Listed
from bestofinf.evaluation.store.tallies import ANSWER, Tally
from bestofinf.evaluation.truth import Truth, resolve
from bestofinf.view.texts import asked, line

SHOWN_REPLIES = 400
"""Maximum number of replies of one question shown; the rest is in its JSON."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw, and the votes after it.

    Attributes:
        row: The draw as stored.
        why: Why it has no vote; "" if it has one.
        standing: Votes per answer after it, most first, at most four.
        per_token: Mean log-probability of a token of the reply; None if unknown.
    """

    row: SampleRow
    why: str
    standing: Sequence[tuple[str, int]]
    per_token: float | None


@dataclass(frozen=True, slots=True)
class Said:
    """A label, and whether it is still valid after all later labels."""

    answer: str | None
    correct: bool
    source: str
    at: float
    provenance: str | None
    stands: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A call, draw by draw.

    Attributes:
        row: The call as stored.
        draws: Its draws in order.
        votes: Votes per answer at its end, most first.
        cost: Cost of all draws in money; None if unknown.
        tokens: Generated tokens of all draws; None if unknown.
        kinds: Kinds of the log-probabilities of replies, if there are any.
    """

    row: CallRow
    draws: Sequence[Drawn]
    votes: Sequence[tuple[str, int]]
    cost: float | None
    tokens: int | None
    kinds: Sequence[str]


def shown_entry(entry: Entry, answer: Answer) -> dict[str, Any]:
    """Return the values for the page of a question.

    Args:
        entry: The question.
        answer: The answer type that finds out why a stored reply has no answer.
    """
    votes = entry.listed.votes
    total = sum(votes.values())
    truth = resolve(entry.labels)
    courses = [_course(call, entry.samples[call.id], answer) for call in entry.calls]
    return {
        "entry": entry,
        "listed": entry.listed,
        "asked": asked(entry.question.prompt, entry.question.last_message),
        "truth": truth,
        "votes": [
            {
                "answer": text,
                "times": times,
                "share": times / total,
                "members": _voters(entry.tallies, text),
                "right": text == truth.gold,
                "wrong": text in truth.wrong,
            }
            for text, times in votes.items()
        ],
        "total": total,
        "labels": [_said(label, truth) for label in reversed(entry.labels)],
        "courses": courses,
        "members": _by_member(courses),
        "tallies": entry.tallies,
        "logprobs": any(d.row.logprob is not None for c in courses for d in c.draws),
        "scored": any(d.row.score is not None for c in courses for d in c.draws),
    }


def row_of(listed: Listed) -> dict[str, Any]:
    """Return the values for a question in a list."""
    prompt = asked(listed.prompt, listed.last_message)
    votes = sum(listed.votes.values())
    return {
        "listed": listed,
        "title": line(prompt.question) if prompt and prompt.question.strip() else "",
        "votes": votes,
        "shares": [
            (line(answer, 60), times, times / votes)
            for answer, times in [*listed.votes.items()][:4]
        ],
        "more": max(len(listed.votes) - 4, 0),
    }


def _course(call: CallRow, samples: Sequence[SampleRow], answer: Answer) -> Course:
    standing: Counter[str] = Counter()
    draws = []
    for sample in samples:
        if sample.error is None and sample.answer is not None and sample.counted:
            standing[sample.answer] += 1
        draws.append(
            Drawn(sample, _why(sample, answer), standing.most_common(4), _per_token(sample))
        )
    costs = [s.cost for s in samples if s.cost is not None]
    tokens = [s.tokens for s in samples if s.tokens is not None]
    return Course(
        call,
        draws,
        standing.most_common(),
        sum(costs) if costs else None,
        sum(tokens) if tokens else None,
        sorted({s.logprob_kind for s in samples if s.logprob_kind is not None}),
    )


def _per_token(sample: SampleRow) -> float | None:
    if sample.logprob is None or not sample.logprob_tokens:
        return None
    return sample.logprob / sample.logprob_tokens


def _said(label: LabelRow, truth: Truth) -> Said:
    right, wrong = truth.gold == label.answer, label.answer in truth.wrong
    stands = label.answer is None or (right if label.correct else wrong)
    return Said(label.answer, label.correct, label.source, label.at, label.provenance, stands)


def _why(sample: SampleRow, answer: Answer) -> str:
    """Return why a draw has no vote; "" if it has one."""
    if sample.error is not None:
        return f"failed: {sample.error}"
    if sample.answer is not None:
        return "" if sample.counted else "came too late to be counted"
    if sample.reply is None:
        return "abstained: no answer was found in the reply, whose text is not kept"
    value, reason = vote_of(sample.reply, answer, tokens=sample.tokens)
    if value is not None or not reason:
        return "abstained: no answer was found in the reply"
    return f"abstained: {reason}"


def _voters(tallies: Sequence[Tally], text: str) -> list[tuple[str, int]]:
    return [(t.member, t.times) for t in tallies if t.fate == ANSWER and t.text == text]


def _by_member(courses: Sequence[Course]) -> dict[str, list[Drawn]]:
    """Return the newest draws of each member, grouped by answer, the most frequent answer first."""
    found: dict[str, list[Drawn]] = {}
    left = SHOWN_REPLIES
    for course in courses:
        for drawn in course.draws:
            if left:
                found.setdefault(drawn.row.member, []).append(drawn)
                left -= 1
    for draws in found.values():
        times = Counter(drawn.row.answer for drawn in draws)
        draws.sort(key=lambda d: (d.row.answer is None, -times[d.row.answer], d.row.answer or ""))
    return dict(sorted(found.items()))
