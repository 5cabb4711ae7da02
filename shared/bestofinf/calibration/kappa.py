"""Learn from recorded samples how many votes the probability of a reply is worth (kappa).

`bestofinf.rules.ProbabilityMass` adds kappa times an answer's share to its votes. The best kappa depends
on the model, on the questions, and on how far the reported probabilities are from those sampled from;
it is 0 if the model reasons before it answers. No labels are needed, because the samples themselves
show the agreement with what many votes elect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.replay.run import replay_all
from bestofinf.rules.mass import ProbabilityMass
from bestofinf.rules.optimal import PRESETS, OptimalStopping

KAPPAS = (0.0, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0)
"""The values that are tried; between them the cost hardly changes."""

FEWEST = 20
"""Minimum number of questions with probabilities."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KappaFit:
    """How many votes the probabilities of replies are worth.

    Attributes:
        kappa: The value for `ProbabilityMass`; 0 if the samples do not confirm a gain.
        confirmed: Whether the gain on held-out questions is above one standard error.
        gain: Mean held-out gain over `OptimalStopping` at the same price: agreement with the
            recorded mode minus the price of the samples, expressed in samples.
        se: Standard error of the gain, over questions.
        price: Price of a sample at which both were compared.
        samples: Mean samples with it, and without.
        agreement: Mean agreement with the recorded mode with it, and without.
        questions: Number of questions it was learned from.
    """

    kappa: float
    confirmed: bool
    gain: float
    se: float
    price: float
    samples: tuple[float, float]
    agreement: tuple[float, float]
    questions: int

    @property
    def rule(self) -> OptimalStopping:
        """The rule to use: with probabilities if they are confirmed."""
        if not self.confirmed:
            return OptimalStopping(self.price)
        return ProbabilityMass(self.price, kappa=self.kappa)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"rule": str(self.rule)}

    def __str__(self) -> str:
        """Return the result in a sentence."""
        told = f"worth {self.gain:.2g} ± {self.se:.2g} samples a question, held out"
        if not self.confirmed:
            return f"The probabilities of replies are not confirmed as evidence ({told})"
        with_it, without = self.samples
        agreed, before = self.agreement
        return (
            f"The probabilities of replies count as evidence, kappa {self.kappa:g} ({told}): "
            f"{with_it:.3g} samples agree with the mode in {agreed:.3f}, instead of {without:.3g} "
            f"in {before:.3f}"
        )


def tells_probabilities(evaluation_set: EvaluationSet) -> bool:
    """Return whether a set has probabilities of replies."""
    return any(any(s.likelihoods) for q in evaluation_set for s in q.samples.values())


def fit_kappa(
    evaluation_set: EvaluationSet,
    *,
    price: float = PRESETS["balanced"],
    kappas: Sequence[float] = KAPPAS,
    members: Sequence[str] | None = None,
    trials: int = 10,
    max_samples: int = 64,
    seed: int = 0,
) -> KappaFit:
    """Learn how many votes a share of probability is worth.

    Every question is voted on again under `OptimalStopping` and under `ProbabilityMass` with each
    kappa, with replacement (`replay`, ``replacement=True``). The best kappa on one half of the
    questions is scored on the other half, both ways; only a gain there of more than one standard
    error confirms it. Votes are compared with the recorded mode, which is itself based on counts, so
    the comparison favours counts.

    Args:
        evaluation_set: Recorded samples with `Samples.likelihoods`, read by an answer type whose
            whole reply is the answer.
        price: Price of a sample at which to compare.
        kappas: The values to try.
        members: Names of the members; None for all. Each votes alone.
        trials: Number of votes per question, member and kappa.
        max_samples: Maximum number of samples of a vote.
        seed: Seed of the halves and of the samples.

    Raises:
        UsageError: If fewer than 20 questions have probabilities.
    """
    told = evaluation_set.filter(lambda q: any(any(s.likelihoods) for s in q.samples.values()))
    if len(told) < FEWEST:
        raise UsageError(
            f"kappa is learned from at least {FEWEST} questions with log-probabilities, got {len(told)}: "
            'record samples of members with logprobs="raw" or "processed"'
        )
    plain = OptimalStopping(price)
    rules = [plain, *(ProbabilityMass(price, kappa=float(kappa)) for kappa in kappas)]
    results = replay_all(
        told,
        rules,
        members=members,
        trials=trials,
        max_samples=max_samples,
        seed=seed,
        replacement=True,
    )
    questions = list(dict.fromkeys(results[0].grid.questions))
    place = {question: i for i, question in enumerate(questions)}
    rows = np.array([place[question] for question in results[0].grid.questions])

    def column(measure: str) -> Floats:
        """Return the means of a measure, shape (rules, questions)."""
        sums = np.array(
            [np.bincount(rows, r.columns[measure], minlength=len(questions)) for r in results]
        )
        return np.asarray(sums / np.bincount(rows, minlength=len(questions)))

    samples, agreement = column("samples"), column("agreement")
    worth = agreement - price * samples
    gains = (worth[1:] - worth[0]) / price
    first = np.zeros(len(questions), dtype=np.bool_)
    first[np.random.default_rng(seed).permutation(len(questions))[: len(questions) // 2]] = True
    held_out = np.empty(len(questions))
    for half in (first, ~first):
        held_out[~half] = gains[int(gains[:, half].mean(axis=1).argmax()), ~half]
    gain = float(held_out.mean())
    se = float(held_out.std(ddof=1) / math.sqrt(len(questions)))
    best = int(gains.mean(axis=1).argmax())
    confirmed = gain > se
    return KappaFit(
        kappa=float(kappas[best]) if confirmed else 0.0,
        confirmed=confirmed,
        gain=gain,
        se=se,
        price=price,
        samples=(float(samples[best + 1].mean()), float(samples[0].mean())),
        agreement=(float(agreement[best + 1].mean()), float(agreement[0].mean())),
        questions=len(questions),
    )
