import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bestofinf.calibration import (
    Calibration,
    ScoredQuestion,
    ScorePool,
    area_under_curve,
    expected_calibration_error,
    fit_calibration,
    read_pool,
    share_right_above,
    simulate_pool,
)
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, EvaluationStore, Question, Samples, import_files
from bestofinf.rules.optscale import OptScale
from bestofinf.rules.tally import Tally

PRM = "prm_llama31_8b_math500_n1.jsonl"


def pool_of(scores, right, per_question=1):
    """A pool with consecutive replies grouped into questions."""
    questions = []
    for start in range(0, len(scores), per_question):
        part = slice(start, start + per_question)
        size = len(scores[part])
        questions.append(
            ScoredQuestion(
                str(start), ("a",) * size, tuple(map(bool, right[part])), tuple(scores[part]),
                (10,) * size,
            )
        )  # fmt: skip
    return ScorePool(tuple(questions))


def honest(seed, size=2000):
    """Scores that are themselves the chance to be right."""
    rng = np.random.default_rng(seed)
    scores = rng.random(size)
    return scores.tolist(), (rng.random(size) < scores).tolist()


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_scores_that_are_chances_are_left_as_they_are(method):
    calibration = fit_calibration(pool_of(*honest(0)), method=method)
    for score in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert calibration.chance(score) == pytest.approx(score, abs=0.08)
    assert calibration.ece < 0.03


@pytest.mark.parametrize("column", [0, 1, 2])
def test_recorded_scores_are_calibrated_on_questions_held_out(recorded_path, column):
    pool = read_pool(recorded_path(PRM), column=column)
    for seed in range(3):
        assert fit_calibration(pool, seed=seed).ece <= 0.05


@pytest.mark.parametrize(
    ("column", "area", "right"), [(0, 0.883, 0.84), (1, 0.870, 0.64), (2, 0.886, 0.87)]
)
def test_recorded_scores_differ_in_worth_as_was_found(recorded_path, column, area, right):
    scores, grades, _ = read_pool(recorded_path(PRM), column=column).columns()
    assert scores.size == 500
    assert area_under_curve(scores, grades) == pytest.approx(area, abs=0.001)
    assert share_right_above(scores, grades, 0.95)[0] == pytest.approx(right, abs=0.006)


def test_least_score_keeps_its_promise_on_other_questions():
    calibration = fit_calibration(pool_of(*honest(1)), accuracy=0.9)
    scores, right = map(np.array, honest(2, 20_000))
    share, above = share_right_above(scores, right, calibration.min_score)
    assert above > 1000
    assert share == pytest.approx(0.9, abs=0.03)


def test_wanted_accuracy_out_of_reach_gives_no_least_score():
    rng = np.random.default_rng(3)
    pool = pool_of(rng.random(300).tolist(), (rng.random(300) < 0.3).tolist())
    assert fit_calibration(pool, accuracy=0.9).min_score is None


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
@settings(max_examples=25, deadline=None)
@given(data=st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=20, max_size=60))
def test_chance_rises_with_the_score_and_is_never_certain(method, data):
    right = [r for _, r in data]
    if len(set(right)) < 2:
        return
    pool = pool_of([s / 10 for s, _ in data], right)
    scores, grades, _ = pool.columns()
    assume(area_under_curve(scores, grades) >= 0.5)  # others may be refused
    calibration = fit_calibration(pool, method=method, folds=2)
    chances = [calibration.chance(score) for score in np.linspace(0, 1, 41).tolist()]
    assert chances == sorted(chances)
    assert 0 < chances[0] <= chances[-1] < 1


def test_same_seed_gives_the_same_calibration():
    pool = pool_of(*honest(4, 300), per_question=3)
    assert fit_calibration(pool, seed=5) == fit_calibration(pool, seed=5)


def test_replies_of_one_question_are_never_split_over_folds():
    # Scores name their question and nothing else: what is learned of one is useless for others.
    rng = np.random.default_rng(3)
    scores = np.repeat(rng.random(60), 10).tolist()
    right = np.repeat(rng.random(60) < 0.5, 10).tolist()
    calibration = fit_calibration(pool_of(scores, right, per_question=10), method="isotonic")
    assert calibration.brier > 0.2


