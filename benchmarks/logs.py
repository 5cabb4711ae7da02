"""Memory and time of importing logs that are larger than memory: ``python -m benchmarks.logs``.

Made logs of reasoning replies, ten kilobytes each by default, are read by ``bestofinf import`` in a process
of its own, into a store of SQLite.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.common import Figures, connect_support, table

connect_support()

from support import logs  # noqa: E402

_IMPORT = (
    "import resource, sys, time\nfrom bestofinf.cli import main\nbegan = time.monotonic()\n"
    "try: main(sys.argv[1:])\nexcept SystemExit as ended: assert not ended.code, ended.code\n"
    "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
    "print(f'{time.monotonic() - began} {peak}')"
)
EPOCHS = 8


def replies(samples: int, size: int) -> Iterator[tuple[int, int, str]]:
    """Yield (question, epoch, reply) of the given size in characters."""
    rng = random.Random(0)
    words = [str(rng.random()) for _ in range(1000)]
    for number in range(samples):
        thought = " ".join(rng.choices(words, k=max(1, size // 20)))
        value = 4 if rng.random() < 0.7 else rng.randrange(9)
        yield (
            number // EPOCHS,
            number % EPOCHS + 1,
            f"<think>\n{thought[:size]}\n</think>\n\nSo the answer is {value}.",
        )


def lm_eval(folder: Path, samples: int, size: int) -> Path:
    """Write a log of lm-evaluation-harness."""
    path = folder / "samples.jsonl"
    texts: list[str] = []
    with path.open("w") as file:
        for question, epoch, text in replies(samples, size):
            texts.append(text)
            if epoch == EPOCHS:
                file.write(json.dumps(logs.lm_eval_row(question, texts)) + "\n")
                texts = []
    return path


def inspect(folder: Path, samples: int, size: int) -> Path:
    """Write an archive of Inspect."""
    made = (
        logs.inspect_sample(question, epoch, text)
        for question, epoch, text in replies(samples, size)
    )
    return logs.inspect_eval(folder / "log.eval", made)


def batch(folder: Path, samples: int, size: int) -> Path:
    """Write an output file of OpenAI's batches, one line a sample, in no order."""
    path = folder / "output.jsonl"
    with path.open("w") as file:
        for question, epoch, text in replies(samples, size):
            row = logs.batch_row(f"q{question * 7919 % samples}-r{epoch}", text)
            file.write(json.dumps(row) + "\n")
    return path


KINDS = {"lm-eval": lm_eval, "inspect": inspect, "openai-batch": batch}


def one(kind: str, samples: int, size: int, answer: str) -> Figures:
    """Import a made log; return its size, the time and the peak of memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = KINDS[kind](folder, samples, size)
        more = ["--id-pattern", "(.+)-r[0-9]+"] if kind == "openai-batch" else []
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT, "import", str(folder / "answers.db"), str(path),
             "--answer", answer, "--json", *more],
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        told, measured = done.stdout.strip().splitlines()
        seconds, peak = map(float, measured.split())
        assert json.loads(told)["samples"] == samples, told
        return {
            "kind": kind,
            "samples": samples,
            "megabytes": path.stat().st_size / 1e6,
            "seconds": seconds,
            "peak_mib": peak,
        }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=10_000, help="characters of a reply")
    parser.add_argument("--answer", default="auto")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = [one(kind, options.samples, options.size, options.answer) for kind in options.kinds]
    rows = [
        (
            f["kind"],
            f"{f['samples']:,}",
            f"{f['megabytes']:,.0f}",
            f"{f['seconds']:,.0f}",
            f"{f['peak_mib']:.0f}",
        )
        for f in found
    ]
    print(table("log | samples | MB | seconds | peak MiB", rows))
    if options.json is not None:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
