"""Slots of members, held as whoever sends a request holds them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from bestofinf.drivers.limits import MemberLimits


@contextmanager
def held(limits: MemberLimits, member: int) -> Iterator[None]:
    """Hold a slot of a member in a thread, while the context is open."""
    release = limits.acquire(member)
    try:
        yield
    except BaseException as error:
        release(error)
        raise
    release()


@asynccontextmanager
async def aheld(limits: MemberLimits, member: int) -> AsyncIterator[None]:
    """Do the same in a task."""
    release = await limits.aacquire(member)
    try:
        yield
    except BaseException as error:
        release(error)
        raise
    release()
