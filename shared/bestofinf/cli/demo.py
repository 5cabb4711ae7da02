"""``bestofinf demo``: an adaptive ensemble of real, tiny language models, offline."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.bar import Bar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bestofinf import tiny
from bestofinf._extras import require
from bestofinf.calibration import (
    ScorePool,
    Strategy,
    best_of_n,
    fit_calibration,
    majority_of_n,
    replay_scores,
)
from bestofinf.cli.live import VoteView
from bestofinf.errors import MissingExtraError
from bestofinf.evaluation import EvaluationSet
from bestofinf.replay import ReplayPlan, ReplayResult, replay, replay_all
from bestofinf.rules import FixedSamples, MaxSamples
from bestofinf.rules.optscale import OptScale
from bestofinf.selectors import BestScore
from bestofinf.weights import fit_weights

MAX_SAMPLES = 64
FIXED = (1, 2, 4, 8, 16, 32, 64)
RULES = ("fast", "balanced", "thorough")


@dataclass(frozen=True, slots=True)
class Row:
    """One way to answer, on the half of the questions that taught it nothing."""

    name: str
    accuracy: float
    se: float
    samples: float
    tokens: float


def demo(
    questions: Annotated[int, typer.Option(help="Questions to ask live.", min=1)] = 30,
    seed: Annotated[int, typer.Option(help="Of the split and of the replies.")] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Draw accuracy against samples into this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Watch an adaptive ensemble answer questions: offline, without a key, in about a minute.

    Four tiny language models come with the package. They really sample, and each is good at some
    questions and poor at others. Weights are fitted on half of the recorded questions; everything
    shown is on the other half.
    """
    adapter = require("langchain_bestofinf", extra="langchain", purpose="bestofinf demo")
    console = Console(stderr=as_json)
    train, test = tiny.recorded().split(0.5, seed=seed)
    console.print(
        f"[bold]Four tiny language models[/] ({', '.join(tiny.MEMBERS)}), {len(train)} recorded "
        f"questions to learn from, {len(test)} others to report on",
        highlight=False,
    )
    weights, how = _weights(train)
    shown = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    console.print(f"weights {how}: {shown}\n", highlight=False)

    rows, lines = _measured(train, test, weights, seed)
    console.print(_drawn(rows))
    console.print(
        "[dim]recorded samples, voted on again; ± is the standard error over questions[/]\n"
    )
    if picture is not None:
        _draw(lines, rows, picture)
        console.print(f"picture: {picture}\n", highlight=False)

    live = _asked(adapter, test, weights, questions, seed, console)
    console.print(
        f"[bold]Asked live[/] through AdaptiveEnsembleChat: {live['right']} of {live['questions']} "
        f"right ({live['accuracy']:.3f} ± {live['se']:.3f}) with {live['samples']:.1f} samples a "
        "question",
        highlight=False,
    )
    _contested(adapter, test, weights, seed, console)
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


def _weights(train: EvaluationSet) -> tuple[dict[str, float], str]:
    try:
        fit = fit_weights(train, "maxmargin", time_limit=10)
    except MissingExtraError:
        fit = fit_weights(train, "softmax")
        return dict(fit.weights), "by softmax (python-mip, the extra 'weights', is not installed)"
    return dict(fit.weights), f"by python-mip, {fit.status.value}, {fit.correct} of {fit.total} won"


def _measured(
    train: EvaluationSet, test: EvaluationSet, weights: Mapping[str, float], seed: int
) -> tuple[list[Row], dict[str, list[tuple[float, float]]]]:
    """Return the rows of the table, and lines of (samples, accuracy) for the picture."""
    plan = ReplayPlan(trials=40, max_samples=MAX_SAMPLES, seed=seed)
    best = max(
        train.members, key=lambda m: replay(train, FixedSamples(1), plan, members=[m]).accuracy
    )
    equal = dict.fromkeys(train.members, 1.0)
    fixed = [FixedSamples(n) for n in FIXED]
    single = replay_all(test, fixed, plan, members=[best])
    even = replay_all(test, fixed, plan, weights=equal)
    ensemble = replay_all(test, fixed, plan, weights=weights)
    adaptive = replay_all(test, RULES, plan, weights=weights)
    scored, line = _by_score(train, test, best, seed)
    sixteen = FIXED.index(16)
    rows = [
        _row(f"one answer of the best model, {best}", single[0]),
        _row(f"16 votes of {best}", single[sixteen]),
        _row("16 votes, equal weights", even[sixteen]),
        _row("16 votes, optimal weights", ensemble[sixteen]),
        _row(f"{FIXED[-1]} votes, optimal weights", ensemble[-1]),
        _row("adaptive, optimal weights", adaptive[1]),
        *scored,
    ]
    lines = {
        f"votes of {best}": [(r.samples, r.accuracy) for r in single],
        "votes, equal weights": [(r.samples, r.accuracy) for r in even],
        "votes, optimal weights": [(r.samples, r.accuracy) for r in ensemble],
        "adaptive, optimal weights": [(r.samples, r.accuracy) for r in adaptive],
        "best of N by the verifier": line,
    }
    return rows, lines


