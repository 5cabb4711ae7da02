"""From a log to an advice: honest where a log cannot tell, right where it can."""

import json
import random

import pytest
from typer.testing import CliRunner

from bestofinf.cli.app import app
from support import logs

pytestmark = pytest.mark.usefixtures("no_cache")

# Chance to be right on one question, and how the wrong answers spread: voting finds the mode.
RIGHT, OTHERS = 0.55, (5, 6, 7)


def model_log(path, *, epochs, questions=60, seed=1):
    """A log of a model that is right with chance `RIGHT` on every question."""
    rng = random.Random(seed)
    samples = []
    for question in range(questions):
        for epoch in range(1, epochs + 1):
            value = 4 if rng.random() < RIGHT else rng.choice(OTHERS)
            text = logs.reply(value, thought=rng.choice(OTHERS))
            sample = logs.inspect_sample(
                f"q{question}", epoch, text, grade="C" if value == 4 else "I"
            )
            samples.append(sample)
    rng.shuffle(samples)
    return logs.inspect_eval(path, samples, epochs=epochs)


def command(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_one_sample_a_question_is_told_to_be_too_few_and_what_to_record(tmp_path):
    path = model_log(tmp_path / "run.eval", epochs=1)
    told = command("advise", path)
    words = " ".join(told.output.split())
    assert "cannot be known" in words
    assert "record at least 8: `inspect eval ... --epochs 8`" in words
    advice = json.loads(command("advise", path, "--json").stdout)
    assert advice["limit"] is None
    assert advice["rule"] is None


def test_eight_epochs_give_an_advice_within_its_errors_of_the_truth(tmp_path):
    path = model_log(tmp_path / "run.eval", epochs=8)
    advice = json.loads(command("advise", path, "--json").stdout)
    assert advice["labels"] == 60
    assert advice["rule"] is not None
    assert advice["gain_shown"]
    assert abs(advice["limit"] - 1.0) <= 3 * advice["limit_se"] + 0.01
    one = next(o for name, o in advice["heldout"].items() if name.startswith("one answer"))
    assert abs(one["accuracy"] - RIGHT) <= 3 * one["se"]
    assert advice["without_answer"] == 0


def test_a_log_and_the_store_it_was_imported_into_give_the_same_figures(tmp_path):
    path, store = model_log(tmp_path / "run.eval", epochs=8, questions=20), tmp_path / "a.db"
    command("import", store, path)
    tables = [json.loads(command("table", source, "--json").stdout) for source in (path, store)]
    for row in (tables[0][0], tables[1][0]):
        row.pop("without_answer", None)
    assert tables[0] == tables[1]
