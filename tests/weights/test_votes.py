"""A few votes from recorded samples: every way to draw them, as the live vote counts them."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.replay import replay
from bestofinf.rules import FixedSamples
from bestofinf.rules.tally import Tally
from bestofinf.weights.votes import DRAWN, FewVotes
from support.ensembles import from_votes, made_set


def by_trying(question: Question, weights: list[float], asked: list[int]) -> float:
    """Elect with every combination of samples, counted in the tally of a live vote."""
    names = list(question.samples)
    ways = [
        itertools.combinations(question.samples[name].answers, n)
        for name, n in zip(names, asked, strict=True)
    ]
    credits = []
    for combination in itertools.product(*map(list, ways)):
        tally = Tally(weights)
        for member, answers in enumerate(combination):
            for answer in answers:
                if answer is not None:
                    tally.vote(answer, member=member)
        credits.append((question.gold in tally.level) / max(len(tally.level), 1))
    return float(np.mean(credits))


texts = st.text(alphabet="ABC-", min_size=4, max_size=5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=3),
    st.sampled_from([[1.0, 1.0, 1.0], [0.6, 0.3, 0.1], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]),
)
def test_all_combinations_of_samples_are_counted_as_a_live_vote_counts_them(
    rows: list[tuple[str, str, str]], weights: list[float]
) -> None:
    found = from_votes(*[dict(zip("xyz", row, strict=True)) for row in rows])
    few = FewVotes(found, ["x", "y", "z"], 3)
    asked = few.asked(weights).tolist()
    assert sum(asked) == 3
    expected = [by_trying(question, weights, asked) for question in found]
    assert few.together(weights).tolist() == pytest.approx(expected, abs=1e-12)


def test_a_member_alone_is_the_corner_of_the_mixtures() -> None:
    found = made_set(30, members=3, samples=7, seed=1)
    few = FewVotes(found, found.members, 5)
    for k, column in enumerate(few.alone().T):
        assert few.together(np.eye(3)[k]).tolist() == column.tolist()


def test_what_cannot_be_counted_out_is_drawn_without_bias() -> None:
    members, options = 4, 9
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(40):
        p = rng.dirichlet([2.0] + [0.5] * (options - 1))
        drawn = rng.choice(list("ABCDEFGHI"), size=(members, 12), p=p)
        rows.append({f"m{k}": "".join(drawn[k]) for k in range(members)})
    found = from_votes(*rows)
    weights = [0.4, 0.3, 0.2, 0.1]
    few = FewVotes(found, found.members, 5)
    score = few.together(weights)
    assert len(few._patterns[tuple(few.asked(weights).tolist())].chances) > 10 * DRAWN
    many = replay(found, FixedSamples(5), weights=dict(zip(found.members, weights, strict=True)),
                  trials=400)  # fmt: skip
    assert score.mean() == pytest.approx(many.accuracy, abs=0.015)
    assert score.tolist() == FewVotes(found, found.members, 5).together(weights).tolist()
    assert score.tolist() != FewVotes(found, found.members, 5, seed=1).together(weights).tolist()


def test_one_vote_is_right_as_often_as_it_is_recorded() -> None:
    found = from_votes({"x": "AAB-", "y": "ABBB"})
    few = FewVotes(found, ["x", "y"], 1)
    assert few.alone().tolist() == [[0.5, 0.25]]
    assert few.together([0.6, 0.4]).tolist() == [0.5]


def test_combinations_have_their_chances() -> None:
    found = from_votes({"x": "AAAB", "y": "AABB"})
    pairs = comb(4, 2)
    # Two of x beside one of y, each member with half of the weight: y decides where x is split.
    one, split, = (3 / pairs, 3 / pairs)  # fmt: skip
    few = FewVotes(found, ["x", "y"], 3)
    assert few.asked([0.5, 0.5]).tolist() == [2, 1]
    assert few.together([0.5, 0.5]).tolist() == pytest.approx([one * 0.75 + split * 0.5])


def test_questions_without_enough_samples_or_a_right_answer_are_refused() -> None:
    with pytest.raises(UsageError, match="2 samples of 'x', at least 3 wanted"):
        FewVotes(from_votes({"x": "AB"}), ["x"], 3)
    unlabelled = EvaluationSet((Question("q", {"x": Samples(("A",) * 3)}),))
    with pytest.raises(UsageError, match="no right answer"):
        FewVotes(unlabelled, ["x"], 3)