def _by_score(
    train: EvaluationSet, test: EvaluationSet, member: str, seed: int
) -> tuple[list[Row], list[tuple[float, float]]]:
    """Return what the verifier makes of the best model: best of 8, and OptScale."""
    calibration = fit_calibration(ScorePool.from_set(train, member=member), accuracy=0.95)
    rule = OptScale(calibration.min_score or 0.95, calibration=calibration, cap=MAX_SAMPLES)
    stop = Strategy("scores", rule | MaxSamples(MAX_SAMPLES), BestScore())
    pool = ScorePool.from_set(test, member=member)
    sizes = best_of_n(FIXED)
    majority, eight, chosen, *line = replay_scores(
        pool, [*majority_of_n([8]), *best_of_n([8]), stop, *sizes], trials=10, seed=seed
    )
    rows = [
        Row(name, o.accuracy, o.accuracy_se, o.samples, o.tokens)
        for name, o in (
            (f"majority of 8 of {member}", majority),
            (f"best of 8 of {member} by the verifier", eight),
            (f"OptScale with the verifier, {member}", chosen),
        )
    ]
    return rows, [(o.samples, o.accuracy) for o in line]


def _row(name: str, result: ReplayResult) -> Row:
    return Row(
        name, result.accuracy, result.standard_error("accuracy"), result.samples, result.tokens
    )


def _drawn(rows: Sequence[Row]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("", overflow="fold")
    table.add_column("right", justify="right", no_wrap=True)
    table.add_column("", width=24)
    table.add_column("samples", justify="right", no_wrap=True)
    table.add_column("tokens", justify="right", no_wrap=True)
    for row in rows:
        adaptive = row.name.startswith("adaptive")
        table.add_row(
            row.name,
            f"{row.accuracy:.3f} ± {row.se:.3f}",
            Bar(1.0, 0, row.accuracy, color="green" if adaptive else "bright_black"),
            f"{row.samples:.1f}",
            f"{row.tokens:,.0f}",
            style="bold" if adaptive else "",
        )
    return table


def _draw(
    lines: Mapping[str, Sequence[tuple[float, float]]], rows: Sequence[Row], path: Path
) -> None:
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


def _ensemble(adapter: Any, weights: Mapping[str, float], seed: int, **settings: Any) -> Any:
    models = require("langchain_bestofinf.tiny", extra="langchain", purpose="bestofinf demo")
    from bestofinf.records import Member

    members = [
        Member(models.TinyChat(model=name, seed=seed), weight=weight, name=name)
        for name, weight in weights.items()
    ]
    return adapter.AdaptiveEnsembleChat(members=members, **settings)


def _asked(
    adapter: Any,
    test: EvaluationSet,
    weights: Mapping[str, float],
    number: int,
    seed: int,
    console: Console,
) -> dict[str, float]:
    ensemble = _ensemble(adapter, weights, seed)
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
            trace = ensemble.invoke(question.prompt).response_metadata["bestofinf"]
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
    adapter: Any, test: EvaluationSet, weights: Mapping[str, float], seed: int, console: Console
) -> None:
    """Show the vote on the question that the recorded answers are most divided on."""
    callbacks = require("langchain_core.callbacks", extra="langchain", purpose="bestofinf demo")

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
    ensemble = _ensemble(adapter, weights, seed, rule="thorough", concurrency=1)
    with VoteView(console, str(question.prompt)) as view:

        class Shown(callbacks.BaseCallbackHandler):  # type: ignore[name-defined,misc]
            def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
                if name == "bestofinf.sample":
                    view.update(data)

        message = ensemble.invoke(question.prompt, {"callbacks": [Shown()]})
    trace = message.response_metadata["bestofinf"]
    votes = ", ".join(f"{answer}: {count}" for answer, count in list(trace["votes"].items())[:5])
    verdict = "right" if trace["answer"] == question.gold else f"wrong, it is {question.gold}"
    console.print(
        f"\n[bold]The most contested question[/]: {question.prompt}\n"
        f"{trace['answer']} ({verdict}) after {trace['n_samples']} samples; votes {votes}",
        highlight=False,
    )
