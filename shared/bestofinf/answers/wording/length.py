"""How long a short reply may be."""

from __future__ import annotations

import re

MAX_CHARS = 400
MAX_WORDS = 28
"""A reply with more words is free text."""

_WORDS = re.compile(r"[^\W\u3040-\u30ff\u3400-\u9fff]+|[\u3040-\u30ff\u3400-\u9fff]{1,2}")


def is_long(text: str) -> bool:
    """Return whether a text has more words than a short reply; of signs, two are one."""
    if len(text) > MAX_CHARS:
        return True
    return sum(1 for _ in _WORDS.finditer(text)) > MAX_WORDS
