"""Leases: of all processes that share a store, only one at a time works on a named thing.

A lease is a note in the store. Its holder renews it every `BEAT` seconds from a thread. It is
free again when the holder gives it back, when the holder's process ran on this machine and has ended,
and otherwise `STALE` seconds after the last renewal. Times are by the database's clock, because
the clocks of machines may differ.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text, update

from bestofinf.border import as_amount, as_count, loads
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.store.database import Database
from bestofinf.evaluation.store.schema import meta

logger = logging.getLogger(__name__)

BEAT = 5.0
"""Seconds between two renewals."""

STALE = 60.0
"""Seconds without a renewal after which a lease is free."""

_CLOCKS = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a lease.

    Attributes:
        owner: Random identifier of the holder.
        pid: Id of its process.
        born: Start time of the process in the system's units; empty if the system does not say.
        host: Name of the machine.
        place: Identifier of the machine since its start and of its process table.
        since: When it took the lease, in seconds since 1970.
        renewed: When it last renewed the lease, in seconds since 1970.
    """

    owner: str
    pid: int
    born: str
    host: str
    place: str
    since: float
    renewed: float

    @classmethod
    def here(cls, now: float) -> Holder:
        """Return this process as a new holder."""
        pid = os.getpid()
        born = _process(pid)
        return cls(uuid.uuid4().hex, pid, born or "", socket.gethostname(), _place(), now, now)

    @property
    def dead(self) -> bool:
        """Whether its process is known to have ended; False if that cannot be known."""
        if self.place != _place() or os.name == "nt":  # on Windows os.kill would end the process
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False  # a process of another user, which may be hidden from the check below
        return self.born != "" and _process(self.pid) not in ("", self.born)

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since).astimezone().isoformat(" ", "seconds")
        return f"process {self.pid} on {self.host} since {since}"


class Lease:
    """The exclusive right of one process to work on a thing.

    Args:
        database: The database of the store.
        name: Name of the thing, unique in the store.
        told: Name of the thing in messages.
        beat: Seconds between two renewals.
        stale: Seconds without a renewal after which it is free.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        told: str,
        *,
        beat: float = BEAT,
        stale: float = STALE,
    ) -> None:
        self._database = database
        self._key = f"lease:{hashlib.sha256(name.encode()).hexdigest()[:32]}"
        self._told = f"{told} in {database.name}"
        self._beat = beat
        self._stale = stale
        self._mine: Holder | None = None
        self._heir: Holder | None = None  # the holder that took it over
        self._lost = False
        self._confirmed = 0.0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, *, take_over: bool = False) -> None:
        """Take the lease, and renew it from now on.

        Args:
            take_over: Take it even from a holder that seems alive. Waits for as long as that
                holder may need to notice.

        Raises:
            UsageError: If another process has it; the message says who, and since when.
            StoreError: If the database fails.
        """
        with self._database.write() as connection:
            self._database.take_turn(connection)
            now = self._now(connection)
            found = self._read(connection)
            # A renewal in the future was written by a clock that has been set back since.
            dead = found is None or found.dead or abs(now - found.renewed) > self._stale
            if found is not None and not dead and not take_over:
                age = max(0.0, now - found.renewed)
                raise UsageError(
                    f"{self._told} is being worked on by {found} (last sign of life {age:.0f} s "
                    f"ago; without another it is free in {self._stale - age:.0f} s). Wait for its "
                    "end, begin another with --run NAME, or take this one with --take-over"
                )
            self._mine = Holder.here(now)
            self._write(connection, self._mine, new=found is None)
        self._confirmed = time.time()
        self._thread = threading.Thread(target=self._keep, name="bestofinf-lease", daemon=True)
        self._thread.start()
        if not dead:
            time.sleep(1.5 * self._beat)

    def renew(self) -> None:
        """Record that this process is alive, and check that the lease is still its own.

        Raises:
            StoreError: If the database fails.
        """
        if self._mine is None or self._lost:
            return
        with self._database.write() as connection:
            found = self._read(connection)
            if found is None or found.owner != self._mine.owner:
                self._heir, self._lost = found, True
                return
            self._write(connection, replace(found, renewed=self._now(connection)))
        self._confirmed = time.time()

    @property
    def doubtful(self) -> bool:
        """Whether the last renewal is long ago, because the process or the database was suspended."""
        return not 0 <= time.time() - self._confirmed < self._stale / 2

    def check(self) -> None:
        """Raise an error if another process has the lease now.

        Raises:
            StoreError: If so; the message names the process.
        """
        if self._lost:
            heir = f"taken over by {self._heir}" if self._heir else "taken over, and has ended"
            raise StoreError(f"{self._told} was {heir}: this process ends. Nothing is lost")

    def give_back(self) -> None:
        """Free the lease. If the database fails, it becomes free after `stale` seconds."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        mine, self._mine = self._mine, None
        if mine is None:
            return
        try:
            with self._database.write() as connection:
                found = self._read(connection)
                if found is not None and found.owner == mine.owner:
                    connection.execute(delete(meta).where(meta.c.key == self._key))
        except StoreError:
            pass
        except Exception:  # the work under the lease is complete, so an error here does not matter
            logger.exception("The lease of %s could not be given back", self._told)

    def _keep(self) -> None:
        while not (self._lost or self._over.wait(self._beat)):
            try:
                self.renew()
            except StoreError:
                pass  # the database may be back soon; if not, the work ends when the lease runs out
            except BaseException:  # whatever the error, the next renewal is tried
                logger.exception("The lease of %s could not be renewed", self._told)

    def _now(self, connection: Connection) -> float:
        return float(connection.execute(text(_CLOCKS[connection.dialect.name])).scalar_one())

    def _read(self, connection: Connection) -> Holder | None:
        note = select(meta.c.value).where(meta.c.key == self._key).with_for_update()
        found = connection.execute(note).scalar()
        if found is None:
            return None
        return _holder(found)

    def _write(self, connection: Connection, holder: Holder, *, new: bool = False) -> None:
        value = json.dumps(asdict(holder))
        if new:
            connection.execute(insert(meta).values(key=self._key, value=value))
        else:
            connection.execute(update(meta).where(meta.c.key == self._key).values(value=value))


def _holder(note: str) -> Holder:
    """Return the holder in a note; one that holds nothing if it is not a note of this library."""
    nobody = Holder("", 0, "", "", "", 0.0, 0.0)
    try:
        told = Holder(**loads(note))
    except (TypeError, ValueError):
        return nobody
    texts = (told.owner, told.born, told.host, told.place)
    right = all(isinstance(one, str) for one in texts) and 0 < (as_count(told.pid) or 0) < 2**31
    return told if right and None not in map(as_amount, (told.since, told.renewed)) else nobody


def _place() -> str:
    """Return an identifier of this machine since its start and of its process table."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        table = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:  # not on Linux
        boot, table = f"{uuid.getnode():x}", ""
    return f"{socket.gethostname()}/{boot}/{table}"


def _process(pid: int) -> str | None:
    """Return the start time of a process; None if it has ended, "" if the system does not say."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else ""
    except OSError:
        return ""
    # After the name, which may contain anything: the state, and 19 fields later the start time.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]
