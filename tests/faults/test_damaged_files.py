"""Files and traces in which fields are missing or hold something else are read or refused."""

import json
import random
from contextlib import suppress

import pytest
import tomlkit

from bestofinf.cli import main
from bestofinf.cli.replay import weights_by_member
from bestofinf.ensemble.members import read_fit
from bestofinf.ensemble.trace import trace
from bestofinf.errors import BestOfInfError
from bestofinf.evaluation import EvaluationStore, Recorder
from bestofinf.optscale.reliability import Calibration
from bestofinf.records import Member, Reply, Sample
from bestofinf.rules import FixedSamples
from bestofinf.voting.engine import VotingEngine
from bestofinf.weights import WeightFit
from support.damaged import damaged

SEEDS = pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(12, 600), marks=pytest.mark.soak)], ids=str
)
ROWS = [
    {
        "id": f"q{n}",
        "gold": str(2 * n),
        "dataset": "sums",
        "samples": {
            "one": [[str(2 * n), 10, 0.5 + n / 99], ["7", 9, 0.3 + n / 40], [None, 4, None]],
            "two": [[str(2 * n), 3, 0.9 - n / 100], ["5", 3, 0.2], ["5", 2, 0.1]],
        },
    }
    for n in range(12)
]
CONFIG = """
[serve]
host = "127.0.0.1"
port = 8000
cors = ["http://localhost:3000"]
max_in_flight = 10
[members.mini]
url = "http://127.0.0.1:9/v1"
model = "gpt-5-mini"
price = [0.25e-6, 2e-6]
concurrency = 4
temperature = 0.5
[members.nano]
url = "http://127.0.0.1:9/v1"
model = "gpt-5-nano"
[ensembles.careful]
members = { mini = 0.7, nano = 0.3 }
rule = "balanced|max-cost:amount=0.02"
answer = "number"
deadline = 120
on_deadline = "partial"
retries = 2
"""


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def told(*words, capsys):
    """Run a command; it succeeds, or refuses in a few lines."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    error = capsys.readouterr().err
    assert ended.value.code in (0, 1, 2, None)
    assert "Traceback" not in error
    assert max(map(len, error.splitlines()), default=0) < 2_000
    return ended.value.code


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of weights, and one of a calibration."""
    folder = tmp_path_factory.mktemp("files")
    rows = written(folder / "rows.jsonl", ROWS)
    for command, name in (("fit", "weights.json"), ("calibrate", "calibration.json")):
        with pytest.raises(SystemExit):
            main([command, str(rows), "--out", str(folder / name)])
    return folder


@SEEDS
@pytest.mark.parametrize(
    ("read", "name"),
    [
        (read_fit, "weights.json"),
        (weights_by_member, "weights.json"),
        (WeightFit.load, "weights.json"),
        (Calibration.load, "calibration.json"),
    ],
    ids=["weights", "weights of a command", "fit", "calibration"],
)
def test_damaged_results_are_read_or_refused(read, name, files, seeds, tmp_path):
    whole = json.loads((files / name).read_text())
    path = tmp_path / name
    for seed in seeds:
        path.write_text(json.dumps(damaged(whole, random.Random(f"{name} {seed}"))))
        with suppress(BestOfInfError):
            read(path)


@SEEDS
def test_damaged_rows_are_read_or_refused(seeds, tmp_path, capsys):
    for seed in seeds:
        chance = random.Random(f"rows {seed}")
        rows = [damaged(row, chance) if chance.random() < 0.1 else row for row in ROWS]
        path = written(tmp_path / "rows.jsonl", rows)
        command = chance.choice(["import", "fit", "table", "advise", "calibrate"])
        store = [tmp_path / f"{seed}.db"] if command == "import" else []
        told(command, *store, path, capsys=capsys)


@SEEDS
def test_a_damaged_configuration_is_read_or_refused(seeds, tmp_path, capsys):
    path = tmp_path / "ensemble.toml"
    for seed in seeds:
        chance = random.Random(f"configuration {seed}")
        document = damaged(tomlkit.parse(CONFIG).unwrap(), chance)
        try:
            path.write_text(tomlkit.dumps(document))
        except (TypeError, ValueError, AttributeError):  # TOML has no null, and wants a table
            continue
        told("serve", path, "--check", capsys=capsys)


def whole_trace():
    engine = VotingEngine(FixedSamples(3), [Member("m", name="gpt")])
    for draw in engine.ask(3):
        engine.tell(draw, Sample("5", Reply("It is 5.")))
    found = trace(engine.decision(), ["gpt"])
    return json.loads(json.dumps(found))


@SEEDS
def test_a_damaged_trace_is_recorded_as_far_as_it_can_be_read(seeds, tmp_path):
    whole = whole_trace()
    with EvaluationStore(tmp_path / "answers.db") as store:
        with Recorder(store, keep="all") as recorder:
            for seed in seeds:
                recorder.call(f"c{seed}", prompt=f"{seed}?")
                recorder.trace(f"c{seed}", damaged(whole, random.Random(f"trace {seed}")))
            recorder.flush()
            assert (recorder.stats.errors, recorder.stats.rejected) == (0, 0)
        assert len(store.read()) == len(seeds)
