"""``bestofinf run`` over a real server, as a process that may be killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bestofinf.evaluation import read
from support.jobs import environment
from support.real.questions import KINDS, questions

_PROGRAM = "from bestofinf.cli import main; main()"


@dataclass
class RealRun:
    """One job: the questions of two kinds, whose instruction stands before each.

    Attributes:
        folder: For its files.
        url: The server.
        model: Its model.
        count: Number of questions.
    """

    folder: Path
    url: str
    model: str = "smollm2"
    count: int = 24

    def __post_init__(self) -> None:
        asked = [q for q in questions() if q.kind in ("sentiment", "yes-no")][: self.count]
        rows = (
            {"id": q.id, "question": f"{KINDS[q.kind].instruction}\n{q.text}", "gold": q.gold}
            for q in asked
        )
        self.questions.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        self.config.write_text(
            f"""
            [members.small]
            url = "{self.url}"
            model = "{self.model}"
            max_tokens = 6
            temperature = 0.8

            [ensembles.voted]
            members = {{ small = 1.0 }}
            answer = "text"
            """
        )

    @property
    def questions(self) -> Path:
        return self.folder / "questions.jsonl"

    @property
    def config(self) -> Path:
        return self.folder / "ensemble.toml"

    @property
    def out(self) -> Path:
        return self.folder / "answers.jsonl"

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start it, or go on with it."""
        return subprocess.Popen(
            [
                *(sys.executable, "-c", _PROGRAM, "run", str(self.questions), str(self.config)),
                *("--out", str(self.out), "--json", *options),
            ],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, *options: str, seconds: float = 240.0) -> dict[str, Any]:
        """Run it to its end and return its report."""
        with self.start(*options) as process:
            out, error = process.communicate(timeout=seconds)
        assert process.returncode == 0, error
        report: dict[str, Any] = json.loads(out.splitlines()[-1])
        return report

    def killed_when(self, reached: Callable[[], bool], *options: str) -> bool:
        """Run it, and kill it once something is true; False if it ended before."""
        with self.start(*options) as process:
            while process.poll() is None:
                if reached():
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    return True
                time.sleep(0.05)
            process.communicate()
        return False

    def stored(self) -> int:
        """Return how many replies the store has."""
        store = self.out.with_name(f"{self.out.name}.db")
        return sum(len(s) for q in read([str(store)]) for s in q.samples.values())

    def rows(self) -> list[dict[str, Any]]:
        """Return the answers that were written."""
        return [json.loads(line) for line in self.out.read_text().splitlines()]
