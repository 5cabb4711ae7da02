"""Writing in the background: a bounded queue, and one thread that empties it into the store.

Whoever puts a record in never waits for the database. While the store fails, records wait and
the write is tried again; when the queue is full, new records are refused and counted.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import util as multiprocessing_util
from pathlib import Path
from typing import Literal

from bestofinf.errors import BestOfInfError, StoreError, UsageError
from bestofinf.evaluation.export import save_records
from bestofinf.evaluation.forks import reset_after_fork
from bestofinf.evaluation.rows import CallRecord
from bestofinf.evaluation.store import EvaluationStore

logger = logging.getLogger(__name__)

WhenFull = Literal["refuse", "wait"]

_BATCH = 500  # calls in one transaction
_LINGER = 0.05  # seconds that the thread lets calls gather, so that it writes few, large batches
_IDLE = 10.0  # seconds without work after which the thread ends; the next record starts another
_PATIENCE = (0.1, 5.0)  # first and longest pause between tries while the store fails
_EXIT_TIMEOUT = 10.0  # seconds that the end of the program waits for the last write


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What became of the records put in.

    Attributes:
        pending: Calls that wait to be written.
        written: Calls in the store.
        refused: Calls not taken because the queue was full, or the writer closed.
        rejected: Calls that could not be prepared, or that the database would not take.
        lost: Calls that could be neither written before the writer was closed, nor rescued.
        retries: Writes that failed and were tried again.
        last_error: What went wrong last; None while nothing did.
    """

    pending: int
    written: int
    refused: int
    rejected: int
    lost: int
    retries: int
    last_error: str | None


class Writer:
    """Writes records to a store in a thread of its own.

    Args:
        store: Where to write.
        prepare: Applied to each record in the thread, before it is written.
        before_close: Called before the last flush, to put in what is left.
        capacity: Most calls that may wait.
        max_bytes: Most memory they may take, roughly.
        when_full: "refuse" counts and drops a new record, "wait" holds its caller up.
        rescue: Folder for what cannot be written before the writer is closed; ``bestofinf import``
            brings the files in later. None loses it.
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
        self._rescue = None if rescue is None else Path(rescue)
        self._written = self._refused = self._rejected = self._lost = self._retries = 0
        self._told = 0  # rejected records that a flush has reported
        self._last_error: str | None = None
        self._reset()
        _WRITERS.add(self)
        reset_after_fork(self._reset)

    def _reset(self) -> None:
        """Start empty and without a thread: at first, and in the child after a fork."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)  # callers wait here
        self._work = threading.Condition(self._lock)  # the thread waits here
        self._queue: deque[tuple[CallRecord, int]] = deque()
        self._bytes = 0
        self._taken = 0  # records that the thread holds at the moment
        self._holding: list[CallRecord] = []  # these, prepared
        self._entered = self._left = 0  # records that ever came in and went out
        self._thread: threading.Thread | None = None
        self._threadless = False  # no thread can be started any more
        self._idle = False
        self._hurry = False
        self._closed = False

    @property
    def stats(self) -> WriterStats:
        """What became of the records so far."""
        with self._lock:
            return WriterStats(
                pending=len(self._queue) + self._taken,
                written=self._written,
                refused=self._refused,
                rejected=self._rejected,
                lost=self._lost,
                retries=self._retries,
                last_error=self._last_error,
            )

    def put(self, record: CallRecord) -> bool:
        """Take a record to be written soon. Quick, from any thread.

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
                self._refused += 1
                first = self._refused == 1
            else:
                self._queue.append((record, size))
                self._bytes += size
                self._entered += 1
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
        waiting = len(self._queue) + self._taken
        # A record larger than the limit may still enter an empty queue.
        return waiting >= self._capacity or (self._bytes + size > self._max_bytes and waiting > 0)

    def flush(self, timeout: float | None = 30.0) -> None:
        """Wait until everything put in before is in the store.

        Returning is the acknowledgement: what was put in is stored and survives a crash.

        Args:
            timeout: Longest wait in seconds; None for no limit.

        Raises:
            StoreError: If it could not be written in time, or the database refused some of it
                since the last flush. What could not be written is still waiting.
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
            new, self._told = self._rejected - self._told, self._rejected
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
        if self._before_close is not None:
            self._before_close()
        if self._threadless:
            self._closed = True
            self._run()
            return
        try:
            self.flush(timeout)
        finally:
            with self._lock:
                self._closed = True
                self._hurry = True
                self._work.notify()
                self._changed.notify_all()
                thread = self._thread
            if thread is not None and thread is not threading.current_thread():
                thread.join(timeout)
                if thread.is_alive():  # the database does not even answer
                    self._give_up_all()

    def _give_up_all(self) -> None:
        with self._lock:
            waiting = [record for record, _ in self._queue]
            self._queue.clear()
            held = self._holding
        prepared = [self._prepared(record) for record in waiting]
        self._give_up([*held, *(record for record in prepared if record is not None)])

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
                # A child of multiprocessing ends without running what atexit knows.
                multiprocessing_util.Finalize(self, _flush_at_exit, (weakref.ref(self),), {}, 10)

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._queue:
                    if self._closed:
                        return
                    self._idle, self._hurry = True, False
                    if not self._work.wait(_IDLE) and not self._queue:
                        self._thread, self._idle = None, False
                        return
                self._idle = False
                if not self._hurry and len(self._queue) < _BATCH:
                    self._work.wait(_LINGER)
                batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
                self._taken = len(batch)
            prepared = [self._prepared(record) for record, _ in batch]
            self._holding = [record for record in prepared if record is not None]
            self._write(self._holding)
            with self._lock:
                self._taken = 0
                self._holding = []
                self._left += len(batch)
                self._bytes -= sum(size for _, size in batch)
                self._changed.notify_all()

    def _prepared(self, record: CallRecord) -> CallRecord | None:
        try:
            return self._prepare(record)
        except Exception as error:  # the user's own code: whatever it raises is told and counted
            self._reject(f"a call could not be prepared: {type(error).__name__}: {error}")
            return None

    def _write(self, records: list[CallRecord]) -> None:
        pause, longest = _PATIENCE
        failing = False
        while records:
            try:
                self._store.add(records)
            except BestOfInfError as error:
                if not isinstance(error, StoreError) or error.permanent:
                    if len(records) == 1:
                        self._reject(str(error))
                        return
                    for record in records:  # find the one that is refused
                        self._write([record])
                    return
                if not failing:
                    logger.warning("Recorded calls wait, as the store fails: %s", error)
                failing = True
                with self._lock:
                    self._last_error = str(error)
                    self._retries += 1
                    closed = self._closed
                    if not closed:
                        self._work.wait(pause)
                if closed:
                    self._give_up(records)
                    return
                pause = min(2 * pause, longest)
            else:
                with self._lock:
                    self._written += len(records)
                if failing:
                    logger.warning("%s works again; recorded calls are written", self._store.name)
                return

    def _give_up(self, records: list[CallRecord]) -> None:
        saved = 0
        if self._rescue is not None:
            path = self._rescue / f"unsaved-{uuid.uuid4().hex}.jsonl"
            try:
                saved = save_records(records, path)
            except OSError as error:
                logger.error("Recorded calls cannot be rescued to %s: %s", path, error)
            else:
                logger.warning(
                    "%d recorded calls are in %s: bestofinf import brings them into a store",
                    saved,
                    path,
                )
        with self._lock:
            self._lost += len(records) - saved

    def _reject(self, message: str) -> None:
        with self._lock:
            self._rejected += 1
            self._last_error = message
        logger.error("A recorded call could not be stored: %s", message)


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
