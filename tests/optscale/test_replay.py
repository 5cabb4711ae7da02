import pytest

from bestofinf.calibration import (
    ScoredQuestion,
    ScorePool,
    Strategy,
    best_of_n,
    draw_chart,
    majority_of_n,
    replay_scores,
    simulate_pool,
    tune,
    usual_strategies,
)
from bestofinf.errors import UsageError
from bestofinf.optscale.prior import ScorePrior
from bestofinf.rules.budgets import FixedSamples
from bestofinf.rules.lead import AheadBy
from bestofinf.rules.optscale import OptScale
from bestofinf.voting.selectors import BestScore, ScoreWeighted, WeightedMajority

QUESTION = ScoredQuestion(
    "q",
    ("a", "b", "a", None),
    (False, True, False, False),
    (0.7, 0.97, 0.8, None),
    (10, 20, 30, 40),
)
POOL = ScorePool((QUESTION,))


@pytest.fixture(scope="module")
def moments(recorded):
    rows = recorded("optscale_math500_moments.jsonl")
    return [(row["mean"], row["sd"]) for row in rows]


def test_replay_counts_samples_tokens_and_hits():
    (found,) = replay_scores(
        POOL, [Strategy("s", OptScale(), BestScore())], scorer_tokens=0.5, target=0.95
    )
    assert (found.samples, found.tokens, found.accuracy) == (2, 45, 1)
    assert (found.best, found.hits) == (0.97, 1)
    assert found.reasons == {"optscale": 1}
    assert not found.simulated


def test_scorer_is_not_paid_where_it_is_not_used():
    votes = Strategy("v", AheadBy(1) & FixedSamples(3), WeightedMajority(), scored=False)
    (found,) = replay_scores(POOL, [votes], scorer_tokens=0.5)
    assert (found.samples, found.tokens, found.accuracy) == (3, 60, 0)
    assert found.hits is None


def test_replay_ends_with_the_recorded_replies():
    (found,) = replay_scores(POOL, [Strategy("s", AheadBy(9), ScoreWeighted())])
    assert found.samples == 4
    assert found.reasons == {"exhausted": 1}


def test_trials_are_the_same_for_all_strategies_and_every_run():
    pool = simulate_pool([(0.8, 0.1)] * 20, samples=8)
    strategies = [*best_of_n((2,)), *best_of_n((2,))]
    first, second = replay_scores(pool, strategies, trials=5, seed=3)
    assert first == replay_scores(pool, strategies, trials=5, seed=3)[0]
    assert (first.accuracy, first.best) == (second.accuracy, second.best)
    assert first.best != replay_scores(pool, strategies, trials=5, seed=4)[0].best


def test_nothing_to_replay_is_refused():
    with pytest.raises(UsageError):
        replay_scores(POOL, [], trials=0)
    with pytest.raises(UsageError):
        replay_scores(ScorePool(()), [])


def test_default_halves_the_samples_of_the_published_rule_at_its_hit_rate(moments):
    """Simulated from the recorded moments; the prior is fitted to other draws of 50 questions."""
    for seed in range(2):
        pool = simulate_pool(moments, seed=seed)
        earlier = simulate_pool(moments[::10], samples=16, seed=1000 + seed)
        prior = ScorePrior.fit(earlier.score_lists())
        rules = [
            OptScale(fit="mle"),
            OptScale(prior=prior),
            OptScale(),
            OptScale(until="enough", prior=prior),
            OptScale(until="enough"),
        ]
        published, fitted, vague, strict, strict_vague = replay_scores(
            pool, [Strategy(str(rule), rule, BestScore()) for rule in rules], target=0.95
        )
        for default in (fitted, vague):
            assert default.samples <= 0.5 * published.samples
            assert default.hits >= published.hits - 0.01
        assert strict.samples <= published.samples
        assert strict_vague.samples <= published.samples
        assert strict_vague.hits >= published.hits - 0.01
        assert published.simulated


def test_settings_are_chosen_on_one_half_and_reported_on_the_other():
    pool = simulate_pool([(0.85, 0.1), (0.9, 0.05), (0.7, 0.2)] * 20, samples=16, seed=2)
    strategies = [*best_of_n((1, 4, 16)), *majority_of_n((1, 5))]
    results = tune(pool, strategies, seed=1)
    assert [result.family for result in results] == ["best of n", "majority of n"]
    first, second = pool.split(0.5, seed=1)
    for result in results:
        assert result.chosen.strategy == result.reported.strategy
        assert result.chosen.questions == len(first)
        assert result.reported.questions == len(second)
        again = replay_scores(first, [result.chosen.strategy], seed=1)[0]
        assert again.accuracy == result.chosen.accuracy
        tokens = [outcome.tokens for outcome in result.line]
        assert tokens == sorted(tokens)


def test_usual_strategies_hold_every_family_within_the_cap():
    pool = simulate_pool([(0.85, 0.1), (0.6, 0.2)] * 10, samples=8)
    results = tune(pool, usual_strategies(cap=8, targets=(0.9,), leads=(2, 3)))
    assert [result.family for result in results] == [
        "best of n",
        "majority of n",
        "votes",
        "votes, weighted by scores",
        "scores",
        "scores as published",
        "votes or scores",
    ]
    assert all(outcome.samples <= 8 for result in results for outcome in result.line)


def test_chart_is_drawn_and_says_when_it_is_simulated(tmp_path):
    import matplotlib

    matplotlib.use("Agg")
    pool = simulate_pool([(0.85, 0.1)] * 8, samples=4)
    draw_chart(tune(pool, best_of_n((1, 4))), tmp_path / "chart.svg")
    assert "SIMULATED" in (tmp_path / "chart.svg").read_text()
