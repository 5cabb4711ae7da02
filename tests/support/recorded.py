"""Back ends that answer known questions: with recorded answers of real models, or with made ones.

A question is found by its id in the prompt, as in ``[aime2024/3] ...``. The i-th choice asked of a
model for a question is its i-th sample in an order shuffled by the seed, whatever happens with
other questions in between; after the last sample the order begins again.
"""

from __future__ import annotations

import math
import os
import random
import re
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from bestofinf.evaluation import EvaluationSet, Question, Samples, read_files
from bestofinf.records import ToolCall
from support.backends import json_reply, unknown_model
from support.reply import Served, dumps
from support.request import ChatRequest, RefusedRequest
from support.schemas import conforming

DATA_VARIABLE = "BESTOFINF_DATA"
_ID = re.compile(r"\[([^\[\]\s]+/[^\[\]\s]+)\]")
_SUFFIX = re.compile(r"[:@#+]")

_OPENINGS = (
    "Let us work through this step by step.",
    "We set the problem up first.",
    "We begin with what is given.",
    "First we restate what is asked.",
    "We look at a smaller case before the full one.",
    "Let us name the unknowns.",
    "We start from the definition.",
    "Drawing the figure helps here.",
)
_MIDDLES = (
    "Substituting and simplifying leaves one equation.",
    "Counting the cases separately and adding them up settles it.",
    "By symmetry it is enough to look at half of the cases.",
    "Checking the boundary excludes the other candidate.",
    "The remaining terms cancel.",
    "What stays invariant rules out everything else.",
    "Solving for the unknown gives a single value.",
    "Comparing both sides gives the value.",
)
_CLOSINGS = (
    "Therefore",
    "Hence",
    "So",
    "Thus",
    "Altogether",
    "In the end",
    "It follows that",
    "Now",
)
_GIVEN_UP = (
    "None of these attempts led to a result that would hold, so the question stays open here.",
    "Every approach tried so far runs into a contradiction, and no result can be given for it.",
    "The computation did not come to an end, and without it nothing certain can be said.",
    "Both branches look possible, and nothing found here tells which of them should be preferred.",
)


class Recorded(NamedTuple):
    """One sample to serve: the answer (None: no valid one) and the tokens it took."""

    answer: str | None
    tokens: int | None


class _KnownQuestions(ABC):
    """What both back ends share: finding the question and the place of the sample."""

    def __init__(self, questions: Iterable[Question], models: Sequence[str], *, seed: int) -> None:
        self.questions = tuple(questions)
        self.models = tuple(models)
        self.seed = seed
        self._by_id = {question.id: question for question in self.questions}
        self._member: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """Begin every question again with its first sample."""
        self._asked: Counter[tuple[str, str]] = Counter()

    @property
    def prompts(self) -> list[str]:
        """The prompts of all questions, in their order."""
        return [prompt_for(question) for question in self.questions]

    def gold(self, prompt: str) -> str | None:
        """Return the right answer to a prompt."""
        return self._find([prompt]).gold

    @abstractmethod
    def sample(self, question: Question, model: str, place: int) -> Recorded:
        """Return what `model`, possibly with a suffix, gives at `place` of its order."""

    @abstractmethod
    def places(self, question: Question, model: str) -> int | None:
        """Return after how many samples the order begins again; None for never."""

    def reply(self, request: ChatRequest) -> Sequence[Served]:
        question = self._find(request.texts())
        model = request.model
        member = self.member(model)
        key = (question.id, model)
        if request.seed is not None:
            first = request.seed
        elif request.temperature == 0:
            first = 0
        else:
            first = self._asked[key]
            self._asked[key] = first + request.n
        # A fixed seed makes a request repeatable, temperature 0 all its choices alike.
        step = 0 if request.temperature == 0 else 1
        return [
            self._served(request, question, model, member, first + step * place)
            for place in range(request.n)
        ]

    def member(self, model: str) -> str:
        """Return the recorded member that a model name stands for.

        ``provider/`` before the name and ``:``, ``@``, ``#`` or ``+`` with anything after it are
        passed over; each such name has an order of samples of its own.
        """
        known = self._member.get(model)
        if known is None:
            bare = model.rpartition("/")[2]
            for name in (model, bare, _SUFFIX.split(bare, maxsplit=1)[0]):
                if name in self.models:
                    known = self._member[model] = name
                    break
            else:
                raise unknown_model(model)
        return known

    def _find(self, texts: Iterable[str]) -> Question:
        for text in texts:
            for name in reversed(_ID.findall(text)):
                if name in self._by_id:
                    return self._by_id[name]
        raise RefusedRequest("No known question id, as in [dataset/number], is in the messages.")

    def _served(
        self, request: ChatRequest, question: Question, model: str, member: str, place: int
    ) -> Served:
        length = self.places(question, member)
        if length is not None:
            place %= length
        answer, tokens = self.sample(question, model, place)
        style = zlib.crc32(f"{question.id}|{model}|{place}".encode())
        text: str | None = dressed(answer, style)
        calls: tuple[ToolCall, ...] = ()
        if answer is not None:
            tool = request.forced_tool
            if tool is not None:
                args = conforming(tool.get("parameters") or {}, answer, known={"answer": answer})
                text, calls = None, (ToolCall(tool["name"], args),)
            elif request.wants_json:
                text = dumps(json_reply(request, answer=answer)).decode()
        return Served(text, tokens, calls, question=question.id, answer=answer)


