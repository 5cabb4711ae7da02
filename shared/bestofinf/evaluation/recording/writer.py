"""Writing in the background: a bounded queue, and one thread that empties it into the store.

The caller of `put` never waits for the database. While the store fails, records wait and the write
is retried; when the queue is full, new records are refused and counted.

Theory of operation
-------------------
Every record that was accepted is in exactly one place: in the queue, held by the thread (`_holding`),
or counted as written, rejected or lost. It leaves `_holding` only in `_resolve`, under the lock, at
the moment it is counted. So every record is accounted for, whatever exception is raised: records that
an exception leaves in `_holding` are set aside, in the rescue file if there is one, and the thread
goes on. A record that was given up in the meantime is no longer in `_holding`, so a write of it that
returns late is not counted.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import util as multiprocessing_util
from pathlib import Path
from typing import Literal

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf.border import error_text
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.recording.rescue import RescueFile
from bestofinf.evaluation.recording.stats import WriterStats
from bestofinf.evaluation.rows import CallRecord
from bestofinf.evaluation.store.store import EvaluationStore

logger = logging.getLogger(__name__)

WhenFull = Literal["refuse", "wait"]

_BATCH = 500  # calls in one transaction
_LINGER = 0.05  # seconds that the thread lets calls gather, so that it writes few, large batches
_IDLE = 10.0  # seconds without work after which the thread ends; the next record starts another
_PATIENCE = (0.1, 5.0)  # first and longest pause between tries while the store fails
_EXIT_TIMEOUT = 10.0  # seconds that the end of the program waits for the last write


class Writer:
    """Writes records to a store in a thread of its own.

    Args:
        store: Where to write.
        prepare: Applied to each record in the thread, before it is written.
        before_close: Called before the last flush, to put in what is left.
        capacity: Maximum number of calls that wait.
        max_bytes: Approximate maximum of the memory that they take.
        when_full: "refuse" counts and drops a new record, "wait" blocks its caller.
        rescue: Folder for records that the store refuses or that cannot be written before the
            writer is closed; ``bestofinf import`` reads the file later. None loses them.
    """

    def __init__(
        self,
        store: EvaluationStore,
        *,
        prepare: Callable[[CallRecord], CallRecord] | None = None,
        before_close: Callable[[], None] | None = None,
        capacity: int = 20_000,
        max_bytes: int = 64 * 2**20,
        when_full: WhenFull = "refuse",
        rescue: str | Path | None = None,
    ) -> None:
        for name, value in (("capacity", capacity), ("max_bytes", max_bytes)):
            if value < 1:
                raise UsageError(f"{name} must be at least 1, got {value!r}")
        if when_full not in ("refuse", "wait"):
            raise UsageError(f"when_full must be 'refuse' or 'wait', got {when_full!r}")
        self._store = store
        self._prepare = prepare or (lambda record: record)
        self._before_close = before_close
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._when_full: WhenFull = when_full
        self._rescue_in = rescue
        self._reset()
        _WRITERS.add(self)
        reset_after_fork(self._reset)

    def _reset(self) -> None:
        """Start empty and without a thread: at first, and in the child after a fork."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # callers wait here
        self._work = threading.Condition(self._lock)  # the thread waits here
        self._queue: deque[_Held] = deque()
        self._bytes = 0
        self._holding: list[_Held] = []  # what the thread is about to write
        self._entered = self._left = 0  # total numbers of records that came in and went out
        self._rescue = None if self._rescue_in is None else RescueFile(self._rescue_in)
        self._counts: Counter[str] = Counter()
        self._told = 0  # rejected records that a flush has reported
        self._last_error: str | None = None
        self._gone: str | None = None  # set if the store was lost, until a flush has reported it
        self._thread: threading.Thread | None = None
        self._threadless = False  # the interpreter is ending: no thread can be started
        self._idle = False
        self._hurry = False
        self._closed = False

    @property
    def stats(self) -> WriterStats:
        """Counts of the records so far."""
        with self._lock:
            return WriterStats(
                pending=len(self._queue) + len(self._holding),
                written=self._counts["written"],
                refused=self._counts["refused"],
                rejected=self._counts["rejected"],
                lost=self._counts["lost"],
                retries=self._counts["retries"],
                last_error=self._last_error,
                entered=self._counts["entered"],
                rescued=self._counts["rescued"],
            )

    def put(self, record: CallRecord) -> bool:
        """Add a record to the queue. Fast, from any thread.

        Returns:
            False if it was refused, because the queue is full or the writer is closed.
        """
        size = record.size()
        with self._lock:
            while self._full(size) and self._when_full == "wait" and not self._closed:
                self._start()
                self._work.notify()
                self._changed.wait()
            if self._closed or self._full(size):
                self._counts["refused"] += 1
                first = self._counts["refused"] == 1
            else:
                self._queue.append(_Held(record, size))
                self._bytes += size
                self._entered += 1
                self._counts["entered"] += 1
                self._start()
                if self._idle:
                    self._work.notify()
                return True
        if first:
            logger.warning(
                "%s cannot keep up or fails: a recorded call was refused (see stats); %s",
                self._store.name,
                self._last_error or "the queue is full",
            )
        return False

    def _full(self, size: int) -> bool:
        waiting = len(self._queue) + len(self._holding)
        # A record larger than the limit may still enter an empty queue.
        return waiting >= self._capacity or (self._bytes + size > self._max_bytes and waiting > 0)

    def flush(self, timeout: float | None = 30.0) -> None:
        """Wait until everything put in before is in the store.

        When it returns, all records put in before are stored and survive a crash.

        Args:
            timeout: Maximum wait in seconds; None for no limit.

        Raises:
            StoreError: If not everything could be written in time (the rest still waits), or if,
                since the last flush, the database refused records or the store's file vanished.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            goal = self._entered
            if self._left < goal:
                self._hurry = True
                self._start()
                self._work.notify()
            while self._left < goal:
                rest = None if deadline is None else deadline - time.monotonic()
                if rest is not None and rest <= 0:
                    raise StoreError(
                        f"{goal - self._left} calls are not yet written after {timeout:g} s and "
                        f"still wait: {self._last_error or f'{self._store.name} is slow'}"
                    )
                self._changed.wait(rest)
            gone, self._gone = self._gone, None
            if gone is not None:
                raise StoreError(f"{gone}; later calls are stored again", gone=True)
            rejected = self._counts["rejected"]
            new, self._told = rejected - self._told, rejected
            if new:
                raise StoreError(
                    f"{new} calls could not be stored: {self._last_error}", permanent=True
                )

    def close(self, timeout: float | None = 30.0) -> None:
        """Write what waits, then end the thread. Records put in later are refused.

        Raises:
            StoreError: If not everything could be written in time. The rest is tried once more
                and then rescued or lost.
        """
        if self._closed:
            return
        try:
            if self._before_close is not None:
                self._before_close()
            if not self._threadless:
                self.flush(timeout)
        finally:
            with self._lock:
                self._closed = True
                self._hurry = True
                self._work.notify()
                self._changed.notify_all()
                thread = self._thread
            if self._threadless:
                self._run()
            elif thread is not None and thread is not threading.current_thread():
                thread.join(timeout)
                if thread.is_alive():  # the database does not respond at all
                    self._give_up_all()

    def _give_up_all(self) -> None:
        with self._lock:
            self._holding += self._queue
            self._queue.clear()
            held = list(self._holding)
        self._set_aside(self._prepared(held), "the store did not answer before the end", final=True)

    # -- the thread ---------------------------------------------------------------------------

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="bestofinf-writer", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the program is ending: `close` will write
                self._thread, self._threadless = None, True
                return
            if multiprocessing.parent_process() is not None:
                # A child process of multiprocessing ends without running atexit functions.
                multiprocessing_util.Finalize(self, _flush_at_exit, (weakref.ref(self),), {}, 10)

    def _run(self) -> None:
        while self._take():
            try:
                self._write(self._prepared(self._holding))
            except BaseException as error:  # whatever the error, go on with the next records
                self._set_aside(self._holding, error)
                if threading.current_thread() is not self._thread:
                    raise  # an interrupt while the program ends

    def _take(self) -> bool:
        """Take the next records from the queue; False if the thread is to end."""
        with self._lock:
            while not self._queue:
                if self._closed:
                    return False
                self._idle, self._hurry = True, False
                if not self._work.wait(_IDLE) and not self._queue:
                    self._thread, self._idle = None, False
                    return False
            self._idle = False
            if not self._hurry and len(self._queue) < _BATCH:
                self._work.wait(_LINGER)
            self._holding = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
        return True

    def _prepared(self, held: list[_Held]) -> list[_Held]:
        """Prepare records; those that fail are rejected and not rescued, as they may be private."""
        ready = []
        for one in list(held):
            try:
                if not one.prepared:
                    one.record, one.prepared = self._prepare(one.record), True
            except Exception as error:  # the user's own code: its errors are logged and counted
                told = f"a call could not be prepared: {error_text(error)}"
                self._resolve([one], "rejected", told)
                logger.error("A recorded call could not be stored: %s", told)
            else:
                ready.append(one)
        return ready

    def _write(self, held: list[_Held]) -> None:
        pause, longest = _PATIENCE
        failing = False
        while held:
            try:
                self._store.add([one.record for one in held])
            except Exception as error:
                if not isinstance(error, StoreError) or error.permanent:
                    if len(held) == 1:
                        self._set_aside(held, error)
                        return
                    for one in held:  # write one by one to find the record that is refused
                        self._write([one])
                    return
                if not failing:
                    logger.warning("Recorded calls wait, as the store fails: %s", error)
                failing = True
                with self._lock:
                    self._last_error = str(error)
                    self._gone = str(error) if error.gone else self._gone
                    self._counts["retries"] += 1
                    closed = self._closed
                    if not closed:
                        self._work.wait(pause)
                if closed:
                    self._set_aside(held, error, final=True)
                    return
                pause = min(2 * pause, longest)
            else:
                self._resolve(held, "written")
                if failing:
                    logger.warning("%s works again; recorded calls are written", self._store.name)
                return

    def _set_aside(
        self, held: list[_Held], error: BaseException | str, *, final: bool = False
    ) -> None:
        """Save records that the store did not accept to the rescue file, and count them.

        Args:
            held: Records in `_holding`.
            error: Why the store did not accept them.
            final: True if they would be retried but the program is ending.
        """
        told = str(error) if isinstance(error, StoreError) else error_text(error)
        ready = [one for one in held if one.prepared] if self._rescue is not None else []
        kept: list[bool] = []
        try:
            if self._rescue is not None:
                kept = self._rescue.save([one.record for one in ready])
        except BaseException as broken:  # whatever the error, they are counted below
            kept = [False] * len(ready)
            told = f"{told}; nor rescued: {error_text(broken)}"
        saved = [one for one, is_kept in zip(ready, kept, strict=True) if is_kept]
        self._resolve(saved, "rejected", told, rescued=True)
        left = self._resolve(held, "lost" if final else "rejected", told)
        if left:
            logger.error("%d recorded calls could not be stored: %s", left, told)

    def _resolve(
        self, held: list[_Held], fate: str, message: str = "", *, rescued: bool = False
    ) -> int:
        """Count records as `fate` and remove them from `_holding`.

        Returns:
            Number of records that were still in it.
        """
        gone = set(map(id, held))
        with self._lock:
            mine = [one for one in self._holding if id(one) in gone]
            self._holding = [one for one in self._holding if id(one) not in gone]
            self._counts[fate] += len(mine)
            self._counts["rescued"] += len(mine) if rescued else 0
            self._last_error = message or self._last_error
            self._left += len(mine)
            self._bytes -= sum(one.size for one in mine)
            self._changed.notify_all()
        return len(mine)


@dataclass(slots=True, eq=False)
class _Held:
    """A record that was accepted and is not counted as written, rejected or lost yet."""

    record: CallRecord
    size: int
    prepared: bool = False


_WRITERS: weakref.WeakSet[Writer] = weakref.WeakSet()


def _flush_at_exit(reference: weakref.ref[Writer]) -> None:
    writer = reference()
    if writer is None:
        return
    try:
        writer.close(_EXIT_TIMEOUT)
    except StoreError as error:
        logger.error("At the end of the program recorded calls could not be stored: %s", error)
    if writer.stats.refused:
        logger.error("%d recorded calls were refused in all", writer.stats.refused)


def _flush_all() -> None:
    for writer in list(_WRITERS):
        _flush_at_exit(weakref.ref(writer))


atexit.register(_flush_all)
