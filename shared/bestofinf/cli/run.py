"""``bestofinf run``: the questions of a file, answered under one budget."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from bestofinf.cli.models import FORMS, ensemble_of, is_config, named, one_config, plan_of
from bestofinf.cli.options import BaseUrl, EnsembleFile, EnsembleName, Temperature, WeightsFile
from bestofinf.cli.progress import shown, summary
from bestofinf.cli.stopping import stopping
from bestofinf.cli.terminal import Console
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf import Draw, Sample
    from bestofinf.batches import AskMember, Executor, JobReport, Journal
    from bestofinf.batches.pool import Budget
    from bestofinf.ensemble.plan import VotePlan
    from bestofinf.evaluation.recording.privacy import Keep


@dataclass(frozen=True)
class Members:
    """Everything that a worker needs to ask the members and to store what they say.

    Attributes:
        models: The models as given on the command line, or only the path of an ensemble's file.
        weights: Path of a file that ``fit --out`` wrote; None for none.
        rule: The stopping rule; None for that of the ensemble's file, or the default.
        answer: The answer type; None likewise.
        max_samples: Maximum number of samples for one question; None likewise.
        temperature: Temperature sent to every model; None for the models' own.
        base_url: Address of a server; None for the providers' own.
        seed: Seed sent to every model; None for none.
        retries: Retries after a transient error; None for the default.
        timeout: Time limit of one request in seconds; None for no limit.
        store: Address of the store.
        run: Name of the run.
        keep: What is stored of a call: answers, questions, replies or all.
        prices: Price of one input token and of one output token, by model.
        ensemble: Name of the ensemble in the file; None for the only one.
    """

    models: tuple[str, ...]
    weights: str | None
    rule: str | None
    answer: str | None
    max_samples: int | None
    temperature: float | None
    base_url: str | None
    seed: int | None
    retries: int | None
    timeout: float | None
    store: str
    run: str
    keep: Keep
    prices: Mapping[str, tuple[float, float]]
    ensemble: str | None = None

    def __call__(self) -> tuple[VotePlan[Any], AskMember, Journal]:
        """Return the plan, the function that asks its members, and the journal."""
        from bestofinf.batches import Journal
        from bestofinf.evaluation import EvaluationStore

        settings = {
            "rule": self.rule,
            "answer": self.answer,
            "max_samples": self.max_samples,
            "retries": self.retries,
            "timeout": self.timeout,
            "seed": self.seed or 0,
        }
        if is_config(self.models[0]):
            plan = ensemble_of(self.models[0], self.ensemble, **settings).plan()
        else:
            plan = plan_of(
                self.models,
                weights=self.weights,
                temperature=self.temperature,
                base_url=self.base_url,
                prices=self.prices,
                **settings,
            )
        journal = Journal(EvaluationStore(self.store), self.run, plan, keep=self.keep)
        return plan, _asker(plan, self.seed), journal


def _asker(plan: VotePlan[Any], seed: int | None) -> AskMember:
    """Return the function that asks a plan's members; with a seed a run can be repeated exactly."""
    from bestofinf.ensemble.chat import ChatClient
    from bestofinf.ensemble.client import arun
    from bestofinf.ensemble.sampler import Sampler
    from bestofinf.ensemble.state import EnsembleState

    client, limits = ChatClient(seed=seed), EnsembleState(plan.members).limits

    async def ask(prompt: str, draw: Draw) -> Sample:
        return await arun(Sampler(client, prompt, plan.members, limits).draw(draw))

    return ask


