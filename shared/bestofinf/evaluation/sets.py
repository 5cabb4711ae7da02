"""An evaluation set: questions, the right answers, and what each member answered.

The set is immutable and columnar: one `Samples` per question and member holds the answers, the
token counts and the scores side by side. Weights are fitted on it and stopping rules replayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from bestofinf._arrays import np
from bestofinf.errors import UsageError
from bestofinf.evaluation.samples import Samples, in_order, joined
from bestofinf.evaluation.summaries import SetSummary, summarise
from bestofinf.records.display import Brief

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Question(Brief):
    """One question with everything recorded about it.

    Attributes:
        id: Unique within the set.
        samples: Recorded samples by member name; a member that was not asked is absent.
        gold: The right answer; None while unlabelled.
        dataset: Name of the collection it comes from.
        prompt: Its prompt; None if not stored.
        wrong: Answers known to be wrong.
        stopped: The rule of each adaptive call, by its number from 1. The number of samples of
            such a call depends on the answers, so plain shares of answers are biased: see
            `bestofinf.evaluation.censoring`.
        last_message: The last message of the user, a part of the prompt; None if not stored.
        provenance: How the question came to have its right answer: "random", "asked", "feedback",
            "import", or None if unknown; see `bestofinf.evaluation.rows.Provenance`.
        label_score: Probability with which it was drawn to be labelled; None if it was not drawn.
    """

    id: str
    samples: Mapping[str, Samples]
    gold: str | None = None
    dataset: str = ""
    prompt: str | None = None
    wrong: tuple[str, ...] = ()
    stopped: Mapping[int, str] = field(default_factory=dict)
    last_message: str | None = None
    provenance: str | None = None
    label_score: float | None = None

    def __post_init__(self) -> None:
        for name, samples in self.samples.items():
            for number in samples.calls:
                if number and number not in self.stopped:
                    raise UsageError(
                        f"question {self.id!r}: samples of {name!r} are of adaptive call "
                        f"{number}, whose rule is not named in 'stopped'"
                    )


@dataclass(frozen=True)
class EvaluationSet:
    """Questions with recorded answers of one or more members.

    Attributes:
        questions: The questions in a fixed order; ids are unique.
        name: Name shown in reports.

    Raises:
        UsageError: If two questions share an id.
    """

    questions: tuple[Question, ...]
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        seen = Counter(question.id for question in self.questions)
        for identifier, times in seen.items():
            if times > 1:
                raise UsageError(
                    f"question ids must be unique: {identifier!r} occurs {times} times in the set"
                )

    def __len__(self) -> int:
        return len(self.questions)

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names of all members, in order of first appearance."""
        return tuple(dict.fromkeys(name for q in self.questions for name in q.samples))

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """Names of all datasets, in order of first appearance."""
        return tuple(dict.fromkeys(question.dataset for question in self.questions))

    @cached_property
    def ordered(self) -> EvaluationSet:
        """The same set in an order that does not depend on how it was read.

        Questions are sorted by data set and id, members by name, and the samples of a member by
        content. Estimates use it, so that files give the same figures in any order.
        """
        questions = sorted(self.questions, key=lambda question: (question.dataset, question.id))
        return replace(self, questions=tuple(map(_ordered, questions)))

    def filter(self, keep: Callable[[Question], bool]) -> EvaluationSet:
        """Return the set of the questions for which `keep` is true."""
        return replace(self, questions=tuple(q for q in self.questions if keep(q)))

    def labelled(self) -> EvaluationSet:
        """Return the questions whose right answer is known."""
        return self.filter(lambda question: question.gold is not None)

    def only(self, *members: str) -> EvaluationSet:
        """Return the set with only these members' samples; questions without any are dropped.

        Raises:
            UsageError: If a name is not a member of the set.
        """
        for name in members:
            if name not in self.members:
                raise UsageError(f"no member {name!r} in the set; it has {', '.join(self.members)}")
        kept = (
            replace(q, samples={name: q.samples[name] for name in members if name in q.samples})
            for q in self.questions
        )
        return replace(self, questions=tuple(q for q in kept if q.samples))

    def split(self, fraction: float = 0.5, *, seed: int = 0) -> tuple[EvaluationSet, EvaluationSet]:
        """Split the questions at random into two sets, each in the original order.

        Args:
            fraction: Share of the questions in the first set, in [0, 1], rounded to nearest.
            seed: The same seed gives the same split.
        """
        if not 0 <= fraction <= 1:
            raise UsageError(f"fraction must lie in [0, 1], got {fraction!r}")
        order = np.random.default_rng(seed).permutation(len(self))
        chosen = set(order[: round(fraction * len(self))].tolist())
        first = tuple(q for i, q in enumerate(self.questions) if i in chosen)
        second = tuple(q for i, q in enumerate(self.questions) if i not in chosen)
        return replace(self, questions=first), replace(self, questions=second)

    def bootstrap(self, *, seed: int = 0) -> EvaluationSet:
        """Return as many questions drawn with replacement: one resample for a bootstrap.

        A question that is drawn again gets ``#2``, ``#3``, ... behind its id.

        Args:
            seed: The same seed gives the same resample.
        """
        places = np.random.default_rng(seed).integers(len(self), size=len(self)).tolist()
        times: Counter[int] = Counter()
        drawn = []
        for place in places:
            times[place] += 1
            question = self.questions[place]
            again = f"{question.id}#{times[place]}"
            drawn.append(question if times[place] == 1 else replace(question, id=again))
        return replace(self, questions=tuple(drawn))

    def fixed(self) -> EvaluationSet:
        """Return the set with only the samples that were drawn whatever the answers were.

        Statistics of these are not biased by adaptive stopping; see
        `bestofinf.evaluation.censoring`.
        """
        return replace(self, questions=tuple(q for q in map(_fixed, self) if q.samples))

    def summary(self) -> SetSummary:
        """Return the sizes of the set."""
        return summarise(self)

    def __repr__(self) -> str:
        return f"EvaluationSet({self.name!r}: {self.summary()})"

    def _repr_html_(self) -> str:
        return self.summary().html(self.name or "evaluation set")

    @staticmethod
    def merge(sets: Iterable[EvaluationSet], *, name: str = "") -> EvaluationSet:
        """Join sets: samples of the same question are put together, member by member.

        If two sets have samples of one member for one question, they are appended in the order of
        the sets. Two different right answers for one question raise `UsageError`.
        """
        merged: dict[str, Question] = {}
        for evaluation_set in sets:
            for question in evaluation_set:
                known = merged.get(question.id)
                merged[question.id] = question if known is None else _join(known, question)
        return EvaluationSet(tuple(merged.values()), name=name)


