"""``bestofinf demo``: an adaptive ensemble of real, tiny language models, offline."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.bar import Bar
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bestofinf._extras import require
from bestofinf.cli.live import VoteView, votes_table
from bestofinf.cli.models import ask_models
from bestofinf.cli.options import AsJson
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console

if TYPE_CHECKING:
    from bestofinf.cli.demo_recorded import DemoRow
    from bestofinf.ensemble.plan import VotePlan
    from bestofinf.evaluation import EvaluationSet


_WIDE = 76
"""Width in columns of the narrowest terminal on which bars are drawn."""

NEXT = """
Next, ask a model of your own, and find out whether voting helps on your questions:

  bestofinf ask "What is 17 * 23?" -m qwen3-8b@http://127.0.0.1:8080/v1
  bestofinf run questions.csv -m qwen3-8b@http://127.0.0.1:8080/v1 --rule fixed:n=8 --out answers.csv
  bestofinf label answers.csv.db --random 30
  bestofinf advise answers.csv.db"""


def demo(
    questions: Annotated[int, typer.Option(help="Questions to ask live.", min=1)] = 30,
    seed: Annotated[int, typer.Option(help="Seed of the split and of the replies.")] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Draw accuracy against samples into this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Watch an adaptive ensemble answer questions: offline, without a key, in about a minute.

    Four tiny language models come with the package. They really sample, and each is good at some
    questions and poor at others. Weights are fitted on half of the recorded questions; everything
    shown is on the other half.
    """
    from bestofinf import tiny
    from bestofinf.cli.demo_recorded import fitted, measured

    console = Console(stderr=as_json)
    train, test = tiny.recorded().split(0.5, seed=seed)
    console.print(
        f"[bold]Four tiny language models[/] ({', '.join(tiny.MEMBERS)}), {len(train)} recorded "
        f"questions to learn from, {len(test)} others to report on",
        highlight=False,
    )
    weights, how = fitted(train)
    shown = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    console.print(f"weights {how}: {shown}\n", highlight=False)

    rows, lines = measured(train, test, weights, seed)
    if console.width >= _WIDE:
        console.print(_drawn(rows))
    else:
        columns = [Column(""), *(Column(name, "number") for name in ("right", "samples", "tokens"))]
        show_table(console, columns, [_cells(row) for row in rows])
    console.print(
        "[dim]recorded samples, voted on again; ± is the standard error over questions[/]\n"
    )
    if picture is not None:
        _draw(lines, picture)
        console.print(f"picture: {picture}\n", highlight=False)

    live = _asked(test, weights, questions, seed, console)
    console.print(
        f"[bold]Asked live[/]: {live['right']} of {live['questions']} "
        f"right ({live['accuracy']:.3f} ± {live['se']:.3f}) with {live['samples']:.1f} samples a "
        "question",
        highlight=False,
    )
    _contested(test, weights, seed, console)
    console.print(NEXT, highlight=False, markup=False, soft_wrap=True)
    if as_json:
        record = {
            "weights": weights,
            "heldout": {
                row.name: {
                    "accuracy": row.accuracy,
                    "se": row.se,
                    "samples": row.samples,
                    "tokens": row.tokens,
                }
                for row in rows
            },
            "live": live,
        }
        typer.echo(json.dumps(record))


def _drawn(rows: Sequence[DemoRow]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("", overflow="fold")
    table.add_column("right", justify="right", no_wrap=True)
    table.add_column("", width=24)
    table.add_column("samples", justify="right", no_wrap=True)
    table.add_column("tokens", justify="right", no_wrap=True)
    for row in rows:
        adaptive = row.name.startswith("adaptive")
        name, right, samples, tokens = _cells(row)
        bar = Bar(1.0, 0, row.accuracy, color="green" if adaptive else "bright_black")
        table.add_row(name, right, bar, samples, tokens, style="bold" if adaptive else "")
    return table


def _cells(row: DemoRow) -> tuple[str, str, str, str]:
    right = f"{row.accuracy:.3f} ± {row.se:.3f}"
    return row.name, right, f"{row.samples:.1f}", f"{row.tokens:,.0f}"


def _draw(lines: Mapping[str, Sequence[tuple[float, float]]], path: Path) -> None:
    figures = require("matplotlib.figure", extra="plots", purpose="a picture of the demo")
    figure = figures.Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, points in lines.items():
        adaptive = name.startswith("adaptive")
        axes.plot(
            *zip(*points, strict=True),
            marker="o" if adaptive else ".",
            linewidth=2.5 if adaptive else 1.2,
            label=name,
        )
    axes.set(
        xscale="log",
        xlabel="samples a question",
        ylabel="share right",
        title="Tiny models, held out",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def _plan(weights: Mapping[str, float], seed: int, **settings: Any) -> VotePlan[Any]:
    from bestofinf import Member
    from bestofinf.ensemble.plan import VotePlan
    from bestofinf.tiny.chat import TinyMember

    members = [
        Member(TinyMember(name, seed=seed), weight=weight, name=name)
        for name, weight in weights.items()
    ]
    return VotePlan.make(members, **settings)


def _asked(
    test: EvaluationSet,
    weights: Mapping[str, float],
    number: int,
    seed: int,
    console: Console,
) -> dict[str, float]:
    import numpy as np

    from bestofinf.ensemble.state import EnsembleState

    plan = _plan(weights, seed)
    state = EnsembleState(plan.members)
    chosen = test.questions[:number]
    right, samples = [], 0
    bar = Progress(
        TextColumn("asking live"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[score]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=len(chosen), score="")
        for question in chosen:
            trace = ask_models(plan, str(question.prompt), state=state).told
            right.append(trace["answer"] == question.gold)
            samples += trace["n_samples"]
            share = sum(right) / len(right)
            bar.update(task, advance=1, score=f"{share:.0%} right, {samples} samples")
    error = float(np.std(right, ddof=1) / math.sqrt(len(right))) if len(right) > 1 else math.nan
    return {
        "questions": len(right),
        "right": int(sum(right)),
        "accuracy": sum(right) / len(right),
        "se": error,
        "samples": samples / len(right),
    }


def _contested(
    test: EvaluationSet, weights: Mapping[str, float], seed: int, console: Console
) -> None:
    """Show the vote on the question that the recorded answers are most divided on."""

    def gap(question: Any) -> float:
        shares: dict[str, float] = {}
        for name, samples in question.samples.items():
            counts = samples.counts()
            for answer, count in counts.items():
                share = weights.get(name, 0.0) * count / counts.total()
                shares[answer] = shares.get(answer, 0.0) + share
        first, second, *_ = [*sorted(shares.values(), reverse=True), 0.0, 0.0]
        return first - second

    question = min(test, key=gap)
    plan = _plan(weights, seed, rule="thorough", concurrency=1)
    with VoteView(console, str(question.prompt)) as view:
        trace = ask_models(plan, str(question.prompt), show=view.update).told
    verdict = "right" if trace["answer"] == question.gold else f"wrong, it is {question.gold}"
    console.print(f"\n[bold]The most contested question[/]: {question.prompt}\n", highlight=False)
    console.print(votes_table(trace["votes"], str(trace["answer"]), width=console.width))
    console.print(
        f"\n{trace['answer']} ({verdict}) after {trace['n_samples']} samples; {trace['reason']}",
        highlight=False,
    )
