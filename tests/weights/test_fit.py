from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from bestofinf.errors import BestOfInfError, MissingExtraError, UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.weights import FitStatus, Progress, WeightFit, fit_weights
from bestofinf.weights.exact import score
from bestofinf.weights.fit import _optimise
from bestofinf.weights.learners import hinge
from bestofinf.weights.solver import branch
from bestofinf.weights.solver.clock import Clock
from bestofinf.weights.solver.domain import Domain
from bestofinf.weights.solver.margins import Margins
from bestofinf.weights.solver.milp import most_wins
from bestofinf.weights.solver.presolve import cliques, presolve
from support.ensembles import from_votes, made_set, recorded


@pytest.fixture(scope="module")
def hard() -> EvaluationSet:
    return made_set(60, members=5, samples=20, spread=1.5, seed=4)


def recounted(evaluation_set: EvaluationSet, fit: WeightFit) -> int:
    margins = Margins.of(evaluation_set)
    return score(margins, [fit.exact[name] for name in margins.members]).correct


def by_one_program(margins: Margins, solver: str) -> int:
    """Solve the whole problem by python-mip, without branching of ours."""
    problem = presolve(margins.rows - 1e-4, margins.question, np.ones(len(margins), dtype=np.int64))
    domain = Domain.whole(len(margins.members))
    result = most_wins(problem, solver=solver, seconds=60, domain=domain)
    assert result.finished
    return problem.sure + round(result.bound)


@pytest.mark.parametrize("solver", ["cbc", "highs"])
@pytest.mark.parametrize(
    ("dataset", "best", "total"), [("aime2024", 28, 30), ("math500", 484, 500)]
)
def test_the_optimum_of_recorded_answers_is_proven(
    dataset: str, best: int, total: int, solver: str
) -> None:
    evaluation_set = recorded(dataset)
    if evaluation_set is None:
        pytest.skip("recorded answers are not here: set BESTOFINF_DATA")
    fit = fit_weights(evaluation_set, solver=solver)
    assert (fit.correct, fit.total, fit.bound, fit.gap) == (best, total, best, 0)
    assert fit.status is FitStatus.OPTIMAL
    assert recounted(evaluation_set, fit) == best
    assert fit.margin is not None
    assert fit.margin_bound is not None
    assert 0.999 * fit.margin_bound <= fit.margin <= fit.margin_bound


