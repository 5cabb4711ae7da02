"""Everything that the documentation claims, measured in one go: ``python -m benchmarks``.

Each part runs in a process of its own, one after the other, so that none disturbs another. What
they print is gathered in one Markdown file, what they count in one JSON file, both in
``benchmarks/results``. ``--only PART ...`` runs some of them, ``--quick`` less of each. The peers
are in the extra ``bench``; those that are not installed are left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, connect_support

connect_support()

RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = (
    "bestofinf", "AdaptiveConsistency", "consol", "its_hub", "langchain-core", "langchain-openai",
    "llama-index-core", "numpy", "scipy", "mip", "highspy",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One claim and the module that measures it.

    Attributes:
        title: What it shows.
        module: Within `benchmarks`.
        full: Its arguments.
        quick: Its arguments for ``--quick``.
        as_json: Whether it takes ``--json FILE``.
    """

    title: str
    module: str
    full: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    as_json: bool = False


QUICK = ("--quick",)
PARTS = {
    "frontier": Part(
        "Samples and tokens at equal quality",
        "frontier",
        ("points", "ratios"),
        ("points", "ratios", "--trials", "5"),
    ),
    "launching": Part(
        "Time and tokens of launching by chance", "launching", quick=("--trials", "2")
    ),
    "rules": Part("Time of a decision, false stops", "rules", quick=QUICK, as_json=True),
    "latency": Part("Time and waste, end to end", "latency", quick=QUICK, as_json=True),
    "langchain": Part("What a LangChain ensemble costs beside its members", "langchain_overhead"),
    "llamaindex": Part(
        "What a LlamaIndex ensemble costs beside its members",
        "llamaindex_overhead",
        quick=("--rounds", "3", "--calls", "30"),
    ),
    "rag": Part(
        "What RAG pipelines ask",
        "rag",
        quick=("--rounds", "1", "--votes", "20"),
        as_json=True,
    ),
    "collector": Part("What collecting costs", "collector"),
    "footprint": Part("Imports", "footprint", quick=QUICK, as_json=True),
    "scale": Part("Many questions at once", "scale", quick=QUICK, as_json=True),
    "weights": Part(
        "Time to the proven optimum of weights", "weights", quick=("--limit", "5"), as_json=True
    ),
    "labels": Part(
        "What few labels are worth, and what proves the weights",
        "labels",
        quick=QUICK,
        as_json=True,
    ),
    "advice": Part(
        "What advice finds where the truth is known", "advice", quick=QUICK, as_json=True
    ),
    "answers": Part("Votes a second, and what is equal", "answers", quick=QUICK, as_json=True),
    "logs": Part(
        "Logs larger than memory",
        "logs",
        quick=("--samples", "4000"),
        as_json=True,
    ),
    "view": Part("The page on a large store", "view", quick=QUICK, as_json=True),
    "mass": Part("Votes with the probabilities of replies", "mass", quick=QUICK),
    "kappa": Part("How often probabilities are confirmed as votes", "kappa", quick=QUICK),
    "confident": Part("What the probability of one reply tells", "confident"),
    "optscale": Part("Stopping by scores", "optscale"),
    "serving": Part(
        "What a vote costs an endpoint beside its member", "serving", quick=QUICK, as_json=True
    ),
    "batches": Part("Batches under one budget", "batches", quick=("--trials", "2")),
}


def present() -> dict[str, Part]:
    """Return the parts whose module is there."""
    return {
        name: part
        for name, part in PARTS.items()
        if importlib.util.find_spec(f"benchmarks.{part.module}") is not None
    }


def ran(name: str, part: Part, *, quick: bool) -> dict[str, Any]:
    """Run a part in a process of its own, show what it prints, and return all it told."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        module = f"benchmarks.{part.module}"
        arguments = part.quick if quick else part.full
        command = [sys.executable, "-m", module, *arguments]
        if part.as_json:
            command += ["--json", str(figures)]
        began = time.perf_counter()
        lines = []
        with running(command) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        return {
            "part": name,
            "command": " ".join(["python -m", module, *arguments]),
            "exit_status": process.returncode,
            "seconds": round(time.perf_counter() - began, 1),
            "load_average": os.getloadavg()[0],
            "figures": json.loads(figures.read_text()) if figures.is_file() else None,
            "output": "".join(lines),
        }


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        yield process
        process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def installed() -> dict[str, str | None]:
    """Return the versions of what is measured; None for what is not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def markdown(setting: dict[str, Any], results: Sequence[dict[str, Any]]) -> str:
    """Return all that was printed, as one page."""
    versions = ", ".join(f"{n} {v or 'not installed'}" for n, v in setting["packages"].items())
    parts = [
        "# Measured",
        f"Python {setting['python']}, {setting['cpus']} processors; {versions}.",
    ]
    for result in results:
        part, output = PARTS[result["part"]], result["output"].strip()
        if not any(line.startswith("|") for line in output.splitlines()):
            output = f"```text\n{output}\n```"
        status = f"; exit status {result['exit_status']}" if result["exit_status"] else ""
        parts += [
            f"## {part.title}",
            f"`{result['command']}`: {result['seconds']:.0f} s, load average "
            f"{result['load_average']:.1f}{status}",
            output,
        ]
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parts = present()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=parts, metavar="PART", help=", ".join(parts))
    parser.add_argument("--quick", action="store_true", help="fewer of each; figures are rougher")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER")
    settings = parser.parse_args(arguments)
    setting = {
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "quick": settings.quick,
        "packages": installed(),
    }
    settings.out.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    for name in settings.only or parts:
        print(f"\n## {name}: {parts[name].title}\n", flush=True)
        results.append(ran(name, parts[name], quick=settings.quick))
        # Written after every part, so that an interrupted run keeps what it has.
        told = json.dumps({**setting, "results": results}, indent=1, ensure_ascii=False)
        (settings.out / "benchmarks.json").write_text(told, encoding="utf-8")
        (settings.out / "benchmarks.md").write_text(markdown(setting, results), encoding="utf-8")
    print(f"\nwritten: {settings.out / 'benchmarks.md'} and benchmarks.json")
    return max(abs(result["exit_status"]) for result in results)


if __name__ == "__main__":
    sys.exit(main())
