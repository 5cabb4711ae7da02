"""Statistics of the calls in a store: why they ended, what they cost, which members failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, select

from bestofinf.evaluation.store import schema
from bestofinf.evaluation.store.tallies import kind_of

_ERRORS = 10  # maximum number of kinds of errors that are listed


@dataclass(frozen=True, slots=True)
class MemberActivity:
    """Statistics of the requests to one member.

    Attributes:
        requests: Number of draws.
        failures: Number of draws that failed.
        abstentions: Number of replies without an answer.
        tokens: Mean number of generated tokens of a reply; None if unknown.
        seconds: Mean time of a reply in seconds; None if unknown.
        cost: Total cost in money.
        errors: Number of failures by kind of error, most frequent first.
    """

    requests: int
    failures: int
    abstentions: int
    tokens: float | None
    seconds: float | None
    cost: float
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Activity:
    """Statistics of the calls in a store.

    Attributes:
        calls: Number of calls of ensembles.
        fixed: Number of these whose number of samples did not depend on the answers.
        samples: Mean number of draws of a call.
        seconds: Mean time of a decision in seconds; None if unknown.
        tokens: Generated tokens of all draws.
        cost: Cost of all draws in money.
        reasons: Number of calls by the first words of the reason they ended for, most first.
        members: Statistics by name of the member.
    """

    calls: int
    fixed: int
    samples: float
    seconds: float | None
    tokens: int
    cost: float
    reasons: Mapping[str, int]
    members: Mapping[str, MemberActivity]


def read_activity(connection: Connection) -> Activity:
    """Return the statistics of the calls in a store."""
    c, s = schema.calls, schema.samples
    ensembles = c.c.kind == "ensemble"
    calls, fixed, seconds = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((c.c.fixed, 1), else_=0)), 0),
            func.avg(c.c.seconds),
        ).where(ensembles)
    ).one()
    draws = connection.execute(
        select(func.count()).select_from(s).join(c, s.c.call_id == c.c.id).where(ensembles)
    ).scalar_one()
    reasons: Counter[str] = Counter()
    counted = select(c.c.reason, func.count()).where(ensembles).group_by(c.c.reason)
    for reason, times in connection.execute(counted):
        reasons[kind_of(reason)] += times
    members = _members(connection)
    tokens, cost = connection.execute(
        select(func.coalesce(func.sum(s.c.tokens), 0), func.coalesce(func.sum(s.c.cost), 0.0))
    ).one()
    return Activity(
        calls=calls,
        fixed=fixed,
        samples=draws / calls if calls else 0.0,
        seconds=seconds,
        tokens=int(tokens),
        cost=float(cost),
        reasons=dict(reasons.most_common()),
        members=members,
    )


def _members(connection: Connection) -> dict[str, MemberActivity]:
    s = schema.samples
    came = s.c.error.is_(None)
    errors: dict[str, Counter[str]] = {}
    failed = (
        select(s.c.member, s.c.error, func.count())
        .where(s.c.error.is_not(None))
        .group_by(s.c.member, s.c.error)
    )
    for member, error, times in connection.execute(failed):
        errors.setdefault(member, Counter())[kind_of(error)] += times
    rows = connection.execute(
        select(
            s.c.member,
            func.count(),
            func.sum(case((came, 0), else_=1)),
            func.sum(case((and_(came, s.c.answer.is_(None)), 1), else_=0)),
            func.avg(case((came, s.c.tokens))),
            func.avg(case((came, s.c.seconds))),
            func.coalesce(func.sum(s.c.cost), 0.0),
        )
        .group_by(s.c.member)
        .order_by(s.c.member)
    )
    return {
        member: MemberActivity(
            requests=requests,
            failures=failures,
            abstentions=abstentions,
            tokens=None if tokens is None else float(tokens),
            seconds=seconds,
            cost=float(cost),
            errors=dict(errors.get(member, Counter()).most_common(_ERRORS)),
        )
        for member, requests, failures, abstentions, tokens, seconds, cost in rows
    }
