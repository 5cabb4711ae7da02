"""A tie is told, and neither the order of members nor that of answers decides it."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import Member, Sample, vote
from bestofinf.answers import JsonAnswer
from bestofinf.records import Draw, Reply
from bestofinf.rules import FixedSamples
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.selectors import (
    Candidate,
    Majority,
    MajorityThenScore,
    ScoreWeighted,
    WeightedMajority,
)


def decided(answers, *, tokens=None, members=1, seed=0, selector=None):
    lengths = tokens or [None] * len(answers)
    engine = VotingEngine(
        FixedSamples(len(answers)), [1.0] * members, seed=seed, selector=selector, schedule="even"
    )
    return vote(engine, lambda draw: Sample(answers[draw.index], tokens=lengths[draw.index]))


def test_the_reason_tells_a_tie_and_what_decided_it():
    assert "tie of 2 answers, decided by the seed" in decided(["x", "y"]).reason
    shorter = decided(["x", "y"], tokens=[90, 30])
    assert shorter.answer == "y"
    assert "tie of 2 answers, decided by the shorter replies" in shorter.reason
    both = decided(["x", "y", "z"], tokens=[30, 30, 90])
    assert both.answer in ("x", "y")
    assert "tie of 3 answers, decided by the shorter replies and the seed" in both.reason
    assert "tie" not in decided(["x", "x", "y"]).reason


def test_a_tie_of_one_part_is_told_with_its_name():
    replies = ['{"a": 1, "b": 1}', '{"a": 1, "b": 2}']
    answer = JsonAnswer(fields=["a", "b"])
    engine = VotingEngine(FixedSamples(2), answer=answer)
    found = vote(engine, lambda draw: Sample(answer.vote(Reply(text=replies[draw.index]))[0]))
    assert "b: tie of 2 answers" in found.reason
    assert "a: tie" not in found.reason


@pytest.mark.parametrize("selector", [None, WeightedMajority(), Majority()], ids=str)
def test_the_order_of_members_decides_no_tie(selector):
    for answers in (["x", "y"], ["x", "y", "z"], ["x", "y", "x", "y"]):
        winners = {
            decided(list(order), members=len(order), selector=selector).answer
            for order in permutations(answers)
        }
        assert len(winners) == 1


def test_the_seed_decides_and_favours_no_answer():
    firsts = [decided(["x", "y"], seed=seed).answer == "x" for seed in range(400)]
    assert 0.4 < sum(firsts) / 400 < 0.6
    pairs = [decided([f"{n}", f"{n} y"]).answer == f"{n}" for n in range(400)]
    assert 0.4 < sum(pairs) / 400 < 0.6


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=9), st.integers(0, 3), st.randoms())
def test_a_tally_elects_the_same_in_every_order(answers, seed, random):
    tallies = [Tally(seed=seed), Tally(seed=seed)]
    for tally, order in zip(tallies, (answers, random.sample(answers, len(answers))), strict=True):
        for answer in order:
            tally.vote(answer)
    one, other = tallies
    assert (one.leader, one.runner_up) == (other.leader, other.runner_up)
    assert set(one.tied) == set(other.tied) == set(one.level)


@pytest.mark.parametrize("selector", [ScoreWeighted(), MajorityThenScore()], ids=str)
def test_equal_scores_are_no_matter_of_order(selector):
    winners = set()
    for order in permutations("xyz"):
        tally, candidates = Tally(), []
        for place, answer in enumerate(order):
            tally.vote(answer)
            tally.score(0.5)
            sample = Sample(answer, score=0.5)
            candidates.append(Candidate(Draw(place, 0), sample, answer))
        winners.add(selector.select(candidates, tally).answer)
    assert len(winners) == 1


def test_a_member_more_or_less_does_not_change_who_wins_a_tie():
    engine = VotingEngine(FixedSamples(2), [Member(None, 0.5), Member(None, 0.5)])
    answers = {0: "x", 1: "y"}
    one = vote(engine, lambda draw: Sample(answers[draw.member])).answer
    assert one == decided(["y", "x"]).answer
