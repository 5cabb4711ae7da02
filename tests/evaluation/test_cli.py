import json

import pytest
import typer
from typer.testing import CliRunner

from bestofinf.cli import store as commands
from bestofinf.cli.label import label
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import EvaluationStore, read
from support.stored import record

app = typer.Typer()
app.command("status")(commands.status)
app.command("label")(label)
app.command("export")(commands.export)
app.command("import")(commands.import_)
app.command("delete")(commands.delete)


def run(*arguments):
    """Run a command; return what it printed, as JSON where it is."""
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.output) if "--json" in arguments else result.output


@pytest.fixture
def filled(url):
    with EvaluationStore(url) as store:
        store.add(
            [
                record("c1", "5", "6", answer="5"),
                record("c2", "7", "7", question="q2", member="llama"),
            ]
        )
    return url


def test_status_tells_what_a_store_holds(filled):
    found = run("status", filled, "--json")
    assert (found["questions"], found["samples"]) == (2, 4)
    assert found["members"] == {"gpt": 2, "llama": 2}
    text = run("status", filled)
    assert "samples of llama" in text


def test_a_question_is_labelled_judged_and_freed_again(filled):
    assert run("label", filled, "c1", "--gold", "6", "--json") == {"question": "q1"}
    assert read(filled).questions[0].gold == "6"
    assert "labelled q1" in run("label", filled, "c1", "--wrong")
    assert read(filled).questions[0].wrong == ("5",)
    run("label", filled, "q1", "--correct", "--judged", "7", "--source", "Ada")
    assert read(filled).questions[0].gold == "7"
    run("label", filled, "q1", "--retract")
    assert read(filled).questions[0].gold is None


def test_the_next_question_to_label_is_the_most_contested(filled):
    [first] = run("label", filled, "--unlabelled", "1", "--json")
    assert first == {"id": "q1", "prompt": None, "votes": {"5": 1, "6": 1}, "lead": 0.5}
    both = run("label", filled, "--unlabelled", "5", "--answer", "number", "--json")
    assert len(both) == 2
    assert "q2" in run("label", filled, "--unlabelled", "5")


def test_a_file_of_labels_is_given(filled, tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text("id,gold\nq1,6\nq7,1\n")
    assert run("label", filled, "--file", path, "--json") == {"given": 1, "unknown": ["q7"]}
    assert "unknown: q7" in run("label", filled, "--file", path)


def test_a_store_is_exported_and_imported(filled, tmp_path):
    moved = run("export", filled, tmp_path / "all.jsonl", "--json")
    assert moved == {"questions": 2, "samples": 4, "labels": 0}
    assert run("import", tmp_path / "new.db", tmp_path / "all.jsonl", "--json") == moved
    assert read(tmp_path / "new.db") == read(filled)
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    assert run("export", filled, tmp_path / "frames", "--json") == moved
    assert run("import", tmp_path / "new2.db", tmp_path / "frames", "--json") == moved
    assert read(tmp_path / "new2.db") == read(filled)


def test_a_question_is_deleted(filled):
    assert run("delete", filled, "c1", "--json") == {"question": "q1"}
    assert [q.id for q in read(filled)] == ["q2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("label", "q1"), "give one of --ask"),
        (("label", "q1", "--gold", "5", "--retract"), "give one of --ask"),
        (("label", "--gold", "5"), "name the question"),
        (("label", "q9", "--gold", "5"), "no question, call or prompt hash 'q9'"),
        (("export", "all.csv"), "wanted a name that ends in .jsonl"),
        (("import", "nowhere"), "no such file or folder"),
    ],
)
def test_bad_input_is_told_in_one_line(sqlite_url, arguments, message):
    with EvaluationStore(sqlite_url) as store:
        store.add([record("c1", "5")])
    command, *rest = arguments
    with pytest.raises(UsageError, match=message) as caught:
        run(command, sqlite_url, *rest)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("label", "q1", "--gold", "5"), ("export", "x.jsonl"), ("delete", "q")],
)
def test_commands_that_need_a_store_make_none(tmp_path, arguments):
    command, *rest = arguments
    with pytest.raises(StoreError, match="there is no such store"):
        run(command, tmp_path / "typo.db", *rest)
    assert list(tmp_path.iterdir()) == []
