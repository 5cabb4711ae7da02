"""What many bodies have in common is written as JSON once.

All draws of a vote send the same messages and tools. With a long conversation, or with images, to
write them anew for each would take more of the processor than all the rest of a draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bestofinf.wire.values import dumps


class Written(list[Any]):
    """A list whose JSON text is made once, when it is first sent. It is not to be changed.

    Args:
        values: What it holds.
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
        """Return the list with a value put before it, whose text is made of this one's."""
        longer = Written([first, *self])
        if self:
            longer._data = b"[" + _bytes(first) + b"," + self.data[1:]
        return longer


def body_bytes(body: Mapping[str, Any]) -> bytes:
    """Return a body as compact JSON; half a surrogate, which UTF-8 lacks, becomes a question mark."""
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
