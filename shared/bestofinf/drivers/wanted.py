"""Context variables that tell the code below a driver about the vote that a request belongs to.

A driver sets them for each draw; limits on members, and votes within votes, read them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from bestofinf.errors import SamplingError


def _always() -> bool:
    return True


wanted: ContextVar[Callable[[], bool]] = ContextVar("bestofinf_wanted", default=_always)
"""Returns whether the vote still waits for the draw of this thread; if not, it must not send."""


failing: ContextVar[Callable[[BaseException], None]] = ContextVar(
    "bestofinf_failing", default=lambda error: None
)
"""Called with every error of a request, also if the request is sent again."""


arrived: ContextVar[Callable[[], None]] = ContextVar("bestofinf_arrived", default=lambda: None)
"""Called when the reply of a draw has arrived. It is paid for, so the time-out of its request is over:
what follows, such as scoring, has limits of its own."""


class GivenUpError(SamplingError):
    """A draw was given up before a request was sent, for no fault of the member."""


def is_wanted() -> bool:
    """Return whether the vote still waits for the draw of this context."""
    return wanted.get()()


def is_bound() -> bool:
    """Return whether this context belongs to a draw that can be given up."""
    return wanted.get() is not _always


def check_wanted() -> None:
    """Raise an error if the vote no longer waits for the draw of this context.

    Raises:
        GivenUpError: If it does not.
    """
    if not is_wanted():
        raise GivenUpError("given up before anything was sent")


class Idle:
    """The draws of a batch without a request in flight: they pause before a try or wait for a slot.

    A batch that stops does not wait for them.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._over = False

    def end(self) -> None:
        """Cancel all of them, and every draw that becomes idle from now on."""
        self._over = True
        for task in self._tasks:
            task.cancel()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note that the running task has nothing in flight while the context is open."""
        task = asyncio.current_task()
        assert task is not None, "only tasks pause"
        if self._over:
            task.cancel()
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)


idlers: ContextVar[Idle | None] = ContextVar("bestofinf_idlers", default=None)
"""Where the draws of a batch record that they have no request in flight."""


async def pause(seconds: float) -> None:
    """Sleep, recorded as having no request in flight."""
    with idle():
        await asyncio.sleep(seconds)


@contextmanager
def idle() -> Iterator[None]:
    """Note that the running task has nothing in flight while the context is open."""
    noted = idlers.get()
    if noted is None:
        yield
    else:
        with noted.noted():
            yield
