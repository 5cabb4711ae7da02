"""What the page costs on a large store: ``python -m benchmarks.view``.

A store of 20,000 questions with 50 samples each is made (``--postgres URL`` makes it there), then
served as users serve it. Told are the time from the start of the program to the first overview, the time
of pages, the memory of the program, the time to find what to label next, and the load of the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert

from benchmarks.common import connect_support
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.store import schema, tallies

MEMBERS = ("alpha", "beta", "gamma", "delta")
PATHS = (
    "/", "/questions", "/questions?show=contested", "/questions?show=unlabelled&order=newest",
    "/questions?q=plus+77", "/questions?q=q-a", "/questions?member=beta",
    "/questions?one=alpha&other=beta", "/q/7", "/label", "/label?order=random",
    "/label?order=decide&first=alpha&second=beta",
)  # fmt: skip


def fill(store: EvaluationStore, questions: int, samples: int) -> None:
    """Write questions of one call each, and count them."""
    rng = random.Random(1)
    for start in range(0, questions, 500):
        rows: dict[str, list[dict[str, Any]]] = {"questions": [], "calls": [], "samples": []}
        for number in range(start, min(start + 500, questions)):
            id_ = "q-" + hashlib.sha256(str(number).encode()).hexdigest()[:32]
            text = f"What is {number} plus {7 * number}? " + "context " * 40
            rows["questions"].append(
                {"id": id_, "last_message": text, "dataset": "", "created_at": 1.7e9 + 60 * number}
            )
            rows["calls"].append(
                {
                    "id": f"c{number}", "question_id": id_, "kind": "ensemble", "fixed": False,
                    "rule": "optimal", "answer": "1", "confidence": 0.9, "seconds": 2.0,
                    "reason": f"optimal: lead of {number % 9}", "started_at": 1.7e9 + 60 * number,
                }
            )  # fmt: skip
            skill = rng.random()
            for draw in range(samples):
                answer = 8 * number + (0 if rng.random() < skill else rng.randint(1, 4))
                rows["samples"].append(
                    {
                        "call_id": f"c{number}", "draw": draw, "member": MEMBERS[draw % 4],
                        "answer": str(answer), "tokens": 90 + draw, "seconds": 1.0, "cost": 1e-4,
                        "counted": True,
                    }
                )  # fmt: skip
        with store._database.write() as connection:
            for name, some in rows.items():
                connection.execute(insert(getattr(schema, name)), some)
    with store._database.write() as connection:
        tallies.rebuild(connection)


def memory(pid: int) -> float:
    """Return the greatest resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def measured(address: str, rounds: int) -> dict[str, Any]:
    """Serve a store and return what it took."""
    connect_support()
    from support.browser import TOKEN, Served

    began = time.perf_counter()
    served = Served(address)
    with httpx.Client(base_url=served.address, trust_env=False, timeout=60) as client:
        started = time.perf_counter()
        client.get("/", params={"token": TOKEN}, follow_redirects=True).raise_for_status()
        figures: dict[str, Any] = {
            "start_s": round(started - began, 2),
            "first_overview_s": round(time.perf_counter() - started, 2),
        }
        pages = {}
        for path in PATHS:
            times: list[float] = []
            for _ in range(rounds):
                sent = time.perf_counter()
                client.get(path).raise_for_status()
                times.append(time.perf_counter() - sent)
            middle = statistics.median(times)
            pages[path] = [round(1000 * seconds) for seconds in (times[0], middle, max(times))]
        figures["pages_ms_first_median_max"] = pages
        figures["memory_mb"] = round(memory(served.process.pid))
    served.kill()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the questions")
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    questions = 2_000 if given.quick else 20_000
    with tempfile.TemporaryDirectory() as folder:
        address = given.postgres or f"{folder}/answers.db"
        began = time.perf_counter()
        with EvaluationStore(address) as store:
            fill(store, questions, 50)
            print(
                f"{questions:,} questions × 50 samples made in {time.perf_counter() - began:.0f} s"
            )
            times = []
            for _ in range(5):
                asked = time.perf_counter()
                store.unlabelled(20)
                times.append(time.perf_counter() - asked)
        figures: dict[str, Any] = {
            "questions": questions,
            "load_of_cores": [round(os.getloadavg()[0], 1), os.cpu_count()],
            "next_to_label_s": round(statistics.median(times), 4),
        }
        figures |= measured(address, 7)
    for name, value in figures.items():
        print(f"{name}: {value}")
    if given.json:
        given.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
