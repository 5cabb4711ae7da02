"""Turn JSON as Python writes it, with NaN and Infinity, into standard JSON."""

from __future__ import annotations

import re
from typing import IO

# Texts match as a whole, so that "NaN" within a text stays.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|-?Infinity|NaN')


class FiniteNumbers:
    """A file whose NaN and Infinity read as null.

    It is read by lines, because in JSON a line end never occurs within a text.

    Args:
        file: Opened for reading bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Return about `size` bytes in whole lines, all for -1; nothing at the end."""
        lines = self._file.readlines(size) if size else []
        text = b"".join(lines)
        if b"NaN" in text or b"Infinity" in text:
            return _TOKEN.sub(_finite, text)
        return text


def _finite(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else b"null"