@pytest.mark.parametrize(
    ("scores", "right"), [([], []), ([0.5] * 10, [0, 1] * 5), ([0.5] * 30, [1] * 30)]
)
def test_too_little_to_learn_from_is_refused(scores, right):
    with pytest.raises(UsageError, match="at least 20"):
        fit_calibration(pool_of(scores, right))


@pytest.mark.parametrize("settings", [{"accuracy": 1}, {"method": "platt"}, {"folds": 1}])
def test_wrong_settings_are_refused(settings):
    with pytest.raises(UsageError):
        fit_calibration(pool_of(*honest(0, 50)), **settings)


def test_measures_have_their_exact_values():
    scores, grades = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1])
    assert area_under_curve(scores, grades) == 0.875
    assert area_under_curve(scores, np.ones(4)) == 0.5
    assert share_right_above(scores, grades, 0.4) == (pytest.approx(2 / 3), 3)
    assert share_right_above(scores, grades, 0.9)[1] == 0
    # Bins .1-.2 and .8-.9: |.1 - 0| and |.8 - .5| with two replies each.
    chances, right = np.array([0.1, 0.1, 0.8, 0.8]), np.array([0, 0, 1, 0])
    assert expected_calibration_error(chances, right) == pytest.approx(0.2)
    assert expected_calibration_error(np.array([1.0]), np.array([1])) == 0


def test_calibration_survives_a_file(tmp_path):
    calibration = fit_calibration(pool_of(*honest(5, 200), per_question=4), name="judge")
    calibration.save(tmp_path / "c.json")
    again = Calibration.load(tmp_path / "c.json")
    assert again == calibration
    assert again.prior.n_questions == 50
    assert json.loads((tmp_path / "c.json").read_text())["version"] == 1


def test_no_prior_is_learned_from_one_score_a_question():
    assert fit_calibration(pool_of(*honest(5, 200))).prior is None
    rule = OptScale(calibration=fit_calibration(pool_of(*honest(5, 200))))
    tally = Tally()
    tally.vote("a")
    tally.score(0.7)
    assert rule.check(tally) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("no json", "not JSON"), ("[]", "not a calibration"), ("{}", "not a calibration"),
     ('{"format": "bestofinf-calibration", "version": 2}', "version 2"),
     ('{"format": "bestofinf-calibration", "version": 1}', "not a calibration")],
)  # fmt: skip
def test_broken_files_are_refused_by_name(tmp_path, text, words):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        Calibration.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [{"method": "spline"}, {"method": "isotonic"}, {"method": "logistic", "slope": -1},
     {"method": "isotonic", "scores": (0.5,), "chances": ()},
     {"method": "isotonic", "scores": (0.5, 0.1), "chances": (0.1, 0.2)},
     {"method": "isotonic", "scores": (0.1, 0.5), "chances": (0.1, 1.2)}],
)  # fmt: skip
def test_impossible_calibrations_are_refused(fields):
    with pytest.raises(UsageError):
        Calibration(**fields)


def test_curve_is_linear_between_knots_and_flat_beyond():
    curve = Calibration("isotonic", scores=(0.2, 0.4), chances=(0.5, 0.7))
    assert [curve.chance(s) for s in (0, 0.2, 0.3, 0.4, 1)] == pytest.approx(
        [0.5, 0.5, 0.6, 0.7, 0.7]
    )


def evaluation_set():
    questions = tuple(
        Question(str(i), {"m": Samples(("4", None, "5"), (7, None, 9), (0.9, 0.1, None)),
                          "other": Samples(("4",))}, gold="4")
        for i in range(3)
    )  # fmt: skip
    unlabelled = Question("x", {"m": Samples(("1",), (), (0.5,))})
    return EvaluationSet((*questions, unlabelled))


def test_pool_grades_the_scored_samples_of_an_evaluation_set():
    pool = ScorePool.from_set(evaluation_set())
    assert len(pool) == 3
    first = pool.questions[0]
    assert first.correct == (True, False, False)
    assert first.scores == (0.9, 0.1, None)
    assert first.tokens == (7, 0, 9)
    with pytest.raises(UsageError, match="no question"):
        ScorePool.from_set(evaluation_set(), member="other")


