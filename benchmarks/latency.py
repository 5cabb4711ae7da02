"""Time and waste of one question, end to end: ``python -m benchmarks.latency [--json FILE]``.

A loopback server answers with recorded samples of real models and takes as long as they took:
so many microseconds for every token they generated. Every way to vote sees the same samples in
the same order of requests. Told are the time a question takes, in seconds of the run and as the
tokens that one request after the other would generate in it, the requests started, the tokens
generated and so paid (those of cancelled requests up to the moment they were cancelled), and how
often the answer is the gold one and the model's mode over all of its recorded samples.

Without recorded data (see BESTOFINF_DATA) a made set of like lengths stands in, and is named so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.common import Figures, connect_support, table

connect_support()

MEMBERS = ("Phi-4-reasoning", "gpt-oss-20b")
MOST = 32
MEAN_SECONDS = 0.6
AT_ONCE = 4
OURS = {
    "one sample": {"rule": "fixed:n=1"},
    "fixed 8 in parallel": {"rule": "fixed:n=8", "concurrency": 8},
    # By default eight start at first, to see whether any of them has an answer at all.
    "fixed 16 in parallel": {"rule": "fixed:n=16", "concurrency": 16, "abstain_limit": 16},
    "ours, balanced, one by one": {"concurrency": 1},
    "ours, balanced, waiting 0 (thrifty)": {"waiting": 0},
    "ours, balanced (waiting 0.5)": {},
    "ours, balanced, waiting 2": {"waiting": 2},
    "ours, balanced, eager, 4 slots": {"launch": "eager", "concurrency": 4},
    "ours, balanced, eager": {"launch": "eager"},
    "ours, fast, waiting 0 (thrifty)": {"rule": "fast", "waiting": 0},
    "ours, fast (waiting 0.5)": {"rule": "fast"},
    "ours, fast, waiting 2": {"rule": "fast", "waiting": 2},
    "ours, fast, eager, 4 slots": {"rule": "fast", "launch": "eager", "concurrency": 4},
    "ours, fast, eager": {"rule": "fast", "launch": "eager"},
    "ours, adaptive-consistency (waiting 0.5)": {"rule": "adaptive-consistency"},
    "ours, adaptive-consistency, eager": {"rule": "adaptive-consistency", "launch": "eager"},
}
"""Settings of the ensemble beside `MOST` and those that all share."""
REFERENCE = "ours, balanced, one by one"

Way = Callable[[str, str], Awaitable[str | None]]
"""From model and prompt to the answer."""


@dataclass(frozen=True)
class Known:
    """A question of a model: what to ask, what is right, and what the model mostly says."""

    model: str
    prompt: str
    gold: str | None
    mode: str | None


def read(text: str) -> str | None:
    """Return what is boxed; recorded answers are already in one form."""
    _, found, rest = text.rpartition("\\boxed{")
    return rest.rpartition("}")[0] if found else None


def backend_of(quick: bool) -> tuple[Any, list[Known], str]:
    """Return the server's back end, the questions, and where they are from."""
    from support.recorded import MadeBackend, RecordedBackend, recorded_data

    if recorded_data() is not None:
        members = MEMBERS[:1] if quick else MEMBERS
        backend: Any = RecordedBackend.from_data("aime2024", members)
        return backend, known_of(backend, backend.evaluation_set), "recorded: aime2024"
    backend = MadeBackend(30 if quick else 60, models={"alpha": 0.5})
    return backend, known_of(backend, backend.evaluation_set(128)), "MADE"


def known_of(backend: Any, recorded: Any) -> list[Known]:
    found = []
    for question, prompt in zip(recorded.questions, backend.prompts, strict=True):
        for model, samples in question.samples.items():
            counts = Counter(answer for answer in samples.answers if answer is not None)
            mode = counts.most_common(1)[0][0] if counts else None
            found.append(Known(model, prompt, question.gold, mode))
    return found


def ways(url: str) -> dict[str, Way]:
    """Return every way to vote, by name; all share one client a model."""
    from langchain_openai import ChatOpenAI

    from bestofinf.answers import FunctionAnswer
    from langchain_bestofinf import AdaptiveEnsembleChat

    clients: dict[str, ChatOpenAI] = {}

    def client(model: str) -> ChatOpenAI:
        if model not in clients:
            clients[model] = ChatOpenAI(
                model=model, base_url=url, api_key="none", max_retries=0, temperature=1
            )
        return clients[model]

    def ensemble(settings: dict[str, Any]) -> Way:
        answer = FunctionAnswer(read)

        async def run(model: str, prompt: str) -> str | None:
            voter = AdaptiveEnsembleChat(
                [client(model)], answer=answer, **{"max_samples": MOST, **settings}
            )
            return read((await voter.ainvoke(prompt)).text)

        return run

    def peer(vote: peers.Peer) -> Way:
        async def run(model: str, prompt: str) -> str | None:
            async def ask() -> str:
                return str((await client(model).ainvoke(prompt)).text)

            return await vote(ask, read)

        return run

    found = {name: ensemble(settings) for name, settings in OURS.items()}
    return found | {name: peer(vote) for name, vote in peers.available(MOST).items()}


