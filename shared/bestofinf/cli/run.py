"""``bestofinf run``: the questions of a file, answered under one budget."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer
from rich.console import Console

from bestofinf._extras import require
from bestofinf.cli.ask import member, named
from bestofinf.cli.progress import shown, summary
from bestofinf.errors import UsageError
from bestofinf.evaluation.database import parse_url
from bestofinf.evaluation.privacy import Keep
from bestofinf.evaluation.store import EvaluationStore
from bestofinf.job import (
    Ask,
    Crew,
    Job,
    JobReport,
    Journal,
    LocalCrew,
    QuestionFile,
    arun_job,
)
from bestofinf.job.on_ray import RayCrew
from bestofinf.job.run import check_out
from bestofinf.plan import VotePlan
from bestofinf.pool import Budget


@dataclass(frozen=True)
class Members:
    """Everything that a worker needs to ask the members and to store what they say.

    Attributes:
        models: As on the command line.
        weights: File of a fit; None for none.
        rule: The stopping rule.
        answer: The answer type.
        max_samples: Most samples for one question.
        temperature: Sent to every model; None for their own.
        base_url: Address of a server; None for the providers' own.
        seed: Of the samples; None for none.
        retries: Further tries after a transient error.
        timeout: Most seconds for one request; None for no limit.
        store: Address of the store.
        run: Name of the run.
        keep: What is stored of replies.
        prices: Money for a token in and out, by model.
    """

    models: tuple[str, ...]
    weights: str | None
    rule: str
    answer: str
    max_samples: int
    temperature: float | None
    base_url: str | None
    seed: int | None
    retries: int
    timeout: float | None
    store: str
    run: str
    keep: Keep
    prices: Mapping[str, tuple[float, float]]

    def __call__(self) -> tuple[VotePlan[Any], Ask, Journal]:
        """Return the plan, who asks the members, and the journal."""
        adapter = require("langchain_bestofinf", extra="langchain", purpose="bestofinf run")
        batching = require("langchain_bestofinf.batching", extra="langchain", purpose="a batch")
        members, given = zip(
            *(
                member(text, self.temperature, self.base_url, self.prices.get(named(text)))
                for text in self.models
            ),
            strict=True,
        )
        if self.weights is not None and any(given):
            raise UsageError("give the weights either with the models or as a file, not both")
        ensemble = adapter.AdaptiveEnsembleChat(
            members=list(members),
            weights=self.weights,
            rule=self.rule,
            answer=self.answer,
            max_samples=self.max_samples,
            retries=self.retries,
            timeout=self.timeout,
            seed=self.seed,
        )
        plan = ensemble.plan()
        journal = Journal(EvaluationStore(self.store), self.run, plan, keep=self.keep)
        return plan, batching.asker(ensemble, seed=self.seed), journal


def run(
    questions: Annotated[
        Path, typer.Argument(help="The questions: a .csv, .jsonl or .parquet file.")
    ],
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            "-m",
            metavar="PROVIDER:MODEL[=WEIGHT]",
            help="A member; repeat it for an ensemble. tiny:sum and others are in the box.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Where the answers go: a .csv, .jsonl or .parquet file.")
    ],
    budget: Annotated[
        int | None, typer.Option(help="Samples over all questions, earlier runs included.")
    ] = None,
    token_budget: Annotated[int | None, typer.Option(help="The same in generated tokens.")] = None,
    cost_budget: Annotated[
        float | None, typer.Option(help="The same in money, at the prices of --price.")
    ] = None,
    mean_samples: Annotated[
        float | None, typer.Option(help="Hold this mean number of samples, without a total.")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(help="The prompt, with columns in braces: 'Which team? {ticket}'."),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(help="Column of the ids; id by default, or numbers where there is none."),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(help="When a question is settled; exhaustive with a total, else balanced."),
    ] = None,
    answer: Annotated[str, typer.Option(help="How replies become votes.")] = "auto",
    weights: Annotated[
        str | None, typer.Option(help="A file that `bestofinf fit --out` wrote.")
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL=INPUT,OUTPUT", help="Money for a million tokens in and out; repeat it."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Where every sample is kept; OUT.db by default, or postgresql://..."),
    ] = None,
    run_name: Annotated[
        str | None,
        typer.Option("--run", help="Name of the run in the store; that of OUT by default."),
    ] = None,
    keep: Annotated[str, typer.Option(help="Store answers, replies too, or all.")] = "answers",
    max_samples: Annotated[int, typer.Option(help="Most samples for one question.")] = 64,
    concurrency: Annotated[int, typer.Option(help="Most requests at a time.")] = 64,
    retries: Annotated[int, typer.Option(help="Further tries after a transient error.")] = 2,
    timeout: Annotated[float | None, typer.Option(help="Most seconds for one request.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Sent to every model; their own by default.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Sent to every model, and samples are counted in order: repeatable."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible server.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Ask from a Ray cluster: its address, or local.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Workers on the Ray cluster.")] = 2,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over", help="Go on though another process seems to be at work; it then ends."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Answer all questions of a file under one budget. Run it again after a kill: it goes on.

    Example: `bestofinf run tickets.csv -m openai:gpt-5-mini --prompt "Which team? {text}"
    --budget 200000 --out teams.csv`
    """
    total = _budget(budget, token_budget, cost_budget)
    # What is wrong with the files is told before anything is begun.
    check_out(out, questions)
    file = QuestionFile(questions, prompt, id_column)
    n_questions = file.check()
    if total is not None and total.unit == "samples" and total.total < n_questions:
        _say(f"{total.total:,.0f} samples are for {total.total:,.0f} of {n_questions:,} questions")
    rule = rule or ("exhaustive" if total is not None else "balanced")
    name = run_name or out.stem
    make = Members(
        tuple(model),
        weights,
        rule,
        answer,
        max_samples,
        temperature,
        base_url,
        seed,
        retries,
        timeout,
        store or str(out.with_name(f"{out.name}.db")),
        name,
        cast("Keep", keep),  # checked by the journal
        _prices(price or [], model),
    )
    if cost_budget is not None and not make.prices:
        raise UsageError("a budget in money needs the members' prices: --price MODEL=INPUT,OUTPUT")
    plan, ask, journal = make()
    job = Job(
        file,
        out,
        plan,
        budget=total,
        mean_samples=mean_samples,
        concurrency=concurrency,
        in_order=seed is not None,
        n_questions=n_questions,
    )

    async def work() -> JobReport:
        with _stopping() as stop, shown(stop) as show:
            crew: Crew = LocalCrew(ask, plan, journal)
            if ray is not None:
                crew = RayCrew(
                    make,
                    address=ray,
                    workers=workers,
                    concurrency=concurrency,
                    file_store=parse_url(make.store).get_backend_name() == "sqlite",
                )
            return await arun_job(job, journal, crew, progress=show, stop=stop)

    try:
        with journal.claimed(_settings(make, plan, prompt, id_column), take_over=take_over):
            report = asyncio.run(work())
    except KeyboardInterrupt:
        _say("interrupted: what was asked is kept, the same command goes on")
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps({"run": name, "out": str(out)} | asdict(report)))
    else:
        _say(summary(report, out))
    if report.stopped:
        raise typer.Exit(_INTERRUPTED)


