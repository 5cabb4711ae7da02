"""Tables of the commands fit terminals of any width: no word is broken, every id can be used."""

from __future__ import annotations

import hashlib
import json
import random
import re

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from bestofinf.cli.app import app

MEMBERS = {"Qwen3-30B-A3B-Thinking-2507": 0.8, "gpt-oss-20b": 0.6}
COMMANDS = {
    "status": ["status", "answers.db"],
    "table": ["table", "recorded.jsonl"],
    "replay": ["replay", "recorded.jsonl", "--rule", "thorough|max-tokens:n=200000"],
    "advise": ["advise", "recorded.jsonl", "--all", "--trials", "2", "--rule", "fast"],
    "fit": ["fit", "recorded.jsonl", "--objective", "uniform"],
    "calibrate": ["calibrate", "recorded.jsonl", "--folds", "2", "--method", "logistic"],
    "answers": ["answers", "check", "recorded.jsonl", "--all", "--answer", "auto"],
    "unlabelled": ["label", "answers.db", "--unlabelled", "5"],
    "random": ["label", "answers.db", "--random", "5"],
    "formats": ["import", "--formats"],
}

# These also print sentences, which the terminal itself wraps.
SENTENCES = ("fit", "replay", "table", "calibrate")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with recorded answers, as a file and as a store."""
    folder, chance = tmp_path_factory.mktemp("tables"), random.Random(1)
    with (folder / "recorded.jsonl").open("w") as file:
        for number in range(30):
            samples = {
                member: [
                    [answer, 100, 0.9 if answer == "fortytwo" else 0.3]
                    for answer in (
                        "fortytwo" if chance.random() < right else "seventeen" for _ in range(8)
                    )
                ]
                for member, right in MEMBERS.items()
            }
            row = {
                "id": "q-" + hashlib.sha256(str(number).encode()).hexdigest()[:32],
                "prompt": f"How many contracts of the deliveries {number} to 42 were signed?",
                "gold": "fortytwo",
                "dataset": "contracts",
                "samples": samples,
            }
            file.write(json.dumps(row) + "\n")
    rows = (folder / "recorded.jsonl").read_text().replace('"gold": "fortytwo", ', "")
    (folder / "bare.jsonl").write_text(rows)
    done = CliRunner().invoke(
        app, ["import", str(folder / "answers.db"), str(folder / "bare.jsonl")]
    )
    assert done.exit_code == 0, done.output
    return folder


def printed(command, width, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", str(width))
    done = CliRunner().invoke(app, COMMANDS[command])
    assert done.exit_code == 0, done.output
    return done.stdout


def words(text):
    text = re.sub(r"^[\d.]+ s$", "", text, flags=re.M)  # how long a fit took
    return {word.rstrip(":") for word in text.split() if re.search(r"\w", word)}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_table_fits_without_a_broken_word(command, folder, monkeypatch):
    wide = printed(command, 400, folder, monkeypatch)
    known = words(wide)
    beginnings = {word[:n] for word in known if word.startswith("q-") for n in range(12, len(word))}
    for width in (80, 40):
        narrow = printed(command, width, folder, monkeypatch)
        code = narrow.find("from ")  # that `advise` shows to be pasted
        table = narrow if code < 0 or command != "advise" else narrow[:code]
        assert words(table) <= known | beginnings
        for line in table.splitlines():
            fits = cell_len(line.rstrip()) <= width or command in SENTENCES
            assert fits or len(line.split()) == 1, line


def test_an_id_that_is_cut_still_names_its_question(folder, monkeypatch):
    shown = printed("unlabelled", 40, folder, monkeypatch).splitlines()
    ids = [line for line in shown if line and not line.startswith(" ")]
    assert len(set(ids)) == 5
    done = CliRunner().invoke(app, ["label", "answers.db", ids[0], "--gold", "42", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["question"].startswith(ids[0])
    CliRunner().invoke(app, ["label", "answers.db", ids[0], "--retract"])
