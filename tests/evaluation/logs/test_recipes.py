"""The recipes of docs/logs.md, run one after the other on logs as the tools write them."""

import random
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bestofinf.cli.app import app
from support import logs

PAGE = Path(__file__).parents[3] / "docs" / "logs.md"
QUESTIONS, REPEATS = 12, 8


def commands():
    """Return the commands of the page in its order, without their comments."""
    blocks = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("bestofinf ")]


def draws():
    rng = random.Random(3)
    for question in range(QUESTIONS):
        for repeat in range(REPEATS):
            value = 4 if rng.random() < 0.7 else rng.choice((5, 6, 7))
            yield question, repeat, logs.reply(value), value == 4


@pytest.fixture
def workplace(tmp_path, monkeypatch, no_cache):
    """A folder with a log of every tool, under the names of the page."""
    monkeypatch.chdir(tmp_path)
    made = list(draws())
    samples = [
        logs.inspect_sample(f"q{q}", n + 1, text, grade="C" if right else "I")
        for q, n, text, right in made
    ]
    (tmp_path / "logs").mkdir()
    logs.inspect_eval(tmp_path / "logs" / "run.eval", samples)
    texts = [[text for q, _, text, _ in made if q == number] for number in range(QUESTIONS)]
    rows = [logs.lm_eval_row(number, own) for number, own in enumerate(texts)]
    logs.lm_eval_folder(tmp_path / "lm-out", rows)
    asked = [logs.batch_request(f"q{q}-run{n}", f"What is {q}?") for q, n, *_ in made]
    logs.lines(tmp_path / "batch-input.jsonl", asked)
    replies = [logs.batch_row(f"q{q}-run{n}", text) for q, n, text, _ in made]
    random.Random(1).shuffle(replies)
    logs.lines(tmp_path / "batch-output.jsonl", replies)
    logs.lines(tmp_path / "runs-output.jsonl", replies)
    ids = [f"q{q}-run0" for q in range(QUESTIONS)] + [f"q{q}" for q in range(QUESTIONS)]
    (tmp_path / "gold.csv").write_text("custom_id,gold\n" + "".join(f"{id_},4\n" for id_ in ids))
    rows = [
        logs.promptfoo_row(place, f"q{q}", text, success=right)
        for place, (q, _, text, right) in enumerate(made)
    ]
    logs.promptfoo_json(tmp_path / "results.json", rows)
    runs = [
        {
            "id": f"r{q}-{n}",
            "run_type": "chain",
            "trace_id": f"t{q}-{n}",
            "reference_example_id": f"e{q}",
            "session_name": "gpt-5-mini",
            "inputs": {"question": f"What is {q}?"},
            "outputs": {"answer": text},
            "reference_outputs": {"answer": "4"},
        }
        for q, n, text, _ in made
    ]
    logs.lines(tmp_path / "langsmith-runs.jsonl", runs)
    (tmp_path / "paper-outputs").mkdir()
    published = [{"idx": q, "gt": "4", "code": own} for q, own in enumerate(texts)]
    logs.lines(tmp_path / "paper-outputs" / "gsm8k.jsonl", published)


def test_every_recipe_ends_in_an_advice(workplace):
    run = commands()
    assert len(run) >= 11
    for line in run:
        result = CliRunner().invoke(app, shlex.split(line)[1:], catch_exceptions=False)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        words = " ".join(result.output.split())
        if " advise " in line:
            assert f"Judged on {QUESTIONS} of {QUESTIONS} labelled questions" in words, line
            assert "vote with the rule" in words, line
        elif "--gold" in line:
            assert f"{QUESTIONS} questions, {QUESTIONS * REPEATS} samples" in words, line
            assert f"right answers known: {QUESTIONS} of {QUESTIONS}" in words, line
