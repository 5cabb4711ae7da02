"""The version of a store's schema: created if missing, upgraded if older.

Each change of `schema` adds one step here that makes the same change to an existing store. A store of
a newer version is not touched.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from sqlalchemy import Connection, Engine, insert, inspect, select, text, update
from sqlalchemy.exc import OperationalError

from bestofinf.errors import StoreError, shown
from bestofinf.evaluation.store import schema, tallies
from bestofinf.evaluation.store.schema import METADATA, meta
from bestofinf.evaluation.store.steps import to_version_2

Step: TypeAlias = Callable[[Connection], None]


def _count_votes(connection: Connection) -> None:
    """Add the tallies that lists of questions are made from."""
    METADATA.create_all(connection, tables=[schema.tallies, schema.summaries])
    tallies.rebuild(connection)


STEPS: tuple[Step, ...] = (to_version_2, _count_votes)
"""The steps from version 1 to 2, from 2 to 3, and so on."""

# Key of the lock that lets only one process at a time create or fill the tables. Any number does.
_ADVISORY_LOCK = 0x626F696E66

_PATIENCE = 30.0
"""Maximum seconds to wait while another process makes the same file ready."""


def open_schema(
    engine: Engine,
    writing: Callable[[Engine], AbstractContextManager[Connection]],
    *,
    name: str,
    create: bool,
    readonly: bool,
) -> int:
    """Make sure that the tables exist in the version of this library.

    An older store that is opened read-only is not changed.

    Args:
        engine: Engine of the database.
        writing: Gives a connection whose changes are committed together.
        name: Name of the store in messages.
        create: Create the tables if they are missing.
        readonly: Change nothing.

    Returns:
        The version that the store has afterwards.

    Raises:
        StoreError: If tables are missing and may not be created, or the version is newer.
    """
    newest = 1 + len(STEPS)
    with engine.connect() as connection:
        found = _version(connection)
    if found == newest:
        return newest
    _refuse(name, found, newest, create=create)
    if found is not None and readonly:
        return found
    _use_write_ahead_log(engine)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            advisory_lock(connection)
        found = _version(connection)  # another process may have been faster
        if found is None:
            METADATA.create_all(connection)
            connection.execute(insert(meta).values(key="version", value=str(newest)))
            return newest
        for step in STEPS[found - 1 :]:
            step(connection)
        connection.execute(update(meta).where(meta.c.key == "version").values(value=str(newest)))
    return newest


def advisory_lock(connection: Connection) -> None:
    """Hold PostgreSQL's lock of evaluation stores until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def _refuse(name: str, found: int | None, newest: int, *, create: bool) -> None:
    if found is None and not create:
        raise StoreError(
            f"{name}: the database holds no evaluation store. A copy of a store in use needs the "
            "files that end in -wal and -shm beside it; bestofinf export makes one file"
        )
    if found is not None and found > newest:
        raise StoreError(
            f"{name}: the store has version {found}, this bestofinf knows versions up to "
            f"{newest}: install a newer bestofinf"
        )


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(meta.name):
        return None
    value = connection.execute(select(meta.c.value).where(meta.c.key == "version")).scalar()
    if value is None:
        return None
    if not re.fullmatch("[1-9][0-9]{0,8}", str(value)):
        raise StoreError(f"the store is damaged: its version is {shown(value)}")
    return int(value)


def _use_write_ahead_log(engine: Engine) -> None:
    """Let readers and a writer work at the same time. The file keeps this, so it is done once."""
    if engine.dialect.name != "sqlite":
        return
    raw = engine.raw_connection()
    try:
        # SQLite does not wait here when another process is doing the same.
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                raw.cursor().execute("PRAGMA journal_mode = WAL")
            except Exception as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise OperationalError("PRAGMA journal_mode", None, error) from error
                time.sleep(0.1)
            else:
                return
    finally:
        raw.close()
