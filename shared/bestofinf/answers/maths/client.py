"""Asks the worker process for values of expressions, with a time-out that works everywhere.

Signals work in the main thread alone, so the limit is kept outside: the worker limits its own
CPU time, and the parent ends it by the clock where it does not answer.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import TypeAlias

_log = logging.getLogger(__name__)

Values: TypeAlias = list[str] | None
"""Digits of an expression's value; None where it has none."""

CPU_SECONDS = 1
"""CPU time for one request, rounded up to whole seconds of the worker's life: 2 at most."""

START_SECONDS = 120.0
CLOCK_SECONDS = 30.0
"""Time by the clock for one request: only for a worker that does not use its CPU time."""

_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); "
    "from bestofinf.answers.maths.worker import main; main()"
)


class MathClient:
    """One worker process, started when first needed and after each time-out. Thread-safe.

    Where no process can be started, a warning is logged once and nothing has a value: expressions
    then vote as the strings they are.
    """

    def __init__(self, *, cpu_seconds: int = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self._pid = 0
        self._broken = False

    def values(self, expressions: Sequence[str]) -> list[Values] | None:
        """Return the value of each expression; None where the worker ran out of its limits."""
        with self._lock:
            if self._broken or not (self._running() or self._start()):
                return None
            try:
                self._write(json.dumps(list(expressions)) + "\n")
                line = self._lines.get(timeout=CLOCK_SECONDS)
                found: list[Values] | None = json.loads(line) if line else None
            except (OSError, ValueError, queue.Empty):
                found = None
            except BaseException:
                self._stop()  # or the next request would be given the answer to this one
                raise
            if found is None or len(found) != len(expressions):
                self._stop()
                return None
            return found

    def close(self) -> None:
        """End the worker; the next request starts another."""
        with self._lock:
            self._stop()

    def _running(self) -> bool:
        # After a fork the pipes belong to the parent: start a worker of our own.
        return (
            self._process is not None and self._pid == os.getpid() and self._process.poll() is None
        )

    def _write(self, text: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(text)
            self._process.stdin.flush()

    def _start(self) -> bool:
        if self._pid == os.getpid():
            self._stop()
        self._pid = os.getpid()
        self._lines = queue.Queue()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, str(self._cpu_seconds), json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the parent
            )
            reader = threading.Thread(target=_read, args=(self._process, self._lines), daemon=True)
            reader.start()
            ready = self._lines.get(timeout=START_SECONDS)
        except (OSError, queue.Empty) as error:
            ready = repr(error)
        if ready != "ready\n":
            self._stop()
            self._broken = True
            _log.warning(
                "no worker for symbolic mathematics could be started with %r (%s): expressions "
                "are compared as strings",
                sys.executable,
                ready or "it ended at once",
            )
        return not self._broken

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(OSError):  # what was not yet written has no reader
                process.stdin.close()


def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    try:
        if process.stdout is not None:
            with process.stdout as stream:
                for line in stream:
                    lines.put(line)
    except (OSError, ValueError) as error:  # what it writes is no text, or the pipe was closed
        _log.debug("the worker for symbolic mathematics cannot be read: %r", error)
    finally:
        lines.put("")


_shared: MathClient | None = None
_shared_lock = threading.Lock()


def shared_client() -> MathClient:
    """Return the client that all answer types of this process share."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = MathClient()
            atexit.register(_shared.close)
        return _shared


def _after_fork() -> None:
    """Forget the parent's client: its pipes are not ours, and its lock may be held for ever."""
    global _shared, _shared_lock
    _shared, _shared_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
