"""The cheap end: two votes of the best member decide, else the others are asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import Sample, VotePlan
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.records import Member
from bestofinf.replay import ReplayPlan, replay_all
from bestofinf.rules import AheadBy, FirstTo, MaxSamples, parse_rule
from bestofinf.rules.tally import Tally
from bestofinf.rules.tally_arrays import TallyArrays
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.schedule import Schedule


def voted(rule, replies, weights, **settings):
    """Vote with members that give their replies one after the other; return who was asked."""
    engine = VotingEngine(parse_rule(rule), weights, waiting=0, **settings)
    left = [iter(own) for own in replies]
    asked = []
    while not engine.done:
        for draw in engine.ask(1):
            asked.append(draw.member)
            engine.tell(draw, Sample(next(left[draw.member])))
    return engine.decision(), asked


def test_a_pair_of_the_best_member_ends_it():
    decision, asked = voted("frugal", ["b" * 9, "aa", "c" * 9], [1, 2, 1])
    assert (decision.answer, asked) == ("a", [1, 1])
    assert decision.reason == "first-to: 2 votes"


def test_where_the_best_member_does_not_agree_with_itself_the_others_are_asked_in_pairs():
    decision, asked = voted("frugal", ["ab", "cb", "bb"], [1.0, 1.0, 1.0])
    assert (decision.answer, asked) == ("b", [0, 0, 1, 1])
    decision, asked = voted("frugal", ["ab", "ba", "bb"], [1.0, 1.0, 1.0])
    assert (decision.answer, asked) == ("b", [0, 0, 1])


def test_a_light_pair_does_not_end_it_for_a_heavy_answer():
    decision, asked = voted("frugal", ["abaa", "cc", "dd"], [8.0, 1.0, 1.0])
    assert (decision.answer, asked) == ("a", [0, 0, 1, 1, 2, 2, 0])


def test_an_explicit_order_is_kept():
    _, asked = voted("frugal", ["ab", "cd", "ab"], [1.0, 1.0, 1.0], schedule="even")
    assert asked == [0, 1, 2]


@pytest.mark.parametrize("rule", ["frugal", "frugal|max-samples:n=9", "max-samples:n=9|frugal"])
def test_a_rule_joined_with_others_keeps_its_order(rule):
    assert parse_rule(rule).member_order == "cascade"
    plan = VotePlan.make([Member(None, name=n) for n in "ab"], rule=rule)
    assert [draw.member for draw in plan.engine().ask(1)] == [0]
    assert (AheadBy(2) | MaxSamples(3)).member_order == "greedy"


def test_cascade_goes_on_where_it_was_when_a_member_is_left_out():
    schedule = Schedule("cascade", [1.0, 3.0, 2.0, 0.0])
    assert [schedule.next() for _ in range(3)] == [1, 1, 2]
    schedule.exclude(1)
    assert schedule.peek(7) == [2, 0, 0, 2, 2, 0, 0]


votes = st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 2)), min_size=1, max_size=30)


@given(votes, st.integers(1, 4), st.booleans(), st.sampled_from([(1.0, 1.0, 1.0), (3.0, 1.0, 0.5)]))
def test_many_tallies_are_decided_as_one(votes, needed, stratified, weights):
    rule = FirstTo(needed)
    tally = Tally(weights, stratified=stratified)
    tallies = TallyArrays(1, 5, weights=weights, stratified=stratified)
    for answer, member in votes:
        if answer < 0:
            tally.abstain()
        else:
            tally.vote(answer, member=member)
        tallies.count(np.array([answer]), tokens=np.array([0]), member=np.array([member]))
        assert bool(rule.check_many(tallies)[0]) == (rule.check(tally) is not None)


def test_a_replay_asks_members_as_each_rule_is_made_for():
    question = Question("q", {"best": Samples(("a",) * 9), "other": Samples(("b",) * 9)}, gold="a")
    recorded = EvaluationSet((question,))
    plan = ReplayPlan(weights={"best": 1.0, "other": 0.9}, trials=3)
    frugal, pair = replay_all(recorded, ["frugal", "fixed:n=2"], plan)
    assert (frugal.accuracy, frugal.samples) == (1, 2)
    assert pair.samples == 2
    (even,) = replay_all(recorded, ["frugal"], plan, schedule="even")
    assert even.samples == 3
