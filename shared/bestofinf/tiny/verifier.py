"""A verifier: a network that judges solutions step by step."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bestofinf.tiny.alphabet import CONTEXT, END, encode
from bestofinf.tiny.exact import Array
from bestofinf.tiny.network import Network

BATCH = 128
STEP_ENDS = (";", "\n")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A process reward model: the probability that a solution is right, from that of its steps.

    The network has learnt, for every place in a right solution, which characters keep it right.
    A step is as right as its characters together, a solution as its steps; logistic
    calibration on questions of its own turns the product into a probability.

    Attributes:
        network: Its logits are those of "this character keeps the solution right".
        slope: Factor of the log-odds of the product.
        intercept: Added to them.
    """

    network: Network
    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def from_bytes(cls, data: bytes) -> Verifier:
        """Build from the contents of an ``.npz`` file."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            slope, intercept = arrays["calibration"].tolist()
        return cls(Network.from_bytes(data), slope, intercept)

    def score(self, question: str, solution: str) -> float:
        """Return the calibrated probability in [0, 1] that the solution's answer is right."""
        return self.scores([(question, solution)])[0]

    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return `score` for pairs of question and solution, many at a time."""
        product = np.array([sum(steps) for steps in self._log_steps(pairs)])
        # log(p / (1 - p)) from log(p), which is at most 0.
        odds = product - np.log(-np.expm1(np.minimum(product, -1e-12)))
        calibrated = np.exp(-np.logaddexp(0, -self.slope * odds - self.intercept))
        return [float(probability) for probability in calibrated]

    def steps(self, question: str, solution: str) -> tuple[float, ...]:
        """Return for each step the probability that it is right if those before it are.

        Steps end with ";" or a line; the last one is the answer and that the solution ends there.
        """
        return tuple(np.exp(self._log_steps([(question, solution)])[0]).tolist())

    def _log_steps(self, pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
        results: list[list[float]] = [[]] * len(pairs)
        order = sorted(range(len(pairs)), key=lambda i: sum(map(len, pairs[i])))
        for first in range(0, len(order), BATCH):
            places = order[first : first + BATCH]
            # A question fills at most half of the context, as its members read it.
            texts = [(f"{pairs[i][0]}\n"[-CONTEXT // 2 :], pairs[i][1] + "\0") for i in places]
            tokens = np.full((len(places), max(len(q) + len(s) for q, s in texts)), END, np.int64)
            for row, (question, solution) in enumerate(texts):
                tokens[row, : len(question) + len(solution)] = encode(question + solution)
            tokens = tokens[:, :CONTEXT]
            logits, _ = self.network.read(
                self.network.begin(len(places), tokens.shape[1]), tokens[:, :-1]
            )
            chosen = np.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
            right = -np.logaddexp(0, -chosen)
            for row, (place, (question, solution)) in enumerate(zip(places, texts, strict=True)):
                results[place] = _by_step(right[row, len(question) - 1 :], solution)
        return results


def _by_step(right: Array, solution: str) -> list[float]:
    """Add the characters' log-probabilities up to the end of each step."""
    steps = [0.0]
    for character, value in zip(solution, right, strict=False):
        steps[-1] += float(value)
        if character in STEP_ENDS:
            steps.append(0.0)
    return steps
