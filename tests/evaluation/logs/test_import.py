"""Logs into a store: all of it or nothing, once, with what the user says of it."""

import json
import re
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from bestofinf.cli.app import app, main
from bestofinf.errors import MissingExtraError, StoreError, UsageError
from bestofinf.evaluation import EvaluationStore, import_files, read
from bestofinf.evaluation.logs import head
from bestofinf.evaluation.logs.options import LogOptions
from support import logs

pytestmark = pytest.mark.usefixtures("no_cache")


@pytest.fixture
def store(tmp_path):
    with EvaluationStore(tmp_path / "answers.db") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "logs"
    place.mkdir()
    return place


def command(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def eight(id_="a", **more):
    return [logs.inspect_sample(id_, n, logs.reply(4 if n % 4 else 5), **more) for n in range(1, 9)]


def test_importing_keeps_replies_answers_and_what_the_log_thinks_of_them(store, folder):
    path = logs.inspect_eval(folder / "run.eval", eight(said="4"))
    moved = import_files(store, [path], answer="number")
    assert (moved.questions, moved.samples, moved.labels) == (1, 8, 1)
    ((question, (call,), samples, (label,)),) = store.records()
    assert (question.id, question.dataset, question.prompt) == ("sums/a", "sums", "What is a?")
    assert (call.fixed, call.kind) == (True, "import")
    assert json.loads(call.details)["grades"] == [True] * 8
    assert (label.answer, label.source) == ("4", "import run.eval")
    assert [s.answer for s in samples] == ["4", "4", "4", "5"] * 2
    assert samples[0].text == logs.reply(4)
    assert (samples[0].tokens, samples[0].input_tokens, samples[0].seconds) == (30, 5, 0.2)
    (again,) = store.read()
    assert again.samples["openai/m"].counts() == {"4": 6, "5": 2}


def test_probabilities_and_what_was_asked_are_kept(store, folder):
    row = logs.batch_row("q", "The answer is 4.")
    tokens = [{"token": "x", "logprob": -0.5}, {"token": "y", "logprob": -0.25}]
    row["response"]["body"]["choices"][0]["logprobs"] = {"content": tokens}
    logs.lines(folder / "in", [logs.batch_request("q", "What is 2+2?")])
    import_files(store, [logs.lines(folder / "out", [row]), folder / "in"])
    ((question, _, (sample,), _),) = store.records()
    assert (sample.logprob, sample.logprob_tokens) == (-0.75, 2)
    assert (question.prompt, question.last_message) == ("What is 2+2?", "What is 2+2?")


def test_a_run_that_is_there_in_two_forms_is_read_once(store, folder):
    logs.inspect_eval(folder / "run.eval", eight())
    logs.inspect_json(folder / "run.json", eight())
    moved = import_files(store, [folder])
    assert (moved.samples, moved.logs.duplicates) == (8, 8)
    for path in (folder, folder / "run.json", folder / "run.eval"):
        import_files(store, [path])
    assert store.status().samples == 8


def test_two_runs_of_one_task_are_further_samples(store, folder):
    for number in range(2):
        samples = [s | {"uuid": f"{number}-{s['epoch']}"} for s in eight()]
        import_files(store, [logs.inspect_eval(folder / f"{number}.eval", samples)])
    assert store.status().samples == 16


@pytest.mark.parametrize("own", [False, True])
def test_worked_solutions_are_read_for_the_right_answer(store, folder, own):
    gold, said = r"We get \boxed{4}.", ["The answer is 4."] * 8
    row = logs.lm_eval_row(0, said, gold=gold)
    if own:
        row = {"id": "q", "gold": gold, "replies": {"m": said}}
    import_files(store, [logs.lines(folder / "x.jsonl", [row])])
    (question,) = store.read()
    assert question.gold == "4"


@pytest.mark.parametrize("form", ["jsonl", "csv", "json"])
def test_right_answers_come_from_a_table(store, folder, tmp_path, form):
    rows = [logs.batch_row(f"q{n}", "The answer is 4.") for n in range(3)]
    path, table = logs.lines(folder / "out.jsonl", rows), tmp_path / "gold"
    golds = [{"key": f"q{n}", "answer": 4} for n in (0, 1, 7)]
    if form == "csv":
        table.write_text("key,answer\n" + "".join(f"{g['key']},{g['answer']}\n" for g in golds))
    elif form == "json":
        table.write_text(json.dumps(golds, indent=1))
    else:
        logs.lines(table, golds)
    moved = import_files(store, [path], options=LogOptions(table, "key"))
    assert (moved.labels, moved.logs.gold) == (2, 2)
    assert list(moved.logs.remarks) == ["1 right answers are of questions not in the logs"]
    assert {q.id: q.gold for q in store.read()} == {"q0": "4", "q1": "4", "q2": None}


def test_a_table_with_two_right_answers_of_a_question_is_refused_with_both(store, folder, tmp_path):
    path, table = (
        logs.lines(folder / "out.jsonl", [logs.batch_row("q0", "It is 4.")]),
        tmp_path / "g",
    )
    options = LogOptions(table)
    table.write_text("id,gold\nq0,4\nq1,ä\nq1,ö\n")
    with pytest.raises(UsageError, match=r"g, line 4: question 'q1' has two .*, 'ä' and 'ö'"):
        import_files(store, [path], options=options)
    assert list(store.read()) == []
    table.write_text("id,gold\nq0,4\nq1,ä\nq1,ä\nq0,4\n")
    assert import_files(store, [path], options=options).labels == 1


def test_ids_of_repeats_are_taken_apart_by_a_pattern(folder, tmp_path):
    rows = [logs.batch_row(f"q{n % 2}-run{n}", "The answer is 4.") for n in range(16)]
    path = logs.lines(folder / "out.jsonl", [*rows, logs.batch_row("odd", "4")])
    told = json.loads(
        command("import", tmp_path / "a.db", path, "--id-pattern", "(.+)-run[0-9]+", "--json")
    )["logs"]
    assert told["questions"] == 3
    assert told["samples_a_question"] == {"least": 1, "median": 8, "most": 8}
    assert told["remarks"] == ["the id pattern does not fit 1 ids: left as they are"]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["small=gpt"], {"small", "other"}),
        (["one"], {"one"}),
        (["small=gpt", "rest"], {"small", "rest"}),
    ],
)
def test_members_are_called_as_the_user_wishes(folder, tmp_path, given, names):
    rows = [logs.batch_row("q", "4", model=model) for model in ("gpt", "other")]
    path = logs.lines(folder / "out.jsonl", rows)
    options = [part for name in given for part in ("--member", name)]
    told = json.loads(command("import", tmp_path / "a.db", path, *options, "--json"))
    assert set(told["logs"]["members"]) == names


