"""What is shown before the first label: agreement, cost, endings, members that fail."""

import json
from dataclasses import replace

import pytest

from bestofinf.cli import main
from bestofinf.evaluation import EvaluationSet, EvaluationStore, Question, Samples, write_file
from bestofinf.evaluation.rows import SampleRow
from bestofinf.report import overview
from support.stored import record


@pytest.fixture
def url(tmp_path):
    url = str(tmp_path / "answers.db")
    with EvaluationStore(url) as store:
        prompt = json.dumps({"messages": [{"role": "user", "content": "What is <2> + 3?"}]})
        first = record("c1", "5", "5", "6", reason="optimal: lead of 2", seconds=2.0)
        first = replace(first, question=replace(first.question, prompt=prompt))
        second = record("c2", "7", None, question="q2", reason="fixed: 2 samples", seconds=4.0)
        third = record("c3", "8", "8", question="q3", member="other", reason="optimal: lead of 2")
        broken = SampleRow("c3", 2, "other", None, error="TimeoutError: 30 s", cost=0.25)
        paid = tuple(replace(row, tokens=10, cost=0.5) for row in third.samples)
        store.add([first, second, replace(third, samples=(*paid, broken))])
    return url


def test_a_store_tells_what_its_calls_were_like(url):
    with EvaluationStore(url, readonly=True) as store:
        found = store.activity()
    assert (found.calls, found.fixed, found.tokens) == (3, 3, 20)
    assert found.samples == pytest.approx(8 / 3)
    assert found.seconds == 3.0
    assert found.cost == pytest.approx(1.25)
    assert found.reasons == {"optimal": 2, "fixed": 1}
    other = found.members["other"]
    assert (other.requests, other.failures, other.tokens) == (3, 1, 10.0)
    assert other.errors == {"TimeoutError": 1}
    assert (found.members["gpt"].abstentions, found.members["gpt"].failures) == (1, 0)


def test_an_empty_store_has_no_activity(tmp_path):
    with EvaluationStore(str(tmp_path / "empty.db")) as store:
        found = store.activity()
    assert (found.calls, found.samples, found.seconds, found.members) == (0, 0.0, None, {})


def test_agreement_is_that_of_two_different_samples():
    samples = {"a": Samples(("x", "x", "y")), "b": Samples(("x", None))}
    seen = overview(EvaluationSet((Question("q", samples), Question("r", {"a": Samples(("x",))}))))
    assert seen.members["a"].agreement == pytest.approx(1 / 3)
    assert seen.members["b"].agreement is None
    assert seen.members["b"].abstained == 0.5
    assert seen.pairs == {("a", "b"): pytest.approx(2 / 3)}
    assert seen.unanimous == 0
    assert seen.tokens is None
    assert [q.id for q in seen.contested] == ["q"]


def test_copies_of_one_model_agree_with_another_as_with_themselves():
    answers = ("x", "x", "y", "y")
    one = Question("q", {"a": Samples(answers * 50), "b": Samples(answers * 50)})
    seen = overview(EvaluationSet((one,)))
    assert seen.pairs["a", "b"] == pytest.approx(seen.members["a"].agreement, abs=0.01)


def test_the_page_shows_it_and_takes_nothing_for_markup(url, tmp_path, capsys):
    out = tmp_path / "page.html"
    with pytest.raises(SystemExit) as ended:
        main(["report", url, "--out", str(out)])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "3 questions, 0 of them labelled; 7 samples of 2 members" in told
    assert "ended by: optimal 67%, fixed 33%" in told
    assert (
        "other: asked 1 questions, 2 samples, agrees with itself 100%, 1 of 3 requests failed"
        in told
    )
    assert "Most contested: q1: 5 (2), 6 (1)" in told
    page = out.read_text()
    assert "What is &lt;2&gt; + 3?" in page
    assert "TimeoutError (1)" in page
    assert "Advice needs 10 labelled questions or more; 0 are labelled" in page


def test_files_are_shown_without_calls(tmp_path, capsys):
    path, out = tmp_path / "set.jsonl", tmp_path / "page.html"
    write_file(EvaluationSet((Question("q", {"m": Samples(("x", "y"), (5, 7))}),)), path)
    with pytest.raises(SystemExit) as ended:
        main(["report", str(path), "--out", str(out), "--json"])
    assert ended.value.code == 0
    seen = json.loads(capsys.readouterr().out)["overview"]
    assert (seen["questions"], seen["tokens"], seen["activity"]) == (1, 12.0, None)
    assert "Why votes ended" not in out.read_text()


def test_nothing_can_be_told_of_nothing():
    empty = overview(EvaluationSet(()))
    assert empty.lines() == ["0 questions, 0 of them labelled; 0 samples of 0 members"]
