"""Runs queries through SQLAlchemy: PostgreSQL so that it can only read, others as they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bestofinf.answers.base import Abstain
from bestofinf.answers.sql.limits import Limits, Rows
from bestofinf.answers.sql.queries import words
from bestofinf.border import error_text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

# Functions that reach files, other sessions or servers, hold locks, or run text as a query. What
# writes to tables and sequences is stopped by the transaction itself.
_DENIED = frozenset(
    [
        "set_config",
        "currval",
        "lastval",
        "database_to_xml",
        "schema_to_xml",
        "table_to_xml",
        "cursor_to_xml",
        "ts_stat",
        "ts_rewrite",
        "query_to_xml",
        "query_to_xmlschema",
        "query_to_xml_and_xmlschema",
        "xpath_table",
        "crosstab",
        "connectby",
        "txid_current",
        "setseed",
        "nextval",
        "setval",
    ]
)
_DENIED_STARTS = ("pg_", "lo_", "dblink", "file_fdw", "inet_server", "binary_upgrade")
_PLAIN = frozenset(
    [
        "pg_typeof",
        "pg_catalog",
        "pg_size_pretty",
        "pg_class",
        "pg_tables",
        "pg_namespace",
        "pg_attribute",
        "pg_type",
    ]
)
_PAGE = 1_000
_AS_IT_IS = {"no_parameters": True}  # a per cent sign is one


class _Runner:
    """Runs queries, each in a transaction that is rolled back.

    Args:
        engine: Where connections come from.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            try:
                yield connection
            finally:
                connection.rollback()


class PostgresRunner(_Runner):
    """Runs queries on PostgreSQL, each in a transaction that only reads and is rolled back.

    A role that may only read is the better protection, and this goes beside it: functions of the
    user's own may do what their owner lets them.
    """

    def run(self, query: str, limits: Limits) -> Rows:
        """Return the rows of a query.

        Raises:
            Abstain: If it uses what is not allowed, fails, takes too long or returns too many rows.
        """
        from sqlalchemy.exc import SQLAlchemyError

        _check_functions(query)
        end = time.monotonic() + limits.seconds
        try:
            with self._transaction() as connection:
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                return self._read(connection, query, limits, end)
        except SQLAlchemyError as error:
            if getattr(getattr(error, "orig", None), "sqlstate", "") == "57014":
                raise Abstain(limits.late()) from None
            raise Abstain(failed(error)) from None

    def _read(self, connection: Connection, query: str, limits: Limits, end: float) -> Rows:
        _limit(connection, end, limits)
        # A cursor is declared for a single query that reads, and for nothing else.
        connection.exec_driver_sql(
            f"DECLARE bestofinf_vote NO SCROLL CURSOR FOR {query}", execution_options=_AS_IT_IS
        )
        _limit(connection, end, limits)
        page = connection.exec_driver_sql(f"FETCH FORWARD {_PAGE} FROM bestofinf_vote")
        columns = len(page.keys())
        return limits.collected(self._pages(connection, page.fetchall(), limits, end), columns)

    @staticmethod
    def _pages(
        connection: Connection, page: Sequence[Any], limits: Limits, end: float
    ) -> Iterator[Sequence[Any]]:
        while page:
            yield from page
            if len(page) < _PAGE:
                return
            _limit(connection, end, limits)
            page = connection.exec_driver_sql(
                f"FETCH FORWARD {_PAGE} FROM bestofinf_vote"
            ).fetchall()


class OtherRunner(_Runner):
    """Runs queries on any other database, in a transaction that is rolled back.

    Nothing here keeps a query from writing or from running for ever: that is left to the role.
    """

    def run(self, query: str, limits: Limits) -> Rows:
        """Return the rows of a query.

        Raises:
            Abstain: If it fails or returns too many rows.
        """
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._transaction() as connection:
                result = connection.exec_driver_sql(query, execution_options=_AS_IT_IS)
                return limits.collected(iter(result), len(result.keys()))
        except SQLAlchemyError as error:
            raise Abstain(failed(error)) from None


def failed(error: BaseException) -> str:
    """Return the reason of a query that failed, in one line."""
    said = error_text(getattr(error, "orig", None) or error).split("\n", 1)[0]
    if "read-only transaction" in said or "data-modifying" in said:
        return f"only queries that read are run ({said})"[:300]
    return f"the query failed: {said}"[:300]


def _limit(connection: Connection, end: float, limits: Limits) -> None:
    left = end - time.monotonic()
    if left <= 0:
        raise Abstain(limits.late())
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, int(left * 1000))}")


def _check_functions(query: str) -> None:
    if "u&" in query.lower():
        raise Abstain("names written with U& are not run")
    for word in words(query):
        denied = word in _DENIED or (word.startswith(_DENIED_STARTS) and word not in _PLAIN)
        if denied:
            raise Abstain(f"only queries that read are run ({word} is not allowed)")
