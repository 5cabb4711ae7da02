"""How the last line of a reply shows its answer where no sentence announces it.

By a label of its own ("Ans. 42", "| Answer | 42 |", "[ANSWER] 42", "Answer → 42"), by a tag, after a
question of the same reply ("Q: ... A: 42"), or set apart from the text before it: behind "∴" or an
arrow, in bold, in a quotation or in a fence.
"""

from __future__ import annotations

import re

from bestofinf.answers.endings import bare
from bestofinf.answers.languages import FINAL, LANGUAGES, NEGATION, RESULTS
from bestofinf.answers.stances import TAKEN_BACK

MAX_HEADING = 60
MAX_LINE = 300
"""Characters that a last line has at most to show an answer."""

WINDOW = 2_000
"""Questions are looked for in this many characters before the last line."""

_ANSWERS = "|".join(
    sorted(
        {n for language in LANGUAGES.values() for n in language.answer.split("|") if n}, key=len
    )[::-1]
)
_OWN = rf"(?:(?:the|my|our|your|{FINAL})[ _]{{1,2}}){{0,3}}"
_SURE = rf"{_OWN}(?:answer|ans|{_ANSWERS})"
_RESULT = rf"{_OWN}(?:{RESULTS})"
_LABEL = re.compile(
    rf"[\s>*_#•(-]{{0,8}}(?:(?P<sure>{_SURE})|{_RESULT}|final)(?:[ \t]+(?:{FINAL}))?"
    r"[*_\s]{0,4}(?:[:：=→⇒]>?|->|\s—(?=\s)|\s[-–](?=\s+[^\s\d.$€£¥√\\]))[*_\s]{0,6}(?P<said>\S.*)",
    re.I,
)
_HEADING = re.compile(rf"[\s>*_#•-]{{0,9}}{_RESULT}(?:[ \t]+(?:{FINAL}))?[\s*_:：#]{{0,6}}", re.I)
_UNDERLINE = re.compile(r"\s{0,3}(?:-{3,}|={3,})\s{0,3}")
_BRACKETED = re.compile(
    rf"[\s*]{{0,4}}\[(?:{_SURE})\][\s:*]{{0,4}}(?P<said>[^\s\[][^\[]*)(?:\[/(?:{_SURE})\])?[\s*]{{0,4}}"
    rf"|\[(?:{_SURE})\s?[:：]\s?(?P<within>[^\[\]]+)\]",
    re.I,
)
_SHORTENED = re.compile(r"[\s>*_#•(-]{0,8}ans\.[*_\s]{0,6}(?P<said>\S.*)", re.I)
# Every labelled line has one of these signs early; most lines have none and are read no further.
_MAY_LABEL = re.compile(r"[^\n:：=→⇒—–|>\[-]{0,48}[:：=→⇒—–|>\[-]")
_CELLS = re.compile(
    rf"\s{{0,3}}\|[\s*_]{{0,6}}(?:(?P<sure>{_SURE})|{_RESULT})[\s*_:：]{{0,6}}\|(?P<said>[^|]+)\|?\s{{0,3}}",
    re.I,
)
_TAGGED = re.compile(
    r"<(?P<tag>final|result|ans|output|choice|solution|response)>\s{0,9}(?P<said>[^<>\n]{1,300})</(?P=tag)>\s{0,9}"
)
_REPLY = re.compile(r"[\s*_]{0,4}A[*_]{0,2}[:：][*_\s]{0,4}(?P<said>\S.*)")
_QUESTION = re.compile(r"^[\s*_]{0,4}(?:Q|Question)[*_]{0,2}\s?[:：]", re.M)
_SIGNED = re.compile(
    r"[\s*]{0,4}(?:\$?\s?\\(?:therefore|implies|Rightarrow)(?![A-Za-z])\s?(?:\\[;,:]\s?)?|∴|⇒|⟹|=>|->|→|➡|=|✅|✔|☑|👉|🎯)"
    r"(?P<said>\s{0,4}[^\s=].*)"
)
_WHOLE = re.compile(
    r"\s{0,3}(?:\*\*\*?(?P<bold>[^*\n]{1,200})\*\*\*?|__(?P<under>[^_\n]{1,200})__|`(?P<code>[^`\n]{1,200})`)[\s.]{0,3}"
)
_QUOTED = re.compile(r"\s{0,3}>\s?(?P<said>[^>\s].*)")
_FENCED = re.compile(
    r"```(?:text|txt|plaintext|plain|latex|tex|math)?[ \t]{0,3}\n(?P<said>[^`\n]{1,300})\n\s{0,3}```\s{0,9}"
)
_DENIED = re.compile(r"[\W_]*(?:not|n't|unclear|unknown|uncertain|wrong|incorrect)\b", re.I)
_ASIDE = re.compile(
    r"(?<!\w)(?:eliminat\w*|former|earlier|old|past|discard\w*|reject\w*|exclud\w*|ruled|options|choices|candidates?|possib\w*|examples?|e\.g|instead"
    r"|beispiele?|exemples?|ejemplos?)(?!\w)"
)
_PREDICATE = re.compile(
    r"(?<!\w)(?:is|are|was|were|has|have|too|which|ist|sind|est|sont|es|son|impossible|absurd|contradict\w*|false|fails?|if|when)(?!\w)"
    r"|[,;]\s+[^\W\d_]{3}"
)
_SHORTEST = 4  # "A: 4"
_ENDS = ("?", "？", "؟", ":", "：", ",", ";", "!")
_SIGNS = frozenset("∴⇒⟹=→➡-✅✔☑👉🎯\\$*")
_STEPS = frozenset("∴⇒⟹=\\$")
"""Signs of steps that follow from one another; the others may begin the items of a list."""

