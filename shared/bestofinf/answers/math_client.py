"""Asks the worker process for values of expressions, with a time-out that works everywhere.

Signals work in the main thread alone, so the limit is kept outside: the worker limits its own
CPU time, and the parent ends it by the clock where it does not answer.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import TypeAlias

from bestofinf.errors import BestOfInfError

Values: TypeAlias = list[str] | None
"""Digits of an expression's value; None where it has none."""

CPU_SECONDS = 1
"""CPU time for one request, rounded up to whole seconds of the worker's life: 2 at most."""

START_SECONDS = 120.0
CLOCK_SECONDS = 30.0
"""Time by the clock for one request: only for a worker that does not use its CPU time."""

_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); "
    "from bestofinf.answers.math_worker import main; main()"
)


class MathClient:
    """One worker process, started when first needed and after each time-out. Thread-safe."""

    def __init__(self, *, cpu_seconds: int = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self._pid = 0

    def values(self, expressions: Sequence[str]) -> list[Values] | None:
        """Return the value of each expression; None where the worker ran out of its limits."""
        with self._lock:
            if not self._running():
                self._start()
            try:
                assert self._process is not None
                assert self._process.stdin is not None
                self._process.stdin.write(json.dumps(list(expressions)) + "\n")
                self._process.stdin.flush()
                line = self._lines.get(timeout=CLOCK_SECONDS)
            except (OSError, queue.Empty):
                line = ""
            if not line:
                self._stop()
                return None
            found: list[Values] = json.loads(line)
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

    def _start(self) -> None:
        if self._pid == os.getpid():
            self._stop()
        self._pid = os.getpid()
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, str(self._cpu_seconds), json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        threading.Thread(
            target=_read, args=(self._process, self._lines), name="bestofinf-math", daemon=True
        ).start()
        try:
            ready = self._lines.get(timeout=START_SECONDS)
        except queue.Empty:
            ready = ""
        if ready != "ready\n":
            self._stop()
            raise BestOfInfError(
                f"the worker for symbolic mathematics did not start with {sys.executable!r}"
            )

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            try:
                if stream is not None and not stream.closed and stream is process.stdin:
                    stream.close()
            except OSError:
                pass  # the pipe broke when the worker ended


def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        for line in stream:
            lines.put(line)
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
