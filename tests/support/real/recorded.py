"""The recorded replies of a real model, with their probabilities: ``tests/real/recorded``.

`recorded` gives every reply as it was drawn; `evaluation_set` gives the same as the library's own
records, one member for each prompt, with the log-probabilities of one kind.
"""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.records import Reply

FILE = Path(__file__).resolve().parents[2] / "real" / "recorded" / "smollm2.jsonl.gz"

Kind = Literal["raw", "processed"]


@dataclass(frozen=True)
class RecordedReply:
    """One reply.

    Attributes:
        text: What the model said.
        finish_reason: "stop", or "length" where it was cut off after 12 tokens.
        raw: The model's own log-probability of each token, that of the end among them.
        processed: The same of the distribution that was sampled from, after cuts and temperature.
    """

    text: str
    finish_reason: str
    raw: tuple[float, ...]
    processed: tuple[float, ...]

    def logprobs(self, kind: Kind) -> tuple[float, ...]:
        return self.raw if kind == "raw" else self.processed

    def logprob(self, kind: Kind) -> float:
        """Return the log-probability of the whole reply, in nats."""
        return math.fsum(self.logprobs(kind))


@dataclass(frozen=True)
class RecordedQuestion:
    """One question.

    Attributes:
        id: Kind and number, as in ``sum/3``.
        text: What was asked, without the examples of the prompt.
        gold: The right answer.
        choices: The answers that it may have; empty if it is open.
        replies: In the order drawn, by prompt: ``few`` and ``two``.
    """

    id: str
    text: str
    gold: str
    choices: tuple[str, ...]
    replies: dict[str, tuple[RecordedReply, ...]]

    @property
    def kind(self) -> str:
        return self.id.partition("/")[0]


@cache
def recorded() -> tuple[RecordedQuestion, ...]:
    """Return the recorded set."""
    _, *rows = gzip.decompress(FILE.read_bytes()).decode().splitlines()
    return tuple(_question(json.loads(row)) for row in rows)


def head() -> dict[str, object]:
    """Return what the file says of itself: model, sampling, hash of the questions."""
    first = gzip.decompress(FILE.read_bytes()).decode().partition("\n")[0]
    found: dict[str, object] = json.loads(first)
    return found


@cache
def evaluation_set(kind: Kind = "processed") -> EvaluationSet:
    """Return the recorded set as whole replies, which an answer type has yet to read."""
    return EvaluationSet(
        tuple(
            Question(
                question.id,
                {name: _samples(drawn, kind) for name, drawn in question.replies.items()},
                gold=question.gold,
                dataset="smollm2",
                prompt=question.text,
            )
            for question in recorded()
        ),
        name="smollm2",
    )


def _samples(drawn: tuple[RecordedReply, ...], kind: Kind) -> Samples:
    return Samples(
        (None,) * len(drawn),
        tuple(len(reply.raw) for reply in drawn),
        replies=tuple(
            Reply(
                r.text, finish_reason=r.finish_reason, logprobs=r.logprobs(kind), logprob_kind=kind
            )
            for r in drawn
        ),
    )


def _question(row: dict[str, object]) -> RecordedQuestion:
    told = {key: row.pop(key) for key in ("id", "text", "gold", "choices")}
    return RecordedQuestion(
        **{**told, "choices": tuple(told["choices"])},
        replies={prompt: _drawn(**found) for prompt, found in row.items()},
    )


def _drawn(replies: list[list], drawn: list[int]) -> tuple[RecordedReply, ...]:
    distinct = [RecordedReply(text, why, tuple(a), tuple(b)) for text, why, a, b in replies]
    return tuple(distinct[place] for place in drawn)