class RecordedBackend(_KnownQuestions):
    """Replays the recorded answers of an evaluation set.

    Args:
        evaluation_set: Questions with samples; its members are the models.
        seed: Shuffles the order of the samples of every question and model.
    """

    def __init__(self, evaluation_set: EvaluationSet, *, seed: int = 0) -> None:
        super().__init__(evaluation_set, evaluation_set.members, seed=seed)
        self.evaluation_set = evaluation_set
        self._orders: dict[tuple[str, str], list[int]] = {}

    @classmethod
    def from_data(
        cls, dataset: str, members: Sequence[str] | None = None, *, seed: int = 0
    ) -> RecordedBackend:
        """Read the authors' recorded files of a data set.

        Raises:
            FileNotFoundError: If the recorded data is not on this machine; see `recorded_data`.
        """
        folder = recorded_data()
        if folder is None:
            raise FileNotFoundError(
                f"no recorded data: set {DATA_VARIABLE} or put it at ../shared/data"
            )
        names = members or [
            path.stem.partition("_")[2] for path in sorted(folder.glob(f"boinf/{dataset}_*.jsonl"))
        ]
        files = [folder / "boinf" / f"{dataset}_{name}.jsonl" for name in names]
        return cls(read_files(files), seed=seed)

    def places(self, question: Question, model: str) -> int | None:
        return len(self._samples(question, model))

    def sample(self, question: Question, model: str, place: int) -> Recorded:
        samples = self._samples(question, self.member(model))
        key = (question.id, model)
        order = self._orders.get(key)
        if order is None:
            order = self._orders[key] = list(range(len(samples)))
            random.Random(f"{self.seed}|{question.id}|{model}").shuffle(order)
        at = order[place % len(order)]
        return Recorded(samples.answers[at], samples.tokens[at] if samples.tokens else None)

    def _samples(self, question: Question, member: str) -> Samples:
        samples = question.samples.get(member)
        if not samples:
            raise RefusedRequest(f"{member} has no recorded answer to {question.id}", status=404)
        return samples


