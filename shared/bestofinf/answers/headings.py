"""A heading that announces the answer, which stands below it: "## Answer", "**Réponse finale**"."""

from __future__ import annotations

import re

from bestofinf.answers.languages import FINAL
from bestofinf.answers.stances import RETRACTS

MAX_BEFORE = 60
"""Characters that may stand before the noun on its line."""

LINE_END = r"(?:[ \t]\(final\))?[ \t*_#]{0,9}(?:</h[1-6]>)?(?P<line>\r?\n)"
"""What ends a line that is a heading, behind the noun."""

_BEFORE = re.compile(
    r"[ \t>]{0,3}(?:\#{1,6}|<h[1-6]>|[-*•](?=\s)|\(?\w{1,2}[.)])?[ \t]{0,3}[*_]{0,3}[^\w\n]{0,4}(?:\d{1,2}[.)][ \t])?[*_]{0,3}"
    rf"(?:(?:the|my|your|our|la|le|el|die|meine|ma|mi|{FINAL})(?:[ \t]{{1,2}}|(?<=[^\x00-\x7f]))){{0,3}}[*_]{{0,3}}",
    re.I,
)
_BEHIND = re.compile(rf"(?:[ \t]+(?:{FINAL}))?", re.I)
_UNDERLINE = re.compile(r"[ \t]{0,3}(?:-{3,}|={3,})[ \t]{0,3}\r?\n")
_DISPLAY = re.compile(
    r"[ \t]{0,3}(?:\$\$(.{1,400}?)\$\$|\\\[(.{1,400}?)\\\])[ \t.]{0,3}(?=\r?\n|\Z)", re.DOTALL
)
_FENCE = re.compile(
    r"[ \t]{0,3}```\w{0,9}[ \t]{0,3}\n([^\n`]{1,400})\n[ \t]{0,3}```[ \t]{0,3}(?=\n|\Z)"
)
_MARKS = re.compile(r"[ \t]{0,6}(?:>[ \t]?){0,2}(?:[-*•][ \t]{1,3})?")
_HEADS = re.compile(r"[ \t>]{0,3}(?:\#|[*_]{2}|---|===|<)|[^\n]{1,60}:[*_]{0,2}$")
_ITEM = re.compile(r"[ \t>]{0,6}(?:[-*•]|\(?\w{1,2}[.)])[ \t]")
_LEADS_ON = re.compile(
    r"(?:here|let(?:['’]s)?|see|below|above|first|first,|we|i|i['’]ll|to|as|in|this|these|there)\s|(?:voici|voyons|siehe|hier|veamos|vedi)\s",
    re.I,
)
"""What begins a text and no answer, where no number stands in it."""

_RIVAL = re.compile(
    r"[\W\d_]{0,9}(?:other|another|alternative|second)\s+(?:possible\s+)?(?:answer|solution|option)",
    re.I,
)
_FEW_WORDS = 3


def is_heading(text: str, start: int, words: str = "") -> bool:
    """Return whether the line of a noun for the answer is a heading of the speaker's own answer.

    "Wrong answer", "Answer key" and "Previous answer" are none.

    Args:
        text: The reply.
        start: Where the noun begins.
        words: What stands behind the noun on its line.
    """
    begin = text.rfind("\n", max(0, start - MAX_BEFORE - 1), start) + 1
    if start - begin > MAX_BEFORE or (begin == 0 and start > MAX_BEFORE):
        return False
    return bool(_BEFORE.fullmatch(text, begin, start) and _BEHIND.fullmatch(words.rstrip("*_")))


def under(text: str) -> str | None:
    """Return the one line that stands under a heading, or one display or fence; None for more.

    Args:
        text: What follows the line of the heading.
    """
    if line := _UNDERLINE.match(text):
        text = text[line.end() :]
    text = text.lstrip("\r\n")
    if found := _DISPLAY.match(text) or _FENCE.match(text):
        said, rest = next(part for part in found.groups() if part), text[found.end() :]
        said = said if "\n" not in said.strip() else ""
    else:
        said, _, rest = text.partition("\n")
        if _HEADS.match(said) and not _is_bold(said):
            return None
        following = rest.partition("\n")[0]
        if following.strip() and not _HEADS.match(following):
            return None  # a longer paragraph, or a list
        said = _MARKS.sub("", said, count=1)
    said = said.strip()
    following = rest.strip().partition("\n")[0]
    if _RIVAL.match(following):
        return None
    if not said or RETRACTS.match(following) or "?" in said or said.endswith(("？", ":", "：")):
        return None
    if _LEADS_ON.match(said) and not any(map(str.isdigit, said)):
        return None
    if following and not _HEADS.match(following) and len(following.split()) <= _FEW_WORDS:
        return None  # another one, a blank line below
    return said


def _is_bold(line: str) -> bool:
    bare = line.strip().rstrip(".")
    return len(bare) > 4 and bare[:2] in ("**", "__") and bare[-2:] == bare[:2] and bare[-3] != ":"