def _ordered(question: Question) -> Question:
    samples = {name: in_order(question.samples[name]) for name in sorted(question.samples)}
    same = list(samples) == list(question.samples) and all(
        samples[name] is known for name, known in question.samples.items()
    )
    return question if same else replace(question, samples=samples)


def _fixed(question: Question) -> Question:
    if not question.stopped:
        return question
    kept = {}
    for name, s in question.samples.items():
        places = [i for i, n in enumerate(s.call_numbers()) if n == 0]
        if places:
            kept[name] = s.pick(places)
    return replace(question, samples=kept, stopped={})


def _join(first: Question, second: Question) -> Question:
    if None not in (first.gold, second.gold) and first.gold != second.gold:
        raise UsageError(
            f"question {first.id!r} has two right answers, {first.gold!r} and {second.gold!r}"
        )
    labelled = first if first.gold is not None else second
    gold = labelled.gold
    shift = max((n for s in first.samples.values() for n in s.calls), default=0)
    samples = dict(first.samples)
    for name, more in second.samples.items():
        samples[name] = joined(samples.get(name, Samples(())), more, shift)
    wrong = dict.fromkeys(first.wrong + second.wrong)
    wrong.pop(gold or "", None)
    return replace(
        first,
        samples=samples,
        gold=gold,
        prompt=first.prompt if first.prompt is not None else second.prompt,
        wrong=tuple(wrong),
        stopped={**first.stopped, **{n + shift: rule for n, rule in second.stopped.items()}},
        last_message=first.last_message or second.last_message,
        provenance=labelled.provenance,
        label_score=labelled.label_score,
    )
