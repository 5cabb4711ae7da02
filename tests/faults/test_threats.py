"""What docs/threats.md says of hostile members, replies and files."""

import ast
import json
import pickle
import re
from pathlib import Path

import pytest

from bestofinf.drivers import vote
from bestofinf.ensemble.loading import read_weights
from bestofinf.errors import UsageError
from bestofinf.records import Sample
from bestofinf.rules import parse_rule
from bestofinf.rules.budgets import MaxSamples
from bestofinf.voting.engine import VotingEngine

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared/bestofinf", "langchain_bestofinf", "llamaindex_bestofinf")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PAGE = ROOT / "docs" / "threats.md"


@pytest.mark.parametrize("who", ["member", "reply", "evaluation file"])
def test_the_threat_model_says_what_each_can_and_cannot_do(who):
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (part,) = (text for text in parts if text.startswith(f"A hostile {who}"))
    claims = re.findall(r"^\* \*\*(.+?)\*\*", part, flags=re.MULTILINE)
    assert len(claims) >= 3
    assert any(" can " in claim for claim in claims)
    assert any("cannot" in claim or "never" in claim or "data" in claim for claim in claims)
    assert "threats.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def called(node):
    """Return the dotted name of what is called."""
    function, names = node.func, []
    while isinstance(function, ast.Attribute):
        names.append(function.attr)
        function = function.value
    return ".".join([getattr(function, "id", "?"), *reversed(names)])


FORBIDDEN = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"}
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def test_nothing_that_came_from_outside_could_be_executed_or_unpickled():
    assert len(SOURCES) > 100
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert called(node) not in FORBIDDEN, f"{path}:{node.lineno}"
                keywords = {k.arg: k.value for k in node.keywords}
                for name in ("shell", "allow_pickle"):
                    value = keywords.get(name)
                    allowed = isinstance(value, ast.Constant) and value.value is False
                    assert value is None or allowed, f"{path}:{node.lineno}"
            imported = [a.name for a in getattr(node, "names", ()) if isinstance(a, ast.alias)]
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not MODULES & {name.split(".")[0] for name in imported}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("rule", ["balanced", "ahead-by:votes=3", "best-of-infinity"])
@pytest.mark.parametrize(("weight", "decides"), [(0.45, False), (0.55, True)])
def test_a_minority_decides_nothing_whatever_it_votes(rule, weight, decides):
    """Honest members that agree, and one that votes otherwise, with so much of the weight."""
    weights = [weight, (1 - weight) / 2, (1 - weight) / 2]
    engine = VotingEngine(parse_rule(rule) | MaxSamples(200), weights)
    decision = vote(engine, lambda draw: Sample("bad" if draw.member == 0 else "good"))
    assert (decision.answer == "bad") == decides


LINE = {"id": "1", "question": "2+2?", "gold": "4", "samples": {"m": ["4", "5"]}}
HOSTILE = {
    "deep": b'{"id": ' + b"[" * 200_000,
    "deep object": b'{"id": ' * 200_000,
    "long number": b'{"id": ' + b"9" * 100_000 + b"}",
    "binary": bytes(range(256)) * 10,
    "pickle": pickle.dumps(LINE),
    "no text": b"\xff\xfe\x00\xd8",
    "half a character": b'{"id": "\\ud800", "samples": 3}',
    "not an object": b"[1, 2, 3]",
    "endless line": b'{"id": "' + b"a" * 2_000_000,
    "wrong types": json.dumps({key: [[]] for key in LINE}).encode(),
    "infinity": b'{"id": Infinity, "samples": {"m": [NaN]}}',
    "nul": b"\x00" * 1000,
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("command", ["table", "fit"])
def test_a_hostile_file_ends_with_one_line_that_names_it(name, command, tmp_path, capsys):
    from bestofinf.cli import main

    path = tmp_path / "hostile.jsonl"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(SystemExit) as caught:
        main([command, str(path), "--json"])
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert not told.out
    (line,) = told.err.splitlines()
    assert "hostile.jsonl" in line
    assert len(line) < 1000


@pytest.mark.parametrize("name", ["deep", "long number", "pickle", "no text", "infinity", "empty"])
def test_a_hostile_file_in_the_place_of_what_was_fitted_is_refused_by_name(name, tmp_path):
    from bestofinf.optscale.reliability import Calibration
    from bestofinf.weights import WeightFit

    path = tmp_path / "hostile.json"
    path.write_bytes(HOSTILE[name])
    for read in (WeightFit.load, Calibration.load, read_weights):
        with pytest.raises(UsageError, match=r"hostile\.json") as caught:
            read(str(path))
        assert "\n" not in str(caught.value)
