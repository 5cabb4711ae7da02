"""The command: what it refuses, and the link it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bestofinf.cli import main
from bestofinf.evaluation import EvaluationSet, EvaluationStore, Question, Samples, write_file

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "give --token as well"),
        (["--token", "short"], "needs 16 characters"),
    ],
)
def test_what_would_be_open_is_refused(tmp_path, capsys, arguments, message):
    EvaluationStore(tmp_path / "answers.db").close()
    with pytest.raises(SystemExit) as ended:
        main(["view", str(tmp_path / "answers.db"), *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_store_that_is_not_there_is_not_made(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["view", str(tmp_path / "none.db")])
    assert "no such store" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_files_are_shown_and_the_next_link_is_printed_when_one_was_used(tmp_path):
    path = tmp_path / "set.jsonl"
    write_file(EvaluationSet((Question("from a file", {"m": Samples(("x", "y"))}),)), path)
    command = [sys.executable, "-c", "from bestofinf.cli import main; main()", "view", str(path)]
    folders = os.pathsep.join([str(ROOT / "shared"), str(ROOT)])
    with subprocess.Popen(
        [*command, "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": folders, "TMPDIR": str(tmp_path)},
    ) as process:
        try:
            link = re.search(
                r"Open (http://127\.0\.0\.1:\d+/\?token=\S+)", process.stdout.readline()
            )[1]
            with httpx.Client(follow_redirects=True, trust_env=False) as client:
                assert "from a file" in client.get(link).text
            following = process.stdout.readline()
            assert following.startswith("For another browser: http://127.0.0.1:")
            assert following.split()[-1] != link
        finally:
            process.terminate()
    assert [p.name for p in tmp_path.iterdir()] == ["set.jsonl"], "the copy is gone"
