"""Where in a reply the answer stands: after a mark that announces it, the last one given."""

from __future__ import annotations

import re

from bestofinf.answers.latex import last_box

WINDOW = 20_000
"""Marks other than a box are looked for in this many characters at the end of a reply."""

MAX_SPAN = 600
"""Characters after a mark that can belong to the answer."""

_MARK = re.compile(
    r"\b(?:answer|(?:correct|right|best|final|my)\s+(?:option|choice))\b"
    r"(?:\s+(?:here|choice|option|to\s+(?:the|this)\s+(?:question|problem)))?"
    r"[*_ ]{0,4}(?:\s*(?:is|are|was|would\s+be|should\s+be)\b\s*:?|\s*[:=])[*_]{0,2}"
    r"|^[ \t]*\#{4}(?!\#)"
    r"|<answer>",
    re.I | re.M,
)
_KEYS = ("answer", "option", "choice", "####")
"""One of these stands in every mark; looking for them first is many times quicker."""

_BEFORE_KEY = 40
_CLOSING = re.compile(r"</answer>", re.I)
_DISPLAY = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]", re.DOTALL)
# The sentence ends, or goes on with something that is no longer the answer. Only a comma tells
# "Paris, not Lyon" from "that he is not guilty".
_END = re.compile(
    r"\n|[.?](?=[*_\"')\]]{0,3}\s)|(?<=[^\W\d_]{2})!(?=\s)|;\s+(?=[^\W\d_]{3})|\s[—–]\s(?=[^\W\d_]{3})"
    r"|,?\s+(?:because|since|based\s+on|according\s+to|given\s+that|due\s+to)\s"
    r"|,\s+(?:as|so|which|where|but|(?:and\s+)?(?:not|therefore|thus|hence))\s",
    re.I,
)
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|vs|No|approx|ca)$")
_INITIAL = re.compile(r"\.\s*[A-Z]\.")
_DENIED = re.compile(r"(?:not|n't|unclear|unknown|uncertain|wrong|incorrect)\b", re.I)
_REMARK = re.compile(r"(?:correct|right|yet|clear|obvious)\b", re.I)
_HEDGE = re.compile(
    r"(?:as\s+follows:?|probably|likely|most\s+likely|therefore|thus|simply|just|indeed|actually|option|choice)\s+",
    re.I,
)
_FENCE = re.compile(r"```(?:json|JSON)?[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL)


def announced(text: str) -> str | None:
    """Return what the last announcement says the answer is; None where nothing is announced.

    Announcements are "the answer is ...", "Answer: ...", ``#### ...`` and ``<answer>`` tags.
    What follows is cut where the sentence ends. Empty where the last announcement denies, as
    "the answer is not ...", or nothing that is whole follows any.
    """
    tail = text[-WINDOW:]
    lower = tail.lower()
    hits = [place for key in _KEYS if (place := lower.find(key)) >= 0]
    if not hits:
        return None
    # A few letters change their number when made small.
    start = max(0, min(hits) - _BEFORE_KEY) if len(lower) == len(tail) else 0
    found: str | None = None
    for mark in _MARK.finditer(tail, start):
        rest = tail[mark.end() : mark.end() + MAX_SPAN]
        if mark[0][0] == "<":
            closing = _CLOSING.search(rest)
            span = rest[: closing.start()].strip() if closing else ""
        else:
            span = _first_sentence(rest)
        if not span or _REMARK.match(span):
            found = found or ""
        else:
            found = "" if _DENIED.match(span) else span
    return found


def boxed_or_announced(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{}``, else what is announced, else None."""
    box = last_box(text)
    return box if box is not None else announced(text)


def is_marked(text: str) -> bool:
    """Return whether a text announces an answer or holds a box, rather than being an answer."""
    return bool(_MARK.search(text)) or "\\boxed" in text or "\\fbox" in text


def fenced(text: str) -> str | None:
    """Return the content of the last fenced block of JSON in a reply; None without one."""
    blocks = _FENCE.findall(text[-WINDOW * 5 :]) if "```" in text else []
    return blocks[-1] if blocks else None


def _first_sentence(rest: str) -> str:
    # Marks and blank lines may stand before the answer, as in "**Answer:**\n\n42".
    rest = rest.lstrip(" \t\r\n:*_")
    if display := _DISPLAY.match(rest):
        return (display[1] or display[2]).strip()
    for end in _END.finditer(rest):
        before = rest[: end.start()]
        # "J. K. Rowling" and "St. Helena" go on; "The answer is C. It ..." ends.
        initial = len(before) > 1 or _INITIAL.match(rest, end.start())
        abbreviated = rest[end.start()] == "." and _ABBREVIATION.search(before[-8:])
        if (initial and abbreviated) or not _is_whole(before):
            continue
        rest = before
        break
    rest = rest.strip().rstrip(".").rstrip(" *_")
    rest = _HEDGE.sub("", rest, count=1) if _HEDGE.match(rest) else rest
    return rest if _is_whole(rest) else ""


def _is_whole(text: str) -> bool:
    """Return whether no notation is cut through: half a matrix equals another's half."""
    dollars = text.count("$") - text.count("\\$")
    return (
        text.count("{") == text.count("}")
        and text.count("\\begin{") == text.count("\\end{")
        and (dollars % 2 == 0 or re.match(r"-?\$\s?\d", text) is not None)
    )
