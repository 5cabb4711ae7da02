"""The advice on the page: what it wants, that it is worked out beside, and what it shows."""

import random
import time

import pytest

from bestofinf.evaluation import (
    EvaluationSet,
    EvaluationStore,
    Question,
    Samples,
    import_files,
    write_file,
)
from bestofinf.view.plots import plot

NAME = "<b>alpha</b>"


@pytest.fixture
def store(tmp_path):
    rng = random.Random(0)
    rows = []
    for number in range(24):
        samples = {}
        for place, name in enumerate((NAME, "beta")):
            skill = 0.9 if number % 2 == place else 0.4
            answers = tuple("r" if rng.random() < skill else rng.choice("ab") for _ in range(12))
            samples[name] = Samples(answers, (50,) * 12)
        rows.append(Question(f"q{number}", samples, gold="r"))
    write_file(EvaluationSet(tuple(rows)), tmp_path / "set.jsonl")
    with EvaluationStore(tmp_path / "answers.db") as opened:
        import_files(opened, [tmp_path / "set.jsonl"])
        yield opened


def worked_out(browser):
    until = time.monotonic() + 120
    page = browser.get("/advice").text
    while "Working it out" in page:
        assert 'http-equiv="refresh"' in page
        assert time.monotonic() < until
        time.sleep(0.2)
        page = browser.get("/advice").text
    return page


def test_the_advice_is_worked_out_and_repeated_on_the_overview(browser):
    page = worked_out(browser)
    assert "All accuracies are held out" in page
    assert "From 24 labels" in page
    assert "Accuracy against cost" in page
    assert "&lt;b&gt;alpha&lt;/b&gt;" in page
    assert NAME not in page
    sentence = page.partition('<p class="lead">')[2].partition("</p>")[0]
    assert sentence
    assert sentence in browser.get("/").text
    again = browser.get("/advice?again=1", follow_redirects=False)
    assert again.headers["location"] == "/advice"
    assert "From 24 labels" in worked_out(browser)


def test_too_few_labels_are_told(browser, store):
    for number in range(18):
        store.label(f"q{number}", None)
    page = browser.get("/advice").text
    assert "Advice needs 10 labelled questions or more; 6 are labelled" in page
    assert "Label 4 more" in page
    assert "Working" not in page


def test_what_cannot_be_said_is_told(browser, store):
    for number in range(24):
        store.label(f"q{number}", "r", provenance="asked")
    assert "<h1>Advice</h1>" in worked_out(browser)


def test_points_of_a_plot_lie_inside_it():
    found = plot("t", "tokens", "right", [("one", True, [(1.0, 0.0, 0.5), (1e9, 1.0, 0.5)])], logarithmic=True)  # fmt: skip
    assert found is not None
    for point in found.lines[0].points:
        assert 46 <= point.x <= 352
        assert 10 <= point.high <= point.y <= point.low <= 156
    assert len(found.ticks_x) > 2
    assert plot("t", "x", "y", [("one", True, [(1.0, 0.5, 0.0)])]) is None
    assert plot("t", "x", "y", [("one", True, [(1.0, 0.5, 0.0), (1.0, 0.5, 0.0)])]) is not None
