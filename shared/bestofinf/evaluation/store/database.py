"""Connections to the database of an evaluation store, and its errors in plain words."""

from __future__ import annotations

import atexit
import os
import re
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.pool import QueuePool

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf._extras import require
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.store import migrations

SQLITE_MAGIC = b"SQLite format 3\x00"

_ORPHANS = "PRAGMA foreign_key_check"

_UNFIT = re.compile("[\x00\ud800-\udfff]")  # in no name of a file that a URL can say
_PATIENCE = 2.0  # seconds that a reader is waited for before what it keeps alive is told
_UNBINDABLE = ("binding parameter", "cannot adapt", "too big")  # of values no database can hold

# Parts of database errors and what they mean to the operator. The first match wins.
_TROUBLES = (
    ("database is locked", "another program has kept it locked for too long; try again"),
    ("readonly database", "it is read-only: nothing can be written"),
    ("read-only transaction", "it is read-only: nothing can be written"),
    ("database or disk is full", "the disk is full: free some space"),
    ("no space left", "the disk is full: free some space"),
    ("disk i/o error", "the disk cannot be read or written: it may be full or damaged"),
    ("not a database", "the file is not an SQLite database"),
    ("malformed", "the file is damaged: restore a copy, or recover it with sqlite3 and .recover"),
    ("unable to open database", "the file cannot be opened: check the folder and the permissions"),
    ("password authentication failed", "the server refused the user or the password"),
    ("does not exist", "the server has no such database, user or table"),
    ("permission denied", "the database user may not do this"),
    ("connection refused", "no server answers there"),
    ("could not translate host name", "no such server"),
    ("failed to resolve host", "no such server"),
    ("no such file or directory", "no server answers there"),
    ("connection", "the connection to the server was lost"),
    ("terminating", "the connection to the server was lost"),
)


