import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.optscale.reliability import Calibration
from bestofinf.records import Draw, Sample
from bestofinf.rules.tally import Tally
from bestofinf.voting.selectors import (
    SELECTORS,
    BestScore,
    Candidate,
    Majority,
    MajorityThenScore,
    ScoreWeighted,
    WeightedMajority,
    resolve_selector,
)


def counted(*samples, weights=(1.0,)):
    """Candidates and tally of (answer, score) or (answer, score, member)."""
    tally, candidates = Tally(weights), []
    for index, (answer, score, *member) in enumerate(samples):
        position = member[0] if member else 0
        if score is not None:
            tally.score(score)
        if answer is None:
            tally.abstain()
        else:
            tally.vote(answer, member=position)
        candidates.append(Candidate(Draw(index, position), Sample(answer, score=score), answer))
    return candidates, tally


def test_majority_counts_every_vote_once_and_the_weighted_one_by_weight():
    case = counted(
        ("a", None, 0), ("b", None, 1), ("b", None, 1), ("b", None, 1), weights=(0.7, 0.3)
    )
    assert Majority().select(*case).answer == "b"
    assert WeightedMajority().select(*case).answer == "a"


def test_majority_breaks_ties_by_the_weights():
    case = counted(("a", None, 0), ("b", None, 1), weights=(0.3, 0.7))
    assert Majority().select(*case).answer == "b"


def test_best_score_wins_against_any_number_of_votes():
    selection = BestScore().select(*counted(("a", 0.8), ("a", 0.7), ("b", 0.9), ("a", 0.6)))
    assert selection.answer == "b"
    assert selection.candidate.draw.index == 2


def test_best_score_may_have_no_answer_so_that_free_text_can_win():
    selection = BestScore().select(*counted((None, 0.4), (None, 0.9), (None, None)))
    assert selection.answer is None
    assert selection.candidate.draw.index == 1


def test_equal_scores_go_to_the_answer_with_more_votes_then_to_the_earlier():
    selection = BestScore().select(*counted(("a", 0.9), ("b", 0.9), ("b", 0.9)))
    assert (selection.answer, selection.candidate.draw.index) == ("b", 1)


def test_calibration_turns_the_best_score_into_confidence():
    calibration = Calibration("isotonic", scores=(0.0, 1.0), chances=(0.0, 1.0))
    selection = BestScore(calibration).select(*counted(("a", 0.25), ("b", None)))
    assert selection.confidence == pytest.approx(0.25)


def test_score_weighted_vote_adds_up_scores():
    case = counted(("a", 0.3), ("a", 0.3), ("b", 0.9), ("b", 0.1))
    selection = ScoreWeighted().select(*case)
    assert (selection.answer, selection.candidate.draw.index) == ("b", 2)


def test_vote_without_a_score_counts_as_the_mean_score():
    # b has .9, a has .2 and two unscored votes of .55 each.
    case = counted(("a", 0.2), ("a", None), ("a", None), ("b", 0.9))
    assert ScoreWeighted().select(*case).answer == "a"


def test_score_weighted_vote_keeps_to_the_members_weights():
    # Member 1 is heard twice as often, which must not double its say.
    case = counted(("a", 0.5, 0), ("b", 0.5, 1), ("b", 0.5, 1), weights=(0.6, 0.4))
    assert ScoreWeighted().select(*case).answer == "a"


def test_tie_of_votes_goes_to_the_better_scores():
    case = counted(("a", 0.5), ("b", 0.6), ("a", 0.55), ("b", 0.7), ("c", 0.99))
    selection = MajorityThenScore().select(*case)
    assert (selection.answer, selection.candidate.draw.index) == ("b", 3)
    clear = counted(("a", 0.1), ("b", 0.9), ("a", 0.2))
    assert MajorityThenScore().select(*clear).answer == "a"


@pytest.mark.parametrize("name", SELECTORS)
def test_every_selector_is_found_by_name_and_works_without_scores(name):
    selector = resolve_selector(name)
    assert selector.select(*counted(("a", None), ("b", None), ("b", None))).answer == "b"
    assert selector.select(*counted((None, None))).answer is None


def test_unknown_selectors_are_refused():
    assert resolve_selector(None) == WeightedMajority()
    assert resolve_selector(BestScore()) == BestScore()
    with pytest.raises(UsageError, match="must be one of"):
        resolve_selector("best")
    with pytest.raises(UsageError, match="method select"):
        resolve_selector(3)


SAMPLES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]), st.none() | st.floats(0, 1), st.integers(0, 1)
    ),
    min_size=1,
    max_size=12,
)


@given(SAMPLES)
def test_selected_sample_has_the_selected_answer_and_the_best_score_of_it(samples):
    case = counted(*samples, weights=(0.6, 0.4))
    for name in SELECTORS:
        selection = resolve_selector(name).select(*case)
        answers = {answer for answer, *_ in samples}
        assert selection.answer in answers or selection.answer is None
        if selection.candidate is None:
            continue
        assert selection.candidate.answer == selection.answer
        rivals = [s for a, s, _ in samples if a == selection.answer and s is not None]
        assert selection.candidate.sample.score == max(rivals)
