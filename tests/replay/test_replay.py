"""Replay: it votes as a live engine does, counts honestly and repeats itself exactly."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples, read_files
from bestofinf.evaluation.chances import chance_of_right
from bestofinf.replay import ReplayPlan, Timing, bootstrap, cost_at, frontier, replay, replay_all
from bestofinf.replay.populations import alone, together, usual_lengths
from bestofinf.rules import AheadBy, FixedSamples, MaxSeconds, OptimalStopping, UnanimousWindow
from bestofinf.voting.engine import VotingEngine


def question(name, answers, *, gold="a", tokens=None, dataset="d", member="m", scores=()):
    row = Samples(tuple(answers), tuple(tokens or [100] * len(answers)), tuple(scores))
    return Question(name, {member: row}, gold=gold, dataset=dataset)


def small_set():
    rng = np.random.default_rng(5)
    questions = []
    for i in range(8):
        p = rng.dirichlet([2.0, 1.0, 0.5, 0.3])
        samples = {}
        for member in ("x", "y", "z"):
            answers = rng.choice([*list("abc"), None], size=40, p=p).tolist()
            tokens = rng.integers(100, 5000, size=40).tolist()
            samples[member] = Samples(tuple(answers), tuple(tokens))
        questions.append(Question(f"q{i}", samples, gold="a", dataset="d" if i < 6 else "e"))
    return EvaluationSet(tuple(questions))


SMALL = small_set()
WEIGHTS = {"x": 0.5, "y": 0.3, "z": 0.2}


def columns(result):
    return {name: column.tolist() for name, column in result.columns.items()}


def test_same_seed_gives_the_same_result_and_another_does_not():
    first, again = (replay(SMALL, "balanced", trials=20, seed=3) for _ in range(2))
    other = replay(SMALL, "balanced", trials=20, seed=4)
    assert columns(first) == columns(again)
    assert first.reasons == again.reasons
    assert columns(first) != columns(other)


def test_a_question_draws_the_same_in_every_set():
    whole = replay(SMALL, AheadBy(3), trials=10)
    half = EvaluationSet(SMALL.questions[4:6])
    part = replay(half, AheadBy(3), trials=10)
    place = whole.grid.questions.index("q4")
    assert part.columns["samples"][0] == whole.columns["samples"][place]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weights": WEIGHTS},
        {"weights": WEIGHTS, "schedule": "golden", "costs": "usual"},
        {"weights": WEIGHTS, "schedule": "independent"},
        {"drop_invalid": True},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "rule",
    ["balanced", "fast:price_per=token", "best-of-infinity", "window:size=3", "ahead-by|max-samples:n=6"],
)  # fmt: skip
def test_all_at_once_is_as_one_by_one_and_as_the_engine(rule, changes):
    plan = ReplayPlan(trials=4, max_samples=30, **changes)
    columnar = replay(SMALL, rule, plan)
    # A rule on time never fires here, but cannot be read in columns.
    single = replay(SMALL, f"{rule}|max-seconds:seconds=1e18", plan)
    timed = replay(SMALL, rule, plan, timing=Timing("thrifty", slots=3))
    for name in ("samples", "tokens", "accuracy", "agreement"):
        assert columnar.columns[name] == pytest.approx(single.columns[name], nan_ok=True)
        assert columnar.columns[name] == pytest.approx(timed.columns[name], nan_ok=True)
    assert columnar.reasons == pytest.approx(single.reasons)
    assert columnar.reasons == pytest.approx(timed.reasons)


def test_certified_rule_is_replayed_on_random_draws():
    plan = ReplayPlan(trials=3, weights=WEIGHTS, schedule="independent")
    columnar = replay(SMALL, "certified:error=.3", plan)
    single = replay(SMALL, "certified:error=.3|max-seconds:seconds=1e18", plan)
    assert columns(columnar) == columns(single)
    with pytest.raises(UsageError, match="independent"):
        replay(SMALL, "certified", weights=WEIGHTS)


def test_fixed_samples_of_one_is_the_chance_of_one_sample():
    result = replay(SMALL, FixedSamples(1), trials=3000)
    assert result.accuracy == pytest.approx(result.mean("bo1"), abs=0.02)
    assert result.samples == 1
    assert result.reasons == {"fixed": 1.0}


@pytest.mark.parametrize("replacement", [False, True])
def test_many_samples_elect_the_mode(replacement):
    clear = EvaluationSet((question("q", ["b"] * 30 + ["a"] * 10), question("r", ["a"] * 9)))
    plan = ReplayPlan(trials=50, max_samples=90, replacement=replacement)
    result = replay(clear, FixedSamples(90), plan)
    assert result.agreement == 1
    assert result.accuracy == 0.5 == result.mean("bo_inf")
    assert result.samples == (90 if replacement else (40 + 9) / 2)
    assert result.reasons == ({"fixed": 1} if replacement else {"out of samples": 1})


def test_invalid_answers_are_samples_that_abstain_unless_dropped():
    halves = EvaluationSet((question("q", ["a", None] * 60),))
    counted = replay(halves, AheadBy(3), trials=400, abstain_limit=None)
    dropped = replay(halves, AheadBy(3), trials=400, drop_invalid=True)
    assert dropped.samples == 3
    assert counted.samples == pytest.approx(6, rel=0.1)
    assert counted.mean("bo1") == 0.5
    assert dropped.mean("bo1") == 1


def test_questions_without_a_right_answer_count_for_agreement_alone():
    mixed = EvaluationSet((question("q", ["a"] * 5, gold=None), question("r", ["b"] * 5)))
    record = replay(mixed, AheadBy(2), trials=5).to_json()
    assert record["questions"] == 2
    assert record["agreement"] == 1
    assert record["accuracy"] == 0
    assert replay(EvaluationSet(mixed.questions[:1]), AheadBy(2)).to_json()["accuracy"] is None


def test_a_question_with_invalid_answers_alone_is_never_right():
    silent = EvaluationSet((question("q", [None] * 9),))
    result = replay(silent, AheadBy(2), max_samples=5, abstain_limit=None)
    assert (result.samples, result.accuracy, result.agreement) == (5, 0, 0)
    assert result.reasons == {"out of samples": 1.0}


@pytest.mark.parametrize("rule", ["balanced", "balanced|max-seconds:seconds=1e18"])
@pytest.mark.parametrize("timing", [None, Timing("thrifty", slots=3)])
def test_replies_without_an_answer_end_a_vote_as_they_do_live(rule, timing):
    silent = EvaluationSet((question("q", [None] * 9), question("r", ["a"] * 9)))
    result = replay(silent, rule, trials=6, abstain_limit=4, timing=timing)
    assert result.columns["samples"].tolist() == [4, 3]
    assert result.reasons == {"unvotable": 0.5, "optimal": 0.5}
    default = replay(silent, rule, trials=6, timing=timing)
    assert default.columns["samples"][0] == VotingEngine(AheadBy(2)).abstain_limit


def test_any_of_tied_modes_is_agreement():
    tied = EvaluationSet((question("q", ["a", "b"] * 8),))
    assert replay(tied, FixedSamples(5), trials=50).agreement == 1


def test_weighted_mode_is_that_of_the_mixture():
    samples = {"x": Samples(("a",) * 9), "y": Samples(("b",) * 9), "z": Samples(("b",) * 9)}
    one = EvaluationSet((Question("q", samples, gold="b"),))
    for x, mode in ((0.6, "a"), (0.4, "b")):
        found = together(one, {"x": x, "y": (1 - x) / 2, "z": (1 - x) / 2})[0]
        assert [t for t, m in zip(found.texts, found.modes, strict=True) if m] == [mode]
    assert replay(one, AheadBy(4), weights={"x": 0.4, "y": 0.3, "z": 0.3}, trials=5).agreement == 1


def test_mean_is_over_questions_then_groups_then_data_sets():
    sets = [
        EvaluationSet((question("1", ["a"], dataset="d", member="m"),)),
        EvaluationSet((question("2", ["b"], dataset="d", member="m"),)),
        EvaluationSet((question("1", ["b"], dataset="d", member="n"),)),
        EvaluationSet((question("3", ["a"], dataset="e", member="m"),)),
    ]
    result = replay(EvaluationSet.merge(sets), FixedSamples(1), trials=1)
    assert result.accuracy == pytest.approx(((0.5 + 0) / 2 + 1) / 2)
    assert [g["accuracy"] for g in result.per_group()] == [0.5, 1, 0]
    assert result.to_json()["questions"] == 3


def test_standard_error_is_that_of_a_mean_over_questions():
    rng = np.random.default_rng(0)
    questions = tuple(question(f"q{i}", ["a"] if rng.random() < 0.5 else ["b"]) for i in range(200))
    result = replay(EvaluationSet(questions), FixedSamples(1), trials=1)
    expected = result.columns["accuracy"].std() / math.sqrt(200)
    assert result.standard_error("accuracy") == pytest.approx(expected, rel=0.15)
    assert bootstrap(result.grid, lambda times: np.full(len(times), 3.0)) == 0


def test_usual_lengths_leave_the_question_itself_out():
    questions = tuple(question(f"q{i}", ["a", "b"], tokens=[10**i, 10**i]) for i in range(1, 4))
    populations = alone(EvaluationSet(questions))
    lengths = usual_lengths(populations)
    assert [u.tokens[0] for u in lengths] == [550, 505, 55]
    assert usual_lengths(populations[:1]) is None


def test_time_and_waste_depend_on_the_launch_and_the_votes_do_not():
    plan = ReplayPlan(trials=10, max_samples=40)
    kinds = {
        "one": Timing(slots=1),
        "thrifty": Timing("thrifty"),
        "default": Timing(),
        "eager": Timing("eager"),
        "arrival": Timing("eager", "arrival"),
    }
    results = {k: replay(SMALL, OptimalStopping(), plan, timing=t) for k, t in kinds.items()}
    one, thrifty, eager = (results[k] for k in ("one", "thrifty", "eager"))
    assert one.columns["samples"].tolist() == thrifty.columns["samples"].tolist()
    assert one.columns["samples"].tolist() == eager.columns["samples"].tolist()
    assert thrifty.mean("started") == pytest.approx(thrifty.samples, rel=0.02)
    assert eager.mean("started") > eager.samples
    assert eager.mean("seconds") < thrifty.mean("seconds") < one.mean("seconds")
    default = results["default"]
    assert one.columns["samples"].tolist() == default.columns["samples"].tolist()
    assert thrifty.mean("started") < default.mean("started") < eager.mean("started")
    assert default.mean("seconds") < thrifty.mean("seconds")
    assert one.mean("seconds") == pytest.approx(one.tokens)
    assert results["arrival"].columns["samples"].tolist() != one.columns["samples"].tolist()


def test_rules_on_scores_are_replayed_one_by_one():
    scored = EvaluationSet((question("q", ["a", "b"] * 5, scores=[0.9, 0.2] * 5, tokens=[7] * 10),))
    result = replay(scored, "optscale:min_score=.8", trials=10)
    assert result.accuracy >= 0
    assert result.samples < 30


def test_prices_are_spent_by_budgets_in_money():
    plan = ReplayPlan(trials=20, members=["x"], prices={"x": 0.001})
    columnar = replay(SMALL, "max-cost:amount=9", plan)
    single = replay(SMALL, "max-cost:amount=9|max-seconds:seconds=1e18", plan)
    assert columns(columnar) == columns(single)
    assert columnar.tokens >= 9_000
    assert replay(SMALL, OptimalStopping.for_value(1000.0), plan).samples > 3


def test_frontier_puts_the_oracle_below_and_fixed_above():
    plan = ReplayPlan(trials=40, max_samples=60)
    found = frontier(SMALL, {"optimal": ["fast", "balanced", "thorough", "exhaustive"]}, plan)
    costs = {name: line.cost_at(0.9) for name, line in found.lines.items()}
    assert costs["oracle"] < costs["optimal"] < costs["fixed"]
    ratio, error = found.ratio("optimal", "optimal", 0.9)
    assert (ratio, error) == (1, 0)
    ratio, error = found.ratio("optimal", "oracle", 0.9, cost="tokens")
    assert ratio > 1
    assert error > 0


def test_errors_over_the_oracle_are_paired_whatever_the_order_of_questions_and_members():
    plan = ReplayPlan(trials=20, max_samples=40)
    names = sorted(SMALL.members, reverse=True)
    turned = EvaluationSet(
        tuple(
            replace(q, samples={name: q.samples[name] for name in names if name in q.samples})
            for q in reversed(SMALL.questions)
        )
    )
    for data in (SMALL, turned):
        found = frontier(data, {"optimal": ["fast", "balanced", "thorough"]}, plan)
        ours, limit = found.lines["optimal"], found.lines["oracle"]
        assert ours.grid.questions == limit.grid.questions
        assert ours.grid.groups == limit.grid.groups


def test_frontier_is_read_in_money_as_in_tokens():
    plan = ReplayPlan(trials=20, members=["x"], prices={"x": 0.5}, max_samples=40)
    found = frontier(SMALL, {"optimal": ["fast", "balanced", "thorough"]}, plan)
    for name, line in found.lines.items():
        tokens = [cost for cost, _ in line.means("tokens")]
        money = [cost for cost, _ in line.means("cost")]
        assert money == pytest.approx([0.5 * cost for cost in tokens]), name
    in_tokens = found.ratio("optimal", "oracle", 0.9, cost="tokens")
    assert found.ratio("optimal", "oracle", 0.9, cost="cost") == pytest.approx(in_tokens)


def test_a_level_out_of_reach_has_neither_a_ratio_nor_an_error():
    plan = ReplayPlan(trials=20, members=["x"], max_samples=40)
    found = frontier(SMALL, {"one": ["fixed:n=1"], "optimal": ["thorough"]}, plan, oracle=False)
    assert all(map(math.isnan, found.ratio("one", "optimal", 0.9999)))


def test_oracle_of_equal_answers_stops_at_once():
    found = frontier(EvaluationSet((question("q", ["a"] * 9),)), {}, fixed=False)
    assert found.lines["oracle"].cost_at(1.0) == 1


def test_cost_is_read_from_the_hull():
    points = [(1, 0.8), (3, 0.9), (4, 0.85), (5, 0.91), (9, 0.99)]
    assert cost_at(points, 0.8) == 1
    assert cost_at(points, 0.945) == pytest.approx(6)
    assert cost_at(points, 0.5) == 1
    assert math.isnan(cost_at(points, 0.995))
    assert math.isnan(cost_at([], 0.5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 0}, "trials"),
        ({"max_samples": 2.5}, "max_samples"),
        ({"seed": -1}, "seed"),
        ({"members": ["nobody"]}, "no member 'nobody'"),
        ({"weights": {"nobody": 1.0}}, "no member 'nobody'"),
        ({"weights": {"x": 0.0}}, "not all 0"),
        ({"weights": {"x": 1.0}, "members": ["x"]}, "members"),
        ({"weights": {"x": 1.0, "y": 1.0}, "schedule": "random"}, "schedule"),
        ({"costs": "free"}, "costs"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(UsageError, match=message):
        replay(SMALL, "balanced", **changes)


def test_wrong_timing_is_refused():
    with pytest.raises(UsageError, match="slots"):
        Timing(slots=0)
    with pytest.raises(UsageError, match="launch"):
        replay(SMALL, "balanced", trials=1, timing=Timing(launch="lazy"))


def test_nothing_to_replay_is_an_error():
    with pytest.raises(UsageError, match="nothing to replay"):
        replay(EvaluationSet(()), "balanced")


def test_result_is_json():
    record = replay(SMALL, AheadBy(2) | UnanimousWindow(4), trials=3).to_json()
    assert json.loads(json.dumps(record)) == record
    keys = {"questions", "trials", "mean_samples", "mean_tokens", "accuracy", "agreement", "bo1"}
    assert keys | {"bo_inf", "reasons", "standard_errors"} <= record.keys()
    assert sum(record["reasons"].values()) == pytest.approx(1)


def test_several_rules_share_their_samples():
    alone_, beside = replay(SMALL, "fast"), replay_all(SMALL, ["balanced", "fast"])[1]
    assert columns(alone_) == columns(beside)


def test_rules_without_columns_never_see_time():
    result = replay(SMALL, MaxSeconds(1.0), trials=2, max_samples=5)
    assert result.reasons == {"out of samples": 1.0}


DATA = Path(os.environ.get("BESTOFINF_DATA") or Path(__file__).parents[3] / "shared" / "data")
recorded = pytest.mark.skipif(
    not (DATA / "boinf").is_dir(), reason="recorded data not found: set BESTOFINF_DATA"
)


@recorded
def test_recorded_answers_need_few_samples_for_the_mode():
    data = read_files([DATA / "boinf"])
    thorough = replay(data, "thorough", trials=20, drop_invalid=True)
    assert thorough.agreement >= 0.976
    assert thorough.samples <= 12
    priced = replay(data, "thorough:price_per=token", trials=20, drop_invalid=True)
    assert priced.tokens <= 185_000
    assert priced.agreement >= 0.974


@pytest.mark.soak
@recorded
def test_rule_stays_near_the_oracle_on_recorded_answers():
    data = read_files([DATA / "boinf"])
    prices = (0.0094, 0.0066, 0.0047, 0.0033, 0.0024)
    rules = {"optimal": [OptimalStopping(p) for p in prices]}
    found = frontier(data, rules, ReplayPlan(trials=20, drop_invalid=True), fixed=False)
    ratio, _ = found.ratio("optimal", "oracle", 0.975)
    assert ratio <= 1.35


# -- without replacement ------------------------------------------------------------------------


def population(questions, samples, seed, members=("m",)):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(questions):
        p = rng.dirichlet([3.0, 1.5, 1.0])
        drawn = {m: Samples(tuple(rng.choice(list("abc"), samples, p=p))) for m in members}
        rows.append(Question(f"q{i}", drawn, gold="a"))
    return EvaluationSet(tuple(rows))


def test_fixed_votes_are_those_of_all_ways_to_draw_them():
    recorded = population(6, 9, 3)
    result = replay(recorded, FixedSamples(4), trials=2000)
    for place, name in enumerate(result.grid.questions):
        counts = next(q for q in recorded if q.id == name).samples["m"].counts()
        right = counts.pop("a", 0)
        exact = chance_of_right(right, list(counts.values()), 0, 4)
        assert result.columns["accuracy"][place] == pytest.approx(exact, abs=0.05)


def test_the_accuracy_of_a_rule_is_the_same_from_few_samples_as_from_many():
    rule = "fast|max-samples:n=8"
    many = replay(population(400, 64, 1), rule, trials=10)
    few = replay(population(400, 8, 2), rule, trials=10)
    error = math.hypot(many.standard_error("accuracy"), few.standard_error("accuracy"))
    assert few.accuracy == pytest.approx(many.accuracy, abs=3 * error)


def test_two_files_give_the_same_figures_in_either_order():
    whole = population(12, 9, 5, ("x", "y", "z"))
    parts = [whole.only(name) for name in ("x", "y", "z")]
    halves = list(whole.split(0.5, seed=1))
    orders = [parts, parts[::-1], [parts[1], parts[0], parts[2]], halves, halves[::-1]]
    sets = [EvaluationSet.merge(order) for order in orders]
    for changes in ({}, {"weights": dict.fromkeys("xyz", 1.0)}):
        results = [replay(found, "balanced", trials=5, **changes) for found in sets]
        assert len({json.dumps(r.to_json()["standard_errors"]) for r in results}) == 1
        assert len({(r.accuracy, r.agreement, r.samples, r.mean("bo_inf")) for r in results}) == 1
    turned = [{"x": 0.2, "y": 0.4, "z": 0.4}, {"z": 0.4, "y": 0.4, "x": 0.2}]
    first, second = (replay(whole, FixedSamples(5), trials=9, weights=w) for w in turned)
    assert columns(first) == columns(second)


@pytest.mark.parametrize("rule", [FixedSamples(2), FixedSamples(2) | MaxSeconds(1e18)], ids=str)
@pytest.mark.parametrize("timing", [None, Timing("thrifty")], ids=str)
def test_a_tie_counts_in_equal_shares(rule, timing):
    tied = EvaluationSet((question("q", ["a", "b"]), question("r", ["b", "c"])))
    result = replay(tied, rule, trials=3, timing=timing)
    assert result.columns["accuracy"].tolist() == [0.5, 0]
    assert result.columns["agreement"].tolist() == [1, 1]


def test_an_ensemble_is_judged_on_the_questions_all_its_members_were_asked():
    whole = population(8, 9, 2, ("x", "y"))
    part = EvaluationSet(
        tuple(
            Question(q.id, {k: s for k, s in q.samples.items() if i < 5 or k == "x"}, q.gold)
            for i, q in enumerate(whole)
        )
    )
    result = replay(part, "fast", weights={"x": 0.5, "y": 0.5}, trials=3)
    assert (len(result.grid.questions), result.left_out) == (5, 3)
    alone_ = replay(part, "fast", weights={"x": 1.0, "y": 0.0, "absent": 0.0}, trials=3)
    assert (len(alone_.grid.questions), alone_.left_out) == (8, 0)
    apart = EvaluationSet.merge([whole.only("x").filter(lambda q: q.id < "q3"),
                                 whole.only("y").filter(lambda q: q.id >= "q3")])  # fmt: skip
    with pytest.raises(UsageError, match="asked were x 3, y 5"):
        replay(apart, "fast", weights={"x": 0.5, "y": 0.5})


def test_samples_drawn_because_of_earlier_answers_are_left_out():
    samples = Samples(("a", "a", "b", "b"), calls=(0, 0, 1, 1))
    one = EvaluationSet((Question("q", {"m": samples}, gold="a", stopped={1: "fast"}),))
    result = replay(one, FixedSamples(4), trials=2)
    assert (result.recorded, result.samples, result.accuracy) == (2, 2, 1)


def test_the_limit_is_not_known_from_few_samples_and_else_has_its_error():
    assert math.isnan(replay(population(20, 7, 1), "fast", trials=2).mean("bo_inf"))
    known = replay(population(20, 8, 1), "fast", trials=2)
    assert 0 <= known.mean("bo_inf") <= 1
    assert known.standard_error("bo_inf") > abs(known.grid.mean(known.steps)) / 2
    mixed = EvaluationSet.merge([population(20, 8, 1), EvaluationSet((question("few", ["a"]),))])
    assert mixed.members == ("m",)
    assert replay(mixed, "fast", trials=2).to_json()["bo_inf"] is None


def test_prices_make_a_column_of_money():
    recorded = EvaluationSet((question("q", ["a"] * 9, tokens=[50] * 9),))
    result = replay(recorded, FixedSamples(3), prices={"m": 0.01}, trials=2)
    assert result.mean("cost") == pytest.approx(1.5)
    assert "cost" not in replay(recorded, FixedSamples(3), trials=2).columns
