"""Jobs as processes of their own, to be killed, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bestofinf.cli.run import Members
from bestofinf.evaluation.store.store import EvaluationStore
from support.process import ServerProcess
from support.recorded import MadeBackend
from support.stored import calls_of_run

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = "from bestofinf.cli import main; main()"


def environment() -> dict[str, str]:
    """Return the environment of a process that sees these sources."""
    paths = [str(_ROOT / "shared"), str(_ROOT), str(_ROOT / "tests"), os.environ.get("PYTHONPATH")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OPENAI_API_KEY": "none",
        "NO_PROXY": "127.0.0.1",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


@dataclass
class Runs:
    """One job of the command line, run and run again.

    Attributes:
        folder: For its files.
        server: Who answers.
        n_questions: Number of questions, those of the made back end.
    """

    folder: Path
    server: ServerProcess
    n_questions: int

    def __post_init__(self) -> None:
        prompts = MadeBackend(self.n_questions).prompts
        rows = ({"id": f"q{i}", "question": prompt} for i, prompt in enumerate(prompts))
        self.questions.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    @property
    def questions(self) -> Path:
        return self.folder / "questions.jsonl"

    def out(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def command(self, *options: str, name: str = "answers") -> list[str]:
        return [
            sys.executable, "-c", _PROGRAM, "run", str(self.questions), "-m", "openai:alpha",
            "--base-url", self.server.url, "--out", str(self.out(name)), "--json", *options,
        ]  # fmt: skip

    def start(self, *options: str, name: str = "answers") -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*options, name=name),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, *options: str, name: str = "answers") -> dict[str, Any]:
        """Run it to its end and return its report."""
        with self.start(*options, name=name) as process:
            out, error = process.communicate()
        assert process.returncode == 0, error
        report: dict[str, Any] = json.loads(out.splitlines()[-1])
        return report

    def kill_after(self, requests: int, *options: str) -> bool:
        """Run it and kill it once so many more requests have ended; False if it ended before."""
        goal = self.server.counts()["finished"] + requests
        with self.start(*options) as process:
            while process.poll() is None:
                if self.server.counts()["finished"] >= goal:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    return True
                time.sleep(0.01)
            process.communicate()
        return False

    def answers(self, name: str = "answers") -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out(name).read_text().splitlines()]

    def recorded(self, name: str = "answers") -> dict[str, list[str | None]]:
        """Return the stored answers by question."""
        with EvaluationStore(f"{self.out(name)}.db", readonly=True) as store:
            calls = calls_of_run(store, name)
        return {
            question: [row.answer for row in rows if row.error is None]
            for (question, attempt), (_, rows) in calls.items()
            if attempt == 1
        }


@dataclass(frozen=True)
class Noted:
    """Members whose worker notes its process in a folder."""

    members: Members
    folder: Path

    def __call__(self) -> Any:
        (self.folder / str(os.getpid())).touch()
        return self.members()