class MadeBackend(_KnownQuestions):
    """Makes answers as models would give them, without end, for machines without recorded data.

    Every question has a difficulty and a few tempting wrong answers, every model a skill; a model's
    answer to a question has a fixed distribution, and wrong answers take more tokens. Everything
    follows from the seed. `evaluation_set` gives the same answers as an evaluation set.

    Args:
        n_questions: They are ``made/0``, ``made/1``, ...
        models: Skill of each model on a logistic scale; 0 is right in half of the samples of a
            question of middling difficulty.
        seed: Another seed, other questions and answers.
        invalid: Share of replies without an answer, in [0, 1].
    """

    def __init__(
        self,
        n_questions: int = 100,
        *,
        models: Mapping[str, float] | None = None,
        seed: int = 0,
        invalid: float = 0.02,
    ) -> None:
        self.skills = dict(models or {"alpha": 1.2, "beta": 0.8, "gamma": 0.4})
        self.invalid = invalid
        questions = (
            Question(f"made/{i}", {}, gold=str(random.Random(f"{seed}/{i}").randrange(1000)))
            for i in range(n_questions)
        )
        super().__init__(questions, tuple(self.skills), seed=seed)
        self._distribution = lru_cache(maxsize=4096)(self._make_distribution)

    def places(self, question: Question, model: str) -> int | None:
        return None

    def distribution(self, question: Question, model: str) -> dict[str | None, float]:
        """Return the probability of every answer, None for an invalid reply; they sum to 1."""
        answers, cumulative = self._distribution(question.id, self.member(model))
        below = (0.0, *cumulative[:-1])
        return {a: high - low for a, low, high in zip(answers, below, cumulative, strict=True)}

    def sample(self, question: Question, model: str, place: int) -> Recorded:
        answers, cumulative = self._distribution(question.id, self.member(model))
        source = random.Random(f"{self.seed}|{question.id}|{model}|{place}")
        answer = source.choices(answers, cum_weights=cumulative)[0]
        mean = 5.0 if answer == question.gold else 5.4
        return Recorded(answer, 1 + int(math.exp(source.gauss(mean, 0.4))))

    def evaluation_set(self, n_samples: int = 64) -> EvaluationSet:
        """Return the first samples of every question and model, as the server would give them."""
        return EvaluationSet(
            tuple(
                Question(
                    question.id,
                    {name: self._column(question, name, n_samples) for name in self.models},
                    gold=question.gold,
                    dataset="made",
                    prompt=prompt_for(question),
                )
                for question in self.questions
            ),
            name="made",
        )

    def _column(self, question: Question, model: str, n_samples: int) -> Samples:
        drawn = [self.sample(question, model, place) for place in range(n_samples)]
        return Samples(tuple(d.answer for d in drawn), tuple(d.tokens for d in drawn))

    def _make_distribution(
        self, question: str, member: str
    ) -> tuple[tuple[str | None, ...], tuple[float, ...]]:
        gold = self._by_id[question].gold
        shared = random.Random(f"{self.seed}/{question}/difficulty")
        difficulty = shared.gauss(0, 1.5)
        tempting = [str(n) for n in shared.sample(range(1000), 7) if str(n) != gold][:6]
        own = random.Random(f"{self.seed}/{question}/{member}")
        logit = 1.5 * (self.skills[member] - difficulty) + own.gauss(0, 0.5)
        right = (1 - self.invalid) / (1 + math.exp(-logit))
        # One wrong answer tempts more than all others, and much the same one tempts every model.
        pulls = [own.expovariate(1) * 0.5**rank for rank in range(len(tempting))]
        scale = (1 - self.invalid - right) / sum(pulls)
        weights = [right, *(pull * scale for pull in pulls), self.invalid]
        cumulative = list(accumulate(weights))
        cumulative[-1] = 1.0
        return (gold, *tempting, None), tuple(cumulative)


def prompt_for(question: Question) -> str:
    """Return the text to ask for a question; holds its id, by which the back ends find it."""
    text = question.prompt or "Solve the problem and put the answer in \\boxed{}."
    return text if f"[{question.id}]" in text else f"[{question.id}] {text}"


def dressed(answer: str | None, style: int = 0) -> str:
    r"""Return a reply that leads to ``\boxed{answer}``, or one without any answer for None.

    Args:
        answer: What is boxed.
        style: Chooses one of 512 wordings (4 for None).
    """
    if answer is None:
        return f"{_OPENINGS[style % 8]} {_GIVEN_UP[style // 8 % 4]}"
    opening, middle, closing = style % 8, style // 8 % 8, style // 64 % 8
    return (
        f"{_OPENINGS[opening]} {_MIDDLES[middle]} "
        f"{_CLOSINGS[closing]}: The answer is \\boxed{{{answer}}}."
    )


def recorded_data() -> Path | None:
    """Return the folder of recorded data, from the environment or beside the project, if any."""
    named = os.environ.get(DATA_VARIABLE)
    if named:
        return Path(named) if Path(named).is_dir() else None
    root = Path(__file__).resolve().parents[2]
    folder = root.parent / "shared" / "data"
    return folder if folder.is_dir() else None
