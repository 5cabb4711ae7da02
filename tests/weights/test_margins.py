from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.weights.exact import as_fractions, score, shorten
from bestofinf.weights.solver.margins import Margins
from support.ensembles import from_votes, made_set

letters = st.text(alphabet="ABC-", max_size=6)
sets = st.lists(
    st.fixed_dictionaries({"x": letters, "y": letters, "z": letters}), min_size=1, max_size=6
).map(lambda votes: from_votes(*votes))
weights = st.lists(st.integers(0, 7), min_size=3, max_size=3).filter(any)


def test_margins_are_shares_of_valid_answers() -> None:
    margins = Margins.of(from_votes({"x": "AAB-", "y": "BC"}))
    assert margins.shares.tolist() == [[2 / 3, 0.0]]
    # Against a wrong answer that nobody gave, B, and C.
    assert margins.rows.tolist() == [[2 / 3, 0.0], [1 / 3, -0.5], [2 / 3, -0.5]]


def test_a_member_that_was_not_asked_does_not_vote() -> None:
    partly = EvaluationSet(
        (
            Question("q", {"x": Samples(("A",))}, gold="A"),
            Question("r", {"x": Samples(("B",)), "y": Samples(("A", None))}, gold="A"),
        )
    )
    margins = Margins.of(partly)
    assert margins.valid.tolist() == [[1, 0], [1, 1]]
    assert score(margins, [Fraction(1, 3), Fraction(2, 3)]).outcomes == ("won", "won")
    assert score(margins, [Fraction(0), Fraction(1)]).outcomes == ("lost", "won")


def test_questions_without_a_right_answer_are_left_out_and_counted() -> None:
    both = EvaluationSet(
        (
            Question("q", {"x": Samples(("A",))}, gold=None),
            Question("r", {"x": Samples(("A",))}, gold="A"),
        )
    )
    margins = Margins.of(both)
    assert (margins.ids, margins.unlabelled) == (("r",), 1)
    with pytest.raises(UsageError, match="none of the 1 questions has one"):
        Margins.of(both.filter(lambda q: q.gold is None))


def test_unknown_members_and_empty_sets_are_named() -> None:
    with pytest.raises(UsageError, match="no member 'w' in the set; it has x"):
        Margins.of(from_votes({"x": "A"}), members=["w"])
    with pytest.raises(UsageError, match="at least one member"):
        Margins.of(EvaluationSet(()))


def test_taking_questions_keeps_their_rows_and_allows_repetition() -> None:
    margins = Margins.of(made_set(12, members=3, samples=9))
    again = margins.take([5, 2, 5])
    w = np.array([0.2, 0.5, 0.3])
    assert again.margins(w).tolist() == margins.margins(w)[[5, 2, 5]].tolist()
    assert again.ids == (margins.ids[5], margins.ids[2], margins.ids[5])


@given(sets, weights)
def test_the_exact_score_is_that_of_a_vote_counted_in_fractions(
    evaluation_set: EvaluationSet, shares: list[int]
) -> None:
    margins = Margins.of(evaluation_set)
    found = score(margins, [Fraction(s) for s in shares])
    for question, outcome in zip(evaluation_set, found.outcomes, strict=True):
        votes: dict[str, Fraction] = {}
        for name, share in zip(margins.members, shares, strict=True):
            counts = question.samples[name].counts()
            for answer, n in counts.items():
                part = Fraction(share * n, sum(counts.values()))
                votes[answer] = votes.get(answer, Fraction(0)) + part
        gold = votes.pop("A", Fraction(0))
        best = max(votes.values(), default=Fraction(0))
        expected = "lost" if gold == 0 or gold < best else "tied" if gold == best else "won"
        assert outcome == expected
    assert found.correct + found.ties + found.lost == len(evaluation_set)


def test_an_exact_tie_is_not_a_win_however_it_is_rounded() -> None:
    margins = Margins.of(from_votes({"x": "AAA", "y": "B"}, {"x": "A", "y": "A"}))
    found = score(margins, [Fraction(1, 2), Fraction(1, 2)])
    assert (found.correct, found.ties, found.margin) == (1, 1, 1)
    slightly = score(margins, [Fraction(1, 2) + Fraction(1, 10**30), Fraction(1, 2)])
    assert (slightly.correct, slightly.ties) == (2, 0)
    assert slightly.margin is not None
    assert 0 < slightly.margin < Fraction(1, 10**29)


@given(sets, weights)
@settings(max_examples=50)
def test_short_fractions_keep_every_win_and_add_no_member(
    evaluation_set: EvaluationSet, shares: list[int]
) -> None:
    margins = Margins.of(evaluation_set)
    noisy = np.array(shares) / sum(shares) * (1 + 1e-12)
    short = shorten(margins, noisy, lower=[Fraction(0)] * 3, upper=[Fraction(1)] * 3)
    exact = [Fraction(float(w)) for w in noisy]
    assert sum(short) == 1
    assert score(margins, short).correct >= score(margins, exact).correct
    assert all(s == 0 for s, n in zip(short, shares, strict=True) if n == 0)


def test_short_fractions_stay_within_bounds() -> None:
    margins = Margins.of(from_votes({"x": "A", "y": "AB"}))
    short = shorten(
        margins,
        np.array([0.26, 0.74]),
        lower=[Fraction(1, 4), Fraction(0)],
        upper=[Fraction("0.26"), Fraction(1)],
    )
    assert Fraction(1, 4) <= short[0] <= Fraction("0.26")


def test_simple_weights_come_back_as_they_were_meant() -> None:
    assert as_fractions(np.full(6, 1 / 6)) == [Fraction(1, 6)] * 6
    assert sum(as_fractions(np.array([0.1234567891234, 0.8765432108766]))) == 1
