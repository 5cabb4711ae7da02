"""Logs that the tools themselves write, against the loopback server: read to the last sample."""

import json

import pytest

from bestofinf.evaluation import EvaluationStore, import_files
from bestofinf.evaluation.logs.head import ZIP, head_of
from bestofinf.evaluation.reading import read_by
from support import log_tools

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("no_cache")]

QUESTIONS = len(log_tools.QUESTIONS)


@pytest.fixture(scope="module")
def url():
    with log_tools.server() as running:
        yield running.url


def report_of(path):
    reports = []
    found = read_by([path], told=reports.append).evaluation_set
    return found, reports[0]


def right(evaluation_set):
    """Return the share of right answers, over all samples."""
    hits = [
        answer == question.gold
        for question in evaluation_set
        for samples in question.samples.values()
        for answer in samples.answers
    ]
    return sum(hits) / len(hits)


def inspect_results(path):
    if head_of(path).form != ZIP:
        return json.loads(path.read_text())["results"]
    from backports.zstd import zipfile

    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("header.json"))["results"]


@pytest.mark.parametrize(
    ("task", "model", "form"),
    [
        ("choices", "plain", "eval"),
        ("sums", "thinker", "eval"),
        ("sums", "plain", "eval"),
        ("sums", "plain", "json"),
    ],
)
def test_inspect(tmp_path, url, task, model, form):
    path = log_tools.inspect_logs(tmp_path, url, task=task, model=model, form=form)
    found, report = report_of(path)
    told = inspect_results(path)
    assert report.samples == told["completed_samples"] == QUESTIONS * 8
    assert (report.questions, report.gold, report.least) == (QUESTIONS, QUESTIONS, 8)
    assert (report.without_answer, report.left_out.total()) == (0, 0)
    accuracy = told["scores"][0]["metrics"]["accuracy"]["value"]
    assert right(found) == pytest.approx(accuracy)
    assert (report.graded, report.agreed) == (QUESTIONS * 8, QUESTIONS * 8)


@pytest.mark.parametrize("model", ["thinker", "plain"])
def test_lm_evaluation_harness(tmp_path, url, model):
    path = log_tools.lm_eval_logs(tmp_path, url, model=model)
    results = json.loads(next(path.parent.glob("results_*.json")).read_text())
    found, report = report_of(path.parents[1])
    assert results["n-samples"]["made_sums"]["effective"] == report.questions == QUESTIONS
    assert report.samples == QUESTIONS * 8
    assert list(report.members) == [model]
    assert report.left_out == {"another filter of the same replies": QUESTIONS}
    assert (report.gold, report.without_answer) == (QUESTIONS, 0)
    assert 0.5 < right(found) < 0.95


def test_promptfoo(tmp_path, url):
    path, database = log_tools.promptfoo_logs(tmp_path, url)
    stats = json.loads(path.read_text())["results"]["stats"]
    found, report = report_of(path)
    whole = QUESTIONS * 8 * 2
    assert stats["successes"] + stats["failures"] + stats["errors"] == report.samples == whole
    assert (report.questions, report.least, report.most) == (QUESTIONS, 8, 8)
    assert right(found) == pytest.approx(stats["successes"] / whole)
    for other in (database, path.with_suffix(".jsonl")):
        again, second = report_of(other)
        assert second.samples == whole
        assert right(again) == right(found)
    with EvaluationStore(tmp_path / "answers.db") as store:
        import_files(store, [path])
        import_files(store, [path])
        assert store.status().samples == whole
