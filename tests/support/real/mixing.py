"""Probabilities that say nothing: every reply gets that of another one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bestofinf.evaluation import EvaluationSet, Samples


def mixed(recorded: EvaluationSet, rng: np.random.Generator) -> EvaluationSet:
    """Return a set in which each distinct reply has the probability of any reply to any question.

    Args:
        recorded: Samples with `Samples.likelihoods`.
        rng: Draws in the order of the replies.
    """
    every = [told for q in recorded for s in q.samples.values() for told in s.likelihoods]

    def of_others(samples: Samples) -> Samples:
        texts = dict.fromkeys(told.said for told in samples.likelihoods)
        other = {said: every[rng.integers(len(every))] for said in texts}
        return replace(
            samples,
            likelihoods=tuple(replace(other[t.said], said=t.said) for t in samples.likelihoods),
        )

    return replace(
        recorded,
        questions=tuple(
            replace(q, samples={name: of_others(s) for name, s in q.samples.items()})
            for q in recorded
        ),
    )
