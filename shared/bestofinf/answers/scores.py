"""The score that an evaluator gives, whose reasons no two replies word alike."""

from __future__ import annotations

import re

from bestofinf.answers.arguments import is_telling
from bestofinf.answers.canonical_json import parse_json
from bestofinf.answers.numbers import number_form

WINDOW = 20_000
"""Longer replies give no score."""

_NUMBER = r"-?\d{1,4}(?:[.,]\d{1,4})?"
_OF = r"(?:\s*/\s*\d{1,4}|\s+(?:out\s+)?of\s+\d{1,4})?"
_LINE = re.compile(rf"[\s*_`#>\"']{{0,9}}({_NUMBER}){_OF}[\s*_`\"'.]{{0,9}}")
_FORMS = (
    re.compile(rf"\[\[\s*({_NUMBER}|[A-Z])\s*\]\]"),
    re.compile(rf"\[RESULT\]\s*[\(\[*]{{0,3}}({_NUMBER})(?![\w%])"),
    re.compile(
        rf"(?<!\w)(?:score|rating|grade)[\"'*_]{{0,4}}\s*(?:is|[:=])[\"'*_\s]{{0,5}}({_NUMBER})"
        rf"(?=(?:{_OF})[\"'*_}}\])]{{0,3}}\s*(?:$|[.;,}}](?!\s*\d)|[-–—]\s+[^\W\d]|because|since|stars?|points?|\())",
        re.I | re.M,
    ),
)
_KEYS = ("score", "rating", "grade")


def score_in(text: str) -> str | None:
    r"""Return the score of a reply in the one spelling of its number; None where it gives none.

    The number that is all of the first line, where reasons follow; else ``[[8]]`` (or the letter of
    a verdict), ``[RESULT] 3``, ``Score: 4``. Two that differ are none, and no number is taken
    from running text. What a score is out of is left out.

    >>> [score_in(t) for t in ("4.0\nWell put.", "It is good. [[8]]", "Score: 4/5", "Score: 3-2")]
    ['4', '8', '4', None]
    """
    if len(text) > WINDOW:
        return None
    first, _, rest = text.strip().partition("\n")
    if (line := _LINE.fullmatch(first)) and re.search(r"[^\W\d_]{2}", rest):
        following = next((part for part in rest.splitlines() if part.strip()), "")
        return None if _LINE.fullmatch(following) else _form(line[1])
    for form in _FORMS:
        if found := {_form(score) for score in form.findall(text)}:
            return found.pop() if len(found) == 1 else None
    return None


def score_of(form: str) -> str | None:
    """Return the score of a canonical JSON object that holds besides only reasons; None without."""
    if len(form) > WINDOW or not any(f'"{key}":' in form for key in _KEYS):
        return None
    value = parse_json(form)
    if not isinstance(value, dict):
        return None
    scores = [key for key in value if key in _KEYS]
    reasons = [key for key, part in value.items() if isinstance(part, str) and is_telling(key)]
    if len(scores) != 1 or not reasons or len(reasons) + 1 != len(value):
        return None
    return _form(str(value[scores[0]])) if re.fullmatch(_NUMBER, str(value[scores[0]])) else None


def _form(score: str) -> str:
    return number_form(score.replace(",", ".")) or score