_INTERRUPTED = 128 + signal.SIGINT  # as shells have it


def _budget(samples: int | None, tokens: int | None, cost: float | None) -> Budget | None:
    units: dict[Literal["samples", "tokens", "cost"], float | None]
    units = {"samples": samples, "tokens": tokens, "cost": cost}
    given = [Budget(total, unit) for unit, total in units.items() if total is not None]
    if len(given) > 1:
        raise UsageError("give one of --budget, --token-budget and --cost-budget")
    return given[0] if given else None


def _prices(given: list[str], models: list[str]) -> dict[str, tuple[float, float]]:
    """Return the money for a token in and out, by model."""
    names = set(map(named, models))
    prices = {}
    for text in given:
        name, _, numbers = text.rpartition("=")
        try:
            read, written = (float(number) / 1e6 for number in numbers.split(","))
        except ValueError:
            raise UsageError(f"--price {text!r}: wanted MODEL=INPUT,OUTPUT") from None
        if name not in names:
            raise UsageError(f"--price {text!r}: {name!r} is no --model")
        prices[name] = (read, written)
    return prices


def _settings(
    make: Members, plan: VotePlan[Any], prompt: str | None, id_column: str | None
) -> dict[str, Any]:
    """Return what must not change while a run goes on. Its budget may grow."""
    return {
        "members": {member.name: member.weight for member in plan.members},
        "rule": str(plan.rule),
        "answer": make.answer,
        "max_samples": plan.max_samples,
        "temperature": make.temperature,
        "seed": make.seed,
        "prompt": prompt,
        "id_column": id_column or "id",
    }


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """Give an event that the first Ctrl-C, or SIGTERM, sets; a second one ends the program."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def interrupted() -> None:
        stop.set()
        ended()
        _say(
            "stopping: waiting for what is in flight, then the answers so far are written "
            "(Ctrl-C again does not wait)"
        )

    def ended() -> None:
        for number in signals:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)

    for number in signals:
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not everywhere
            loop.add_signal_handler(number, interrupted)
    try:
        yield stop
    finally:
        ended()


def _say(text: str) -> None:
    Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(text)
