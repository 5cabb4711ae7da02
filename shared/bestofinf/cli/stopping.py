"""Signals that end a command after what is in flight, so that nothing paid for is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


@contextmanager
def stopping(say: Callable[[str], object]) -> Iterator[asyncio.Event]:
    """Give an event that the first Ctrl-C or SIGTERM sets; a second one ends the program.

    A terminal that closes (SIGHUP) sets it too. Shells send that again, which then does nothing,
    until the program has ended. Under `nohup` it is ignored.

    Args:
        say: Told what happens now.
    """
    import asyncio

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) == signal.SIG_IGN:
        hangup = None

    def interrupted() -> None:
        stop.set()
        ended(signal.SIGINT, signal.SIGTERM)
        say(
            "stopping: waiting for what is in flight, then the answers so far are written "
            "(Ctrl-C again does not wait)"
        )

    # On Windows and outside the main thread there are no such handlers: Python's own stay.
    def ended(*numbers: int) -> None:
        for number in numbers:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)

    def left(number: int) -> None:
        stop.set()
        ended(number)
        signal.signal(number, signal.SIG_IGN)

    handlers: dict[int, Callable[[], None]] = {
        signal.SIGINT: interrupted,
        signal.SIGTERM: interrupted,
    }
    if hangup is not None:
        handlers[hangup] = partial(left, hangup)
    for number, handler in handlers.items():
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, handler)
    try:
        yield stop
    finally:
        ended(*handlers)
