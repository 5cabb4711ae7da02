"""An overview of a whole store, from its tallies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, and_, case, cast, func, select

from bestofinf.evaluation.store import schema
from bestofinf.evaluation.store.listing import CONTESTED
from bestofinf.evaluation.store.tallies import ABSTAINED, ANSWER, FAILED, kind_of

ERRORS = 5
"""Maximum number of kinds of errors listed for a member."""

_DAY = 86_400
_LATEST = 253_402_300_800  # the end of the year 9999, the last that dates have
_STEPS = (
    (2 * _DAY, 3_600),
    (120 * _DAY, _DAY),
    (10**12, 7 * _DAY),
)  # (span, step) in seconds


@dataclass(frozen=True, slots=True)
class MemberPicture:
    """The outcomes of the draws of one member.

    Attributes:
        questions: Number of questions it was asked.
        draws: Number of requests.
        answered: Number of draws that returned an answer.
        abstained: Number of draws that returned a reply without an answer.
        failed: Number of draws that failed.
        tokens: Mean generated tokens of a draw; None if unknown.
        seconds: Mean time of a draw in seconds; None if unknown.
        cost: Total cost in money.
        agreement: Chance that two of its answers to a question agree, as a mean over questions
            with at least two; None if there are none.
        errors: Number of failures by kind of error, most frequent first.
    """

    questions: int
    draws: int
    answered: int
    abstained: int
    failed: int
    tokens: float | None
    seconds: float | None
    cost: float
    agreement: float | None
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """The questions that were new in one interval of time.

    Attributes:
        start: Start of the interval in seconds since 1970.
        questions: Number of new questions.
        tokens: Tokens generated for these questions, then and later.
        cost: Cost of these questions in money, then and later.
    """

    start: int
    questions: int
    tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class Picture:
    """The overview of a store that needs no labels.

    Attributes:
        questions: Number of questions.
        labelled: Number of questions whose right answer is known.
        contested: Number of questions with several answers and an uncertain lead.
        several: Number of questions with two votes or more.
        unanimous: Of `several`, those on which all votes agree.
        failed: Number of questions with a failed draw.
        calls: Number of calls, of ensembles and others.
        fixed: Number of ensemble calls whose number of samples did not depend on the answers.
        draws: Number of requests to all members.
        tokens: Generated tokens.
        cost: Cost in money.
        seconds: Mean time of a decision in seconds; None if unknown.
        sizes: Number of questions by their number of draws.
        reasons: Number of ensemble calls by the reason they ended for, most first.
        members: The outcomes by name of the member.
        steps: The intervals in order of time.
        step: Length of an interval in seconds.
    """

    questions: int
    labelled: int
    contested: int
    several: int
    unanimous: int
    failed: int
    calls: int
    fixed: int
    draws: int
    tokens: int
    cost: float
    seconds: float | None
    sizes: Mapping[int, int]
    reasons: Mapping[str, int]
    members: Mapping[str, MemberPicture]
    steps: Sequence[Step]
    step: int


def read_mark(connection: Connection) -> tuple[int, ...]:
    """Return a value that changes whenever something is added; it is cheap to read."""
    tables = (schema.questions, schema.calls, schema.labels)
    newest = [connection.execute(select(func.max(t.c.number))).scalar() or 0 for t in tables]
    return (*newest, connection.execute(select(func.count(schema.summaries.c.number))).scalar_one())


def read_picture(connection: Connection) -> Picture:
    """Return the overview of a store."""
    c, u = schema.calls, schema.summaries
    draws = u.c.votes + u.c.abstained + u.c.failed
    totals = connection.execute(
        select(
            func.count(),
            func.count(u.c.gold),
            _times(and_(u.c.lead < CONTESTED, u.c.answers > 1)),
            _times(u.c.votes > 1),
            _times(and_(u.c.votes > 1, u.c.answers == 1)),
            _times(u.c.failed > 0),
            func.coalesce(func.sum(draws), 0),
            func.coalesce(func.sum(u.c.tokens), 0),
            func.coalesce(func.sum(u.c.cost), 0.0),
        )
    ).one()
    questions, labelled, contested, several, unanimous, failed, drawn, tokens, cost = totals
    sizes = connection.execute(select(draws, func.count()).group_by(draws).order_by(draws))
    reasons: Counter[str] = Counter()
    ensembles = c.c.kind == "ensemble"
    for reason, times in connection.execute(
        select(c.c.reason, func.count()).where(ensembles).group_by(c.c.reason)
    ):
        reasons[kind_of(reason)] += times
    step, steps = _steps(connection)
    return Picture(
        questions=questions,
        labelled=labelled,
        contested=int(contested),
        several=int(several),
        unanimous=int(unanimous),
        failed=int(failed),
        calls=connection.execute(select(func.count()).select_from(c)).scalar_one(),
        fixed=connection.execute(
            select(func.count()).select_from(c).where(ensembles, c.c.fixed)
        ).scalar_one(),
        draws=int(drawn),
        tokens=int(tokens),
        cost=float(cost),
        seconds=connection.execute(select(func.avg(c.c.seconds)).where(ensembles)).scalar(),
        sizes={int(size): times for size, times in sizes},
        reasons=dict(reasons.most_common()),
        members=_members(connection),
        steps=steps,
        step=step,
    )


def _times(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _members(connection: Connection) -> dict[str, MemberPicture]:
    t = schema.tallies
    sums = (t.c.times, t.c.tokens, t.c.counted_tokens, t.c.seconds, t.c.timed, t.c.cost)
    errors: dict[str, Counter[str]] = {}
    for member, kind, times in connection.execute(
        select(t.c.member, t.c.text, func.sum(t.c.times))
        .where(t.c.fate == FAILED)
        .group_by(t.c.member, t.c.text)
    ):
        errors.setdefault(member, Counter())[kind] += int(times)
    # One query groups twice: by member and question for the agreement, then by member.
    of_question = (
        select(
            t.c.member,
            *(_sum_of(t.c.times, t.c.fate == f).label(f) for f in (ANSWER, ABSTAINED, FAILED)),
            _sum_of(t.c.times * (t.c.times - 1), t.c.fate == ANSWER).label("pairs"),
            *(func.sum(column).label(column.name) for column in sums),
        )
        .group_by(t.c.question_id, t.c.member)
        .subquery()
    )
    of = of_question.c
    votes, pairs = of[ANSWER], of.pairs
    rows = connection.execute(
        select(
            of.member,
            func.count(),
            func.sum(of.times),
            *(func.sum(of[fate]) for fate in (ANSWER, ABSTAINED, FAILED)),
            func.avg(case((votes > 1, 1.0 * pairs / (votes * (votes - 1))))),
            *(func.sum(of[column.name]) for column in sums[1:]),
        )
        .group_by(of.member)
        .order_by(of.member)
    )
    found = {}
    for member, questions, draws, answered, abstained, failed, agreement, *totals in rows:
        tokens, counted, seconds, timed, cost = (float(value) for value in totals)
        found[member] = MemberPicture(
            questions=questions,
            draws=int(draws),
            answered=int(answered),
            abstained=int(abstained),
            failed=int(failed),
            tokens=tokens / counted if counted else None,
            seconds=seconds / timed if timed else None,
            cost=cost,
            agreement=None if agreement is None else float(agreement),
            errors=dict(errors.get(member, Counter()).most_common(ERRORS)),
        )
    return found


def _sum_of(column: Any, condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, column), else_=0)), 0)


def _steps(connection: Connection) -> tuple[int, list[Step]]:
    """Return the length of an interval (an hour, a day or a week) and the intervals."""
    q, u = schema.questions, schema.summaries
    dated = and_(q.c.created_at > 0, q.c.created_at < _LATEST)
    first, last = connection.execute(
        select(func.min(q.c.created_at), func.max(q.c.created_at)).where(dated)
    ).one()
    if first is None:
        return _DAY, []
    step = next(step for span, step in _STEPS if last - first <= span or span == _STEPS[-1][0])
    # Rounding x - 1/2 is the only way of rounding down that all databases have in common.
    place = cast(func.round(q.c.created_at / step - 0.5), Integer)
    rows = connection.execute(
        select(place, func.count(), func.sum(u.c.tokens), func.sum(u.c.cost))
        .join_from(u, q, q.c.id == u.c.question_id)
        .where(dated)
        .group_by(place)
        .order_by(place)
    )
    return step, [
        Step(int(start) * step, new, int(tokens), float(cost)) for start, new, tokens, cost in rows
    ]