def test_grades_are_taken_where_targets_are_no_answers(store, folder):
    samples = eight(target="The answer should name the sum, politely.", said=None)
    for n, sample in enumerate(samples):
        sample["scores"]["match"]["value"] = "C" if n % 4 != 3 else "I"
    path = logs.inspect_eval(folder / "run.eval", samples)
    assert import_files(store, [path]).logs.agreed == 2
    with EvaluationStore(folder / "graded.db") as other:
        moved = import_files(other, [path], options=LogOptions(by_grade=True))
        assert (moved.logs.agreed, moved.logs.graded, moved.logs.by_grade) == (8, 8, 1)
        (question,) = other.read()
        assert question.gold == "4"
        assert "by its grades" in other.labels("sums/a")[0].source


def test_the_command_says_what_it_read(folder, tmp_path):
    logs.inspect_eval(folder / "run.eval", eight()[:3])
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    told = command("import", tmp_path / "a.db", folder)
    assert "1 log file read (inspect: 3): 1 question, 3 samples" in told
    assert "least 3, median 3, most 3" in told
    assert "right answers known: 1 of 1 question" in told
    assert "notes.csv: no log, passed over" in told
    assert "record at least 8: `inspect eval ... --epochs 8`" in told


def test_the_formats_are_listed():
    told = command("import", "--formats")
    for name in ("inspect", "lm-eval", "openai-batch", "promptfoo", "langfuse", "langsmith"):
        assert name in told
    assert "from the documentation" in " ".join(told.split())


def test_replies_of_logs_are_checked_against_an_answer_type(folder):
    path = logs.inspect_eval(folder / "run.eval", eight())
    told = json.loads(command("answers", "check", path, "--answer", "number", "--json"))
    assert (told["texts"], told["read"]) == (8, 8)


# -- what is broken ---------------------------------------------------------------------------


def truncated_archive(path):
    logs.inspect_eval(path, eight())
    path.write_bytes(path.read_bytes()[:-200])


def damaged_archive(path, method=93):
    logs.inspect_eval(path, eight(), method=method)
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data) // 3 + 60):
        data[place] ^= 255
    path.write_bytes(data)


def encrypted_archive(path):
    logs.inspect_eval(path, eight(), method=8)
    data = bytearray(path.read_bytes())
    for found in re.finditer(rb"PK\x03\x04", bytes(data)):
        data[found.start() + 6] |= 1
    for found in re.finditer(rb"PK\x01\x02", bytes(data)):
        data[found.start() + 8] |= 1
    path.write_bytes(data)


