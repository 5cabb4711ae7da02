"""Run blocking work in a daemon thread of its own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

# An event loop cannot deliver the first three to a coroutine: they would end or close it. The last is
# raised by Python in the main thread alone, so here it is no interrupt of the program.
_UNDELIVERABLE = (StopIteration, StopAsyncIteration, GeneratorExit, KeyboardInterrupt)


def in_thread(work: Callable[[], T], name: str = "bestofinf-work") -> Future[T]:
    """Start `work` in a daemon thread of its own, with the context of the caller.

    Thread pools join their threads when the interpreter or the event loop ends, so work that hangs
    would block that.
    """
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = context.run(work)
        except _UNDELIVERABLE as error:
            kind = type(error).__name__
            stopped = RuntimeError(f"{kind} was raised where a value was expected")
            stopped.__cause__ = error
            future.set_exception(stopped)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
