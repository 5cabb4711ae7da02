"""A verifier: a network that judges solutions step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np

from bestofinf.tiny.alphabet import CONTEXT, END, encode
from bestofinf.tiny.exact import Array
from bestofinf.tiny.network import Network, Tokens

BATCH = 128
STEP_ENDS = (";", "\n")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A process reward model: the probability that a solution is right, from that of its steps.

    The network has learnt, for every place in a right solution, which characters keep it right.
    A step is as right as its characters together, a solution as its steps; a calibration on
    questions of its own turns the product into a probability.

    Attributes:
        network: Its logits are those of "this character keeps the solution right".
        calibration: Coefficients of `evidence` in the log-odds that the answer is right.
    """

    network: Network
    calibration: tuple[float, float, float]

    def score(self, question: str, solution: str) -> float:
        """Return the calibrated probability in [0, 1] that the solution's answer is right."""
        return self.scores([(question, solution)])[0]

    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return `score` for pairs of question and solution, many at a time."""
        if not pairs:
            return []
        odds = evidence(self.surprise(pairs)) @ np.array(self.calibration)
        return [float(probability) for probability in np.exp(-np.logaddexp(0, -odds))]

    def surprise(self, pairs: Sequence[tuple[str, str]]) -> Array:
        """Return minus the logarithm of the product over all steps, shape (len(pairs),)."""
        return -np.array([sum(steps) for steps in self._log_steps(pairs)])

    def steps(self, question: str, solution: str) -> tuple[float, ...]:
        """Return for each step the probability that it is right if those before it are.

        Steps end with ";" or a line; the last one is the answer and that the solution ends there.
        """
        return tuple(np.exp(self._log_steps([(question, solution)])[0]).tolist())

    def _log_steps(self, pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
        results: list[list[float]] = [[]] * len(pairs)
        # Solutions of one question share the reading of it; longer ones stand last.
        order = sorted(range(len(pairs)), key=lambda i: (pairs[i][0], len(pairs[i][1])))
        for question, group in groupby(order, key=lambda i: pairs[i][0]):
            # A question fills at most half of the context, as its members read it.
            prompt = encode(f"{question}\n"[-CONTEXT // 2 :])
            for places in _batches(group):
                rows = self._judge(prompt, [pairs[place][1] for place in places])
                for place, row in zip(places, rows, strict=True):
                    results[place] = _by_step(row, pairs[place][1] + "\0")
        return results

    def _judge(self, prompt: Tokens, solutions: Sequence[str]) -> Array:
        """Return the log-probability that each character, and the end, keeps a solution right."""
        room = CONTEXT - len(prompt)
        length = min(max(1, *map(len, solutions)) + 1, room)
        tokens = np.full((len(solutions), length), END, np.int64)
        for row, solution in enumerate(solutions):
            tokens[row, : len(solution)] = encode(solution[:room])
        reading = self.network.begin(1, len(prompt) + tokens.shape[1])
        first, reading = self.network.read(reading, prompt[None])
        rest, _ = self.network.read(reading.rows(np.zeros(len(solutions), np.intp)), tokens[:, :-1])
        first = np.broadcast_to(first[:, -1:], (len(solutions), 1, first.shape[-1]))
        logits = np.concatenate([first, rest], axis=1)
        chosen = np.take_along_axis(logits, tokens[:, :, None], axis=-1)[..., 0]
        right: Array = -np.logaddexp(0, -chosen)
        return right


def evidence(surprise: Array) -> Array:
    """Return what the log-odds of a solution are linear in, shape (n, 3).

    Beta calibration, with the logarithm of the product tamed: below one in a few thousand it
    hardly matters any more how improbable a solution is.

    Args:
        surprise: Minus the logarithm of the product over all steps, at least 0.

    Source: Kull, Silva Filho and Flach, Beta calibration, AISTATS 2017, section 4, where the
        first column is the logarithm itself.
    """
    wrong = -np.expm1(-np.maximum(surprise, 1e-9))
    return np.column_stack([-np.log1p(surprise), -np.log(wrong), np.ones_like(surprise)])


def _by_step(right: Array, solution: str) -> list[float]:
    """Add the characters' log-probabilities up to the end of each step."""
    steps = [0.0]
    for character, value in zip(solution, right, strict=False):
        steps[-1] += float(value)
        if character in STEP_ENDS:
            steps.append(0.0)
    return steps


def _batches(places: Iterable[int]) -> Iterator[list[int]]:
    iterator = iter(places)
    while batch := list(islice(iterator, BATCH)):
        yield batch
