from dataclasses import dataclass
from typing import Any

import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import (
    EvaluationStore,
    Recorder,
    label_evaluation,
    label_examples,
    label_file,
    question_id,
)
from bestofinf.evaluation.rows import LabelRow
from bestofinf.evaluation.truth import Truth, resolve
from support.stored import record


@pytest.fixture
def store(sqlite_url):
    with EvaluationStore(sqlite_url) as opened:
        opened.add([record("c1", "5", answer="5"), record("c2", "6", question="q2", answer="6")])
        with Recorder(opened) as recorder:
            recorder.call("c3", prompt="What is 2 + 3?")
            recorder.sample("c3", 0, member="gpt", answer="5")
            recorder.end("c3", answer="5")
        yield opened


def golds(store):
    return {question.id: question.gold for question in store.read()}


ASKED = question_id("What is 2 + 3?")


def test_a_csv_file_labels_by_any_key(store, tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text(
        "question_id,call_id,prompt,gold,correct,answer\n"
        "q1,,,41,,\n"
        ",c2,,,true,\n"
        ",,What is 2 + 3?,5,,\n"
        "q9,,,1,,\n"
        "q1,,,,down,40\n"
    )
    report = label_file(store, path)
    assert (report.given, report.unknown) == (4, ("q9",))
    assert golds(store) == {"q1": "41", "q2": "6", ASKED: "5"}
    assert store.read().questions[0].wrong == ("40",)
    assert store.labels("q1")[0].source == "gold.csv"


def test_a_jsonl_file_labels_too(store, tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_text('{"id": "q1", "reference": 41}\n{"call_id": "c2", "correct": false}\n')
    assert label_file(store, path, source="Ada").given == 2
    assert golds(store)["q1"] == "41"
    assert store.read().questions[1].wrong == ("6",)
    assert store.labels("q1")[0].source == "Ada"


def test_a_whole_number_is_the_same_label_also_if_a_program_wrote_it_as_a_float(store, tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_text('{"id": "q1", "gold": 41.0}\n{"id": "q2", "gold": 0.25}\n')
    assert label_file(store, path).given == 2
    assert (golds(store)["q1"], golds(store)["q2"]) == ("41", "0.25")
    store.label("q2", 41.0)
    assert golds(store)["q2"] == "41"
    path.write_text('{"id": "q1", "gold": "1.0"}\n')
    label_file(store, path)
    assert golds(store)["q1"] == "1.0", "a text is what it says"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("gold\n5\n", "line 2: names no question"),
        ("id,gold\nq1,\n", "line 2: names no right answer"),
        ("id,correct\nq1,maybe\n", "line 2: 'correct' must be true or false, got 'maybe'"),
        ("id,gold\n", "no labels in the file"),
        ("id,correct\nq1,yes\n", "which answer of 'q1' is meant"),
    ],
)
def test_rows_that_say_nothing_are_named_and_no_label_is_given(store, tmp_path, content, message):
    path = tmp_path / "gold.csv"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        label_file(store, path)
    assert set(golds(store).values()) == {None}


def test_a_missing_file_is_an_error(store, tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        label_file(store, tmp_path / "none.csv")


@dataclass
class Example:
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    metadata: dict[str, Any] | None = None


def test_examples_label_the_question_with_their_prompt(store):
    examples = [
        Example({"question": "What is 2 + 3?"}, {"answer": 5}),
        {"inputs": {}, "outputs": {"a": "1", "b": "2"}, "metadata": {"question_id": "q2"}},
    ]
    report = label_examples(store, examples, gold=lambda outputs: outputs.get("answer", "7"))
    assert report.given == 2
    assert golds(store) == {"q1": None, "q2": "7", ASKED: "5"}


def test_examples_may_hold_messages_and_the_key_of_the_right_answer(store):
    messages = [{"role": "human", "content": [{"type": "text", "text": "What is 2 + 3? "}]}]
    examples = [{"inputs": {"messages": messages}, "reference_outputs": {"x": "5", "y": ""}}]
    assert label_examples(store, examples, gold="x").given == 1
    assert label_examples(store, [{"inputs": {"a": "new"}, "outputs": {"x": 1}}]).unknown == (
        question_id("new"),
    )


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({"inputs": {"a": 1}, "outputs": {"x": 1}}, "example 0: the inputs are neither"),
        ({"inputs": {"a": "?"}, "outputs": {}}, "no right answer among the outputs \\(none\\)"),
        ({"inputs": {"a": "?"}, "outputs": {"x": 1, "y": 2}}, "name it with gold="),
    ],
)
def test_examples_that_say_nothing_are_named(store, example, message):
    with pytest.raises(UsageError, match=message):
        label_examples(store, [example])


def test_an_evaluation_of_llamaindex_is_a_verdict(store):
    evaluation = pytest.importorskip("llama_index.core.evaluation")
    assert label_evaluation(store, "c1", evaluation.EvaluationResult(passing=True)) == "q1"
    label_evaluation(store, "c2", evaluation.EvaluationResult(passing=False), source="judge")
    assert golds(store)["q1"] == "5"
    assert store.read().questions[1].wrong == ("6",)
    with pytest.raises(UsageError, match="neither right nor wrong"):
        label_evaluation(store, "c1", evaluation.EvaluationResult(score=0.5))
    with pytest.raises(UsageError, match="neither right nor wrong: broken"):
        label_evaluation(
            store,
            "c1",
            evaluation.EvaluationResult(passing=True, invalid_result=True, invalid_reason="broken"),
        )


def said(answer, correct=True):
    return LabelRow("l", "q", answer, correct)


@pytest.mark.parametrize(
    ("history", "truth"),
    [
        ([], Truth()),
        ([said("a"), said("b")], Truth("b")),
        ([said("a", False), said("b", False)], Truth(None, ("a", "b"))),
        ([said("a", False), said("a")], Truth("a")),
        ([said("a"), said("a", False)], Truth(None, ("a",))),
        ([said("a"), said("b", False)], Truth("a", ("b",))),
        ([said("a"), said("b", False), said(None)], Truth()),
    ],
)
def test_the_newest_word_on_an_answer_counts(history, truth):
    assert resolve(history) == truth
