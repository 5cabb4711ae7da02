"""What the probability of a reply is worth in votes, learned from recorded samples.

`bestofinf.rules.ProbabilityMass` counts an answer's share kappa times. How much that may be depends on
the model, on the questions, and on how far the probabilities told are from those sampled from; where
reasoning stands before the answer it is nothing. No labels are needed: an agreement with what many
votes elect is known from the samples themselves.
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
"""Values that are tried: the sample cost is flat in between."""

FEWEST = 20
"""Questions with probabilities that it takes to learn from."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KappaFit:
    """How many votes the probabilities of replies are worth.

    Attributes:
        kappa: For `ProbabilityMass`; 0 where the samples do not confirm a gain.
        confirmed: Whether the gain on held-out questions is above one standard error.
        gain: Mean gain over `OptimalStopping` at the same price, held out: in agreement with the
            recorded mode less the price of the samples, expressed in samples.
        se: Its standard error, over questions.
        price: Price of a sample that both were compared at.
        samples: Mean samples with it, and without.
        agreement: Mean agreement with the recorded mode with it, and without.
        questions: Questions it was learned from.
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
        """The rule to use: with probabilities where they are confirmed."""
        if not self.confirmed:
            return OptimalStopping(self.price)
        return ProbabilityMass(self.price, kappa=self.kappa)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"rule": str(self.rule)}

    def __str__(self) -> str:
        """Return it in a sentence."""
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
    """Return whether a set records how probable replies were."""
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
    """Learn what a share of probability is worth in votes.

    Every question is voted on again under `OptimalStopping` and under `ProbabilityMass` with each
    kappa, with samples put back (`replay`, ``replacement=True``). The best kappa of one half of the
    questions is judged on the other half, both ways; only a gain there of more than one standard
    error confirms it. The recorded mode that votes are compared with is itself one of counts, which
    favours counts.

    Args:
        evaluation_set: Recorded samples with `Samples.likelihoods`, read by an answer type for which
            the whole reply is the answer.
        price: Price of a sample to compare at.
        kappas: What is tried.
        members: Whose samples; None for all, each alone.
        trials: Votes per question, member and kappa.
        max_samples: Samples of a vote at most.
        seed: Of the halves and of the samples.

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
