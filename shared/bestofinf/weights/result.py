"""The result of a fit, and its JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

from bestofinf.border import read_json
from bestofinf.errors import UsageError
from bestofinf.evaluation.coverage import Coverage
from bestofinf.records.display import Brief, bars
from bestofinf.weights.solver.proof import Proof

VERSION = 1


class FitStatus(StrEnum):
    """How a fit ended."""

    OPTIMAL = "optimal"
    """Proven: no allowed mixture does better on these questions."""
    COMPUTED = "computed"
    """The learner has no optimum to prove."""
    TIME_LIMIT = "time limit"
    """The best found within the time limit; `WeightFit.bound` limits how much better others can be."""
    INTERRUPTED = "interrupted"
    """The best found until the user ended the search; see `FEASIBLE`."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The result of simple weights on the same questions.

    Attributes:
        correct: Questions won strictly.
        ties: Questions tied exactly.
        weights: By member.
    """

    correct: int
    ties: int
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class QuestionFit:
    """One question under the fitted weights.

    Attributes:
        id: Of the question.
        outcome: "won", "tied" or "lost", in exact arithmetic.
        margin: Share of the right answer minus that of the strongest wrong one.
        contested: True when some allowed mixtures win it and others do not.
    """

    id: str
    outcome: str
    margin: float
    contested: bool


class UnlabelledWeightsWarning(UserWarning):
    """Weights are based on no label, or on members that may be copies of each other."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The weights that the objective "consensus" learns from answers with few labels or none.

    Attributes:
        weights: The proposed weights, by member.
        temperature: Sharpness of the weights.
        labelled: Number of questions whose label was used.
        unlabelled: Number of questions for which the consensus of the members was used.
        differs: Ids of the questions on which the weights elect another answer than equal weights.
        alike: Pairs of members that agree unusually often in answers that the others do not give.
        used: Whether the fit has these weights. Without any label it has equal ones, unless forced.
        warnings: Warnings to consider before using them.
    """

    weights: Mapping[str, float]
    temperature: float
    labelled: int
    unlabelled: int
    differs: tuple[str, ...]
    alike: tuple[tuple[str, str], ...]
    used: bool
    warnings: tuple[str, ...]

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Proposal:
        """Return what was written as JSON."""
        values = dict(record)
        for name in ("differs", "warnings"):
            values[name] = tuple(map(str, values[name]))
        values["alike"] = tuple((str(one), str(other)) for one, other in values["alike"])
        return cls(**values)


@dataclass(frozen=True, repr=False)
class WeightFit(Brief):
    """Fitted weights, with their results on the training questions.

    Counts are from exact rational arithmetic on `fractions`. They are in-sample; `compare_weights`
    estimates how the weights do on new questions.

    Attributes:
        weights: Weights by member; they sum to one.
        fractions: The exact weights by member, as "numerator/denominator".
        objective: Name of the learner.
        correct: Questions won strictly.
        ties: Questions in which the right answer shares the lead.
        lost: All other labelled questions.
        total: Labelled questions.
        value: The maximised value: questions won, or for "finite-n" the expected number of questions
            won by its number of votes, minus the cost of the votes. None for other learners.
        bound: Proven upper bound of the value of all allowed mixtures; None without a proof.
        gap: (bound - value) / max(1, |value|); None without a bound.
        margin: Smallest margin over the questions won; None if none is won.
        margin_bound: Proven upper bound of the margin of mixtures with as many wins; None without a
            proof.
        samples_for_margin: Samples after which each question won is won with probability 0.95,
            by the normal approximation; None if none is won.
        status: How the fit ended.
        seconds: Time of the fit in seconds.
        tokens: Expected tokens of one sample; None if the tokens of a member with weight are unknown.
        baselines: Results of "single" (the best member) and "uniform" (equal weights).
        questions: One entry per labelled question.
        solver: Name of the solver that was used; None if none was.
        contested: Number of contested questions.
        nodes: Number of pieces of the simplex examined by the proof.
        coverage: How many questions each member was asked; None in fits of earlier versions.
        labels: Number of labels used, by provenance.
        proposal: The proposal of "consensus"; None for other objectives.
        proof: Which method proved the optimum and its margin; None for other learners.
    """

    weights: Mapping[str, float]
    fractions: Mapping[str, str]
    objective: str
    correct: int
    ties: int
    lost: int
    total: int
    value: float | None
    bound: float | None
    gap: float | None
    margin: float | None
    margin_bound: float | None
    samples_for_margin: int | None
    status: FitStatus
    seconds: float
    tokens: float | None
    baselines: Mapping[str, Baseline]
    questions: tuple[QuestionFit, ...] = field(repr=False)
    solver: str | None = None
    contested: int = 0
    nodes: int = 0
    coverage: Coverage | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    proposal: Proposal | None = None
    proof: Proof | None = None

    @property
    def exact(self) -> Mapping[str, Fraction]:
        """The weights as fractions."""
        return {name: Fraction(text) for name, text in self.fractions.items()}

    def _repr_html_(self) -> str:
        ranked = sorted(self.weights.items(), key=lambda pair: -pair[1])
        return bars(
            f"{self.objective}: {self.status.value}",
            [(name, weight, f"{weight:.4f}") for name, weight in ranked if weight],
            note=f"wins {self.correct} of {self.total} questions given, {self.ties} ties"
            if self.total
            else "no question is labelled",
        )

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary of plain values, with the version of this form."""
        record = {"version": VERSION, **asdict(self), "status": str(self.status)}
        return record | {"coverage": None if self.coverage is None else self.coverage.to_json()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> WeightFit:
        """Return the fit that `to_json` wrote.

        Raises:
            UsageError: If it is of another version or incomplete.
        """
        if not isinstance(record, Mapping) or "weights" not in record:
            raise UsageError("not fitted weights: wanted an object with the key 'weights'")
        version = record.get("version")
        if version != VERSION:
            raise UsageError(f"fitted weights of version {VERSION} are wanted, got {version!r}")
        values = {key: value for key, value in record.items() if key != "version"}
        try:
            values["status"] = FitStatus(values["status"])
            values["baselines"] = {k: Baseline(**b) for k, b in values["baselines"].items()}
            values["questions"] = tuple(QuestionFit(**q) for q in values["questions"])
            if values.get("coverage") is not None:
                values["coverage"] = Coverage.from_json(values["coverage"])
            if values.get("proof") is not None:
                values["proof"] = Proof(**values["proof"])
            if values.get("proposal") is not None:
                values["proposal"] = Proposal.from_json(values["proposal"])
            fit = cls(**values)
            shares = [float(w) for w in fit.weights.values()]
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
            raise UsageError(f"not fitted weights: {error}") from None
        if any(not 0 <= w <= 1 for w in shares) or abs(sum(shares) - 1) > 1e-6:
            raise UsageError(f"fitted weights must lie in [0, 1] and sum to 1, got {shares}")
        return fit

    def save(self, path: str | Path) -> None:
        """Write the fit as JSON."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        try:
            Path(path).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None

    @classmethod
    def load(cls, path: str | Path) -> WeightFit:
        """Read a fit written by `save`.

        Raises:
            UsageError: If the file is missing or is not a fit; the message names it.
        """
        try:
            record = read_json(path)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: not JSON: {error}") from None
        try:
            return cls.from_json(record)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