def test_members_are_calibrated_on_the_questions_all_were_scored_on():
    def scored(*names):
        return {name: Samples(("4", "5"), scores=(0.9, 0.2)) for name in names}

    both = tuple(Question(f"q{i}", scored("a", "b"), gold="4") for i in range(4))
    rest = tuple(Question(f"r{i}", scored("a"), gold="4") for i in range(2))
    pool = ScorePool.from_set(EvaluationSet(both + rest))
    assert [q.id for q in pool] == ["q0", "q1", "q2", "q3"]
    assert pool.coverage.asked == {"a": 6, "b": 4}
    assert len(ScorePool.from_set(EvaluationSet(both + rest), member="a")) == 6
    apart = (Question("x", scored("a"), gold="4"), Question("y", scored("b"), gold="4"))
    with pytest.raises(UsageError, match="a 1 of 2, b 1 of 2"):
        ScorePool.from_set(EvaluationSet(apart))


def test_pool_is_read_from_either_kind_of_file(tmp_path):
    graded = tmp_path / "graded.jsonl"
    graded.write_text(
        '{"id": "q", "samples": [["4", 1, 12, 0.5, 0.75], [null, 0, null, 0.1, null]]}\n'
    )
    first = read_pool(graded, column=1).questions[0]
    assert first == ScoredQuestion("q", ("4", None), (True, False), (0.75, None), (12, 0))
    own = tmp_path / "own.jsonl"
    own.write_text('{"id": "q", "gold": "4", "samples": {"m": [["4", 12, 0.5]]}}\n')
    assert read_pool(own).questions[0].correct == (True,)
    assert len(read_pool([graded, own])) == 2
    assert len(read_pool(tmp_path)) == 2


def test_answers_are_graded_by_their_meaning_where_that_is_wanted(tmp_path):
    own = tmp_path / "own.jsonl"
    own.write_text('{"id": "q", "gold": "4", "samples": {"m": [["4.0", 12, 0.5]]}}\n')
    assert read_pool(own).questions[0].correct == (False,)
    assert read_pool(own, answer="number").questions[0].correct == (True,)


def test_pool_is_read_from_a_store(tmp_path):
    own = tmp_path / "own.jsonl"
    own.write_text('{"id": "q", "gold": "4", "samples": {"m": [["4", 12, 0.5]], "n": [["5"]]}}\n')
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with EvaluationStore(url) as store:
        import_files(store, [own])
    assert read_pool(url).questions[0].scores == (0.5,)
    assert read_pool(tmp_path / "store.db", member="m").questions[0].correct == (True,)


@pytest.mark.parametrize(
    ("line", "words"),
    [('{"id": 1, "samples": [["4", 2, 12, 0.5]]}', "right must be"),
     ('{"id": 1, "samples": [["4", 1, 12, "x"]]}', "a score must be"),
     ('{"id": 1, "samples": [["4", 1, 12, 1.5]]}', "in \\[0, 1\\]"),
     ('{"id": 1, "samples": [["4", 1, 12, NaN]]}', "a score must be"),
     ('{"id": 1, "samples": [["4", 1, -2, 0.5]]}', "tokens"),
     ('{"id": 1, "samples": [["4", 1, 12, 0.5], ["4"]]}', "sample 1"),
     ('{"id": 1, "samples": [["4", 1, 12, 0.5]]}\nnonsense', "line 2"),
     ('{"id": 1, "samples": [["4", 1, 12, 0.5]]}\n[]', "line 2"),
     ("", "no questions")],
)  # fmt: skip
def test_broken_pools_are_refused_with_file_and_line(tmp_path, line, words):
    path = tmp_path / "broken.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(UsageError, match=words) as caught:
        read_pool(path)
    assert "broken.jsonl" in str(caught.value)


def test_absent_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_pool(tmp_path / "nowhere.jsonl")
    with pytest.raises(UsageError, match="nothing to read"):
        read_pool([])


def test_halves_of_a_pool_share_no_question():
    pool = simulate_pool([(0.5, 0.1)] * 9, samples=2)
    first, second = pool.split(0.5, seed=1)
    assert {q.id for q in first} | {q.id for q in second} == {q.id for q in pool}
    assert len(first) + len(second) == 9
    assert first.simulated
    assert second.simulated


