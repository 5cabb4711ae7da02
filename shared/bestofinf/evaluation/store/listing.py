"""Lists of questions, page by page: filters, order and position."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from bestofinf.border import as_amount, as_count, as_fraction
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.store import queries, schema
from bestofinf.evaluation.store.tallies import ANSWER, FAILED, NO_VOTE

Show: TypeAlias = Literal[
    "all", "unlabelled", "open", "labelled", "contested", "failed", "unasked", "disputed"
]
Order: TypeAlias = Literal["contested", "newest", "oldest", "costly"]

CONTESTED = 0.95
"""A lead below this is called contested."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which questions are listed, and in which order.

    Attributes:
        show: "all", "unlabelled" (no right answer is known), "open" (unlabelled, and some answer is
            not known to be wrong), "labelled", "contested" (several answers, and a lead below
            `CONTESTED`), "failed" (a draw failed), "unasked" (no draw returned an answer) or
            "disputed" (labels call different answers right).
        text: The beginning of an id, or words of the prompt.
        member: Only questions that this member was asked.
        apart: Only questions for which the most frequent answers of these two members differ.
        order: "contested" (the least certain lead first, of equal leads the most votes first, those
            without votes last), "newest", "oldest" or "costly".
    """

    show: Show = "all"
    text: str = ""
    member: str = ""
    apart: tuple[str, str] | None = None
    order: Order = "contested"

    def __post_init__(self) -> None:
        for name, kind in (("show", Show), ("order", Order)):
            if getattr(self, name) not in get_args(kind):
                raise UsageError(
                    f"{name} must be one of {', '.join(get_args(kind))}, "
                    f"got {getattr(self, name)!r}"
                )


@dataclass(frozen=True, slots=True)
class Listed:
    """A question in a list.

    Attributes:
        number: Number of the question in the store.
        id: Id of the question.
        prompt: The prompt; None if not stored.
        last_message: The last message of the user; None if not stored.
        dataset: Name of the collection it comes from.
        votes: Votes per answer, most first.
        abstained: Number of replies without an answer.
        failed: Number of draws that failed.
        lead: Probability that the leader is truly ahead of the runner-up; None without votes.
        tokens: Generated tokens of all draws.
        cost: Cost of all draws in money.
        gold: The right answer; None if unknown.
        wrong: Number of answers known to be wrong.
    """

    number: int
    id: str
    prompt: str | None
    last_message: str | None
    dataset: str
    votes: Mapping[str, int]
    abstained: int
    failed: int
    lead: float | None
    tokens: int
    cost: float
    gold: str | None
    wrong: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list.

    Attributes:
        questions: The questions in order.
        following: Position of the next page; None on the last page.
    """

    questions: Sequence[Listed]
    following: str | None


def need_tallies(connection: Connection) -> None:
    """Raise an error if the store has no tallies.

    Raises:
        StoreError: If it is of an earlier version and was opened read-only.
    """
    if schema.missing(connection, schema.summaries.c.lead):
        raise StoreError(
            "the store is of an earlier version and its votes have yet to be counted: open it once "
            "for writing, as bestofinf view and bestofinf label do"
        )


def read_page(
    connection: Connection, wanted: Wanted, *, after: str | None = None, limit: int | None = 50
) -> Page:
    """Return a page of a list of questions.

    Args:
        connection: To the database.
        wanted: Which questions, and in which order.
        after: `Page.following` of the previous page; None for the first page.
        limit: Maximum number of questions on the page; None for all.

    Raises:
        UsageError: If `after` was not made by this function.
        StoreError: If the store has no tallies yet.
    """
    need_tallies(connection)
    u = schema.summaries
    keys = _keys(wanted.order)
    chosen = _chosen(select(u.c.question_id, *(key for key, _ in keys)), wanted)
    if after is not None:
        chosen = chosen.where(_beyond(keys, _place(after, len(keys))))
    chosen = chosen.order_by(*(key.desc() if down else key for key, down in keys))
    if limit is not None:
        chosen = chosen.limit(limit + 1)
    rows = connection.execute(chosen).all()
    more = limit is not None and len(rows) > limit
    rows = rows[:limit]
    following = json.dumps(list(rows[-1][1:])) if more else None
    return Page(read_listed(connection, [row[0] for row in rows]), following)


def count(connection: Connection, wanted: Wanted) -> int:
    """Return the number of questions that match."""
    found = _chosen(select(func.count()).select_from(schema.summaries), wanted)
    return int(connection.execute(found).scalar_one())


def read_numbers(connection: Connection, wanted: Wanted) -> list[int]:
    """Return the numbers of all questions that match, in no order."""
    chosen = _chosen(select(schema.summaries.c.number), wanted)
    return list(connection.execute(chosen).scalars())


