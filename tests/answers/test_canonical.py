"""Evaluation sets seen through an answer type, the cache on disk, and the table."""

import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bestofinf.answers import MathAnswer, NumberAnswer, mathematics
from bestofinf.answers.maths import client as math_client
from bestofinf.cli.table import table, table_rows
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples, read_file
from bestofinf.evaluation.cache import ValueCache, cache_folder
from bestofinf.evaluation.canonical import canonical, recorded_answer
from support.recorded import recorded_data

DATA = (recorded_data() or Path()) / "boinf"
needs_data = pytest.mark.skipif(
    recorded_data() is None, reason="no recorded data: set BESTOFINF_DATA to its folder"
)
ROOTS = (r"\sqrt{8}", r"2\sqrt2", "3", r"2\sqrt{2}", None, "3.0")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BESTOFINF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def one_question(answers=ROOTS, gold="2.83", **fields):
    samples = Samples(answers, tokens=tuple(range(len(answers))))
    return EvaluationSet((Question("q", {"m": samples}, gold=gold, dataset="d", **fields),))


def test_every_answer_becomes_the_first_of_its_class():
    (question,) = canonical(one_question(gold=r"\sqrt{4}\sqrt2"), "math")
    first = r"\sqrt{8}"
    assert question.samples["m"].answers == (first, first, "3", first, None, "3")
    assert question.samples["m"].tokens == tuple(range(6))
    assert question.gold == first


def test_text_changes_nothing_and_totals_are_kept_by_every_type():
    recorded = one_question()
    assert canonical(recorded, "text") is recorded
    for name in ("auto", "math", "number"):
        (question,) = canonical(recorded, name)
        assert len(question.samples["m"]) == len(ROOTS)
        assert question.samples["m"].answers[4] is None
    votes = canonical(recorded, "math").questions[0].samples["m"].counts()
    assert votes.total() == 5


def test_what_the_type_cannot_read_abstains_and_a_gold_that_it_cannot_read_stays():
    (question,) = canonical(one_question(("1", "few", "1.0"), gold="uno"), NumberAnswer())
    assert question.samples["m"].answers == ("1", None, "1")
    assert question.gold == "uno"


def test_the_right_answer_does_not_shape_the_classes():
    # 5 equals both units; placed first it would merge what differs.
    (question,) = canonical(one_question(("5 km", "5 m"), gold="5"), "number")
    assert question.samples["m"].answers == ("5 km", "5 m")
    assert question.gold == "5 km"


def test_progress_is_told_question_by_question():
    told = []
    canonical(one_question(), "number", progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 1)]


def test_the_cache_spares_the_worker_and_lies_where_the_user_says(cache, monkeypatch):
    canonical(one_question(), "math")
    (file,) = cache.iterdir()
    assert file.name.startswith("math-")
    monkeypatch.setattr(mathematics, "shared_client", lambda: pytest.fail("asked the worker"))
    (question,) = canonical(one_question(), "math")
    assert question.samples["m"].counts()[r"\sqrt{8}"] == 3


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00\xff" * 1000,
        b"00000000 [",
        b'deadbeef ["\\\\sqrt{8}", ["", "9"]]\n',
        b"{}\n[]\n\n",
    ],
)
def test_a_damaged_cache_counts_as_not_there_and_is_written_on(cache, damage):
    path = cache / "values.jsonl"
    values = ValueCache(path)
    values["a"] = ["", "1"]
    values["b"] = None
    whole = path.read_bytes()
    path.write_bytes(damage + whole[: len(whole) - 3])  # and its last line is torn
    found = ValueCache(path)
    assert dict(found) == {"a": ["", "1"]}
    found["b"] = ["", "2"]
    assert dict(ValueCache(path)) == {"a": ["", "1"], "b": ["", "2"]}


def test_a_cache_that_cannot_be_written_works_in_memory(tmp_path):
    (tmp_path / "file").write_text("in the way")
    values = ValueCache(tmp_path / "file" / "values.jsonl")
    values["a"] = ["", "1"]
    assert values["a"] == ["", "1"]
    assert len(values) == 1
    del values["a"]
    assert "a" not in values


def test_a_cache_that_has_grown_too_large_starts_afresh(cache, monkeypatch):
    monkeypatch.setattr("bestofinf.evaluation.cache.MAX_BYTES", 100)
    values = ValueCache(cache / "values.jsonl")
    for number in range(10):
        values[str(number)] = ["", str(number)]
    assert len(ValueCache(cache / "values.jsonl")) == 0


