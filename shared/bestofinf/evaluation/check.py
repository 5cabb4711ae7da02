"""Check an answer type on recorded replies: what it reads, what it loses, what it merges."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bestofinf.answers.base import Answer
from bestofinf.answers.named import AnswerLike
from bestofinf.evaluation.canonical import recorded_answer
from bestofinf.evaluation.equivalence import RecordedClasses, value_of, vote_of
from bestofinf.evaluation.identity import answer_text
from bestofinf.evaluation.logs.report import LogReport
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.evaluation.streaming import holds_replies, streamed
from bestofinf.records import Reply

SHORT = 200
"""Replies up to this many characters are compared by their text, longer ones by their answer."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reply and its answer.

    Attributes:
        question: Id of the question.
        member: Name of the member.
        sample: Position among the member's samples of the question, from 0.
        answer: The vote, as the representative of its class; None if it abstains.
        reason: Why there is no answer; "" if there is one.
        text: The reply.
    """

    question: str
    member: str
    sample: int
    answer: str | None
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Merge:
    """Replies that look different and count as one vote.

    Attributes:
        question: Id of the question.
        answer: Their common vote.
        texts: Number of replies by text; for long replies, by the answer taken from them.
    """

    question: str
    answer: str
    texts: Mapping[str, int]


@dataclass(frozen=True)
class AnswerCheck:
    """What an answer type reads, loses and merges.

    Attributes:
        answer: Name of the answer type.
        texts: Number of replies.
        readings: Every reply, or only those without an answer.
        merges: Replies that look different and count as one vote, by question.
    """

    answer: str
    texts: int
    readings: tuple[Reading, ...] = field(repr=False)
    merges: tuple[Merge, ...] = field(repr=False)

    @property
    def lost(self) -> list[Reading]:
        """The replies without an answer."""
        return [reading for reading in self.readings if reading.answer is None]

    @property
    def n_read(self) -> int:
        """Number of replies with an answer."""
        return self.texts - len(self.lost)

    def to_json(self) -> dict[str, Any]:
        """Return plain values with the keys of the command line."""
        lost = self.lost
        return {
            "answer": self.answer,
            "texts": self.texts,
            "read": self.n_read,
            "without_answer": len(lost),
            "reasons": dict(Counter(reading.reason for reading in lost).most_common()),
            "members": dict(Counter(reading.member for reading in lost).most_common()),
            "lost": [asdict(reading) for reading in lost],
            "merges": [asdict(merge) for merge in self.merges],
        }


def check_answers(
    paths: str | Path | Iterable[str | Path] | EvaluationSet,
    answer: AnswerLike | None = None,
    *,
    everything: bool = True,
    told: Callable[[LogReport], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> AnswerCheck:
    """Read recorded replies by an answer type and report what was read, lost and merged.

    Logs, a single store and a single file are read question by question, to save memory.

    Args:
        paths: Paths as for `bestofinf.evaluation.read`, or a set. Of a store, replies whose texts
            are stored are read again; of others the stored answers are used.
        answer: An answer type or its name. None: ``auto`` if there are whole replies, else
            ``text``.
        everything: Keep every reply in the result; False keeps only those without an answer, for
            inputs that are larger than memory.
        told: Called with a report of the logs that were read, if there are any.
        progress: Called after each question with the number done and the total.
    """
    if isinstance(paths, EvaluationSet):
        if answer is None:
            answer = _usual(any(s.replies for q in paths for s in q.samples.values()))
        return _check(paths, len(paths), answer, everything, progress)
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    if answer is None:
        answer = _usual(holds_replies(several))
    with streamed(several, told=told) as (questions, number):
        return _check(questions, number, answer, everything, progress)


def _usual(replies: bool) -> str:
    return "auto" if replies else "text"


def _check(
    questions: Iterable[Question],
    number: int,
    answer: AnswerLike,
    everything: bool,
    progress: Callable[[int, int], None] | None,
) -> AnswerCheck:
    kind = recorded_answer(answer)
    texts, readings, merges = 0, list[Reading](), list[Merge]()
    for done, question in enumerate(questions, 1):
        own, merged = _checked(question, kind)
        texts += len(own)
        readings += own if everything else [one for one in own if one.answer is None]
        merges += merged
        if progress is not None:
            progress(done, number)
    name = answer if isinstance(answer, str) else type(kind).__name__
    return AnswerCheck(name, texts, tuple(readings), tuple(merges))


def _checked(question: Question, answer: Answer) -> tuple[list[Reading], list[Merge]]:
    if question.prompt is not None:
        answer = answer.for_question(question.prompt)
    classes = RecordedClasses(answer, values=True)
    readings: list[Reading] = []
    said: dict[str, Counter[str]] = {}
    for name, samples in question.samples.items():
        for place, text in enumerate(samples.answers):
            reply = samples.replies[place] if samples.replies else None
            recorded = reply if reply is not None else text
            if recorded is None:
                continue
            tokens = samples.tokens[place] if samples.tokens else None
            found, reason = classes.place(recorded, tokens=tokens)
            words = recorded if isinstance(recorded, str) else recorded.text
            readings.append(Reading(question.id, name, place, found, reason, words))
            if found is not None:
                looks = said.setdefault(found, Counter())
                looks[_look(recorded, answer, tokens)] += 1
    merges = [
        Merge(question.id, found, dict(looks.most_common()))
        for found, looks in said.items()
        if len({_plain(look) for look in looks}) > 1
    ]
    return readings, merges


def _look(recorded: str | Reply, answer: Answer, tokens: int | None) -> str:
    """Return the text by which a reply is compared: a short reply itself, else its answer."""
    text = recorded if isinstance(recorded, str) else recorded.text
    if text and len(text) <= SHORT and "\n" not in text.strip():
        return text.strip()
    if isinstance(recorded, str):
        value, _ = value_of(recorded, answer)
    else:
        value, _ = vote_of(recorded, answer, tokens=tokens)
    return answer_text(value) or ""


def _plain(text: str) -> str:
    """Return a text without differences that nobody cares about."""
    kept = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(kept.replace("$", "").split()).strip(" .!\"'`*")