def test_simulated_scores_have_the_moments_they_are_given():
    pool = simulate_pool([(0.9, 0.05), (0.6, 0.2)], samples=20_000)
    for question, (mean, spread) in zip(pool, [(0.9, 0.05), (0.6, 0.2)], strict=True):
        assert np.mean(question.scores) == pytest.approx(mean, abs=0.01)
        assert np.std(question.scores) == pytest.approx(spread, abs=0.01)


# -- the command ----------------------------------------------------------------------------------


def run(*arguments):
    import typer

    from bestofinf.cli.calibrate import calibrate

    app = typer.Typer()
    app.command()(calibrate)
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "judge.jsonl"
    scores, right = honest(6, 400)
    rows = [{"id": str(i), "samples": [["a", int(r), 5, s]]}
            for i, (s, r) in enumerate(zip(scores, right, strict=True))]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_command_prints_json_and_writes_a_file_that_a_rule_takes(file, tmp_path):
    out = tmp_path / "calibration.json"
    result = run(file, "--accuracy", 0.8, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.output)
    assert record["samples"] == record["questions"] == 400
    assert record["name"] == "judge"
    assert 0 < record["min_score"] < 1
    assert record["levels"][2]["score"] == 0.9
    assert record["rule"] == f"optscale:min_score={record['min_score']:.4g},calibration={out}"
    rule = OptScale(min_score=record["min_score"], calibration=str(out))
    assert rule.min_score == record["min_score"]


def test_command_prints_a_table(file):
    result = run(file)
    assert result.exit_code == 0
    assert "area under the curve" in result.output
    assert "optscale:min_score=" in result.output
    assert "No score reaches" in run(file, "--accuracy", 0.999).output


def test_command_takes_a_folder_and_refuses_an_empty_one(file, tmp_path):
    assert run(file.parent).exit_code == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="in the folder"):
        raise run(empty).exception
    with pytest.raises(UsageError, match="cannot be written"):
        raise run(file, "--out", tmp_path / "no" / "folder.json").exception


def test_scores_that_are_higher_for_wrong_replies_are_refused() -> None:
    random = np.random.default_rng(0)
    right = random.random(300) < 0.5
    scores = np.where(right, random.beta(2, 5, 300), random.beta(5, 2, 300))
    with pytest.raises(UsageError, match="higher for wrong replies"):
        fit_calibration(pool_of(scores.tolist(), right.tolist()))
    # Scores that mean nothing are no reason to refuse.
    fit_calibration(pool_of(random.random(300).tolist(), right.tolist()))


def test_a_target_keeps_its_promise_on_other_questions() -> None:
    """Where it is named at all: scores that are worth something, and few replies to learn from."""
    random = np.random.default_rng(1)
    kept, named, promised, broken = [], 0, 0, 0
    for _ in range(30):
        difficulty = random.normal(0, 1, 1200)
        right = random.random(1200) < 1 / (1 + np.exp(-0.3 - difficulty))
        scores = 1 / (1 + np.exp(-(difficulty + random.normal(0, 0.8, 1200) + 0.5 * right)))
        calibration = fit_calibration(
            pool_of(scores[:200].tolist(), right[:200].tolist()), accuracy=0.85
        )
        if calibration.min_score is None:
            continue
        named += 1
        above = right[200:][scores[200:] >= calibration.min_score]
        kept.append(above.mean())
        promised += calibration.promised
        broken += calibration.promised and above.mean() < 0.84
    assert named >= 10
    assert np.mean(kept) >= 0.84
    assert broken <= 0.1 * max(promised, 10)


def test_what_was_seen_on_questions_left_out_is_kept_with_the_calibration(tmp_path: Path) -> None:
    calibration = fit_calibration(pool_of(*honest(1)), accuracy=0.9)
    assert calibration.held_out_accuracy is not None
    assert calibration.held_out_accuracy >= 0.9
    calibration.save(tmp_path / "c.json")
    assert Calibration.load(tmp_path / "c.json") == calibration
    record = calibration.as_dict()
    del record["held_out_accuracy"], record["held_out_se"]
    assert not Calibration.from_dict(record).promised
