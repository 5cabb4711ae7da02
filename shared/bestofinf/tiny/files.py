"""The files shipped with the package: weights and the recorded evaluation set."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.resources import files
from typing import Any

from bestofinf.errors import UsageError
from bestofinf.evaluation.samples import Samples
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.tiny.model import TinyModel
from bestofinf.tiny.network import Network
from bestofinf.tiny.verifier import Verifier

MEMBERS = ("sum", "mul", "clock", "hasty")
"""Names of the models, as `load` and ``tiny:NAME`` take them."""
VERIFIER = "verifier"
CALIBRATION_FILE = "calibration.json"
RECORDED_FILE = "recorded.json.gz"


@cache
def load(name: str) -> TinyModel:
    """Return a member; its weights are read once.

    Raises:
        UsageError: If there is no such member.
    """
    if name not in MEMBERS:
        raise UsageError(f"member must be one of {', '.join(MEMBERS)}, got {name!r}")
    return TinyModel(name, Network.from_bytes(_data(f"{name}.npz")))


@cache
def load_verifier() -> Verifier:
    """Return the verifier; its weights are read once."""
    first, second, constant = json.loads(_data(CALIBRATION_FILE))
    return Verifier(Network.from_bytes(_data(f"{VERIFIER}.npz")), (first, second, constant))


@cache
def recorded() -> EvaluationSet:
    """Return the members' recorded answers to test questions, with tokens and verifier scores.

    No member and no verifier was trained on these questions.
    """
    return unpack(gzip.decompress(_data(RECORDED_FILE)))


def pack(evaluation_set: EvaluationSet) -> bytes:
    """Return a fully recorded set as bytes that compress well; `unpack` reverses it.

    There is one list per question; answers are indices into a list, scores are in thousandths, and
    each column is separate.
    """
    rows = []
    for question in evaluation_set:
        columns = question.samples.values()
        answers = list(dict.fromkeys(a for samples in columns for a in samples.answers))
        place = {answer: index for index, answer in enumerate(answers)}
        rows.append(
            {
                "id": question.id,
                "gold": question.gold,
                "dataset": question.dataset,
                "prompt": question.prompt,
                "answers": answers,
                "votes": [[place[a] for a in samples.answers] for samples in columns],
                "tokens": [samples.tokens for samples in columns],
                "scores": [
                    [round(1000 * score) for score in samples.scores if score is not None]
                    for samples in columns
                ],
            }
        )
    content = {"name": evaluation_set.name, "members": evaluation_set.members, "rows": rows}
    return json.dumps(content, separators=(",", ":")).encode()


def unpack(data: bytes) -> EvaluationSet:
    """Read what `pack` wrote."""
    content = json.loads(data)
    return EvaluationSet(
        tuple(_question(row, content["members"]) for row in content["rows"]), content["name"]
    )


def _question(row: dict[str, Any], members: list[str]) -> Question:
    columns = zip(row["votes"], row["tokens"], row["scores"], strict=True)
    samples = [
        Samples(
            tuple(row["answers"][vote] for vote in votes),
            tuple(tokens),
            tuple(score / 1000 for score in scores),
        )
        for votes, tokens, scores in columns
    ]
    return Question(
        id=row["id"],
        samples=dict(zip(members, samples, strict=True)),
        gold=row["gold"],
        dataset=row["dataset"],
        prompt=row["prompt"],
    )


def _data(name: str) -> bytes:
    return files("bestofinf.tiny").joinpath("data", name).read_bytes()
