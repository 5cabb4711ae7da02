"""What others wrote steers neither a terminal nor a spreadsheet, and an empty result is no success."""

import csv
import io
import json

import pytest
from rich.table import Table

from bestofinf.batches.files import without_formulas
from bestofinf.cli import main
from bestofinf.cli.live import VoteView, votes_table
from bestofinf.cli.terminal import Console, echo, echo_json
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.rows import CallRecord, CallRow, QuestionRow, SampleRow
from support.backends import EchoBackend, FunctionBackend
from support.faults import Fault, Faults

CLIPBOARD, CLEAR, TITLE, C1 = (
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x9b2J",
)
HOSTILE = f"a{CLIPBOARD}b{CLEAR}c{TITLE}d{C1}e\x08\x7f\r\u202ef"


def quiet(text):
    """Assert that a text holds nothing that a terminal obeys."""
    found = [hex(ord(c)) for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]
    assert not found
    assert "\u202e" not in text
    return text


def ended(*words):
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return end.value.code


@pytest.fixture
def store(tmp_path):
    """A store as a program without borders could have filled it."""
    path = tmp_path / "answers.db"
    with EvaluationStore(path) as opened:
        for n in range(4):
            rows = [
                SampleRow(f"c{n}", draw, HOSTILE, f"{draw % 2}{HOSTILE}", error=None)
                for draw in range(6)
            ]
            rows.append(SampleRow(f"c{n}", 6, HOSTILE, error=f"Error: {HOSTILE}"))
            asked = QuestionRow(f"q{n}{HOSTILE}", prompt=HOSTILE, last_message=HOSTILE)
            call = CallRow(f"c{n}", asked.id, fixed=True, answer=HOSTILE, reason=HOSTILE)
            opened.add([CallRecord(asked, call, tuple(rows))])
            opened.label(asked.id, f"0{HOSTILE}", source=HOSTILE)
        opened.add([CallRecord(QuestionRow(f"new{HOSTILE}", prompt=HOSTILE), None)])
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["label", "--unlabelled", "5"],
        ["label", f"new{HOSTILE}", "--gold", HOSTILE],
        ["label", f"unknown{HOSTILE}", "--gold", "1"],
        ["table"],
        ["fit", "--objective", "uniform"],
        ["report", "--text"],
        ["advise", "--all"],
    ],
    ids=lambda words: " ".join(words[:2]) if "\x1b" not in "".join(words) else words[0] + " name",
)
def test_commands_on_a_store_write_no_control_characters(store, command, capsys):
    name, *options = command
    ended(name, store, *options)
    out, error = capsys.readouterr()
    assert quiet(out) + quiet(error)
    if name not in ("report", "label") or "--unlabelled" in command:
        ended(name, store, *options, "--json")
        out, _ = capsys.readouterr()
        if quiet(out):
            json.loads(out)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reply_is_shown_without_its_control_characters(serve, options, capsys):
    server = serve(FunctionBackend(lambda request: f"{HOSTILE}\nThe answer is 4."))
    assert ended("ask", f"2 + 2? {HOSTILE}", "-m", "alpha", "--base-url", server.url, *options) == 0
    out, error = capsys.readouterr()
    assert "The answer is 4." in quiet(out).replace("\\n", "\n")
    quiet(error)


def test_a_long_line_of_a_reply_stays_one_where_the_output_is_no_terminal(serve, capsys):
    line = "word " * 100 + "4"
    server = serve(FunctionBackend(lambda request: f"{line}\nThe answer is 4."))
    assert ended("ask", "2 + 2?", "-m", "alpha", "--base-url", server.url) == 0
    assert capsys.readouterr().out.startswith(f"{line}\nThe answer is 4.\n")


def test_everything_that_is_drawn_is_printable():
    file = io.StringIO()
    console = Console(file=file, width=200)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    for shown in (HOSTILE, table, votes_table({HOSTILE: 2.0}, HOSTILE)):
        console.print(shown, markup=False)
    assert "owned" in quiet(file.getvalue())


def test_a_live_vote_shows_no_control_characters():
    file = io.StringIO()
    console = Console(file=file, width=200, force_terminal=True, color_system=None)
    view = VoteView(console, HOSTILE)
    with view:
        view.update(
            {"leader": HOSTILE, "error": None, "answer": HOSTILE, "votes": {HOSTILE: 1},
             "n_samples": 1, "member": HOSTILE}
        )  # fmt: skip
    assert "owned" in file.getvalue()
    for word in (CLIPBOARD, TITLE, C1):
        assert word not in file.getvalue()


def test_brackets_and_backslashes_at_the_cut_of_a_live_vote_are_no_markup():
    for length in range(50, 64):
        file = io.StringIO()
        console = Console(file=file, width=200, force_terminal=True, color_system=None)
        answer = "x" * length + r"\[bold]\\[/]"
        with VoteView(console, "?") as view:
            view.update(
                {"leader": None, "error": None, "answer": answer, "votes": {}, "n_samples": 1,
                 "member": "m"}
            )  # fmt: skip
        assert f"from m: {answer[:60]}" in file.getvalue()
        assert f"{answer[:60]}[/]" not in file.getvalue()


def test_lines_and_json_are_printable_and_json_stays_what_it_was(capsys):
    echo(HOSTILE)
    echo_json({"é": HOSTILE, "half": "\ud800"})
    line, text, _ = capsys.readouterr().out.split("\n")
    quiet(line)
    assert json.loads(quiet(text)) == {"é": HOSTILE, "half": "\ud800"}
    echo_json({"é": 1})
    assert "é" in capsys.readouterr().out


RUN = ["=HYPERLINK(1)", "@sum(1+1)", "-2+3+cmd|' /C calc'!A0", "+1+1", "\t=1", "\r=1", "＝1", "|x"]
LEFT = ["-5", "+5", "-3.25", "-1,000", "-1e9", "- 5"[:1] + "7 %", "a=1", "", "4"]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_is_a_text(text):
    assert without_formulas({"answer": text, "n": -1}) == {"answer": f"'{text}", "n": -1}


@pytest.mark.parametrize("text", LEFT)
def test_numbers_and_texts_are_left_alone(text):
    assert without_formulas({"answer": text}) == {"answer": text}


@pytest.mark.parametrize("options", [[], ["--formulas"]])
def test_a_file_of_answers_has_formulas_only_where_they_are_asked_for(tmp_path, serve, options):
    server = serve(FunctionBackend(lambda request: RUN[0]))
    (tmp_path / "q.csv").write_text("id,prompt\n=1+1,what?\n")
    out = tmp_path / "out.csv"
    assert ended("run", tmp_path / "q.csv", "--out", out, "-m", "alpha", "--base-url", server.url,
                 "--answer", "text", *options) == 0  # fmt: skip
    with out.open() as file:
        [row] = csv.DictReader(file)
    mark = "" if options else "'"
    assert (row["id"], row["answer"]) == (f"{mark}=1+1", f"{mark}=hyperlink(1)")


def test_a_run_that_decided_nothing_is_no_success(tmp_path, serve, capsys):
    server = serve(EchoBackend(), faults=Faults(1, [Fault.BAD_REQUEST]))
    (tmp_path / "q.csv").write_text("prompt\nwhat?\nwho?\n")
    out = tmp_path / "out.csv"
    code = ended("run", tmp_path / "q.csv", "--out", out, "-m", "alpha", "--base-url", server.url)
    assert (code, capsys.readouterr().err.count("0 of 2 questions decided")) == (1, 1)