def truncated_document(path):
    logs.inspect_json(path, eight())
    path.write_text(path.read_text()[:-900])


def truncated_lines(path):
    logs.lines(path, [logs.lm_eval_row(n, ["4"]) for n in range(3)])
    path.write_text(path.read_text()[:-40])


def mixed_lines(path):
    logs.lines(path, [logs.lm_eval_row(0, ["4"])])
    path.write_text(path.read_text() + "[1, 2]\n")


def short_table(path):
    path.write_text("trace_id,type,input,output,model\nt,GENERATION,a,b,m\nt,GENERATION\n")


def another_database(path):
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE other (x); INSERT INTO other VALUES (1)")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncated_archive, "a broken zip archive"),
        (damaged_archive, r"samples/a_epoch_\d\.json: broken"),
        (lambda path: damaged_archive(path, 8), r"samples/a_epoch_\d\.json: broken"),
        (encrypted_archive, "_journal/start.json|header.json.*password"),
        (truncated_document, "after record 7: not JSON"),
        (truncated_lines, "line 3: not JSON"),
        (mixed_lines, "line 2: wanted an object, got list"),
        (short_table, "line 3: 2 values for 5 columns"),
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08" + b"x" * 99), "compressed by gzip"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00" * 99), "not UTF-8 text"),
        (lambda path: path.write_text('{\n "some": 1,\n "thing": 2\n}'), "no kind of log that is"),
        (lambda path: path.write_text("a,b\n1,2\n"), "no kind of log that is known"),
        (lambda path: logs.lines(path, [logs.failed_row("a")]), "no samples in the log"),
        (another_database, "a store"),
    ],
)
def test_a_broken_file_is_named_in_one_line_and_nothing_is_imported(
    store, folder, capsys, spoil, message
):
    logs.inspect_eval(folder / "a-good.eval", eight())
    bad = folder / "bad"
    spoil(bad)
    with pytest.raises(UsageError, match=message) as caught:
        import_files(store, [bad])
    assert str(bad) in str(caught.value)
    assert "\n" not in str(caught.value)
    if "no samples" not in message:
        with pytest.raises(UsageError):
            import_files(store, [folder / "a-good.eval", bad])
    assert store.status().questions == 0
    with pytest.raises(SystemExit) as ended:
        main(["import", str(folder / "other.db"), str(bad)])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (folder / "other.db").exists()


def test_a_database_that_fails_half_way_keeps_nothing(store, folder, monkeypatch):
    from bestofinf.evaluation.store import writing

    monkeypatch.setattr(writing, "_BATCH", 1)
    rows = [logs.lm_eval_row(n, ["4", "5"]) for n in range(5)]
    path, calls, real = logs.lines(folder / "x.jsonl", rows), [], writing.add_records

    def failing(connection, records):
        calls.append(records)
        if len(calls) == 5:
            raise OSError("the disk is gone")
        real(connection, records)

    monkeypatch.setattr(writing, "add_records", failing)
    with pytest.raises(StoreError, match="disk"):
        import_files(store, [path])
    assert len(calls) == 5
    monkeypatch.setattr(writing, "add_records", real)
    assert store.status().questions == 0
    assert import_files(store, [path]).samples == 10


def test_two_right_answers_for_one_question_are_told_with_their_files(store, folder):
    logs.inspect_eval(folder / "a.eval", eight())
    logs.inspect_eval(folder / "b.eval", eight(target="7", uuid="other"))
    with pytest.raises(UsageError, match=r"'4' in .*a\.eval and '7' in .*b\.eval"):
        import_files(store, [folder])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id_pattern": "("}, "not a regular expression"),
        ({"id_pattern": "run"}, "needs a group"),
        ({"id_key": "id"}, "give gold"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        LogOptions(**options)


def test_a_pattern_that_fits_nothing_is_refused(store, folder):
    path = logs.lines(folder / "x.jsonl", [logs.batch_row("q", "4")])
    with pytest.raises(UsageError, match="matches none of the ids"):
        import_files(store, [path], options=LogOptions(id_pattern="(.+)-run"))


def test_a_missing_package_names_its_extra(folder, monkeypatch):
    path = logs.inspect_json(folder / "x.json", eight())

    def missing(module, *, extra, purpose):
        raise MissingExtraError(module, extra, purpose)

    monkeypatch.setattr(head, "require", missing)
    with pytest.raises(MissingExtraError, match=r"bestofinf\[logs\]"):
        read(path)
    own = logs.lines(folder / "own.jsonl", [{"id": "q", "samples": {"m": [["4"]]}}])
    assert len(read(own)) == 1
