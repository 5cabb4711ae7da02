"""The optimal rule: its index, its decisions, and how far ahead it looks."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc

from bestofinf.errors import UsageError
from bestofinf.records import Sample, Usual
from bestofinf.rules import OptimalStopping, parse_rule
from bestofinf.rules.index import LARGEST, index, log_index
from bestofinf.rules.optimal import PRESETS
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.schedule import Schedule
from support.courses import fewest_by_trial

C2 = (0, 1, 2, 3, 5, 8, 12, 20)
LEADS = {
    0.0017: (4, 6, 6, 7, 7, 8, 8, 8),
    0.0033: (3, 5, 5, 5, 6, 6, 6, 6),
    0.00085: (5, 7, 8, 8, 9, 10, 10, 11),
}
MORE_C2 = (0, 1, 2, 3, 5, 8, 12, 16, 20, 30, 40, 60)
MORE_LEADS = {  # prior .3
    0.0066: (3, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3),
    0.0033: (4, 5, 5, 5, 6, 6, 6, 6, 6, 6, 5, 5),
    0.0017: (5, 6, 6, 7, 7, 8, 8, 8, 8, 8, 8, 8),
    0.00085: (5, 7, 8, 8, 9, 10, 10, 11, 11, 12, 12, 12),
    0.0004: (6, 8, 9, 10, 11, 12, 13, 14, 14, 15, 16, 16),
}


def tally_of(*votes, weights=(1.0,), usual=None):
    """Votes are answers or (answer, tokens)."""
    tally = Tally(weights, usual=usual)
    for vote in votes:
        answer, tokens = vote if isinstance(vote, tuple) else (vote, None)
        tally.vote(answer, tokens=tokens)
    return tally


@pytest.mark.parametrize(
    ("c1", "c2", "worth"),
    [
        (1, 0, 0.02826), (2, 0, 0.00735), (3, 0, 0.00266), (4, 0, 0.001106), (5, 0, 0.000496),
        (2, 1, 0.04693), (3, 1, 0.01683), (5, 1, 0.003745), (10, 5, 0.003588),
    ],
)  # fmt: skip
def test_index_has_the_values_of_a_finer_and_longer_induction(c1, c2, worth):
    # Horizon 900, 900 prices.
    assert math.exp(index(0.15).at(c1, c2)) == pytest.approx(worth, rel=0.015)


@pytest.mark.parametrize(
    ("prior", "price", "where", "leads"),
    [(0.15, p, C2, leads) for p, leads in LEADS.items()]
    + [(0.3, p, MORE_C2, leads) for p, leads in MORE_LEADS.items()],
)
def test_lead_asked_for_is_that_of_the_published_tables(prior, price, where, leads):
    g = index(prior).array
    got = tuple(next(k for k in range(1, 60) if g[c2 + k, c2] <= math.log(price)) for c2 in where)
    assert got == leads


def plain_induction(price, a=0.15, horizon=160):
    """The same problem for one price, written as in the textbook. Returns the states to stop in."""
    c = np.arange(horizon + 1)
    value = 1 - betainc(a + np.maximum(c, horizon - c), a + np.minimum(c, horizon - c), 0.5)
    stop = {}
    for s in range(horizon - 1, 0, -1):
        c, d = np.arange(s + 1), s - np.arange(s + 1)
        now = 1 - betainc(a + np.maximum(c, d), a + np.minimum(c, d), 0.5)
        q = (c + a) / (s + 2 * a)
        later = q * value[1:] + (1 - q) * value[:-1] - price
        stop.update({(i, s - i): now[i] >= later[i] for i in range(s + 1)})
        value = np.maximum(now, later)
    return stop


@pytest.mark.parametrize("price", [0.0017, 0.0051, 0.021])
def test_index_decides_as_backward_induction_for_one_price_does(price):
    stop = plain_induction(price)
    for (c, d), wanted in stop.items():
        if c >= d and c + d <= 60:
            score = index(0.15).at(c, d)
            if abs(score - math.log(price)) > 0.05:
                assert (score <= math.log(price)) == wanted, (c, d)


def test_index_is_symmetric_and_falls_with_the_lead():
    g = log_index(0.15)
    assert np.array_equal(g, g.T)
    inside = (g > math.log(2e-6)) & (g < math.log(0.29))
    for d in range(100):
        column = g[d:, d][inside[d:, d]]
        assert (np.diff(column) < 0).all()


@given(st.floats(0, 400), st.floats(0, 400))
def test_index_at_one_point_is_that_of_many(c1, c2):
    many = index(0.15).at_many(np.array([c1]), np.array([c2]))[0]
    assert index(0.15).at(c1, c2) == pytest.approx(many, abs=1e-12)


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_interpolation_meets_the_table(c1, c2):
    assert index(0.15).at(c1, c2) == pytest.approx(index(0.15).array[c1, c2], abs=1e-12)


@pytest.mark.parametrize(
    ("preset", "unanimous"), [("fast", 3), ("balanced", 3), ("thorough", 4), ("exhaustive", 6)]
)
def test_presets_stop_unanimous_votes(preset, unanimous):
    rule = getattr(OptimalStopping, preset)()
    assert rule.check(tally_of(*"a" * (unanimous - 1))) is None
    assert "optimal" in rule.check(tally_of(*"a" * unanimous)).reason
    assert rule.needed(Tally(), [0] * 20) == unanimous


def test_short_replies_of_the_leader_stop_sooner_and_long_ones_later():
    rule = OptimalStopping.balanced()
    votes = [("a", 1000)] * 5 + [("b", 9000)]
    contrary = [("a", 9000)] * 5 + [("b", 1000)]
    unknown = ["a"] * 5 + ["b"]
    assert rule.check(tally_of(*votes)) is not None
    assert rule.check(tally_of(*unknown)) is None
    assert rule.check(tally_of(*unknown, "a")) is not None
    assert rule.check(tally_of(*contrary, ("a", 9000))) is None


def test_length_evidence_can_be_switched_off():
    rule = OptimalStopping(length_evidence=0)
    for lengths in ((1000, 9000), (9000, 1000)):
        votes = [("a", lengths[0])] * 6 + [("b", lengths[1])]
        assert rule.check(tally_of(*votes)) is not None
        assert rule.check(tally_of(*votes[1:])) is None


def test_third_answers_and_abstentions_are_charged_as_waste():
    rule = OptimalStopping(0.006)
    assert rule.check(tally_of("a", "a", "a", "b")) is None
    assert rule.check(tally_of("a", "a", "a", "b", *"cdefghijk")) is not None
    abstained = tally_of("a", "a", "a", "b")
    for _ in range(9):
        abstained.abstain()
    assert rule.check(abstained) is not None


def test_price_per_token_asks_less_of_members_with_short_replies():
    rule = OptimalStopping(0.0033, price_per="token")
    short = Usual(tokens=2_000, log_tokens=math.log(2_000), samples=1000)
    long = Usual(tokens=60_000, log_tokens=math.log(60_000), samples=1000)
    assert rule.check(tally_of("a", "a", "a")) is not None  # nothing known: per sample
    assert rule.check(tally_of(*[("a", 2_000)] * 3, usual=[short])) is None
    assert rule.check(tally_of(*[("a", 60_000)] * 2, usual=[long])) is not None


def test_usual_length_is_trusted_as_it_is_known():
    rule = OptimalStopping(0.0033, price_per="token")
    new = Usual(tokens=2_000, log_tokens=math.log(2_000), samples=1)
    assert rule._bar(tally_of("a", usual=[new])) == pytest.approx(
        math.log(0.0033 * (2_000 + 4 * 14_000) / 5 / 14_000)
    )


def test_long_questions_deserve_more_samples_where_asked_for():
    usual = [Usual(tokens=1000, log_tokens=math.log(1000), samples=99)]
    rule = OptimalStopping(0.0033, question_length=0.5)
    assert rule.check(tally_of(*[("a", 1000)] * 3, usual=usual)) is not None
    assert rule.check(tally_of(*[("a", 4000)] * 3, usual=usual)) is None
    assert rule.check(tally_of(*[("a", 4000)] * 4, usual=usual)) is not None
    unaware = OptimalStopping(0.0033)
    assert unaware.check(tally_of(*[("a", 4000)] * 3, usual=usual)) is not None


def test_long_questions_are_dearer_but_by_the_square_root():
    rule = OptimalStopping(0.0033, price_per="token")
    usual = Usual(tokens=14_000, log_tokens=math.log(14_000), samples=10**9)
    tally = tally_of(*[("a", 14_000 * math.e**0.8)] * 6, usual=[usual])
    assert rule._bar(tally) == pytest.approx(math.log(0.0033) + 0.5 * 0.8 * 6 / 8)
    runaway = tally_of(*[("a", 10**9)] * 6, usual=[usual])
    assert rule._bar(runaway) == pytest.approx(math.log(0.0033) + 0.5 * 2 * 6 / 8)


def test_price_in_money_is_cost_over_value():
    rule = OptimalStopping.for_value(2.0)
    usual = Usual(tokens=500, log_tokens=math.log(500), cost=0.0066, samples=50)
    assert rule._bar(tally_of(("a", 500), usual=[usual])) == pytest.approx(math.log(0.0033))
    spent = tally_of("a", "a", "a")
    spent.spend(cost=3 * 0.0066)
    assert rule.check(spent) is not None
    assert rule.check(tally_of("a", "a", "a")) is None  # free samples are always worth it
    assert rule.needed(tally_of("a"), [0] * 5) == 1


def test_usual_lengths_are_running_means():
    usual = Usual()
    for tokens in (100, 400, 0):
        usual = usual.add(tokens=tokens, cost=tokens / 100)
    assert usual == Usual(250, pytest.approx(math.log(200)), pytest.approx(2.5), 2)


def test_lengths_of_members_are_compared_with_what_is_usual_for_them():
    usual = [Usual(100, math.log(100), 0, 9), Usual(9000, math.log(9000), 0, 9)]
    tally = Tally([0.5, 0.5], usual=usual)
    tally.vote("a", member=0, tokens=200)
    tally.vote("b", member=1, tokens=4500)
    assert tally.mean_log_tokens("a") == pytest.approx(math.log(2))
    assert tally.leader == "b"  # a tie: shorter than usual


@pytest.mark.parametrize("seed", range(60))
def test_no_course_of_votes_stops_it_before_what_it_needs(seed):
    rng = random.Random(seed)
    members = rng.choice([1, 1, 2, 3])
    usual = [Usual(t, math.log(5000), 0.01, 10) for t in rng.choices((500, 5000, 20000), k=members)]
    rule = OptimalStopping(
        rng.choice([0.02, 0.0066, 0.0033, 0.0017]),
        length_evidence=rng.choice([0, 1, 2]),
        price_per=rng.choice(["sample", "token"]),
    )
    weights = [rng.random() + 0.02 for _ in range(members)]
    tally = Tally(weights, usual=rng.choice([None, usual]))
    schedule = Schedule("greedy", weights)
    for _ in range(rng.randint(0, 9)):
        tokens = rng.choice([None, 1000, 9000])
        tally.vote(rng.choice("aaaabbc"), member=schedule.next(), tokens=tokens)
        if rule.check(tally):
            return
    ahead = schedule.peek(3)
    assert rule.needed(tally, ahead) <= fewest_by_trial(rule, tally, ahead)


@pytest.mark.parametrize("price", [0.0066, 0.0033, 0.0017, 0.0004])
def test_need_is_tight_without_lengths(price):
    rule = OptimalStopping(price, length_evidence=0)
    tally = tally_of(*"aababcaa")
    needed = rule.needed(tally, [0] * 30)
    for _ in range(needed):
        assert rule.check(tally) is None
        tally.vote("a")
    assert rule.check(tally) is not None


@pytest.mark.parametrize(
    "settings",
    [
        {"price": 0}, {"price": 1}, {"price": math.nan}, {"prior": 0}, {"length_evidence": -1},
        {"price_per": "day"}, {"question_length": math.inf}, {"reference_tokens": 0},
    ],
)  # fmt: skip
def test_settings_are_checked(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        OptimalStopping(**settings)


def test_value_of_a_right_answer_is_checked():
    with pytest.raises(UsageError, match="value"):
        OptimalStopping.for_value(0)


@pytest.mark.parametrize("rule", PRESETS)
def test_votes_of_which_no_two_are_alike_end_it(rule):
    engine = VotingEngine(parse_rule(rule))
    while not engine.done:
        for draw in engine.ask(8):
            engine.tell(draw, Sample(f"answer {draw.index}"))
    decision = engine.decision()
    assert decision.reason.startswith("optimal: 24 votes, no two alike (tie of 24")
    assert decision.n_samples == 24 == len(decision.trail)  # none was started in vain
    assert decision.answer == "answer 0"


def test_one_agreement_among_many_votes_is_worth_going_on():
    tally = Tally()
    for answer in [*range(30), 0]:
        tally.vote(answer)
    assert parse_rule("exhaustive").check(tally) is None
    endless = parse_rule("optimal:price=.0004,scatter=None")
    assert endless.scatter is None
    tally = Tally()
    for answer in range(40):
        tally.vote(answer)
        assert endless.check(tally) is None
    with pytest.raises(UsageError, match="scatter"):
        OptimalStopping(scatter=1)