def test_the_cache_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.delenv("BESTOFINF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "bestofinf"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "bestofinf"


def test_running_out_of_time_is_not_kept_for_the_next_process(cache, monkeypatch):
    class Slow:
        def values(self, expressions):
            return None

    with monkeypatch.context() as patched:
        patched.setattr(mathematics, "shared_client", Slow)
        assert not recorded_answer("math").same(r"\sqrt{8}", r"2\sqrt{2}")
    assert recorded_answer("math").same(r"\sqrt{8}", r"2\sqrt{2}")


def rows_of(evaluation_set):
    return [(r.member, r.questions, r.samples, r.bo1, r.bo_inf) for r in table_rows(evaluation_set)]


def test_bo1_counts_invalid_answers_as_wrong_and_bo_inf_leaves_them_out():
    recorded = one_question(("1", None, None, None, "2", "1") * 11, gold="1")
    assert rows_of(recorded) == [("m", 1, 66, 2 / 6, 1.0)]


def test_a_tie_counts_in_equal_shares():
    assert rows_of(one_question(("1", "2") * 32, gold="1"))[0][-1] == 0.5
    assert rows_of(one_question(("2", "1") * 32, gold="1"))[0][-1] == 0.5


def test_few_samples_do_not_tell_what_infinitely_many_would_elect():
    assert rows_of(one_question(("1",) * 7, gold="1")) == [("m", 1, 7, 1.0, None)]


def test_questions_without_a_right_answer_are_not_graded():
    assert rows_of(one_question(("1",), gold=None)) == [("m", 0, 0, None, None)]


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    app.command()(table)

    def run(*arguments):
        return CliRunner().invoke(app, arguments)

    return run


@pytest.fixture
def path(tmp_path):
    lines = [
        {
            "id": "a",
            "gold": "1",
            "dataset": "d",
            "samples": {"m": [["1", 5], ["1.0", 6], [None, 7]]},
        },
        {"id": "b", "dataset": "d", "samples": {"m": [["1", 5]]}},
    ]
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_the_command_prints_json_with_the_keys_that_stay(run, path):
    result = run(path, "--json", "--answer", "math")
    assert json.loads(result.stdout) == [
        {
            "dataset": "d",
            "member": "m",
            "questions": 1,
            "samples": 3,
            "bo1": 2 / 3,
            "bo_inf": None,
            "bo_inf_se": None,
            "asked": 1,
            "compared": True,
            "without_answer": 0,
        }
    ]
    assert json.loads(run(path, "--json").stdout)[0]["bo1"] == 1 / 3


def test_the_command_draws_a_table_that_fits_the_width(run, path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    result = run(path)
    assert "0.333" in result.stdout
    assert "1 questions without a right answer are left out." in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 60


@pytest.mark.parametrize("arguments", [("nowhere.jsonl",), ("--answer", "nope")])
def test_bad_input_is_a_usage_error(run, path, arguments):
    result = run(*arguments, *([path] if arguments[0].startswith("-") else []))
    assert isinstance(result.exception, UsageError)


@needs_data
def test_recorded_answers_give_the_published_table():
    recorded = EvaluationSet.merge(
        read_file(DATA / f"{dataset}_{member}.jsonl")
        for dataset, member in (("aime2024", "gpt-oss-20b"), ("math500", "Phi-4-reasoning"))
    )
    rows = {
        (r.dataset, r.member): (round(r.bo1, 3), round(r.bo_inf, 3)) for r in table_rows(recorded)
    }
    assert rows == {
        ("aime2024", "gpt-oss-20b"): (0.758, 0.900),
        # Published is .944: one question is tied, which the authors give to the first seen.
        ("math500", "Phi-4-reasoning"): (0.878, 0.945),
    }


def test_members_are_compared_on_the_questions_all_were_asked(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    right, wrong = [["1", 5]] * 8, [["2", 5]] * 8
    lines = [
        {"id": "easy", "gold": "1", "samples": {"a": right, "b": right}},
        {"id": "hard", "gold": "1", "samples": {"a": wrong}},
        {"id": "more", "gold": "1", "dataset": "d", "samples": {"a": right}},
        {"id": "apart", "gold": "1", "dataset": "d", "samples": {"c": right}},
    ]
    files = []
    for number, line in enumerate(lines):
        files.append(tmp_path / f"{number}.jsonl")
        files[-1].write_text(json.dumps(line))
    found = json.loads(run(*map(str, files), "--json").stdout)
    told = {(r["dataset"], r["member"]): (r["asked"], r["questions"], r["compared"]) for r in found}
    assert told == {
        ("", "a"): (2, 1, True),
        ("", "b"): (1, 1, True),
        ("d", "a"): (1, 1, False),
        ("d", "c"): (1, 1, False),
    }
    text = run(*map(str, files)).stdout
    assert "a: asked 2 questions, compared on 1." in text
    assert "* c: its own 1 questions of d, not those of the others" in text
    again = json.loads(run(*map(str, files[::-1]), "--json").stdout)
    assert sorted(map(str, again)) == sorted(map(str, found))


@needs_data
@pytest.mark.soak
def test_equivalence_finds_right_answers_in_all_of_math500_and_a_second_run_is_quick(cache):
    members = sorted(DATA.glob("math500_*.jsonl"))
    assert len(members) == 7
    recorded = EvaluationSet.merge(map(read_file, members))
    before = {row.member: row for row in table_rows(recorded)}
    after = {row.member: row for row in table_rows(canonical(recorded, "math"))}
    for member, row in after.items():
        assert row.bo_inf >= before[member].bo_inf
        assert row.bo1 >= before[member].bo1
        assert row.samples == before[member].samples
    assert after["Qwen3-30B-A3B-Thinking-2507"].bo_inf >= 0.985
    assert after["gpt-oss-20b"].bo_inf >= 0.978

    begun = time.process_time()
    again = {row.member: row for row in table_rows(canonical(recorded, "math"))}
    assert again == after
    assert time.process_time() - begun < 10


@needs_data
@pytest.mark.soak
def test_no_recorded_answer_is_taken_for_another_by_the_form_alone():
    kind = MathAnswer(symbolic=False)
    recorded = read_file(DATA / "math500_gpt-oss-20b.jsonl")
    for question in recorded:
        for answer in {a for s in question.samples.values() for a in s.answers if a}:
            value = kind.canonical(answer)
            assert value is None or kind.canonical(str(value)) == value


def test_the_client_is_shared_by_all_answer_types():
    assert math_client.shared_client() is math_client.shared_client()
