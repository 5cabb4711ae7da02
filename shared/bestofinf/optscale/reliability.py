"""The reliability of a verifier's score: the chance that a reply with this score is right.

Scores of different verifiers, and of different ways to combine the same step scores, are not
comparable: the share of right replies among those scored .95 or more was .64 to .94 for four
ways to combine the steps of the same 500 replies. `bestofinf.calibration` fits this map.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bestofinf.border import read_json
from bestofinf.errors import UsageError
from bestofinf.optscale.prior import ScorePrior

FORMAT = "bestofinf-calibration"
VERSION = 1
_EDGE = 1e-4


def logit(score: float) -> float:
    """Return log(s / (1 - s)) with the score kept 1e-4 away from 0 and 1.

    >>> logit(0.5)
    0.0
    """
    kept = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(kept / (1 - kept))


def on_knots(scores: Sequence[float], chances: Sequence[float], score: float) -> float:
    """Return the height of a curve through knots: linear between them, constant beyond.

    Args:
        scores: Places of the knots, ascending; at least one.
        chances: Heights of the knots.
        score: Where.

    >>> [on_knots([0.25, 0.75], [0.0, 0.5], score) for score in (0.1, 0.5, 0.9)]
    [0.0, 0.25, 0.5]
    """
    place = bisect_right(scores, score)
    if place in (0, len(scores)):
        return chances[min(place, len(scores) - 1)]
    left, right = scores[place - 1], scores[place]
    below, above = chances[place - 1], chances[place]
    return below + (score - left) / (right - left) * (above - below)


@dataclass(frozen=True)
class Calibration:
    """P(right | score), with the numbers needed to stop by the score.

    Attributes:
        method: "isotonic" (a rising curve through knots) or "logistic" (in the score's logit).
        scores: Scores of the knots, strictly ascending; empty for "logistic".
        chances: Chances at the knots, ascending; linear between them, constant beyond.
        slope: Slope of the logistic curve, at least 0.
        intercept: Intercept of the logistic curve.
        n_samples: Number of labelled scores it was fitted to.
        n_questions: Number of questions these belong to.
        base_rate: Share of right replies among them.
        ece: Expected calibration error on held-out folds.
        brier: Mean squared error on held-out folds.
        auc: Chance that a right reply has a higher score than a wrong one, ties count half.
        min_score: Lowest score such that replies with this score or more are right as often as
            wanted; None if it was not chosen or is out of reach.
        accuracy: The target accuracy for `min_score`.
        held_out_accuracy: Share right at and above scores chosen like `min_score`, on held-out
            questions; None if that was not tested.
        held_out_se: Standard error of `held_out_accuracy`.
        prior: Prior on the scores of the next question; None if there were too few scores.
        name: Name of the scorer.
    """

    method: str
    scores: tuple[float, ...] = field(default=(), repr=False)
    chances: tuple[float, ...] = field(default=(), repr=False)
    slope: float = 0.0
    intercept: float = 0.0
    n_samples: int = 0
    n_questions: int = 0
    base_rate: float = 0.0
    ece: float = 0.0
    brier: float = 0.0
    auc: float = 0.5
    min_score: float | None = None
    accuracy: float | None = None
    prior: ScorePrior | None = field(default=None, repr=False)
    name: str = ""
    held_out_accuracy: float | None = None
    held_out_se: float | None = None

    def __post_init__(self) -> None:
        if self.method not in ("isotonic", "logistic"):
            raise UsageError(f"method must be 'isotonic' or 'logistic', got {self.method!r}")
        if len(self.scores) != len(self.chances):
            raise UsageError(f"{len(self.scores)} scores but {len(self.chances)} chances")
        if self.method == "isotonic":
            if not self.scores:
                raise UsageError("an isotonic calibration needs at least one knot")
            for column, what in ((self.scores, "scores"), (self.chances, "chances")):
                rising = all(x <= y for x, y in pairwise(column))
                if not (rising and column[0] >= 0 and column[-1] <= 1):
                    raise UsageError(f"{what} of the knots must rise within [0, 1]")
        elif not (0 <= self.slope < math.inf and math.isfinite(self.intercept)):
            raise UsageError(f"slope must be at least 0, got {self.slope!r}")

    @property
    def promised(self) -> bool:
        """Whether `min_score` reaches `accuracy` with 95 % confidence."""
        held, error = self.held_out_accuracy, self.held_out_se
        if self.min_score is None or self.accuracy is None or held is None or error is None:
            return False
        return held - 1.645 * error >= self.accuracy

    def chance(self, score: float) -> float:
        """Return the probability that a reply with this score is right.

        Args:
            score: A score in [0, 1].
        """
        if self.method == "logistic":
            return 1 / (1 + math.exp(-(self.intercept + self.slope * logit(score))))
        return on_knots(self.scores, self.chances, score)

    def as_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON types."""
        record: dict[str, Any] = {"format": FORMAT, "version": VERSION}
        record.update((key, getattr(self, key)) for key in (*_FIELDS, *_LATER))
        record["scores"], record["chances"] = list(self.scores), list(self.chances)
        record["prior"] = None if self.prior is None else self.prior.as_dict()
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Calibration:
        """Read what `as_dict` gave.

        Raises:
            UsageError: If it is not a calibration, or of a later version.
        """
        if not isinstance(record, Mapping) or record.get("format") != FORMAT:
            raise UsageError(f"not a calibration: wanted an object with format {FORMAT!r}")
        if record.get("version") != VERSION:
            raise UsageError(
                f"calibration of version {record.get('version')!r}; this release reads {VERSION}"
            )
        try:
            values = {key: record[key] for key in _FIELDS}
            values |= {
                key: record.get(key) for key in _LATER
            }  # missing in files of earlier versions
            values["scores"] = tuple(map(float, record["scores"]))
            values["chances"] = tuple(map(float, record["chances"]))
            prior = record["prior"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"not a calibration: {error!r}") from None
        return cls(**values, prior=None if prior is None else ScorePrior.from_dict(prior))

    def save(self, path: str | Path) -> None:
        """Write the calibration as JSON."""
        text = json.dumps(self.as_dict(), indent=1)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            UsageError: If the file cannot be read or is not a calibration.
        """
        try:
            return cls.from_dict(read_json(path))
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: not JSON: {error}") from None


_FIELDS = (
    "method", "scores", "chances", "slope", "intercept", "n_samples", "n_questions", "base_rate",
    "ece", "brier", "auc", "min_score", "accuracy", "name",
)  # fmt: skip
_LATER = ("held_out_accuracy", "held_out_se")