_QUOTES = frozenset(">`_*")


def labelled(text: str) -> str | None:
    r"""Return what the last line says behind a label that names it the answer; None without.

    >>> labelled("We add.\nAns. 42"), labelled("Q: 6 x 7?\nA: 42"), labelled("Wrong answer - 41")
    ('42', '42', None)
    """
    begin, line = _last_line(text)
    if len(line) < _SHORTEST:
        return None
    if (found := _SHORTENED.match(line)) is not None:
        return _told(found["said"])
    if _MAY_LABEL.match(line) is None:
        return None
    if line[-1] == ">" and (found := _TAGGED.search(line)) and found.end() == len(line):
        return _told(found["said"])
    for form in (_LABEL, _CELLS):
        if (found := form.match(line)) and found["sure"] and found.end() == len(line):
            return _told(found["said"])
    if "[" in line[:5] and (found := _BRACKETED.fullmatch(line)):
        return _told(found["said"] or found["within"])
    if (found := _REPLY.match(line)) and _QUESTION.search(text, max(0, begin - WINDOW), begin):
        return _told(found["said"])
    return None


def set_apart(text: str) -> str | None:
    r"""Return what the last line shows as what comes out; None where it shows nothing.

    For who knows which answers there are: of a text it may also be a heading, a motto or a
    quotation.

    >>> set_apart("We add.\n\n∴ 42"), set_apart("We add.\n\nResult: 42"), set_apart("We add.\n42")
    ('42', '42', None)
    """
    if "\n" not in text:
        return None
    begin, line = _last_line(text)
    if not line or not begin:
        return None
    if line.endswith("```"):
        start = text.rfind("```", 0, max(0, begin - 1))
        found = _FENCED.fullmatch(text, start) if start > 0 else None
        return _introduced(text, start, found["said"]) if found and text.count("```") == 2 else None
    if _MAY_LABEL.match(line) and (found := _LABEL.match(line) or _CELLS.fullmatch(line)):
        return _told(found["said"])
    first = line.lstrip()[:1]
    before = _line_before(text, begin)
    if len(before) <= MAX_HEADING and _HEADING.fullmatch(before):
        return _told(line)
    if first in _QUOTES and (said := _quoted(text, begin, line, before)) is not None:
        return said
    if first in _SIGNS and (found := _SIGNED.match(line)) and not _PREDICATE.search(found["said"]):
        listed = before.lstrip()[:1] == first and first not in _STEPS
        return None if listed else _introduced(text, begin, found["said"])
    return None


def _quoted(text: str, begin: int, line: str, before: str) -> str | None:
    """Return the whole of a line in bold, as code or in a quotation, not one of several."""
    if (found := _WHOLE.fullmatch(line)) is not None:
        said = found["bold"] or found["under"] or found["code"]
        return None if _WHOLE.fullmatch(before) else _introduced(text, begin, said)
    if (found := _QUOTED.fullmatch(line)) is not None and not before.lstrip().startswith(">"):
        return _introduced(text, begin, found["said"])
    return None


def _last_line(text: str) -> tuple[int, str]:
    """Return where the last line begins, and the line; an empty one where it is too long."""
    end = len(text.rstrip())
    begin = text.rfind("\n", max(0, end - MAX_LINE - 1), end) + 1
    if end - begin > MAX_LINE:
        return 0, ""
    return begin, text[begin:end]


def _line_before(text: str, place: int) -> str:
    """Return the last line before a place that is neither blank nor underlines another."""
    lines = text[max(0, place - MAX_LINE) : place].rstrip().splitlines()
    while lines and (not lines[-1].strip() or _UNDERLINE.fullmatch(lines[-1])):
        lines.pop()
    return lines[-1] if lines else ""


def _introduced(text: str, place: int, said: str) -> str | None:
    """Return what is said, unless the line before denies it or heads what is wrong or an example."""
    before = _line_before(text, place)
    if is_opposed(before, NEGATION):
        return None
    if said.strip() in before and (TAKEN_BACK.search(before) or NEGATION.search(before.lower())):
        return None  # "41 is not the product."
    return _told(said)


def is_opposed(line: str, denies: re.Pattern[str]) -> bool:
    """Return whether a line heads what follows it as wrong, put aside or only possible."""
    line = line.strip().rstrip(" *_")
    if not (line.endswith((":", "：")) or line.startswith(("#", "**")) or _UNDERLINE.match(line)):
        return False
    lower = line.lower()
    return bool(TAKEN_BACK.search(line) or denies.search(lower) or _ASIDE.search(lower))


def _told(said: str) -> str | None:
    said = bare(said.strip().strip("*_ ")).strip()
    if len(said) > 1 and said[0] == said[-1] and said[0] in "\"'":
        said = said[1:-1]
    if not said or said.endswith(_ENDS) or _DENIED.match(said):
        return None
    return said