def read_listed(connection: Connection, ids: Sequence[str]) -> list[Listed]:
    """Return these questions, in this order; unknown ids are left out."""
    q, u = schema.questions, schema.summaries
    found: dict[str, Listed] = {}
    for start in range(0, len(ids), queries.CHUNK):
        some = ids[start : start + queries.CHUNK]
        votes = votes_of(connection, some)
        rows = connection.execute(
            select(
                q.c.number, q.c.id, q.c.prompt, q.c.last_message, q.c.dataset, u.c.abstained, u.c.failed, u.c.lead,
                u.c.tokens, u.c.cost, u.c.gold, u.c.wrong,
            )
            .join_from(u, q, q.c.id == u.c.question_id)
            .where(q.c.id.in_(some))
        )  # fmt: skip
        for row in rows:
            counted = votes.get(row.id, {})
            found[row.id] = Listed(
                number=row.number,
                id=row.id,
                prompt=row.prompt,
                last_message=row.last_message,
                dataset=row.dataset,
                votes=counted,
                abstained=as_count(row.abstained) or 0,
                failed=as_count(row.failed) or 0,
                lead=as_fraction(row.lead) if counted else None,
                tokens=as_count(row.tokens) or 0,
                cost=as_amount(row.cost) or 0.0,
                gold=row.gold,
                wrong=as_count(row.wrong) or 0,
            )
    return [found[id_] for id_ in ids if id_ in found]


def votes_of(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the votes of all members per question and answer, most first."""
    t = schema.tallies
    votes: dict[str, dict[str, int]] = {}
    rows = connection.execute(
        select(t.c.question_id, t.c.text, func.sum(t.c.times))
        .where(t.c.question_id.in_(ids), t.c.fate == ANSWER)
        .group_by(t.c.question_id, t.c.text)
    )
    for id_, answer, times in rows:
        votes.setdefault(id_, {})[answer] = int(times)
    return {
        id_: dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
        for id_, counts in votes.items()
    }


def find_prefix(connection: Connection, prefix: str) -> list[str]:
    """Return ids of questions that begin with `prefix`, at most two."""
    q = schema.questions
    chosen = select(q.c.id).where(q.c.id.startswith(prefix, autoescape=True)).order_by(q.c.id)
    return list(connection.execute(chosen.limit(2)).scalars())


def _keys(order: Order) -> list[tuple[Any, bool]]:
    """Return the sort keys, each with whether it is descending; the last key is unique."""
    u = schema.summaries
    return {
        "contested": [(u.c.lead, False), (u.c.votes, True), (u.c.number, False)],
        "newest": [(u.c.number, True)],
        "oldest": [(u.c.number, False)],
        "costly": [(u.c.cost, True), (u.c.tokens, True), (u.c.number, False)],
    }[order]


def _beyond(keys: Sequence[tuple[Any, bool]], place: Sequence[float]) -> ColumnElement[bool]:
    """Return the condition for rows after a position in the order."""
    ways = []
    for depth, (key, down) in enumerate(keys):
        same = [k == value for (k, _), value in zip(keys[:depth], place, strict=False)]
        ways.append(and_(*same, key < place[depth] if down else key > place[depth]))
    return or_(*ways)


def _place(after: str, length: int) -> list[float]:
    try:
        place = json.loads(after)
    except (ValueError, RecursionError):
        place = None
    numbers = isinstance(place, list) and all(type(value) in (int, float) for value in place)
    if not numbers or len(place) != length or not all(abs(value) <= 2**62 for value in place):
        raise UsageError(f"not a position in a list of questions: {after[:80]!r}")
    return list(place)


def _chosen(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    q, u, t = schema.questions, schema.summaries, schema.tallies
    of_kind: dict[str, list[ColumnElement[bool]]] = {
        "all": [],
        "unlabelled": [u.c.gold.is_(None)],
        "open": [u.c.gold.is_(None), or_(u.c.wrong == 0, u.c.wrong < u.c.answers)],
        "labelled": [u.c.gold.is_not(None)],
        "contested": [u.c.lead < CONTESTED, u.c.answers > 1],
        "failed": [u.c.failed > 0],
        "unasked": [u.c.lead == NO_VOTE],
        "disputed": [u.c.question_id.in_(_said_differently())],
    }
    conditions = of_kind[wanted.show]
    if wanted.member:
        # A subquery per question, so that the search ends when the page is full.
        of_member = [t.c.question_id == u.c.question_id, t.c.member == wanted.member]
        if wanted.show == "failed":
            of_member.append(t.c.fate == FAILED)
        conditions.append(exists().where(*of_member))
    if wanted.apart is not None:
        one, other = map(_first_answer, wanted.apart)
        conditions += [u.c.answers > 1, one != other]
    if wanted.text:
        ids = q.c.id.startswith(wanted.text, autoescape=True)
        written = json.dumps(wanted.text, ensure_ascii=False)[1:-1]  # as in a stored message
        words = [q.c.prompt.icontains(w, autoescape=True) for w in {wanted.text, written}]
        words.append(q.c.last_message.icontains(wanted.text, autoescape=True))
        conditions.append(u.c.question_id.in_(select(q.c.id).where(or_(ids, *words))))
    return statement.where(*conditions)


def _said_differently() -> Any:
    m = schema.labels
    several = func.count(m.c.answer.distinct()) > 1
    return select(m.c.question_id).where(m.c.correct).group_by(m.c.question_id).having(several)


def _first_answer(member: str) -> Any:
    """Return the most frequent answer of a member to a question; of equals the first by text."""
    t, u = schema.tallies, schema.summaries
    return (
        select(t.c.text)
        .where(t.c.question_id == u.c.question_id, t.c.member == member, t.c.fate == ANSWER)
        .order_by(t.c.times.desc(), t.c.text)
        .limit(1)
        .correlate(u)
        .scalar_subquery()
    )
