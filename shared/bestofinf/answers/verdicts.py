"""The verdict or score of an evaluator's reply, whatever reasons stand beside it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from bestofinf.answers.base import CUT_OFF_NOTE, Abstain, Answer
from bestofinf.answers.canonical_json import parse_json
from bestofinf.answers.numbers import number_form
from bestofinf.answers.scores import score_in
from bestofinf.answers.structured import object_form, object_in_prose
from bestofinf.border import CUT_OFF
from bestofinf.records import AnswerValue, Reply

_VERDICTS = {
    "yes": "yes", "no": "no", "true": "yes", "false": "no", "pass": "yes", "passed": "yes",
    "passing": "yes", "fail": "no", "failed": "no", "failing": "no",
}  # fmt: skip
_WORD = re.compile(r"[\s*_`#>\"'\[(]{0,9}([A-Za-z]{2,7})\b")
_LABEL = re.compile(
    r"(?<!\w)(?:verdict|result|judge?ment|answer|decision)[\"'*_\]]{0,4}\s*[:=][\"'*_\s]{0,5}([A-Za-z]{2,7})\b",
    re.I,
)
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_REASON_WORDS = 4
"""A text of so many words within an object is a reason, not a verdict."""


class ScoreAnswer(Answer):
    r"""The score or verdict of an evaluator; its reasons do not vote.

    The first of these that applies: the score as `auto` reads it (a number alone in the first line,
    ``[[8]]``, ``[RESULT] 3``, ``Score: 4``); an object with one value beside its reasons, as
    ``{"passing": true, "feedback": "..."}``; a verdict (yes, no, true, false, pass, fail) as the first
    word or after a label. Everything else abstains.

    >>> answer = ScoreAnswer()
    >>> said = "4.0\nWell put.", "YES, it is in there.", '{"passing": true, "feedback": "The second line says so."}'
    >>> [answer.vote(Reply(text=text))[0] for text in said]
    ['4', 'yes', 'yes']
    """

    expected = True

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the score in the one spelling of its number, or the verdict as yes or no."""
        if reply.refusal:
            raise Abstain("refused")
        text = reply.text
        found = _number(text) or _in_object(object_form(reply)) or score_in(text)
        found = found or _in_object(object_in_prose(text))
        if found is None and reply.finish_reason == CUT_OFF:
            raise Abstain(CUT_OFF_NOTE)
        found = found or _verdict(text)
        if found is None:
            raise Abstain("no score")
        return found

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of a recorded score."""
        return _number(text) or super().canonical(text)


def _in_object(form: str | None) -> str | None:
    """Return the one value of an object that is no reason."""
    found = parse_json(form) if form is not None else None
    if not isinstance(found, dict):
        return None
    values = [value for value in found.values() if not _is_reason(value)]
    return _value(values[0]) if len(values) == 1 else None


def _is_reason(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip() or len(value.split()) >= _REASON_WORDS
    return value is None


def _value(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return number_form(str(value))
    if isinstance(value, str):
        word = value.strip().lower()
        return _VERDICTS.get(word) or _number(word) or word
    return None


def _number(text: str) -> str | None:
    return number_form(text.strip()) if _NUMBER.fullmatch(text.strip()) else None


def _verdict(text: str) -> str | None:
    first = _WORD.match(text)
    if first and first[1].lower() in _VERDICTS:
        return _VERDICTS[first[1].lower()]
    found = {_VERDICTS.get(word.lower()) for word in _LABEL.findall(text[-20_000:])} - {None}
    return found.pop() if len(found) == 1 else None
