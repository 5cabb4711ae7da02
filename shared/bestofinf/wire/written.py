"""Lists whose JSON text is made once and shared by many bodies.

All draws of a vote send the same messages and tools. With a long conversation or with images, encoding
them again for each draw would take more CPU time than everything else in a draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bestofinf.wire.values import dumps


class Written(list[Any]):
    """A list whose JSON text is made once, when it is first sent. It must not be changed.

    Args:
        values: The items.
    """

    __slots__ = ("_data",)

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__(values)
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """The list as compact JSON."""
        if self._data is None:
            self._data = _bytes(list(self))
        return self._data

    def after(self, first: Any) -> Written:
        """Return the list with a value put before it, whose JSON text reuses this one's."""
        longer = Written([first, *self])
        if self:
            longer._data = b"[" + _bytes(first) + b"," + self.data[1:]
        return longer


def body_bytes(body: Mapping[str, Any]) -> bytes:
    """Return a body as compact JSON; lone surrogates, which UTF-8 lacks, become question marks."""
    known = {name: value for name, value in body.items() if isinstance(value, Written)}
    rest = _bytes({name: value for name, value in body.items() if name not in known})
    if not known:
        return rest
    pieces = [b"{"]
    for name, value in known.items():
        pieces += [_bytes(name), b":", value.data, b","]
    if rest == b"{}":
        pieces[-1] = b""
    return b"".join([*pieces, rest[1:]])


def _bytes(value: Any) -> bytes:
    return dumps(value).encode("utf-8", "replace")
