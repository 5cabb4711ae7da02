"""Time and memory of imports and of the program's start: ``python -m benchmarks.footprint``.

Each line is the median of several fresh interpreters, in CPU time and peak memory, beyond an
interpreter that imports nothing. All modules are compiled beforehand, as they are where a package is
installed. An adapter may take at most `MOST_MS` more than what its framework's users import anyway.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.common import Figures, table

_HELP = (
    "import contextlib, io\nfrom bestofinf.cli import main\n"
    "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main({words})"
)
_CHAT = "from langchain_core.language_models.chat_models import BaseChatModel"
_LLM = "from llama_index.core.llms.llm import LLM"
PROGRAM = "rich, typer, numpy"
HELPS = {
    f"bestofinf {words} --help".replace("  ", " "): [*words.split(), "--help"]
    for words in ("", "status", "label")
}
CASES = {
    "bestofinf": "import bestofinf",
    PROGRAM: f"import {PROGRAM}",
    **{name: _HELP.format(words=words) for name, words in HELPS.items()},
    "bestofinf, one vote": (
        "from bestofinf import VotingEngine; from bestofinf.rules import parse_rule;"
        "from bestofinf.records import Sample; e = VotingEngine(parse_rule('balanced'));\n"
        "while not e.done:\n for d in e.ask(8): e.tell(d, Sample('4', tokens=9))"
    ),
    "langchain_core, BaseChatModel": _CHAT,
    "langchain_bestofinf": f"{_CHAT}\nfrom langchain_bestofinf import AdaptiveEnsembleChat",
    "llama_index.core, LLM": _LLM,
    "llamaindex_bestofinf": f"{_LLM}\nfrom llamaindex_bestofinf import AdaptiveEnsembleLLM",
    "its_hub": "import its_hub",
    "adaptive_consistency": "import adaptive_consistency",
    "consol": "import consol",
}
OVER = {
    "langchain_bestofinf": "langchain_core, BaseChatModel",
    "llamaindex_bestofinf": "llama_index.core, LLM",
}
"""What an adapter's import is compared with."""

MOST_MS = 250.0
_TELL = (
    "import resource, time; began = time.process_time()\n{code}\n"
    "print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def one(code: str, environment: Mapping[str, str]) -> tuple[float, float] | None:
    """Return CPU milliseconds and peak MiB; None where it cannot be imported."""
    command = [sys.executable, "-c", _TELL.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        return None
    seconds, kib = done.stdout.split()[-2:]
    return 1000 * float(seconds), float(kib) / 1024


def measured(times: int) -> list[Figures]:
    rounds: dict[str, list[tuple[float, float]]] = {}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as compiled:
        environment["PYTHONPYCACHEPREFIX"] = compiled
        for n in range(times + 1):
            for name, code in {"nothing": "pass", **CASES}.items():
                found = one(code, environment)
                if found is not None and n:  # the first round compiles
                    rounds.setdefault(name, []).append(found)
    medians = {
        name: [statistics.median(column) for column in zip(*values, strict=True)]
        for name, values in rounds.items()
    }
    base = medians.pop("nothing")
    rows: list[Figures] = [
        {"import": name, "cpu_ms": cpu - base[0], "memory_mib": memory - base[1]}
        for name, (cpu, memory) in medians.items()
    ]
    for row in rows:
        if row["import"] in HELPS:
            row["ratio"] = medians[row["import"]][0] / medians[PROGRAM][0]
        framework = medians.get(OVER.get(row["import"], ""))
        if framework is not None:
            row["over_ms"] = row["cpu_ms"] + base[0] - framework[0]
            row["over_ratio"] = row["over_ms"] / (framework[0] - base[0])
    return rows


def report(rows: Sequence[Figures]) -> str:
    text = table(
        "import | CPU ms | peak memory, MiB",
        [[row["import"], f"{row['cpu_ms']:.0f}", f"{row['memory_mib']:.0f}"] for row in rows],
    )
    missing = [name for name in CASES if name not in {row["import"] for row in rows}]
    note = f"\n\n(cannot be imported here, left out: {', '.join(missing)})" if missing else ""
    ratios = (f"`{r['import']}` {r['ratio']:.1f}" for r in rows if "ratio" in r)
    over = "".join(
        f"\n\n`{r['import']}` takes {r['over_ms']:.0f} ms more than {OVER[r['import']]} (at most "
        f"{MOST_MS:.0f}), {r['over_ratio']:.0%} of it."
        for r in rows
        if "over_ms" in r
    )
    return f"{text}{over}\n\nTimes the CPU of `import {PROGRAM}`, beyond the interpreter's own: {', '.join(ratios)}.{note}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    settings = parser.parse_args(arguments)
    rows = measured(1 if settings.quick else 5)
    print(report(rows))
    if settings.json is not None:
        settings.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
