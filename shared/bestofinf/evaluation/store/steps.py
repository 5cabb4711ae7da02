"""The steps that upgrade a store from one version of the schema to the next."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    Integer,
    Text,
    bindparam,
    column,
    select,
    table,
    update,
)
from sqlalchemy.types import TypeEngine

from bestofinf.evaluation.store.schema import AnyText

_COLUMNS: tuple[tuple[str, str, TypeEngine[Any]], ...] = (
    ("questions", "last_message", Text()),
    ("calls", "run", Text()),
    ("calls", "run_question", Text()),
    ("calls", "attempt", Integer()),
    ("samples", "logprob", Double()),
    ("samples", "logprob_tokens", BigInteger()),
    ("samples", "logprob_kind", Text()),
    ("samples", "said", Text()),
    ("labels", "provenance", Text()),
    ("labels", "score", Double()),
)

_ERROR = "error: "  # first words of the reason of a run's call that ended without a decision
_AGAIN = re.compile(r"(.+)#([2-9]|[1-9]\d{1,6})", re.S)
_CHUNK = 1000  # maximum number of rows changed by one statement

_META = table("bestofinf_meta", column("key", Text()), column("value", Text()))
_QUESTIONS = table("bestofinf_questions", column("id", AnyText()), column("dataset", AnyText()))
_CALLS = table(
    "bestofinf_calls",
    column("id", AnyText()),
    column("question_id", AnyText()),
    column("reason", AnyText()),
    column("run", AnyText()),
    column("run_question", AnyText()),
    column("attempt", Integer()),
)


def to_version_2(connection: Connection) -> None:
    """Add columns for last messages, runs, log-probabilities and the provenance of labels.

    The ids of calls of runs contain the names of run and question; these become columns.
    """
    for name, added, kind in _COLUMNS:
        sql = kind.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE bestofinf_{name} ADD COLUMN {added} {sql}")
    connection.exec_driver_sql(
        "CREATE INDEX ix_bestofinf_calls_run_question ON bestofinf_calls (run_question)"
    )
    told = _META.c.key.like("run:%")
    runs = {key[4:] for key in connection.execute(select(_META.c.key).where(told)).scalars()}
    if not runs:
        return
    found = _keys(connection, runs)
    change = (
        update(_CALLS)
        .where(_CALLS.c.id == bindparam("call"))
        .values({name: bindparam(f"new_{name}") for name in ("run", "run_question", "attempt")})
    )
    while some := list(islice(found, _CHUNK)):
        connection.execute(change, some)


class _Call(NamedTuple):
    id: str
    question: str
    reason: str | None
    dataset: str


def _keys(connection: Connection, runs: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the new columns of the calls of runs, recognised by half of the hash of the run's name."""
    c, q = _CALLS.c, _QUESTIONS.c
    chosen = (
        select(c.id, c.question_id, c.reason, q.dataset)
        .join_from(_CALLS, _QUESTIONS, q.id == c.question_id)
        .where(c.id.like("%/%"))
    )
    calls = {row[0]: _Call(*row) for row in connection.execute(chosen)}
    for call in calls.values():
        run = _run_of(call, runs)
        if run is None:
            continue
        question, attempt = call.id[len(run) + 1 :], 1
        again = _AGAIN.fullmatch(question)
        if again is not None:
            # "a#2" is the second attempt at "a" if the first failed; otherwise it is a name.
            number = int(again[2])
            before = f"{run}/{again[1]}" + (f"#{number - 1}" if number > 2 else "")
            earlier = calls.get(before)
            if (
                earlier is not None
                and earlier.question == call.question
                and (earlier.reason or "").startswith(_ERROR)
            ):
                question, attempt = again[1], number
        yield {
            "call": call.id,
            "new_run": run,
            "new_run_question": question,
            "new_attempt": attempt,
        }


def _run_of(call: _Call, runs: set[str]) -> str | None:
    names = [call.id[:end] for end, letter in enumerate(call.id[:61]) if letter == "/"]
    known = [
        name
        for name in names
        if hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32] in runs
    ]
    return call.dataset if call.dataset in known else known[0] if known else None
