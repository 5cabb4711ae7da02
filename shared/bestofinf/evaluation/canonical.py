"""An evaluation set seen through an answer type: answers that mean the same become one string."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bestofinf.answers.auto import AutoAnswer
from bestofinf.answers.base import Answer
from bestofinf.answers.mathematics import MathAnswer, missing_package
from bestofinf.answers.named import AnswerLike, resolve_answer
from bestofinf.answers.plain import TextAnswer
from bestofinf.answers.thoughts import THOUGHTS, outside_thoughts
from bestofinf.errors import shown
from bestofinf.evaluation.cache import ValueCache
from bestofinf.evaluation.equivalence import RecordedClasses
from bestofinf.evaluation.provenance import FEWEST
from bestofinf.evaluation.samples import Samples
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.evaluation.truth import NONE_RIGHT
from bestofinf.records import Reply

LONG = 200
"""A recorded answer of at least this many characters is probably a whole reply."""


@dataclass(frozen=True)
class ReadSet:
    """What an answer type found in the texts of an evaluation set.

    Attributes:
        evaluation_set: The set with the answers found.
        answer: Name of the answer type.
        texts: Recorded answers and replies that were read.
        lost: Number of texts without an answer, by data set, member and reason. They abstain.
        long: Number of texts that were taken as answers but look like whole replies.
    """

    evaluation_set: EvaluationSet = field(repr=False)
    answer: str
    texts: int
    lost: Mapping[tuple[str, str, str], int]
    long: int = 0

    @property
    def without_answer(self) -> int:
        """Number of texts in which the answer type found no answer."""
        return sum(self.lost.values())

    def lost_by(self, *, dataset: str | None = None, member: str | None = None) -> int:
        """Return the number of texts without an answer of a data set, a member, or both."""
        return sum(
            count
            for (where, who, _), count in self.lost.items()
            if dataset in (None, where) and member in (None, who)
        )

    def to_json(self) -> dict[str, int]:
        """Return the numbers that commands add to their own JSON."""
        return {"texts": self.texts, "without_answer": self.without_answer}

    def lines(self) -> list[str]:
        """Return lines that say what could not be read, and if no label is equal to any answer."""
        told = []
        if self.lost:
            reasons: Counter[str] = Counter()
            members: Counter[str] = Counter()
            for (_, member, reason), count in self.lost.items():
                reasons[reason] += count
                members[member] += count
            told.append(
                f"{self.without_answer:,} of {self.texts:,} texts hold no answer of type "
                f"{self.answer!r} and abstain ({_counts(members)}; {_counts(reasons)})."
            )
        if self.long:
            told.append(
                f"{self.long:,} of {self.texts:,} texts look like whole replies and are compared "
                "as they stand: read them with --answer auto, or put them under 'replies'."
            )
        if (unlike := _unlike(self.evaluation_set)) is not None:
            told.append(
                unlike + (": --answer auto compares values." if self.answer == "text" else ".")
            )
        return told


def _unlike(evaluation_set: EvaluationSet) -> str | None:
    """Return that no label is equal to any answer of its question; None if one is, or there are few.

    Models are hardly ever that bad: the labels are written in another way.
    """
    pairs = []
    for question in evaluation_set:
        answers = [a for s in question.samples.values() for a in s.answers if a is not None]
        if question.gold is None or question.gold == NONE_RIGHT or not answers:
            continue
        if question.gold in answers:
            return None
        pairs.append((question.gold, answers[0]))
    if len(pairs) < FEWEST:
        return None
    gold, answer = pairs[0]
    return (
        f"None of {len(pairs):,} right answers is among the recorded answers of its question, such as "
        f"{shown(gold)} where {shown(answer)} was answered"
    )


def _counts(counter: Counter[str]) -> str:
    ranked = counter.most_common()
    rest = f" and {len(ranked) - 5} more" if len(ranked) > 5 else ""
    return ", ".join(f"{name}: {count:,}" for name, count in ranked[:5]) + rest


def read_answers(
    evaluation_set: EvaluationSet,
    answer: AnswerLike | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ReadSet:
    """Read all recorded texts by an answer type, and replace equivalent answers by one of them.

    Classes of equivalent answers are formed for each question, over all members, in the order of
    the samples. The right answer is placed last, so that it does not influence the classes. If
    prompts are stored, the answer type is bound to the question. Whole replies are read as in a live
    vote, and so are texts under ``samples`` that are whole replies. A text without an answer
    abstains; a right or wrong answer of a label that cannot be read stays as it is.

    Values of mathematical expressions are kept on disk (`bestofinf.evaluation.cache`).

    Args:
        evaluation_set: Recorded answers and replies.
        answer: An answer type or its name. None: ``auto`` if the set has whole replies, else
            ``text``, which changes nothing unless there are replies or thoughts.
        progress: Called after each question with the number done and the total.
    """
    replies = any(s.replies for q in evaluation_set for s in q.samples.values())
    if answer is None:
        answer = "auto" if replies else "text"
    kind = recorded_answer(answer)
    name = answer if isinstance(answer, str) else type(kind).__name__
    texts = sum(
        sum(a is not None for a in s.answers) + sum(r is not None for r in s.replies)
        for q in evaluation_set
        for s in q.samples.values()
    )
    if isinstance(kind, TextAnswer) and not replies and not _has_thoughts(evaluation_set):
        return ReadSet(evaluation_set, name, texts, {}, long=_long(evaluation_set))
    questions, lost = [], Counter[tuple[str, str, str]]()
    for question in evaluation_set:
        questions.append(_read(question, kind, lost))
        if progress is not None:
            progress(len(questions), len(evaluation_set))
    return ReadSet(replace(evaluation_set, questions=tuple(questions)), name, texts, lost)


def canonical(
    evaluation_set: EvaluationSet,
    answer: AnswerLike | None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationSet:
    """Return the set with every answer replaced by the first one of its class.

    This is the set of `read_answers`, without its report on texts that could not be read.
    """
    return read_answers(evaluation_set, answer, progress=progress).evaluation_set


def recorded_answer(answer: AnswerLike) -> Answer:
    """Return the answer type for recorded answers; one for mathematics gets a cache on disk."""
    if answer == "math":
        return MathAnswer(values=ValueCache.default())
    if answer == "auto" and not missing_package():
        return AutoAnswer(math=MathAnswer(values=ValueCache.default()))
    return resolve_answer(answer)


def _read(question: Question, answer: Answer, lost: Counter[tuple[str, str, str]]) -> Question:
    if question.prompt is not None:
        answer = answer.for_question(question.prompt)
    as_said = isinstance(answer, TextAnswer)  # which leaves recorded answers as they are
    whole = as_said or any(s.replies for s in question.samples.values())
    classes = RecordedClasses(answer, values=whole)

    def placed(text: str) -> tuple[str | None, str]:
        return classes.place(Reply(text=text) if as_said else text)

    samples = {}
    for name, recorded in question.samples.items():
        answers: list[str | None] = []
        for place, text in enumerate(recorded.answers):
            reply = recorded.replies[place] if recorded.replies else None
            found, reason = None, ""
            if text is not None:
                found, reason = placed(text)
            elif reply is not None:
                found, reason = classes.place(reply, tokens=_tokens(recorded, place))
            answers.append(found)
            if reason:
                lost[question.dataset, name, reason] += 1
        samples[name] = replace(recorded, answers=tuple(answers), replies=())
    wrong = tuple(dict.fromkeys(placed(w)[0] or w for w in question.wrong))
    gold = question.gold
    if gold is not None:
        gold = placed(gold)[0] or gold
    return replace(question, samples=samples, gold=gold, wrong=wrong)


def _tokens(recorded: Samples, place: int) -> int | None:
    return recorded.tokens[place] if recorded.tokens else None


def _texts(evaluation_set: EvaluationSet) -> Iterator[str]:
    for question in evaluation_set:
        for samples in question.samples.values():
            yield from (answer for answer in samples.answers if answer is not None)


def _has_thoughts(evaluation_set: EvaluationSet) -> bool:
    texts = (text for text in _texts(evaluation_set) if "<" in text or "[" in text)
    return any(outside_thoughts(text, THOUGHTS) != (text, True) for text in texts)


def _long(evaluation_set: EvaluationSet) -> int:
    return sum(
        len(text) > LONG or ("\n" in text.strip() and "\\begin" not in text)
        for text in _texts(evaluation_set)
    )
