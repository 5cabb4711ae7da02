"""The program starts fast: help needs none of the packages that commands work with."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from bestofinf.cli import main

HEAVY = ("scipy", "sqlalchemy", "numpy", "langchain_core", "llama_index", "pandas", "matplotlib")
LIGHT = {"bestofinf.answers.names", "bestofinf.weights.objectives"}  # lists that help shows
HELPS = """
import contextlib, io, json, sys
import typer
from bestofinf.cli.app import app, main

names = list(typer.main.get_command(app).commands)
for words in [[], *([name] for name in names)]:
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
        main([*words, "--help"])
    assert "Usage:" in told.getvalue(), words
print(json.dumps([names, sorted(sys.modules)]))
"""


def test_help_of_no_command_loads_anything_heavy():
    command = [sys.executable, "-c", HELPS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names, loaded = json.loads(done.stdout)
    assert {"demo", "ask", "run", "status", "label", "fit"} <= set(names)
    assert not set(HEAVY) & set(loaded)
    own = {name for name in loaded if name.startswith(("bestofinf.answers.", "bestofinf.weights."))}
    assert own == LIGHT
    parts = {name.split(".")[1] for name in loaded if name.startswith("bestofinf.")}
    assert not parts & {"batches", "drivers", "ensemble", "replay", "rules", "voting"}


def test_the_program_tells_its_version():
    code = "from bestofinf.cli import main; main(['--version'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"bestofinf {version('bestofinf')}\n"


def test_an_error_of_the_system_ends_in_one_line_that_names_the_file(tmp_path, monkeypatch, capsys):
    missing = tmp_path / "missing" / "picture.svg"
    monkeypatch.setattr("bestofinf.cli.app.app", lambda _: missing.write_text("", "utf-8"))
    with pytest.raises(SystemExit) as ended:
        main(["demo"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: {missing}: No such file or directory\n"