def parse_url(address: str | Path) -> URL:
    """Return the database URL of an address: a URL, or the path of an SQLite file.

    Raises:
        UsageError: If it is neither, or names a database that is not supported.
    """
    if _UNFIT.search(str(address)):
        raise UsageError(f"not an address of a store: {str(address)!r:.80}")
    if isinstance(address, Path) or "://" not in address:
        return URL.create("sqlite", database=str(address))
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise UsageError(
            "not a database URL: wanted sqlite:///PATH or postgresql://USER@HOST/DATABASE"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise UsageError("an evaluation store needs a file: sqlite:///PATH")
        return url
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise UsageError(f"stores are SQLite files or PostgreSQL databases, got {backend!r}")


class Database:
    """An evaluation store's database: connects when first used, safe to carry over a fork.

    Args:
        address: A URL or the path of an SQLite file.
        create: Create the file and the tables if they are missing.
        readonly: Never write, not even to open it.
        timeout: Maximum wait for a lock or a connection, in seconds.

    Attributes:
        name: The address without its password, for messages.
    """

    def __init__(
        self, address: str | Path, *, create: bool, readonly: bool, timeout: float
    ) -> None:
        self._url = parse_url(address)
        self.name = self._url.render_as_string(hide_password=True).replace("+psycopg", "")
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        if not self.is_sqlite:
            require("psycopg", extra="postgres", purpose="A store in PostgreSQL")
        self._create = create and not readonly
        self._readonly = readonly
        self._timeout = timeout
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._version = 0  # version of the schema, once it is open
        self._file: tuple[int, int] | None = (
            None  # identity of the open file, to notice if it is replaced
        )
        self._disposal: weakref.finalize[[], Database] | None = None
        self._inherited: list[Engine] = []
        reset_after_fork(self._begin_anew)
        _DATABASES.add(self)

    def _begin_anew(self) -> None:
        """Drop the parent's connections without closing them, which would close them in the parent."""
        self._lock = threading.Lock()
        if self._engine is not None and self._disposal is not None:
            self._inherited.append(self._engine)
            self._disposal.detach()
            self._engine = self._disposal = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database throughout.

        Raises:
            StoreError: If the database fails.
        """
        with self.plain_errors(), self._ready().connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            connection = connection.execution_options(bestofinf_version=self._version)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are all committed, or none of them on an error.

        Raises:
            StoreError: If the database fails.
        """
        if self._readonly:
            raise StoreError(f"{self.name} cannot be written: it was opened with readonly=True")
        with self.plain_errors(), _writing(self._ready()) as connection:
            yield connection

    def take_turn(self, connection: Connection) -> None:
        """Wait until no other transaction adds rows.

        SQLite has one writer at a time anyway. In PostgreSQL two transactions that add the same
        questions in different orders would deadlock.
        """
        if not self.is_sqlite:
            migrations.advisory_lock(connection)

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        with self._lock:
            if self._disposal is not None:
                self._disposal()
                self._engine = self._disposal = None

    def empty_log(self) -> bool:
        """Move SQLite's write-ahead log into the file, so that deleted rows are gone from both.

        Returns:
            False if another program is reading: the rows stay in the log until it has ended.
        """
        if not self.is_sqlite:
            return True
        [(busy, *_)] = self._pragma("PRAGMA wal_checkpoint(TRUNCATE)", wait=_PATIENCE)
        return not busy

    def check(self) -> None:
        """Check an SQLite file for damage; a PostgreSQL server does so itself.

        Raises:
            StoreError: If the file is damaged.
        """
        if self.is_sqlite:
            found = [row[0] for row in self._pragma("PRAGMA integrity_check") if row[0] != "ok"]
            found += [f"a row of {row[0]} lacks its {row[2]}" for row in self._pragma(_ORPHANS)]
            if found:
                raise StoreError(f"{self.name}: the file is damaged: {found[0]}")

    def _pragma(self, statement: str, *, wait: float | None = None) -> list[Any]:
        """Run a pragma; `wait` is the maximum wait for a lock in seconds, by default `timeout`."""
        with self.plain_errors():
            raw = self._ready().raw_connection()
            try:
                for seconds in () if wait is None else (min(wait, self._timeout),):
                    _set(raw, busy_timeout=f"{seconds * 1000:.0f}")
                found = list(raw.cursor().execute(statement))
                _set(raw, busy_timeout=f"{self._timeout * 1000:.0f}")
                return found
            except Exception as error:
                raise OperationalError(statement, None, error) from error
            finally:
                raw.close()

    def _ready(self) -> Engine:
        with self._lock:
            if self._disposal is not None and self._file != self._identity():
                self._disposal()
                self._engine = self._disposal = None
                raise StoreError(
                    f"{self.name}: the file was removed or replaced while it was open, and what was "
                    "stored in it is gone with it",
                    gone=True,
                )
            if self._engine is None:
                engine = self._connect()
                try:
                    self._version = migrations.open_schema(
                        engine,
                        _writing,
                        name=self.name,
                        create=self._create,
                        readonly=self._readonly,
                    )
                except BaseException:
                    engine.dispose()
                    raise
                self._engine, self._file = engine, self._identity()
                # A store that was not closed must not leave a connection open when it is collected.
                self._disposal = weakref.finalize(self, engine.dispose)
                self._disposal.atexit = (
                    False  # not atexit, which would be too early: see `_close_all`
                )
            return self._engine

    def _identity(self) -> tuple[int, int] | None:
        """Return device and inode of the SQLite file; None if there is none."""
        if not self.is_sqlite:
            return None
        try:
            found = os.stat(self._url.database or "")
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _connect(self) -> Engine:
        if not self.is_sqlite:
            engine = create_engine(
                self._url,
                pool_pre_ping=True,
                pool_timeout=self._timeout,
                connect_args={"connect_timeout": max(2, round(self._timeout))},
            )
            event.listen(engine, "connect", _interpreted)
            return engine
        path = Path(self._url.database or "")
        self._check_file(path)
        options: dict[str, Any] = {"timeout": self._timeout, "check_same_thread": False}
        query = "" if self._create else f"?mode={'ro' if self._readonly else 'rw'}"
        if self._readonly and not os.access(path.parent, os.W_OK) and not _journal(path).exists():
            query += "&immutable=1"  # the file is read-only, and its side files cannot be created
        if query:
            options["uri"] = True
        name = f"{path.resolve().as_uri()}{query}" if query else str(path)
        engine = create_engine(
            URL.create("sqlite", database=name, query={"uri": "true"} if query else {}),
            poolclass=QueuePool,
            pool_timeout=self._timeout,
            connect_args=options,
        )
        event.listen(engine, "connect", _read if self._readonly else _written)
        event.listen(engine, "begin", _begin)
        return engine

    def _check_file(self, path: Path) -> None:
        """Raise a clear error for paths that SQLite reports unclearly or would create by mistake."""
        if path.is_dir():
            raise StoreError(f"{self.name}: wanted a file, got a folder")
        if not path.exists():
            if not self._create:
                raise StoreError(f"{self.name}: there is no such store")
            if not path.parent.is_dir():
                raise StoreError(f"{self.name}: there is no folder {path.parent}")

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Turn errors of the database into `StoreError`."""
        try:
            yield
        except SQLAlchemyError as error:
            raise self.explain(error) from error
        except OSError as error:
            raise StoreError(f"{self.name}: {error.strerror or error}") from error

    def explain(self, error: SQLAlchemyError) -> StoreError:
        """Return the error that says in plain words what is wrong."""
        cause = error.orig if isinstance(error, StatementError) and error.orig else error
        said = str(cause).strip().split("\n")[0]
        if isinstance(error, NoConnectionError):
            return StoreError(
                f"{self.name}: all connections of this process are in use, and none was given back "
                f"within {self._timeout:g} s: read less at a time"
            )
        if isinstance(error, DBAPIError):
            refused = isinstance(error, DataError | IntegrityError) or any(
                word in said.lower() for word in _UNBINDABLE
            )
        else:
            refused = isinstance(error, StatementError)  # the value could not be sent
        if refused:
            return StoreError(f"{self.name} refused the rows: {said}", permanent=True)
        for pattern, meaning in _TROUBLES:
            if pattern in str(cause).lower():
                return StoreError(f"{self.name}: {meaning} ({said})")
        return StoreError(f"{self.name}: {said}")


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _read(connection: Any, record: object) -> None:
    # Transactions are begun below, because Python's own way cannot begin one for writing.
    connection.isolation_level = None
    _set(connection, foreign_keys="ON")


def _written(connection: Any, record: object) -> None:
    _read(connection, record)
    # FULL: committed rows survive a power cut. secure_delete: deleted rows are overwritten.
    _set(connection, synchronous="FULL", secure_delete="ON")


def _set(connection: Any, **pragmas: str) -> None:
    cursor = connection.cursor()
    for name, value in pragmas.items():
        cursor.execute(f"PRAGMA {name} = {value}")
    cursor.close()


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        connection = connection.execution_options(bestofinf_write=True)
        with connection.begin():
            yield connection


def _interpreted(connection: Any, record: Any) -> None:
    """Turn off PostgreSQL's JIT, which takes longer than the queries of lists."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")
    connection.autocommit = False


def _begin(connection: Connection) -> None:
    # Take the write lock at once: two readers that both want to write would deadlock.
    writes = connection.get_execution_options().get("bestofinf_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_DATABASES: weakref.WeakSet[Database] = weakref.WeakSet()


def _close_all() -> None:
    for database in list(_DATABASES):
        database.close()


# Registered before the writer's function (the writer imports this module), so it runs after it.
atexit.register(_close_all)
