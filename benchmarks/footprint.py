"""Time and memory of imports: ``python -m benchmarks.footprint``.

Each line is the median of several fresh interpreters, in CPU time and peak memory, beyond an
interpreter that imports nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import Figures, table

CASES = {
    "bestofinf": "import bestofinf",
    "bestofinf, one vote": (
        "from bestofinf import VotingEngine; from bestofinf.rules import parse_rule;"
        "from bestofinf.records import Sample; e = VotingEngine(parse_rule('balanced'));\n"
        "while not e.done:\n for d in e.ask(8): e.tell(d, Sample('4', tokens=9))"
    ),
    "langchain_core, BaseChatModel": "from langchain_core.language_models import BaseChatModel",
    "langchain_bestofinf": "from langchain_bestofinf import AdaptiveEnsembleChat",
    "llama_index.core, LLM": "from llama_index.core.llms import LLM",
    "llamaindex_bestofinf": "from llamaindex_bestofinf import AdaptiveEnsembleLLM",
    "its_hub": "import its_hub",
    "adaptive_consistency": "import adaptive_consistency",
    "consol": "import consol",
}
_TELL = (
    "import resource, time; began = time.process_time()\n{code}\n"
    "print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def one(code: str) -> tuple[float, float] | None:
    """Return CPU milliseconds and peak MiB; None where it cannot be imported."""
    command = [sys.executable, "-c", _TELL.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    seconds, kib = done.stdout.split()[-2:]
    return 1000 * float(seconds), float(kib) / 1024


def measured(times: int) -> list[Figures]:
    rounds: dict[str, list[tuple[float, float]]] = {}
    for _ in range(times):
        for name, code in {"nothing": "pass", **CASES}.items():
            found = one(code)
            if found is not None:
                rounds.setdefault(name, []).append(found)
    medians = {
        name: [statistics.median(column) for column in zip(*values, strict=True)]
        for name, values in rounds.items()
    }
    base = medians.pop("nothing")
    return [
        {"import": name, "cpu_ms": cpu - base[0], "memory_mib": memory - base[1]}
        for name, (cpu, memory) in medians.items()
    ]


def report(rows: Sequence[Figures]) -> str:
    text = table(
        "import | CPU ms | peak memory, MiB",
        [[row["import"], f"{row['cpu_ms']:.0f}", f"{row['memory_mib']:.0f}"] for row in rows],
    )
    missing = [name for name in CASES if name not in {row["import"] for row in rows}]
    note = f"\n\n(cannot be imported here, left out: {', '.join(missing)})" if missing else ""
    return text + note


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
