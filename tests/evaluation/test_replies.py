"""Recorded replies: read as live ones are, counted where they hold no answer, kept when moved."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bestofinf.answers import resolve_answer
from bestofinf.cli.app import app
from bestofinf.errors import UsageError
from bestofinf.evaluation import (
    EvaluationSet,
    EvaluationStore,
    import_files,
    read,
    read_file,
    write_file,
)
from bestofinf.evaluation.canonical import read_answers
from bestofinf.evaluation.check import check_answers
from bestofinf.evaluation.files import questions_in
from bestofinf.evaluation.reading import read_raw
from bestofinf.records import Reply, ToolCall

THOUGHT = "<think>\nA? So the answer is A. No, rule 2 breaks. It is {0}.\n</think>\n\n{0}"
FOUR = ["We add one to three.\n#### 4", "So it is \\boxed{4}.", "1 + 3 = 4, the answer is 4."]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BESTOFINF_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path):
    def write(*records, name="set.jsonl"):
        path = tmp_path / name
        path.write_text(
            "".join(json.dumps({"id": f"q{n}"} | r) + "\n" for n, r in enumerate(records))
        )
        return str(path)

    return write


def command(*arguments):
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def votes(path, answer=None):
    (question,) = read(path, answer=answer)
    return question.samples["m"].answers


def test_whole_numbers_in_a_file_are_one_answer_however_they_are_written(write):
    rows = [["12"], [12], [12.0], ["12.0"], [12.5], [""]]
    path = write({"gold": 12.0, "wrong": [7.0, "7.0"], "samples": {"m": rows}})
    (question,) = read_file(path)
    assert question.gold == "12"
    assert question.wrong == ("7", "7.0"), "a text is what it says"
    assert question.samples["m"].answers == ("12", "12", "12", "12.0", "12.5", None)


@pytest.mark.parametrize("key", ["samples", "replies"])
@pytest.mark.parametrize("answer", ["auto", "choice", "math", "text"])
def test_thoughts_of_recorded_replies_never_vote(write, key, answer):
    rows = [[THOUGHT.format(letter), 90] for letter in "BBCBB"]
    path = write({"gold": "B", key: {"m": rows}})
    (question,) = read(path, answer=answer)
    assert question.samples["m"].mode() == question.gold
    assert question.samples["m"].counts()[question.gold] == 4


@pytest.mark.parametrize("answer", ["auto", "math", "number"])
@pytest.mark.parametrize("key", ["samples", "replies"])
def test_whole_replies_are_read_under_either_key(write, key, answer):
    path = write({"gold": "Three and one more.\n#### 4", key: {"m": [[text, 9] for text in FOUR]}})
    (question,) = read(path, answer=answer)
    assert set(question.samples["m"].answers) == {question.gold}


@pytest.mark.parametrize("answer", ["auto", "number", "boxed", "choice", "math", "text", "json"])
def test_a_recorded_reply_votes_as_a_live_one(write, answer):
    texts = [*FOUR, "B", '{"a": 1}', "It depends on what one means by it, and nobody said.", ""]
    kind = resolve_answer(answer)
    for reason in (None, "length"):
        path = write({"replies": {"m": [[text, 9, None, None, reason] for text in texts]}})
        found = read_answers(read_raw(path), answer)
        live = [kind.vote(Reply(text=text, finish_reason=reason))[0] for text in texts]
        (question,) = found.evaluation_set
        recorded = question.samples["m"].answers
        assert [vote is None for vote in recorded] == [vote is None for vote in live]
        assert found.without_answer == live.count(None)


def test_a_reply_that_was_cut_off_abstains_and_says_so(write):
    path = write(
        {"replies": {"m": [["The answer is 4", 9, None, None, "length"], "The answer is 4"]}}
    )
    found = read_answers(read_raw(path), "number")
    (question,) = found.evaluation_set
    assert question.samples["m"].answers == (None, "4")
    assert found.lost == {("", "m", "cut off"): 1}
    assert "1 of 2 texts hold no answer" in found.lines()[0]


def test_answers_are_bound_to_the_stored_prompt(write):
    replies = {"m": ["30 days.", "The return window is 30 days.", "14 days"]}
    plain = votes(write({"replies": replies}))
    asked = {"messages": [{"role": "user", "content": "What is the return window?"}]}
    for prompt in (asked["messages"][0]["content"], json.dumps(asked)):
        bound = votes(write({"replies": replies, "prompt": prompt}))
        assert bound[0] == bound[1] != bound[2]
    assert plain[0] != plain[1]


def test_calls_and_refusals_are_read_from_objects(write):
    call = {"name": "search", "args": {"q": "x"}}
    path = write({"replies": {"m": [{"tool_calls": [call]}, {"text": "4", "refusal": True}]}})
    (question,) = read_raw(path)
    assert question.samples["m"].replies[0].tool_calls == (ToolCall("search", {"q": "x"}),)
    first, second = votes(path)
    assert "search" in first
    assert second is None


def test_replies_are_written_and_read_without_loss(write, tmp_path):
    rows = [
        ["The answer is 4", 9, 0.5, None, "length"],
        "4",
        None,
        {"text": "", "tool_calls": [{"name": "f", "args": {}}], "tokens": 3},
    ]
    before = read_file(
        write({"samples": {"m": [["5", 1]], "n": []}, "replies": {"m": rows[:2], "k": rows}})
    )
    write_file(before, tmp_path / "again.jsonl")
    after = read_file(tmp_path / "again.jsonl")
    for name, samples in before.questions[0].samples.items():
        again = after.questions[0].samples[name]
        assert sorted(
            map(str, zip(again.answers, again.replies or again.answers, strict=True))
        ) == sorted(map(str, zip(samples.answers, samples.replies or samples.answers, strict=True)))


@pytest.mark.parametrize(
    "rows", [{"a": 1}, [3], [[1]], [{"tokens": 3}], [{"text": 3}], [["a", 1, 1, 1.5]], [[]]]
)
def test_rows_that_are_no_replies_are_refused_with_their_place(write, rows):
    with pytest.raises(UsageError, match=r"set\.jsonl, line 1"):
        read(write({"replies": {"m": rows}}))


def test_importing_replies_keeps_their_texts_and_takes_their_answers(write, tmp_path):
    path = write(
        {"gold": "4", "replies": {"m": [[text, 9] for text in [*FOUR, "Hm, let us see."]]}}
    )
    with EvaluationStore(tmp_path / "a.db") as store:
        assert import_files(store, [path], answer="number").samples == 4
        assert import_files(store, [path], answer="number")
        (question,) = store.read()
        assert question.samples["m"].answers == ("4", "4", "4", None)
        (kept,) = store.read(texts=True)
        assert [reply.text for reply in kept.samples["m"].replies][:3] == FOUR
    found = check_answers(str(tmp_path / "a.db"), "number")
    assert (found.n_read, len(found.lost)) == (3, 1)


def test_every_command_counts_the_texts_without_an_answer(write, tmp_path):
    replies = [[text, 9, 0.9] for text in FOUR * 2] + [["Let me see", 9, 0.2, None, "length"]] * 2
    path = write(*[{"gold": "4", "replies": {"m": replies}} for _ in range(12)])
    (row,) = json.loads(command("table", path, "--json"))
    assert (row["without_answer"], row["bo1"]) == (24, 0.75)
    out = str(tmp_path / "report.html")
    for arguments in (
        ["replay", path, "--rule", "fixed:n=2"],
        ["fit", path],
        ["advise", path],
        ["calibrate", path],
        ["report", path, "--out", out, "--trials", "4"],
    ):
        record = json.loads(command(*arguments, "--json"))
        assert (record["texts"], record["without_answer"]) == (96, 24), arguments[0]
    assert "24 of 96 texts hold no answer" in " ".join(command("table", path).split())


def test_whole_replies_under_samples_are_pointed_out(write):
    path = write({"gold": "4", "samples": {"m": [[text, 9] for text in FOUR]}})
    assert "look like whole replies" in " ".join(command("table", path).split())


def test_the_check_tells_what_is_read_lost_and_merged(write):
    replies = [
        "30 days.",
        "The return window is 30 days.",
        "30 DAYS",
        "Well, that depends on many things, " * 9,
    ]
    path = write({"prompt": "What is the return window?", "replies": {"m": replies}})
    record = json.loads(command("answers", "check", path, "--all", "--json"))
    assert (record["texts"], record["read"], record["without_answer"]) == (4, 3, 1)
    assert record["reasons"] == {"free text": 1}
    assert [lost["sample"] for lost in record["lost"]] == [3]
    (merge,) = record["merges"]
    assert merge["texts"] == {"30 days.": 1, "The return window is 30 days.": 1, "30 DAYS": 1}
    assert len(record["answers"]) == 4
    shown = " ".join(command("answers", "check", path).split())
    assert "3 have an answer, 1 have none" in shown


def test_what_only_looks_alike_is_no_merge_to_look_at(write):
    path = write({"replies": {"m": ["Paris", "paris.", " PARIS "]}})
    assert json.loads(command("answers", "check", path, "--json"))["merges"] == []


def test_a_check_is_the_same_question_by_question(write, tmp_path):
    replies = [[text, 9] for text in FOUR] + [["Hm, let us see.", 9]]
    path = write(*[{"id": f"q{i}", "gold": "4", "replies": {"m": replies}} for i in range(3)])
    told = []
    with EvaluationStore(tmp_path / "a.db") as store:
        import_files(store, [path], answer="number")
    for source in (path, tmp_path / "a.db"):
        recorded = EvaluationSet(read_raw([source], texts=True).questions)
        whole = check_answers(recorded, "number")
        single = check_answers(source, "number", progress=lambda *done: told.append(done))
        assert single == whole
        assert check_answers(source) == check_answers(recorded)
        brief = check_answers(source, "number", everything=False)
        assert brief.readings == tuple(whole.lost)
        assert brief.to_json() == whole.to_json()
        assert (brief.texts, len(brief.lost)) == (12, 3)
    assert told == [(1, 3), (2, 3), (3, 3)] * 2


def test_a_file_is_read_line_by_line(write):
    path = write(*[{"id": f"q{i}", "gold": "4", "replies": {"m": [["4"]]}} for i in range(3)])
    with Path(path).open("a") as file:
        file.write("no JSON\n")
    questions = questions_in(Path(path))
    assert [next(questions).id for _ in range(3)] == ["q0", "q1", "q2"]
    with pytest.raises(UsageError, match="line 4: not JSON"):
        next(questions)


def test_an_id_that_comes_again_is_refused_with_its_lines(write):
    line = {"id": "q", "gold": "4", "replies": {"m": [["4"]]}}
    with pytest.raises(UsageError, match="line 2: question id 'q' stands in line 1 already"):
        read(write(line, line))


def said_of(write, golds, answer="text"):
    """Return the lines told of questions that "4" was answered to, with these right answers."""
    records = [{"gold": gold, "samples": {"m": [["4"], [None]]}} for gold in golds]
    return read_answers(read_file(write(*records)), answer).lines()


def test_labels_that_no_answer_is_equal_to_are_told_with_an_example(write):
    [line] = said_of(write, ["4.0"] * 10)
    assert line == (
        "None of 10 right answers is among the recorded answers of its question, such as '4.0' where "
        "'4' was answered: --answer auto compares values."
    )
    assert said_of(write, ["Oslo"] * 10, "number")[0].endswith("'Oslo' where '4' was answered.")


@pytest.mark.parametrize(
    ("golds", "answer"),
    [
        (["4.0"] * 10, "number"),
        (["4.0"] * 9, "text"),
        (["4.0"] * 20 + ["4"], "text"),
        ([None] * 10, "text"),
        (["(no recorded reply is right)"] * 10, "text"),
    ],
)
def test_labels_are_not_told_of_if_one_is_equal_or_they_are_few(write, golds, answer):
    assert said_of(write, golds, answer) == []
