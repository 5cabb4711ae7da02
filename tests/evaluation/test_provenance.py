"""Which labels accuracies are estimated from."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from bestofinf.calibration import fit_confidence
from bestofinf.cli.table import table_rows
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.provenance import for_estimates
from bestofinf.replay import replay
from bestofinf.weights import compare_weights, fit_weights, to_label
from support.ensembles import made_set


def labelled_by(evaluation_set: EvaluationSet, chosen: dict[str, str]) -> EvaluationSet:
    """Keep the labels of some questions, with the provenance given for each."""
    return EvaluationSet(
        tuple(
            replace(q, provenance=chosen[q.id]) if q.id in chosen else replace(q, gold=None)
            for q in evaluation_set
        )
    )


@pytest.fixture(scope="module")
def full() -> EvaluationSet:
    return made_set(240, members=3, samples=8, seed=4)


def asked(full: EvaluationSet, number: int) -> dict[str, str]:
    bare = EvaluationSet(tuple(replace(q, gold=None) for q in full))
    return {wanted.id: "asked" for wanted in to_label(bare, number)}


def drawn(full: EvaluationSet, number: int, seed: int = 0) -> dict[str, str]:
    order = np.random.default_rng(seed).permutation(len(full))[:number]
    return {full.questions[q].id: "random" for q in order}


def test_asked_labels_and_feedback_are_left_out_and_counted(full: EvaluationSet) -> None:
    ids = [q.id for q in full.questions[:6]]
    sources = dict(
        zip(ids, ["random", "random", "asked", "feedback", "import", "asked"], strict=True)
    )
    kept, told = for_estimates(labelled_by(full, sources))
    assert [q.id for q in kept if q.gold is not None] == [ids[0], ids[1], ids[4]]
    assert (told.used, told.left_out) == ({"random": 2, "import": 1}, {"asked": 2, "feedback": 1})
    assert str(told) == (
        "labels used: 1 import, 2 random; not for an accuracy: 2 asked, 1 feedback"
    )
    assert len(kept) == len(full)


def test_labels_of_unknown_provenance_count_where_no_random_ones_are(full: EvaluationSet) -> None:
    assert for_estimates(full)[0] is full
    some = EvaluationSet((replace(full.questions[0], provenance="random"), *full.questions[1:]))
    kept, told = for_estimates(some)
    assert (len(kept.labelled()), told.left_out) == (1, {"unknown": 239})


@pytest.mark.parametrize("number", [25, 50, 100])
def test_no_accuracy_comes_from_asked_labels(full: EvaluationSet, number: int) -> None:
    some = labelled_by(full, asked(full, number))
    with pytest.raises(UsageError, match=r"not for an accuracy: \d+ asked.*--random 25"):
        compare_weights(some, ("softmax",), splits=2)
    with pytest.raises(UsageError, match="got 0"):
        fit_confidence(some, "balanced", {"m0": 1.0})
    assert isnan(replay(some, "fixed:n=3", members=("m0",), trials=1).accuracy)
    assert all(row.bo1 is None for row in table_rows(some))
    fit = fit_weights(some, "consensus")
    assert fit.labels == {"asked": fit.total}
    assert fit.total > number / 2


def test_random_labels_beside_asked_ones_hold_the_truth(full: EvaluationSet) -> None:
    held = 0
    for seed in range(8):
        sources = asked(full, 40) | drawn(full, 50, seed)
        found = compare_weights(labelled_by(full, sources), ("softmax",), splits=4)
        assert found.label_sources.used == {"random": 50}
        assert found.label_sources.left_out["asked"] > 20
        truth = compare_weights(full, ("softmax",), splits=4).heldout["uniform"].accuracy
        estimate = found.heldout["uniform"]
        held += abs(estimate.accuracy - truth) <= 1.96 * estimate.se
    assert held >= 6