def run(
    questions: Annotated[
        Path, typer.Argument(help="The questions: a .csv, .jsonl or .parquet file.")
    ],
    out: Annotated[Path, typer.Option(help="File for the answers: .csv, .jsonl or .parquet.")],
    file: EnsembleFile = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar=FORMS,
            help="A member; repeat it for an ensemble. tiny:sum and others come with the package. Or the "
            "file of an ensemble.",
        ),
    ] = None,
    ensemble: EnsembleName = None,
    budget: Annotated[
        int | None, typer.Option(help="Samples over all questions, earlier runs included.")
    ] = None,
    token_budget: Annotated[
        int | None, typer.Option(help="Generated tokens over all questions.")
    ] = None,
    cost_budget: Annotated[
        float | None, typer.Option(help="Money over all questions, at the prices of --price.")
    ] = None,
    mean_samples: Annotated[
        float | None,
        typer.Option(help="Mean number of samples for a question, in place of a total."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="The prompt, with columns in braces: 'Which team? {ticket}'.")
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(help="Column of the ids; id by default, else the numbers of the rows."),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(help="When to stop; exhaustive with a total budget, else balanced."),
    ] = None,
    answer: Annotated[str | None, typer.Option(help="Answer type; auto by default.")] = None,
    weights: WeightsFile = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL=INPUT,OUTPUT", help="Price of a million tokens in and out; repeat it."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Store of every sample: OUT.db by default, or postgresql://..."),
    ] = None,
    run_name: Annotated[
        str | None,
        typer.Option("--run", help="Name of the run in the store; that of OUT by default."),
    ] = None,
    keep: Annotated[
        str, typer.Option(help="What is stored: answers, questions, replies, all.")
    ] = "questions",
    max_samples: Annotated[
        int | None, typer.Option(help="Maximum number of samples a question; 64 by default.")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Maximum requests at a time.")] = 64,
    retries: Annotated[
        int | None, typer.Option(help="Retries after a transient error; 2 by default.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Time limit of a request in seconds.")
    ] = None,
    temperature: Temperature = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed sent to every model; it makes the run repeatable.")
    ] = None,
    base_url: BaseUrl = None,
    ray: Annotated[
        str | None,
        typer.Option(help="Ask from the workers of a Ray cluster: its address, or local."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Workers on the Ray cluster.")] = 2,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take the run over from another process.")
    ] = False,
    formulas: Annotated[
        bool,
        typer.Option(
            "--formulas",
            help="Do not escape texts that a spreadsheet would execute in a .csv file.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Answer all questions of a file under one budget. Run the same command again to resume.

    Exit status: 0, or 1 if nothing was decided, 2 for an error, 130 after an interrupt.

    Example: `bestofinf run tickets.csv -m openai:gpt-5-mini --prompt "Which team? {text}"
    --budget 200000 --out teams.csv`
    """
    import asyncio

    from bestofinf.batches import Job, LocalExecutor, QuestionFile, arun_job
    from bestofinf.batches.job import check_out
    from bestofinf.batches.on_ray import RayExecutor
    from bestofinf.evaluation.store.database import parse_url

    if file is not None and is_config(str(questions)):
        questions, file = Path(file), str(questions)
    models = [*(model or ()), *([] if file is None else [file])]
    config = one_config(
        models,
        {
            "--weights": weights,
            "--temperature": temperature,
            "--base-url": base_url,
            "--price": price or None,
        },
    )
    total = _budget(budget, token_budget, cost_budget)
    # Errors in the files are reported before anything is started.
    check_out(out, questions)
    asked = QuestionFile(questions, prompt, id_column)
    n_questions = asked.check()
    if total is not None and total.unit == "samples" and total.total < n_questions:
        _say(f"{total.total:,.0f} samples are for {total.total:,.0f} of {n_questions:,} questions")
    if config is None:
        rule = rule or ("exhaustive" if total is not None else "balanced")
    name = run_name or out.stem
    make = Members(
        tuple(models),
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
        _prices(price or [], models),
        ensemble,
    )
    if cost_budget is not None and not make.prices and config is None:
        raise UsageError("a budget in money needs the members' prices: --price MODEL=INPUT,OUTPUT")
    plan, ask, journal = make()
    if cost_budget is not None and not any(any(member.price) for member in plan.members):
        raise UsageError(f"a budget in money needs the members' prices: price in {config}")
    job = Job(
        asked,
        out,
        plan,
        budget=total,
        mean_samples=mean_samples,
        concurrency=concurrency,
        in_order=seed is not None,
        n_questions=n_questions,
        formulas=formulas,
    )

    async def work() -> JobReport:
        with stopping(_say) as stop, shown(stop) as show:
            crew: Executor = LocalExecutor(ask, plan, journal)
            if ray is not None:
                crew = RayExecutor(
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
    if report.stopped or (report.questions and not report.decided):
        raise typer.Exit(_INTERRUPTED if report.stopped else 1)


_INTERRUPTED = 128 + signal.SIGINT  # as shells have it


def _budget(samples: int | None, tokens: int | None, cost: float | None) -> Budget | None:
    from bestofinf.batches.pool import Budget

    units: dict[Literal["samples", "tokens", "cost"], float | None]
    units = {"samples": samples, "tokens": tokens, "cost": cost}
    given = [Budget(total, unit) for unit, total in units.items() if total is not None]
    if len(given) > 1:
        raise UsageError("give only one of --budget, --token-budget and --cost-budget")
    return given[0] if given else None


def _prices(given: list[str], models: list[str]) -> dict[str, tuple[float, float]]:
    """Return the price of one input token and of one output token, by model."""
    names = sorted(map(named, models))
    prices = {}
    for text in given:
        name, _, numbers = text.rpartition("=")
        try:
            read, written = (float(number) / 1e6 for number in numbers.split(","))
        except ValueError:
            raise UsageError(f"--price {text!r}: wanted MODEL=INPUT,OUTPUT, two numbers") from None
        if name not in names:
            raise UsageError(f"--price {text!r}: {name!r} is no --model ({', '.join(names)})")
        prices[name] = (read, written)
    return prices


def _answer_of(make: Members) -> str:
    """Return the name of the answer type to use if the command line gives none."""
    from bestofinf.ensemble.config import read_config

    if not is_config(make.models[0]):
        return "auto"
    return str(read_config(make.models[0]).ensemble(make.ensemble).settings.get("answer", "auto"))


def _settings(
    make: Members, plan: VotePlan[Any], prompt: str | None, id_column: str | None
) -> dict[str, Any]:
    """Return the settings that must stay the same when a run is resumed. Its budget may grow."""
    return {
        "members": {member.name: member.weight for member in plan.members},
        "rule": str(plan.rule),
        "answer": make.answer or _answer_of(make),
        "max_samples": plan.max_samples,
        "temperature": make.temperature,
        "seed": make.seed,
        "prompt": prompt,
        "id_column": id_column or "id",
    }


def _say(text: str) -> None:
    Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(text)