async def measured(quick: bool, only: Sequence[str], seconds: float) -> list[Figures]:
    from support.server import LoopbackServer

    backend, questions, source = backend_of(quick)
    lengths = [
        tokens
        for question in backend.questions
        for place, model in enumerate(backend.models)
        for tokens in [backend.sample(question, model, place).tokens]
        if tokens
    ]
    per_token = seconds / statistics.fmean(lengths)
    rows: list[Figures] = []
    with LoopbackServer(backend, seconds_per_token=per_token) as server:
        chosen = {n: way for n, way in ways(server.url).items() if not only or n in only}
        first = next(iter(chosen.values()))
        await first(questions[0].model, questions[0].prompt)  # connections, imports
        for name, way in chosen.items():
            await server.idle()
            server.reset()
            took, answers = await asked(way, questions)
            await server.idle()
            entries = server.entries
            paid = sum(generated(entry, per_token) for entry in entries)
            cut = sum(entry.outcome != "finished" for entry in entries)
            right = [a == q.gold for a, q in zip(answers, questions, strict=True)]
            rows.append(
                {
                    "way": name,
                    "source": source,
                    "questions": len(questions),
                    "seconds": statistics.fmean(took),
                    "as_tokens": statistics.fmean(took) / per_token,
                    "requests": len(entries) / len(questions),
                    "cancelled": cut / len(questions),
                    "tokens": paid / len(questions),
                    "accuracy": statistics.fmean(right),
                    "accuracy_se": error(right),
                    "agreement": statistics.fmean(
                        a == q.mode for a, q in zip(answers, questions, strict=True)
                    ),
                }
            )
            print(f"  {name}: {sum(took):.0f} s", flush=True)
    return rows


async def asked(way: Way, questions: Sequence[Known]) -> tuple[list[float], list[str | None]]:
    """Return seconds and answer of every question, a few of them at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(question: Known) -> tuple[float, str | None]:
        async with slots:
            began = time.perf_counter()
            answer = await way(question.model, question.prompt)
            return time.perf_counter() - began, answer

    found = await asyncio.gather(*(one(question) for question in questions))
    return [seconds for seconds, _ in found], [answer for _, answer in found]


def generated(entry: Any, per_token: float) -> float:
    """Return the tokens that were generated for a request, up to its end."""
    whole = sum(choice.completion_tokens for choice in entry.choices)
    return whole if entry.outcome == "finished" else min(whole, entry.seconds / per_token)


def error(values: Sequence[bool]) -> float:
    mean = statistics.fmean(values)
    return math.sqrt(mean * (1 - mean) / len(values))


def report(rows: Sequence[Figures]) -> str:
    reference = next((row for row in rows if row["way"] == REFERENCE), rows[0])
    text = table(
        f"{rows[0]['source']}, {rows[0]['questions']} questions | time, s | as thousand tokens | "
        "of one by one | requests | of them cancelled | tokens paid, thousand | accuracy | "
        "is the mode",
        [
            [
                row["way"],
                f"{row['seconds']:.2f}",
                f"{row['as_tokens'] / 1000:.1f}",
                f"{row['seconds'] / reference['seconds']:.0%}",
                f"{row['requests']:.2f}",
                f"{row['cancelled']:.2f}",
                f"{row['tokens'] / 1000:.1f}",
                f"{row['accuracy']:.3f} ± {row['accuracy_se']:.3f}",
                f"{row['agreement']:.3f}",
            ]
            for row in rows
        ],
    )
    note = peers.absent()
    return f"{text}\n\n({note})" if note else text


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="one member's questions")
    parser.add_argument("--way", action="append", default=[], help="only this way; repeat")
    parser.add_argument(
        "--seconds",
        type=float,
        default=MEAN_SECONDS,
        help="a reply's mean time; more on a busy machine",
    )
    settings = parser.parse_args(arguments)
    rows = asyncio.run(measured(settings.quick, settings.way, settings.seconds))
    print(report(rows))
    if settings.json is not None:
        settings.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
