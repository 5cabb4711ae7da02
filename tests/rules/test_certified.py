"""The certified rule: its stakes, its promise by simulation, and how far ahead it looks."""

import math
import os
import random

import numpy as np
import pytest
from scipy import integrate

from bestofinf.errors import UsageError
from bestofinf.rules import CertifiedMajority
from bestofinf.rules.certified import LeastWins, log_e_value
from bestofinf.rules.tally import Tally
from support.courses import fewest_by_trial

QUESTIONS = {
    "50/50": [0.5, 0.5],
    "three equal": [1 / 3] * 3,
    "five equal": [0.2] * 5,
    ".6/.3/.1": [0.6, 0.3, 0.1],
    "one and many": [0.2] + [0.01] * 80,
    "two and many": [0.15, 0.15] + [0.01] * 70,
}


def false_stops(probabilities, *, runs, votes, error=0.05, seed=0):
    """Return the share of runs that stop with an answer that is not the only mode, and all stops.

    The rule of the class, written for all runs at once.
    """
    least = LeastWins(error)
    least.grow(votes)
    rng = np.random.default_rng(seed)
    p = np.array(probabilities)
    modes = np.flatnonzero(p == p.max())
    drawn = rng.choice(len(p), size=(runs, votes), p=p / p.sum())
    run = np.arange(runs)
    counts, own, first = (np.zeros((runs, len(p)), dtype=np.int64) for _ in range(3))
    leader = drawn[:, 0].copy()
    counts[run, leader] = first[run, leader] = 1
    wins = np.zeros(runs, dtype=np.int64)
    winner = np.full(runs, -1)
    for t in range(1, votes):
        vote = drawn[:, t]
        counts[run, vote] += 1
        hit = vote == leader
        own[run, vote] += hit
        wins += hit
        leader = np.where(counts[run, vote] > counts[run, leader], vote, leader)
        refuted = wins[:, None] - own >= least.array[counts - own - first]
        refuted[run, leader] = True
        stops = refuted.all(axis=1) & (wins >= least.array[0]) & (winner < 0)
        winner[stops] = leader[stops]
    right = winner == modes[0] if len(modes) == 1 else np.zeros(runs, dtype=bool)
    return ((winner >= 0) & ~right).mean(), (winner >= 0).mean()


@pytest.mark.parametrize("question", QUESTIONS)
def test_wrong_stops_are_no_more_than_promised(question):
    wrong, _ = false_stops(QUESTIONS[question], runs=3_000, votes=150)
    assert wrong <= 0.05


@pytest.mark.soak
@pytest.mark.parametrize("error", [0.05, 0.2])
@pytest.mark.parametrize("question", QUESTIONS)
def test_wrong_stops_are_no_more_than_promised_over_20_000_runs(question, error):
    runs = int(os.environ.get("BESTOFINF_RUNS", "20000"))
    wrong, _ = false_stops(QUESTIONS[question], runs=runs, votes=400, error=error, seed=1)
    assert wrong <= error


@pytest.mark.parametrize(("question", "stops"), [(".6/.3/.1", 0.9), ("one and many", 0.99)])
def test_clear_questions_are_settled(question, stops):
    assert false_stops(QUESTIONS[question], runs=500, votes=200)[1] >= stops


def simulated_winner(stream, error):
    tally, rule = Tally(), CertifiedMajority(error)
    for place, answer in enumerate(stream, 1):
        tally.vote(answer)
        verdict = rule.check(tally)
        if verdict is not None:
            return place, verdict.answer
    return None


@pytest.mark.parametrize("seed", range(5))
def test_rule_decides_as_the_simulation_does(seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1.0] * 4)
    stops = []
    for _ in range(40):
        stream = rng.choice(4, size=60, p=p).tolist()
        got = simulated_winner(stream, 0.1)
        fresh = Tally()
        for answer in stream[: got[0] if got else None]:
            fresh.vote(answer)
        verdict = CertifiedMajority(0.1).check(fresh)  # from the whole history at once
        assert (verdict is not None) == (got is not None)
        stops.append(got)
    assert any(stops)


@pytest.mark.parametrize(("error", "votes"), [(0.05, 8), (0.1, 7), (0.2, 6), (0.01, 11)])
def test_equal_votes_are_certified(error, votes):
    assert simulated_winner(["a"] * 20, error) == (votes, "a")
    assert CertifiedMajority(error).needed(Tally(), [0] * 20) == votes


def test_stake_is_the_mixture_of_bets():
    for s, f in [(0, 0), (3, 0), (8, 1), (30, 12), (5, 9)]:
        density = integrate.quad(lambda x: 1 / math.sqrt(x * (1 - x)), 0.5, 1)[0]
        mixture = integrate.quad(
            lambda x, s=s, f=f: (2 * x) ** s * (2 - 2 * x) ** f / math.sqrt(x * (1 - x)), 0.5, 1
        )[0]
        assert math.exp(log_e_value(s, f)) == pytest.approx(mixture / density, rel=1e-6)


def test_stake_is_a_supermartingale_where_the_answer_is_at_least_as_probable():
    for s in range(12):
        for f in range(12):
            now = math.exp(log_e_value(s, f))
            for p in (0.5, 0.4, 0.1):
                later = p * math.exp(log_e_value(s + 1, f)) + (1 - p) * math.exp(
                    log_e_value(s, f + 1)
                )
                assert later <= now * (1 + 1e-9)


def test_least_wins_are_the_boundary():
    least = LeastWins(0.05)
    for f in (0, 1, 5, 63, 64, 200):
        s = least.of(f)
        assert log_e_value(s, f) >= math.log(40)
        assert log_e_value(s - 1, f) < math.log(40)


def test_planned_orders_of_members_are_refused():
    with pytest.raises(UsageError, match='schedule="independent"'):
        CertifiedMajority().check(Tally([0.5, 0.5]))
    assert CertifiedMajority().check(Tally([0.5, 0.5], stratified=False)) is None


@pytest.mark.parametrize("seed", range(25))
def test_no_course_of_votes_stops_it_before_what_it_needs(seed):
    rng = random.Random(seed)
    rule, tally = CertifiedMajority(0.4), Tally()
    for _ in range(rng.randint(0, 14)):
        before = tally.copy()
        tally.vote(rng.choice("aaaabbc"))
        if rule.check(tally):
            tally = before
            break
    assert rule.needed(tally, [0, 0, 0]) <= fewest_by_trial(rule, tally, [0, 0, 0])


@pytest.mark.parametrize("error", [0, 0.5, math.nan])
def test_error_is_checked(error):
    with pytest.raises(UsageError, match="error"):
        CertifiedMajority(error)
