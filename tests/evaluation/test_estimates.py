"""What is estimated from recorded samples: who is compared, what N votes and infinitely many give."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.evaluation.chances import chance_of_right
from bestofinf.evaluation.coverage import comparable
from bestofinf.evaluation.limits import DEEP, FEWEST, Elections


def asked(**places):
    """A set of ten questions; each member answers those named once."""
    return EvaluationSet(
        tuple(
            Question(f"q{i}", {m: Samples(("a",)) for m, own in places.items() if i in own}, "a")
            for i in range(10)
        )
    )


# -- order --------------------------------------------------------------------------------------


def test_a_set_is_the_same_in_order_however_it_was_read():
    parts = [
        EvaluationSet((Question("2", {"m": Samples(("b", None), (3, 4))}, dataset="d"),)),
        EvaluationSet((Question("2", {"m": Samples(("a", "b"), (9, None))}, dataset="d"),)),
        EvaluationSet((Question("2", {"a": Samples(("a",))}, dataset="d"),)),
        EvaluationSet((Question("1", {"m": Samples(("a",))}, dataset="e"),)),
    ]
    sets = [EvaluationSet.merge(order).ordered for order in itertools.permutations(parts)]
    assert all(found == sets[0] for found in sets)
    assert all(str(found) == str(sets[0]) for found in sets)
    assert sets[0].members == ("a", "m")
    assert sets[0].questions[0].samples["m"].answers == ("a", "b", "b", None)
    assert sets[0].ordered == sets[0]


# -- coverage -----------------------------------------------------------------------------------


def test_members_are_compared_on_the_questions_that_all_were_asked():
    found, coverage = comparable(asked(a=range(10), b=range(5)))
    assert [q.id for q in found] == ["q0", "q1", "q2", "q3", "q4"]
    assert found.members == coverage.compared == ("a", "b")
    assert coverage.asked == {"a": 10, "b": 5}
    assert coverage.common == 5
    assert "asked a 10, b 5; compared on the 5 that they share" in str(coverage)


def test_a_member_that_would_cost_the_others_their_questions_is_left_out():
    found, coverage = comparable(asked(a=range(10), b=range(10), new=[3]))
    assert (coverage.compared, coverage.left_out, len(found)) == (("a", "b"), ("new",), 10)
    assert found.members == ("a", "b")
    assert str(coverage).endswith("left out: new (asked 1)")
    named, coverage = comparable(asked(a=range(10), b=range(10), new=[3]), ["new", "a"])
    assert (coverage.compared, len(named)) == (("a", "new"), 1)


def test_members_without_a_common_question_are_refused_with_the_numbers():
    apart = asked(a=range(6), b=range(6, 10))
    with pytest.raises(UsageError, match="a 6 of 10, b 4 of 10"):
        comparable(apart)
    with pytest.raises(UsageError, match="share no question"):
        comparable(apart, ["a", "b"])
    assert comparable(apart, ["b"])[1].common == 4
    with pytest.raises(UsageError, match="no member 'c'"):
        comparable(apart, ["c"])
    with pytest.raises(UsageError, match="at least one member"):
        comparable(apart, [])
    with pytest.raises(UsageError, match="no recorded answers"):
        comparable(EvaluationSet(()))


def test_a_question_with_too_few_samples_is_not_common():
    one = EvaluationSet(
        (Question("q", {"a": Samples(("x",) * 3)}), Question("r", {"a": Samples(("x",))}))
    )
    found, coverage = comparable(one, samples=2)
    assert [q.id for q in found] == ["q"]
    assert str(coverage) == "of 2 questions 2 times or more were asked a 1"
    with pytest.raises(UsageError, match="asked 4 times or more were a 0 of 2"):
        comparable(one, samples=4)


def test_many_members_are_chosen_from_one_by_one():
    places = {f"m{k:02}": range(10) for k in range(13)} | {f"n{k}": [k] for k in range(3)}
    coverage = comparable(asked(**places))[1]
    assert coverage.compared == tuple(f"m{k:02}" for k in range(13))
    assert coverage.left_out == ("n0", "n1", "n2")


# -- N votes ------------------------------------------------------------------------------------


def by_trying(right, wrong, silent, votes):
    pool = ["right"] * right + [i for i, n in enumerate(wrong) for _ in range(n)] + [None] * silent
    credits = []
    for drawn in itertools.combinations(pool, votes):
        counts = Counter(answer for answer in drawn if answer is not None)
        most = max(counts.values(), default=0)
        level = [answer for answer, count in counts.items() if count == most]
        credits.append(("right" in level) / max(len(level), 1))
    return sum(credits) / len(credits)


@settings(max_examples=60)
@given(st.integers(0, 4), st.lists(st.integers(0, 3), max_size=3), st.integers(0, 2), st.data())
def test_the_chance_is_that_over_all_ways_to_draw(right, wrong, silent, data):
    recorded = right + sum(wrong) + silent
    if recorded:
        votes = data.draw(st.integers(1, recorded))
        found = chance_of_right(right, wrong, silent, votes)
        assert found == pytest.approx(by_trying(right, wrong, silent, votes), abs=1e-12)
        assert found == chance_of_right(right, wrong[::-1], silent, votes)


def test_one_vote_is_right_as_often_as_it_was_recorded_and_all_votes_elect_the_mode():
    assert chance_of_right(30, [29, 20], 1, 1) == pytest.approx(30 / 80)
    assert chance_of_right(30, [29, 20], 1, 80) == pytest.approx(1)
    assert chance_of_right(30, [30, 20], 0, 80) == pytest.approx(1 / 2)
    assert chance_of_right(0, [1], 0, 1) == 0
    assert chance_of_right(1, [], 0, 2) == 0


def test_the_estimate_is_unbiased_whatever_the_number_recorded():
    rng = np.random.default_rng(1)
    chances = [0.4, 0.35, 0.25]
    votes = rng.multinomial(5, chances, size=400_000)
    level = votes == votes.max(axis=1, keepdims=True)
    truth = (level[:, 0] / level.sum(axis=1)).mean()
    for recorded in (5, 8, 30):
        found = [
            chance_of_right(right, wrong, 0, 5)
            for right, *wrong in rng.multinomial(recorded, chances, size=4000).tolist()
        ]
        assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / 4000**0.5)


# -- infinitely many ----------------------------------------------------------------------------


def drawn(chances, samples, questions, seed):
    rng = np.random.default_rng(seed)
    return EvaluationSet(
        tuple(
            Question(f"q{i}", {"m": Samples(tuple(rng.choice(list("abcd"), samples, p=p)))}, "a")
            for i, p in enumerate(chances[:questions])
        )
    )


def test_whole_sets_elect_with_ties_shared_and_weights_by_member():
    samples = {"x": Samples(("a", "b")), "y": Samples(("b", None)), "z": Samples((None, None))}
    one = EvaluationSet((Question("q", samples, gold="a"), Question("r", {}, gold="a")))
    elections = Elections(one, ["x", "y", "z"])
    for weights, right in (((1, 0, 0), 0.5), ((2, 1, 0), 0), ((1, 0, 5), 0.5), ((0, 0, 1), 0)):
        assert elections.whole(np.array(weights, dtype=float)).tolist() == [right, 0]
    assert elections.depths([1, 1, 1]).tolist() == [2, 0]


def test_a_question_without_a_right_answer_has_no_limit():
    both = EvaluationSet(
        (Question("q", {"m": Samples(("a",) * 9)}), Question("r", {"m": Samples(("a",) * 9)}, "a"))
    )
    elections = Elections(both, ["m"])
    assert np.isnan(elections.whole([1.0])[0])
    assert elections.limit([1.0]).value == 1


def test_the_limit_of_few_samples_is_not_that_of_their_modes():
    same = [[0.6, 0.4 / 3, 0.4 / 3, 0.4 / 3]] * 300
    elections = Elections(drawn(same, 8, 300, 2), ["m"])
    limit = elections.limit([1.0])
    assert elections.whole([1.0]).mean() < 0.93
    assert limit.value is not None
    assert limit.value == pytest.approx(1, abs=1.96 * (limit.se or 0))
    deep = Elections(drawn(same, DEEP, 50, 2), ["m"])
    assert deep.limit([1.0]).value == deep.whole([1.0]).mean()


def test_the_limit_says_what_to_record_where_it_cannot_be_known():
    few = Elections(drawn([[1.0, 0, 0, 0]] * 4, FEWEST - 1, 4, 0), ["m"]).limit([1.0])
    assert (few.value, few.se, few.short) == (None, None, 4)
    assert str(few) == "cannot be known from 7 samples: record at least 8"


@pytest.mark.parametrize("samples", [8, 32])
@pytest.mark.parametrize("runs", [12, pytest.param(60, marks=pytest.mark.soak)])
def test_the_interval_of_the_limit_holds_the_truth(samples, runs):
    def population(rng, size):
        logits = rng.normal(0, 1.3, (size, 4))
        logits[:, 0] = np.log(np.exp(logits[:, 1:]).sum(axis=1)) + 0.75 + rng.normal(0, 2.2, size)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    truth = (population(np.random.default_rng(0), 100_000).argmax(axis=1) == 0).mean()
    held = 0
    for run in range(runs):
        chances = population(np.random.default_rng([7, run]), 150)
        limit = Elections(drawn(chances, samples, 150, run), ["m"]).limit([1.0])
        held += abs(limit.value - truth) <= 1.96 * limit.se
    assert held >= 0.85 * runs


def test_the_limit_is_the_same_in_every_order():
    rng = np.random.default_rng(4)
    questions = drawn(rng.dirichlet([1, 1, 1, 1], 12), 9, 12, 1).questions
    one = Elections(EvaluationSet(questions).ordered, ["m"]).limit([1.0])
    other = Elections(EvaluationSet(questions[::-1]).ordered, ["m"]).limit([1.0])
    assert one == other