@pytest.mark.parametrize(("questions", "most_nodes"), [(2000, 1), (5000, 10_000)])
def test_large_bootstraps_of_recorded_answers_are_proven(questions: int, most_nodes: int) -> None:
    evaluation_set = recorded("math500")
    if evaluation_set is None:
        pytest.skip("recorded answers are not here: set BESTOFINF_DATA")
    margins = Margins.of(evaluation_set)
    drawn = margins.take(np.random.default_rng(questions).integers(0, len(margins), questions))
    fitted = _optimise(drawn, "accuracy", "cbc", Clock(30), None, None, 0)
    assert fitted.status is FitStatus.OPTIMAL
    assert fitted.optimum is not None
    assert fitted.optimum.nodes <= most_nodes


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("members", [2, 3, 4, 6])
def test_branching_on_the_mixture_proves_what_one_large_program_proves(
    members: int, seed: int
) -> None:
    evaluation_set = made_set(40, members=members, samples=15, spread=1.5, seed=seed)
    fit = fit_weights(evaluation_set, "accuracy")
    assert fit.status is FitStatus.OPTIMAL
    solver = ("cbc", "highs")[seed % 2]
    assert fit.correct == fit.bound == by_one_program(Margins.of(evaluation_set), solver)


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_pieces_left_to_the_solver_give_the_same_proof(
    hard: EvaluationSet, solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = fit_weights(hard, solver=solver)
    monkeypatch.setattr(branch, "LEAF", 10_000)
    by_solver = fit_weights(hard, solver=solver)
    assert (usual.correct, usual.bound) == (by_solver.correct, by_solver.bound)
    assert usual.margin == pytest.approx(by_solver.margin, rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_no_set_of_wins_of_that_size_has_a_wider_margin(seed: int) -> None:
    """Against one program with the margin as a variable, solved by another library."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    evaluation_set = made_set(25, members=3, samples=15, spread=1.5, seed=seed)
    margins = Margins.of(evaluation_set)
    fit = fit_weights(evaluation_set)
    k, q, rows = 3, len(margins), margins.rows
    # Variables: weights, margin, wins. Row: d w - t - 2 y >= -2.
    wins = np.zeros((len(rows), q))
    wins[np.arange(len(rows)), margins.question] = -2.0
    constraints = [
        LinearConstraint(np.hstack([rows, -np.ones((len(rows), 1)), wins]), lb=-2),
        LinearConstraint(np.concatenate([np.ones(k), [0], np.zeros(q)]), 1, 1),
        LinearConstraint(np.concatenate([np.zeros(k + 1), np.ones(q)]), lb=fit.correct),
    ]
    result = milp(
        np.concatenate([np.zeros(k), [-1.0], np.zeros(q)]),
        constraints=constraints,
        bounds=Bounds(0, 1),
        integrality=np.concatenate([np.zeros(k + 1), np.ones(q)]),
    )
    assert fit.margin_bound == pytest.approx(-result.fun, rel=1e-3, abs=1e-6)


def test_the_objective_of_the_paper_beats_or_equals_every_other_in_sample(
    hard: EvaluationSet,
) -> None:
    best = fit_weights(hard)
    for name in ("hinge", "finite-n", "softmax", "bagged-single", "single", "uniform"):
        assert fit_weights(hard, name).correct <= best.correct
    assert best.baselines["single"].correct == fit_weights(hard, "single").correct
    assert best.baselines["uniform"].correct == fit_weights(hard, "uniform").correct


def test_the_table_of_questions_adds_up(hard: EvaluationSet) -> None:
    fit = fit_weights(hard)
    outcomes = [q.outcome for q in fit.questions]
    assert [q.id for q in fit.questions] == sorted(q.id for q in hard)
    assert (outcomes.count("won"), outcomes.count("tied")) == (fit.correct, fit.ties)
    assert outcomes.count("lost") == fit.lost
    assert sum(q.contested for q in fit.questions) == fit.contested > 0
    assert fit.margin == pytest.approx(min(q.margin for q in fit.questions if q.outcome == "won"))
    assert sum(fit.exact.values()) == 1


def test_the_samples_named_make_the_narrowest_win_show() -> None:
    fit = fit_weights(from_votes({"x": "A" * 6 + "B" * 4}, {"x": "A" * 9 + "B"}))
    assert fit.samples_for_margin is not None
    random = np.random.default_rng(0)
    right = random.binomial(fit.samples_for_margin, 0.6, 20_000)
    assert (2 * right > fit.samples_for_margin).mean() == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_a_limit_on_the_members_is_kept_and_proven(hard: EvaluationSet, most: int) -> None:
    fit = fit_weights(hard, max_members=most)
    assert sum(w > 0 for w in fit.weights.values()) <= most
    assert fit.status is FitStatus.OPTIMAL
    # By all choices of that many members.
    from itertools import combinations

    names = hard.members
    each = [
        fit_weights(hard, "accuracy", members=chosen).correct
        for chosen in combinations(names, most)
    ]
    assert fit.correct == max(each)


def test_more_choices_of_members_than_can_be_listed_are_left_to_the_solver(
    hard: EvaluationSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bestofinf.weights.solver import domain

    listed = fit_weights(hard, max_members=4)
    monkeypatch.setattr(domain, "MOST_FACES", 0)
    left = fit_weights(hard, "accuracy", max_members=4)
    assert left.status is FitStatus.OPTIMAL
    assert left.correct == listed.correct
    assert sum(w > 0 for w in left.weights.values()) <= 4


def test_bounds_and_fixed_weights_are_kept_exactly(hard: EvaluationSet) -> None:
    bounds = {"m0": (0.1, 0.3), "m2": (0.0, 0.25), "m3": (0.0, 0.25)}
    fit = fit_weights(hard, bounds=bounds, fixed={"m1": 0.2})
    assert fit.status is FitStatus.OPTIMAL
    assert fit.exact["m1"] == Fraction(1, 5)
    for name, (low, high) in bounds.items():
        assert Fraction(str(low)) <= fit.exact[name] <= Fraction(str(high))
    random = np.random.default_rng(0).dirichlet(np.ones(5), 4000)
    random[:, 1] = 0
    random *= 0.8 / random.sum(axis=1, keepdims=True)
    random[:, 1] = 0.2
    inside = (
        (random[:, 0] >= 0.1)
        & (random[:, 0] <= 0.3)
        & (random[:, 2] <= 0.25)
        & (random[:, 3] <= 0.25)
    )
    assert inside.sum() > 50
    wins = (Margins.of(hard).margins(random[inside]) > 1e-4).sum(axis=1)
    assert fit.correct >= wins.max()
    assert fit.correct <= fit_weights(hard, "accuracy").correct


def test_fixing_every_weight_scores_just_these(hard: EvaluationSet) -> None:
    fixed = {"m0": 0.5, "m1": 0.5, "m2": 0.0, "m3": 0.0, "m4": 0.0}
    fit = fit_weights(hard, fixed=fixed)
    assert fit.weights == fixed
    assert fit.correct == recounted(hard, fit)
    assert fit.bound == fit.correct


def test_a_price_trades_accuracy_at_so_many_votes_for_cheaper_members(hard: EvaluationSet) -> None:
    costs = {"m0": 1.0, "m1": 2.0, "m2": 3.0, "m3": 4.0, "m4": 5.0}

    def mean(fit: WeightFit) -> float:
        return sum(w * costs[name] for name, w in fit.weights.items())

    fits = [
        fit_weights(hard, "finite-n", price=price, costs=costs, votes=8)
        for price in (0.0, 0.002, 0.01, 0.2)
    ]
    assert sorted(map(mean, fits), reverse=True) == pytest.approx(list(map(mean, fits)))
    assert mean(fits[0]) > 1.5
    assert fits[-1].weights["m0"] > 0.99
    by_tokens = fit_weights(hard, "finite-n", price=1.0)
    assert by_tokens.weights["m0"] > 0.99
    assert all(fit.value is not None for fit in fits)


@pytest.mark.parametrize(
    "limits",
    [
        {"fixed": {"m0": 1 / 3, "m1": 2 / 3}},
        {"fixed": {"m0": 1 / 3, "m1": 1 / 3, "m2": 1 / 3}},
        {"fixed": {"m0": 0.1, "m1": 0.2, "m2": 0.7}},
        {"fixed": {"m0": 0.3141592653589793, "m1": 0.6858407346410208}},
        {"bounds": {"m0": (0, 1 / 3), "m1": (0, 1 / 3), "m2": (0, 1 / 3)}},
        {"bounds": {"m0": (1 / 7, 1), "m1": (6 / 7, 1)}},
    ],
)
def test_floats_that_were_meant_to_sum_to_one_do(limits: dict[str, Any]) -> None:
    evaluation_set = made_set(12, members=3, samples=9)
    fit = fit_weights(evaluation_set, **limits)
    assert sum(fit.exact.values()) == 1
    for name, value in limits.get("fixed", {}).items():
        assert fit.weights[name] == pytest.approx(value, abs=1e-15)
    third = fit_weights(evaluation_set, fixed={"m0": 1 / 3, "m1": Fraction(2, 3)})
    assert third.exact["m0"] == Fraction(1, 3)


def test_token_counts_beyond_all_numbers_do_no_harm() -> None:
    absurd = Samples(("A", "B"), tokens=(10**400, 5))
    questions = tuple(Question(f"q{i}", {"x": absurd}, gold="A") for i in range(2))
    assert fit_weights(EvaluationSet(questions)).total == 2


def test_more_labels_start_from_the_earlier_weights(hard: EvaluationSet) -> None:
    seen: list[Progress] = []
    whole = fit_weights(hard)
    again = fit_weights(hard, start=whole, progress=seen.append)
    assert again.correct == whole.correct
    assert seen[0].incumbent == whole.correct
    renamed = {("new" if name == "m0" else name): w for name, w in whole.weights.items()}
    assert fit_weights(hard, start=renamed).correct == whole.correct


def test_reaching_the_time_limit_gives_the_best_so_far_with_a_bound() -> None:
    large = made_set(700, seed=2, samples=30)
    fit = fit_weights(large, time_limit=0.7)
    assert fit.status is FitStatus.TIME_LIMIT
    assert fit.bound is not None
    assert fit.gap is not None
    assert fit.correct > max(b.correct for b in fit.baselines.values())
    assert fit.correct < fit.bound < fit.total
    assert 0 < fit.gap < 0.1
    assert recounted(large, fit) == fit.correct


@pytest.mark.parametrize("stage", ["search", "proof", "margin"])
def test_an_interruption_keeps_the_best_so_far(stage: str, hard: EvaluationSet) -> None:
    evaluation_set = made_set(150, seed=5, samples=40)

    def interrupt(progress: Progress) -> None:
        if progress.stage == stage:
            raise KeyboardInterrupt

    fit = fit_weights(evaluation_set, progress=interrupt)
    assert fit.correct >= max(b.correct for b in fit.baselines.values())
    assert fit.bound is not None
    assert fit.bound >= fit.correct
    assert recounted(evaluation_set, fit) == fit.correct
    if stage == "margin":
        assert (fit.status, fit.margin_bound) == (FitStatus.OPTIMAL, None)
    else:
        assert fit.status is FitStatus.INTERRUPTED


def test_four_fits_at_once_give_the_results_of_four_in_sequence() -> None:
    sets = [made_set(80, members=5, samples=25, seed=seed) for seed in range(4)]

    def weights(job: tuple[EvaluationSet, str]) -> tuple[Any, ...]:
        fit = fit_weights(job[0], solver=job[1], time_limit=120)
        return fit.fractions, fit.correct, fit.bound, fit.margin_bound, fit.status

    jobs = list(zip(sets, ["cbc", "highs", "cbc", "highs"], strict=True))
    alone = [weights(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(weights, jobs))
    assert together == alone


@pytest.mark.parametrize("objective", ["maxmargin", "accuracy", "hinge"])
@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_no_solver_writes_to_the_standard_streams(
    objective: str,
    solver: str,
    hard: EvaluationSet,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit_weights(hard, objective, solver)
    monkeypatch.setattr(branch, "LEAF", 10_000)
    fit_weights(hard, objective, solver)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_questions_that_cannot_be_told_apart_are_ties_or_losses_and_never_wins() -> None:
    tied = from_votes({"x": "AB", "y": "AB"}, {"x": "AABB", "y": "--"})
    fit = fit_weights(tied)
    assert (fit.correct, fit.ties, fit.lost, fit.bound) == (0, 2, 0, 0)
    assert (fit.margin, fit.samples_for_margin) == (None, None)
    silent = from_votes({"x": "--", "y": "-"}, {"x": "BB", "y": "C"})
    fit = fit_weights(silent)
    assert (fit.correct, fit.ties, fit.lost) == (0, 0, 2)


def test_one_member_gets_all_the_weight() -> None:
    alone = from_votes({"x": "AAB"}, {"x": "ABB"})
    for objective in ("maxmargin", "accuracy", "hinge", "finite-n", "softmax", "bagged-single"):
        fit = fit_weights(alone, objective)
        assert (dict(fit.weights), fit.correct) == ({"x": 1.0}, 1)


def test_a_member_without_valid_answers_gets_no_say() -> None:
    votes = [{"x": "AAB", "mute": "--"}, {"x": "ABB", "mute": "-"}, {"x": "A", "mute": "-"}]
    fit = fit_weights(from_votes(*votes))
    assert (fit.correct, fit.lost) == (2, 1)
    assert fit.weights["x"] > 0


def test_members_are_fitted_on_the_questions_that_all_of_them_were_asked() -> None:
    one, other = {"x": Samples(("A",))}, {"y": Samples(("B",))}
    questions = [Question(f"q{i}", one | other, gold="A") for i in range(2)]
    questions += [Question(f"r{i}", {"y": Samples(("A",))}, gold="A") for i in range(3)]
    questions += [Question("s", {"x": Samples(("B",)), "y": Samples(("A",))}, gold=None)]
    fit = fit_weights(EvaluationSet(tuple(questions)))
    assert (fit.correct, fit.total) == (2, 2)
    assert fit.weights == {"x": 1.0, "y": 0.0}
    assert fit.coverage is not None
    assert fit.coverage.asked == {"x": 2, "y": 5}
    assert WeightFit.from_json(json.loads(json.dumps(fit.to_json()))) == fit
    alone = fit_weights(EvaluationSet(tuple(questions)), members=["y"])
    assert (alone.total, alone.correct) == (5, 3)
    apart = [*questions[2:5], Question("t", one, gold="A")]
    with pytest.raises(UsageError, match="x 1 of 4, y 3 of 4"):
        fit_weights(EvaluationSet(tuple(apart)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": "best"}, "objective must be one of"),
        ({"solver": "gurobi"}, "solver must be one of cbc, highs"),
        ({"time_limit": 0}, "time_limit must be above 0"),
        ({"time_limit": float("nan")}, "time_limit must be above 0"),
        ({"members": []}, "at least one member"),
        ({"bounds": {"m0": (0.6, 1), "m1": (0.5, 1)}}, "least weights alone are 1.1"),
        ({"bounds": {f"m{k}": (0, 0.1) for k in range(5)}}, "greatest weights are 0.5 together"),
        ({"bounds": {"m0": (0.5, 0.1)}}, "0 <= least <= greatest <= 1"),
        ({"bounds": {"m9": (0, 1)}}, "no member 'm9' to bound"),
        ({"bounds": {"m0": (0, 1)}, "fixed": {"m0": 0.2}}, "both bounds and a fixed weight"),
        ({"fixed": {"m0": "x"}}, "two numbers"),
        ({"max_members": 0}, "max_members must be a whole number of at least 1"),
        ({"max_members": 1, "fixed": {"m0": 0.2, "m1": 0.2}}, "2 members have a least weight"),
        ({"max_members": 1, "fixed": {"m0": 0.2}}, "cannot sum to 1 with 1 members"),
        ({"solver": None}, "solver must be one of cbc, highs, got None"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"start": {"m0": "x"}}, "a number for each member"),
        ({"price": 0.1}, "'maxmargin' takes no price.*'finite-n'"),
        ({"objective": "softmax", "price": 0.1}, "'softmax' takes no price"),
        ({"objective": "consensus", "max_members": 2}, "takes no bounds"),
        ({"price": -1}, "price must be a number of at least 0"),
        ({"price": 1, "costs": {"m0": 1}}, "costs must give a number of at least 0 for 'm1'"),
        ({"objective": "softmax", "max_members": 2}, "takes no bounds"),
        ({"objective": "hinge", "max_members": 2}, "takes no member limit"),
        ({"start": {"m0": -1.0}}, "start weights must be at least 0"),
    ],
)
def test_bad_arguments_are_named(
    arguments: dict[str, Any], message: str, hard: EvaluationSet
) -> None:
    with pytest.raises(UsageError, match=message):
        fit_weights(hard, **arguments)


def test_fewer_than_two_questions_and_missing_token_counts_are_errors() -> None:
    one = from_votes({"x": "A", "y": "B"})
    with pytest.raises(UsageError, match="at least two labelled questions, got 1"):
        fit_weights(one)
    with pytest.raises(UsageError, match="no token counts are recorded for x, y"):
        fit_weights(from_votes({"x": "A", "y": "B"}, {"x": "A", "y": "B"}), "finite-n", price=1)


@pytest.mark.parametrize(
    ("package", "solver"), [("mip", "cbc"), ("cbcbox", "cbc"), ("highspy", "highs")]
)
def test_a_missing_solver_names_the_extra_to_install(
    package: str, solver: str, hard: EvaluationSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(MissingExtraError, match=r"bestofinf\[weights\]") as caught:
        fit_weights(hard, solver=solver)
    assert caught.value.package == package
    assert fit_weights(hard, "softmax").total == len(hard)


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_hinge_is_the_optimum_of_its_linear_program(hard: EvaluationSet, solver: str) -> None:
    margins = Margins.of(hard)
    k, q = 5, len(margins)
    credit = np.zeros((len(margins.rows), q))
    credit[np.arange(len(margins.rows)), margins.question] = 1.0
    expected = linprog(
        np.append(np.zeros(k), -np.ones(q)),
        A_ub=np.hstack([-margins.rows, credit]),
        b_ub=np.zeros(len(margins.rows)),
        A_eq=np.append(np.ones(k), np.zeros(q))[None],
        b_eq=[1],
        bounds=[*([(0, 1)] * k), *([(-1, 0.5)] * q)],
    )
    weights = hinge(margins, solver=solver)
    assert np.minimum(margins.margins(weights), 0.5).sum() == pytest.approx(-expected.fun)


def test_hinge_keeps_bounds(hard: EvaluationSet) -> None:
    fit = fit_weights(hard, "hinge", bounds={"m0": (0.3, 1.0)}, fixed={"m1": 0.25})
    assert fit.exact["m0"] >= Fraction(3, 10)
    assert fit.exact["m1"] == Fraction(1, 4)


def test_the_proof_at_the_size_of_a_hard_benchmark_takes_seconds() -> None:
    evaluation_set = made_set(198)
    began = time.process_time()
    fit = fit_weights(evaluation_set, time_limit=200)
    assert fit.status is FitStatus.OPTIMAL
    assert fit.margin_bound is not None
    assert fit.contested >= 68
    assert time.process_time() - began < 10


def test_many_members_are_proven_too() -> None:
    evaluation_set = made_set(100, members=12, samples=20, seed=3)
    fit = fit_weights(evaluation_set, "accuracy")
    assert fit.status is FitStatus.OPTIMAL
    assert fit.correct == by_one_program(Margins.of(evaluation_set), "highs")


def test_an_unlabelled_set_grown_by_labels_changes_only_by_its_labels() -> None:
    labelled = made_set(30, members=3, samples=10)
    partly = replace(
        labelled,
        questions=tuple(
            q if i < 20 else replace(q, gold=None) for i, q in enumerate(labelled.questions)
        ),
    )
    assert fit_weights(partly).total == 20
    first = fit_weights(partly.labelled())
    assert fit_weights(partly).fractions == first.fractions


def test_cliques_of_no_groups_are_none() -> None:
    assert cliques(np.zeros((0, 0), dtype=bool)) == []


@pytest.mark.parametrize("solver", ["cbc", "highs"])
@pytest.mark.parametrize("members", [1, 2, 4])
def test_python_mip_proves_the_wins_and_finds_the_margin(
    solver: str, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mip

    made: list[int] = []
    begin = mip.Model.__init__

    def counted(self: Any, *arguments: Any, **settings: Any) -> None:
        made.append(1)
        begin(self, *arguments, **settings)

    monkeypatch.setattr(mip.Model, "__init__", counted)
    fit = fit_weights(made_set(40, members=members, samples=15, spread=1.5, seed=2), solver=solver)
    assert fit.proof is not None
    if not fit.contested:
        assert fit.proof.wins == "nothing contested"
        return
    assert fit.proof.wins == "python-mip"
    assert fit.proof.programs == len(made) >= 2
    assert WeightFit.from_json(json.loads(json.dumps(fit.to_json()))) == fit


def test_what_the_program_cannot_prove_in_time_the_search_proves(
    hard: EvaluationSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = fit_weights(hard)
    monkeypatch.setattr(branch, "SHARE", 0.0)
    searched = fit_weights(hard)
    assert searched.proof is not None
    assert searched.proof.wins in ("search", "sweep")
    assert (searched.correct, searched.bound) == (usual.correct, usual.bound)


@pytest.mark.parametrize(("solver", "other"), [("cbc", "highs"), ("highs", "cbc")])
def test_a_solver_that_cannot_be_loaded_names_the_other(
    solver: str, other: str, hard: EvaluationSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mip

    def broken(self: Any, *arguments: Any, **settings: Any) -> None:
        raise FileNotFoundError("no such library")

    monkeypatch.setattr(mip.Model, "__init__", broken)
    monkeypatch.setattr(mip.Model, "__del__", lambda self: None)
    with pytest.raises(BestOfInfError, match=f"solver '{solver}' cannot be loaded.*'{other}'"):
        fit_weights(hard, solver=solver)
