"""No command gives other figures where files or members come in another order."""

import json

import pytest

from bestofinf.cli import main
from support.populations import Population

SPELLINGS = {"A": ["1/2", "0.5", r"\\frac{1}{2}"], "B": ["2"], "C": ["3", "3.0"], "D": ["4"]}


@pytest.fixture
def files(tmp_path):
    """Three members of whom each has a file, and the third's answers are in two."""
    recorded = Population(0.8).recorded(24, 10, 3)
    paths = []
    for name in ("m0", "m1", "m2"):
        lines = []
        for question in recorded:
            rows = [
                [
                    SPELLINGS[answer][place % len(SPELLINGS[answer])],
                    50 + place % 7,
                    (place + 5 * (answer == "A")) / 15,
                ]
                for place, answer in enumerate(question.samples[name].answers)
            ]
            lines.append({"id": question.id, "gold": "0.5", "samples": {name: rows}})
        parts = [lines] if name != "m2" else [lines[::2], lines[1::2]]
        for part in parts:
            path = tmp_path / f"{len(paths)}.jsonl"
            path.write_text("".join(json.dumps(line) + "\n" for line in part))
            paths.append(str(path))
    return paths


COMMANDS = {
    "table": [],
    "replay": ["--rule", "balanced", "--trials", "5"],
    "fit": ["--objective", "softmax"],
    "advise": ["--trials", "3", "--rule", "fast"],
    "calibrate": [],
}


@pytest.mark.parametrize("answer", ["text", "number"])
@pytest.mark.parametrize("command", COMMANDS)
def test_figures_are_the_same_to_the_last_digit(command, answer, files, capsys):
    told = set()
    orders = [files, files[::-1], [files[2], files[0], files[3], files[1]]]
    for order in orders:
        with pytest.raises(SystemExit) as ended:
            main([command, *order, *COMMANDS[command], "--answer", answer, "--json"])
        assert ended.value.code == 0
        record = json.loads(capsys.readouterr().out)
        if isinstance(record, dict):
            for key in ("seconds", "name"):  # of the clock, and of the first file
                record.pop(key, None)
        told.add(json.dumps(record))
    assert len(told) == 1
