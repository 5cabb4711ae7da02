"""Streams that are written once, for blocking code and for event loops.

A stream is a flow, as in `client`, that also yields items for its caller. `stream` makes a generator
of it and `astream` an asynchronous one. If the caller closes the generator early, GeneratorExit is
raised in the stream, which may still yield the steps that end its work.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from bestofinf.ensemble.client import Step, do

T = TypeVar("T")


class Item(NamedTuple, Generic[T]):
    """A value for the caller of a stream."""

    value: T


Stream: TypeAlias = Generator[Step | Item[T], Any, None]
"""A generator that yields steps, whose results it is sent, and items."""


def stream(flow: Stream[T]) -> Generator[T, None, None]:
    """Run a stream in blocking code and yield its items."""
    try:
        given = next(flow)
        while True:
            done = None
            try:
                if isinstance(given, Item):
                    yield given.value
                else:
                    done = do(given)
            except BaseException as error:
                given = flow.throw(error)
            else:
                given = flow.send(done)
    except StopIteration:
        return


async def astream(flow: Stream[T]) -> AsyncGenerator[T, None]:
    """Run a stream in the running event loop and yield its items."""
    try:
        given = next(flow)
        while True:
            done = None
            try:
                if isinstance(given, Item):
                    yield given.value
                else:
                    done = await given.ado()
            except BaseException as error:
                given = flow.throw(error)
            else:
                given = flow.send(done)
    except StopIteration:
        return


class Source(Generic[T]):
    """An iterator in two forms, from which a stream takes its items.

    Args:
        do: Begins the form for blocking code.
        ado: Begins the form for the running event loop.
    """

    def __init__(self, do: Callable[[], Any], ado: Callable[[], Any]) -> None:
        self._do = do
        self._ado = ado
        self._items: Any = None

    def next(self) -> Step:
        """Return the step that gives the next item, or None at the end."""
        return Step(
            lambda: next(self._begun(self._do), None),
            lambda: anext(self._begun(self._ado), None),
        )

    def close(self) -> Step:
        """Return the step that ends the iterator, whether or not it has begun."""
        return Step(
            lambda: self._begun(self._do).close(),
            lambda: self._begun(self._ado).aclose(),
        )

    def _begun(self, begin: Callable[[], Any]) -> Any:
        if self._items is None:
            self._items = begin()
        return self._items
