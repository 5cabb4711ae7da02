"""The answer type that votes on the result of a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bestofinf.answers.base import Abstain
from bestofinf.answers.executed import ExecutedAnswer, Found
from bestofinf.answers.sql.limits import Limits, Rows
from bestofinf.answers.sql.queries import checked, query_in
from bestofinf.answers.sql.results import is_empty, is_result, same_result, vote_on
from bestofinf.errors import MissingExtraError, UsageError, one_of, shown, whole
from bestofinf.records import AnswerValue, Reply, Sample

if TYPE_CHECKING:
    from sqlalchemy import Engine

Order = Literal["auto", "always", "never"]


class Runner(Protocol):
    """Runs a query on a database so that it can only read."""

    def run(self, query: str, limits: Limits) -> Rows:
        """Return its rows; raise `Abstain` if it may not be run, fails or goes beyond a limit."""


class SqlAnswer(ExecutedAnswer):
    """Votes on the rows that queries return, and returns a query of the winning result.

    The query is taken from a fenced block, from what follows ``SQLQuery:``, from an object or a
    tool's arguments, or is the reply itself. It is run read-only. Rows are compared as a multiset,
    or as a list where the outermost query orders them; columns by their place, whatever their
    names; numbers by value, to ten significant digits; dates and moments in one form. Queries that
    fail, take too long, return too much or would do anything but read abstain with the reason. A
    result without rows gives way to another with as many votes. Of the winning queries the
    shortest of the heaviest member is handed out.

    In the trace the answer is the size and the digest of the result; rows are not kept.

    SQLite opens the file read-only, with an authorizer. PostgreSQL runs in a transaction that only
    reads and is rolled back, with a time limit in the server; give it a role that may only read as
    well, since functions of your own may do what their owner may. See docs/sql.md.

    Args:
        database: A URL of SQLAlchemy, or an engine. A database in memory must be filled before: it
            is copied now.
        timeout: Seconds for one query.
        max_rows: Queries that return more abstain.
        order: Whether the order of the rows counts: where the query orders them, always or never.
        allow_dialect: Also run queries on other databases than SQLite and PostgreSQL, where
            nothing here keeps a query from writing.
        at_once: Most queries at a time, over all votes.

    Raises:
        UsageError: If the database is none, another dialect that is not allowed, or asynchronous.
        MissingExtraError: If the driver is not installed.
    """

    def __init__(
        self,
        database: str | Engine | Any,
        *,
        timeout: float = 5.0,
        max_rows: int = 10_000,
        order: Order = "auto",
        allow_dialect: bool = False,
        at_once: int = 4,
    ) -> None:
        super().__init__(timeout=timeout, at_once=at_once)
        whole("max_rows", max_rows)
        one_of("order", order, ("auto", "always", "never"))
        self._limits = Limits(timeout, max_rows)
        self._order = order
        self._runner = _runner(database, allow_dialect=allow_dialect)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the query of a reply."""
        query = query_in(reply)
        checked(query)
        return query

    def canonical(self, text: str) -> AnswerValue | None:
        """Return a recorded result, or the query of a recorded answer."""
        return text if is_result(text) else super().canonical(text)

    def execute(self, program: str) -> Found:
        """Return the vote on the rows of a query."""
        if is_result(program):
            return program  # recorded: what it was run on may have changed
        ordered = checked(program)
        found = self._runner.run(program, self._limits)
        if self._order != "auto":
            ordered = self._order == "always"
        return vote_on(found.rows, found.columns, ordered=ordered)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether two results are equal."""
        return first == second or same_result(str(first), str(second))

    def yields(self, value: AnswerValue) -> bool:
        """Return whether a result has no rows."""
        return is_empty(str(value))

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the sample with the shortest query; the first of several."""
        return min(samples, key=lambda sample: len(_query_of(sample)))


def _query_of(sample: Sample) -> str:
    try:
        return query_in(sample.reply or Reply())
    except Abstain:
        return ""


def _runner(database: object, *, allow_dialect: bool) -> Runner:
    from sqlalchemy import Engine, create_engine, make_url
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    from sqlalchemy.pool import NullPool

    from bestofinf.answers.sql.databases import OtherRunner, PostgresRunner
    from bestofinf.answers.sql.sqlite import SqliteRunner, image_of

    if isinstance(database, str | URL):
        try:
            url = make_url(database)
            if url.drivername == "postgresql":
                url = url.set(drivername="postgresql+psycopg")
            engine = create_engine(url, poolclass=NullPool)
        except (ArgumentError, NoSuchModuleError) as error:
            raise UsageError(
                f"wanted the URL of a database such as sqlite:///shop.db, got {shown(database)}: {error}"
            ) from None
        except ModuleNotFoundError as error:
            if error.name != "psycopg":
                raise UsageError(f"the driver {error.name} is not installed") from None
            raise MissingExtraError(
                "psycopg", "postgres", "Running queries on PostgreSQL"
            ) from error
    elif isinstance(database, Engine):
        engine = database
    else:
        raise UsageError(
            "wanted the URL of a database or a synchronous engine of SQLAlchemy, "
            f"got {type(database).__name__}"
        )
    if engine.dialect.is_async:
        raise UsageError(
            f"queries are run in threads: give a synchronous URL or engine, not {engine.driver}"
        )
    if engine.dialect.name == "sqlite":
        path = engine.url.database
        if path in (None, "", ":memory:") or "mode=memory" in str(engine.url):
            return SqliteRunner(None, image_of(engine))
        return SqliteRunner(path)
    if engine.dialect.name == "postgresql":
        return PostgresRunner(engine)
    if not allow_dialect:
        raise UsageError(
            f"queries on {engine.dialect.name} cannot be kept from writing here: give a role that "
            "may only read and pass allow_dialect=True (docs/sql.md says what that means)"
        )
    return OtherRunner(engine)
