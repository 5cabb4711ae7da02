"""Many tallies at once are as many tallies, for counting and for every rule."""

import math
import random

import numpy as np
import pytest

from bestofinf.records import Usual
from bestofinf.rules import (
    AdaptiveConsistency,
    AheadBy,
    BestOfInfinity,
    CertifiedMajority,
    Doubling,
    FixedSamples,
    MaxCost,
    MaxSamples,
    MaxSeconds,
    MaxTokens,
    OptimalStopping,
    PValue,
    UnanimousWindow,
)
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays

ROWS, STEPS, ANSWERS = 40, 25, 6


def draws(seed, members):
    rng = random.Random(seed)
    shares = [[rng.random() ** 3 for _ in range(ANSWERS)] for _ in range(ROWS)]
    return [
        [
            (
                -1 if rng.random() < 0.08 else rng.choices(range(ANSWERS), shares[row])[0],
                rng.choice([0, 700, 1500, 1500, 9000]),
                rng.randrange(members),
            )
            for row in range(ROWS)
        ]
        for _ in range(STEPS)
    ]


def both(seed, weights, *, stratified=True, usual=False):
    """Yield the tallies of all rows and the one for many, after each step."""
    members = len(weights)
    lengths = [Usual(t, math.log(t), samples=10**12) for t in (900, 2500, 7000)[:members]]
    singles = [
        Tally(weights, stratified=stratified, usual=lengths if usual else None) for _ in range(ROWS)
    ]
    columns = {
        "usual_tokens": np.array([[u.tokens for u in lengths]] * ROWS),
        "usual_log_tokens": np.array([[u.log_tokens for u in lengths]] * ROWS),
    }
    many = TallyArrays(
        ROWS, ANSWERS, weights=weights, stratified=stratified, **(columns if usual else {})
    )
    for step in draws(seed, members):
        for tally, (answer, tokens, member) in zip(singles, step, strict=True):
            tally.spend(tokens=tokens, cost=tokens / 1000)
            if answer < 0:
                tally.abstain()
            else:
                tally.vote(answer, member=member, tokens=tokens)
        answers, tokens, member = (np.array(column) for column in zip(*step, strict=True))
        many.count(answers, tokens=tokens, member=member, cost=tokens / 1000)
        yield singles, many


SHAPES = [
    {"weights": (1.0,)},
    {"weights": (1.0,), "usual": True},
    {"weights": (0.6, 0.3, 0.1)},
    {"weights": (0.6, 0.3, 0.1), "usual": True},
    {"weights": (0.6, 0.4), "stratified": False, "usual": True},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_counts_leaders_and_lengths_are_those_of_single_tallies(shape, seed):
    for singles, many in both(seed, **shape):
        for row, tally in enumerate(singles):
            known = {a: c for a, c in enumerate(many.counts[row].tolist()) if c}
            assert known == pytest.approx(tally.counts)
            assert many.c1[row] == pytest.approx(tally.c1)
            assert many.c2[row] == pytest.approx(tally.c2)
            assert many.n[row] == pytest.approx(tally.n)
            assert many.leader[row] == (-1 if tally.leader is None else tally.leader)
            assert many.runner_up[row] == (-1 if tally.runner_up is None else tally.runner_up)
            assert many.streak[row] == tally.streak
            assert many.excess[row] == pytest.approx(tally.excess)
            assert many.n_answers[row] == tally.n_answers
            assert many.n_samples[row] == tally.n_samples
            assert many.tokens[row] == tally.tokens
            assert many.member_votes[row].tolist() == tally.member_votes


RULES = [
    OptimalStopping(), OptimalStopping(0.0066, length_evidence=0), OptimalStopping(0.001),
    OptimalStopping(0.005, price_per="token", reference_tokens=1500), OptimalStopping(0.01, 0.5),
    BestOfInfinity(), BestOfInfinity(100, prior="authors"), BestOfInfinity(3), AheadBy(3),
    AdaptiveConsistency(), AdaptiveConsistency(0.75, "entropy"),
    AdaptiveConsistency(0.7, "majority"), PValue(), UnanimousWindow(3),
    UnanimousWindow(3, sliding=True), Doubling(), FixedSamples(7), MaxSamples(7), MaxTokens(20_000),
    MaxCost(20.0), AheadBy(4) & MaxSamples(6), AheadBy(5) | MaxTokens(30_000),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rules_decide_on_many_tallies_as_on_one(rule, shape):
    fired = 0
    for singles, many in both(7, **shape):
        got = rule.check_many(many)
        answers = rule.answers_many(many)
        for row, tally in enumerate(singles):
            verdict = rule.check(tally)
            assert got[row] == (verdict is not None)
            if verdict is not None and verdict.answer is not None:
                assert answers[row] == verdict.answer
            fired += verdict is not None
    assert 0 < fired < ROWS * STEPS


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[4]], ids=str)
def test_certified_rule_decides_on_many_tallies_as_on_one(shape):
    rule, fired = CertifiedMajority(0.3), 0
    for singles, many in both(11, **shape):
        got = rule.check_many(many)
        for row, tally in enumerate(singles):
            verdict = rule.check(tally)
            assert got[row] == (verdict is not None)
            if verdict is not None:
                assert rule.answers_many(many)[row] == verdict.answer
                fired += 1
    assert fired


def test_price_in_money_is_what_samples_have_cost():
    rule = OptimalStopping(1e-3, price_per="money")
    for singles, many in both(3, (1.0,)):
        got = rule.check_many(many)
        assert got.tolist() == [rule.check(tally) is not None for tally in singles]


def test_time_is_not_known_to_many_tallies():
    assert MaxSeconds(3).check_many(TallyArrays(2, 2)) is None
    assert (AheadBy() | MaxSeconds(3)).check_many(TallyArrays(2, 2)) is None


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forgetting_rows_leaves_the_others_as_they_are(shape):
    rule = CertifiedMajority(0.3) if not shape.get("stratified", True) else AheadBy()
    whole = [(m.c1.copy(), rule.check_many(m)) for _, m in both(5, **shape)]
    rows = np.arange(ROWS)
    members = len(shape["weights"])
    _, many = next(both(5, **shape))
    rule.check_many(many)
    later = zip(draws(5, members)[1:], whole[1:], strict=True)
    for step, (c1, fires) in later:
        keep = np.arange(0, len(many), 2 if len(many) > 5 else 1)
        rows = rows[keep]
        many.keep(keep)
        answers, tokens, member = (np.array(c)[rows] for c in zip(*step, strict=True))
        many.count(answers, tokens=tokens, member=member)
        assert many.c1.tolist() == pytest.approx(c1[rows].tolist())
        assert rule.check_many(many).tolist() == fires[rows].tolist()
