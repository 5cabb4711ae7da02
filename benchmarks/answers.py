"""Votes a second of every answer type, and what it takes as equal: ``python -m benchmarks.answers``.

Replies are read, canonised and placed among up to 50 answers that came before, as in a vote; the
time is CPU time of this process and told for replies never seen before and for those seen again.
Equality is counted on the labelled pairs of ``tests/answers/pairs.jsonl``: pairs that are one
answer and were merged, and pairs that are not and were.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.common import ROOT, Figures, table
from bestofinf.answers import AnswerClasses, resolve_answer
from bestofinf.records import Reply, ToolCall

PAIRS = ROOT / "tests" / "answers" / "pairs.jsonl"
ANSWERS = 50
REPLIES = {
    "text": lambda n: Reply(text=f"Answer number {n}!"),
    "number": lambda n: Reply(text=f"First we add, so that the answer is {n:,}.00."),
    "choice": lambda n: Reply(text=f"Case {n} leaves one option. The answer is ({'ABCDE'[n % 5]})."),
    "boxed": lambda n: Reply(text=f"Counting the cases, the answer is \\boxed{{{n}}}."),
    "math": lambda n: Reply(text=f"Therefore: the answer is $\\boxed{{\\frac{{{n}}}{{7}}+1}}$."),
    "json": lambda n: Reply(text=json.dumps({"name": f"thing {n}", "size": n, "tags": ["a", "b"]})),
    "tool-calls": lambda n: Reply(tool_calls=(ToolCall("look_up", {"city": f"c{n}", "days": 3}),)),
    "auto": lambda n: Reply(text=f"Counting the cases, the answer is \\boxed{{{n}}}."),
}  # fmt: skip
"""A reply for each whole number."""


def votes_per_second(name: str, seconds: float) -> tuple[float, float]:
    """Return votes a second for replies never seen and for replies seen before."""
    answer = resolve_answer(name)
    make: Callable[[int], Reply] = REPLIES[name]
    source = random.Random(0)

    def rate(numbers: Callable[[], list[int]]) -> float:
        votes, spent = 0, 0.0
        while spent < seconds:
            replies = [make(number) for number in numbers()]
            classes = AnswerClasses(answer)
            began = time.process_time()
            for reply in replies:
                value, _ = answer.vote(reply)
                if value is not None:
                    classes.place(value)
            spent += time.process_time() - began
            votes += len(replies)
        return votes / spent

    known = list(range(ANSWERS))
    rate(lambda: known)  # what is made when first needed
    new = rate(lambda: [source.randrange(10**9) for _ in range(ANSWERS)])
    again = rate(lambda: source.choices(known, k=10 * ANSWERS))
    return new, again


def equality() -> list[Figures]:
    """Return what each answer type made of the labelled pairs."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for line in PAIRS.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        answer = resolve_answer(pair["answer"])
        first, second = (answer.vote(Reply(text=pair[side]))[0] for side in ("first", "second"))
        merged = first is not None and second is not None and answer.same(first, second)
        for name in (pair["answer"], "all"):
            row = counts[name]
            row[0 if pair["same"] else 2] += 1
            row[1 if pair["same"] else 3] += merged
    return [
        {"answer": name, "same": same, "merged": merged, "different": other, "wrongly": wrong}
        for name, (same, merged, other, wrong) in sorted(counts.items())
    ]


def measured(quick: bool) -> Figures:
    rates = []
    for name in REPLIES:
        new, again = votes_per_second(name, 0.1 if quick else 0.5)
        rates.append({"answer": name, "new_per_s": new, "again_per_s": again})
    return {"rates": rates, "equality": equality()}


def report(found: Figures) -> str:
    rates = table(
        "answer type | votes a second, new replies | seen before | µs a vote, new",
        [
            [
                row["answer"],
                f"{row['new_per_s']:,.0f}",
                f"{row['again_per_s']:,.0f}",
                f"{1e6 / row['new_per_s']:.0f}",
            ]
            for row in found["rates"]
        ],
    )
    pairs = table(
        "labelled pairs | that are one answer | merged | that are not | merged in error",
        [
            [
                row["answer"],
                str(row["same"]),
                f"{row['merged']} ({row['merged'] / max(row['same'], 1):.1%})",
                str(row["different"]),
                str(row["wrongly"]),
            ]
            for row in found["equality"]
        ],
    )
    return f"{rates}\n\n{pairs}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    settings = parser.parse_args(arguments)
    found = measured(settings.quick)
    print(report(found))
    if settings.json is not None:
        settings.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
