"""`bestofinf fit`: weights for an ensemble, from recorded answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bestofinf.cli.table import progress_bar
from bestofinf.errors import UsageError
from bestofinf.evaluation import read
from bestofinf.evaluation.canonical import canonical
from bestofinf.weights import OBJECTIVES, FitStatus, Progress, WeightFit, fit_weights
from bestofinf.weights.budget import ProgressCallback


def fit(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Recorded answers: files, folders or stores."),
    ],
    objective: Annotated[str, typer.Option(help=f"One of {', '.join(OBJECTIVES)}.")] = "maxmargin",
    solver: Annotated[str, typer.Option(help="cbc or highs.")] = "cbc",
    time_limit: Annotated[float, typer.Option(help="Seconds.")] = 30.0,
    members: Annotated[
        str | None, typer.Option(help="Names of the members to use, separated by commas.")
    ] = None,
    max_members: Annotated[int | None, typer.Option(help="Most members with weight.")] = None,
    token_price: Annotated[
        float, typer.Option(help="Accuracy (0 to 1) given up for 1,000 tokens of a sample.")
    ] = 0.0,
    bounds: Annotated[
        list[str] | None,
        typer.Option(help="NAME=LEAST:GREATEST weight of a member; NAME=WEIGHT fixes it."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights of an earlier fit to start from.")
    ] = None,
    answer: Annotated[
        str, typer.Option(help="Answer type that says which answers are the same.")
    ] = "text",
    out: Annotated[Path | None, typer.Option(help="Write the fit to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fit the weights of an ensemble to recorded answers with known right answers.

    The result holds for these questions: what is best for new ones is another matter. Ctrl-C
    ends the search and keeps the best weights found so far.
    """
    earlier = None if start is None else WeightFit.load(start)
    with progress_bar("Comparing answers") as advance:
        evaluation_set = canonical(read(paths), answer, progress=advance)
    with _progress(quiet=as_json and not sys.stderr.isatty()) as told:
        result = fit_weights(
            evaluation_set,
            objective,
            solver,
            time_limit,
            members=None if members is None else [m.strip() for m in members.split(",")],
            max_members=max_members,
            price=token_price,
            bounds=dict(map(_bound, bounds or [])),
            start=earlier,
            progress=told,
        )
    if out is not None:
        result.save(out)
    if as_json:
        typer.echo(json.dumps(_record(result), ensure_ascii=False))
    else:
        _show(result, Console())


def _bound(text: str) -> tuple[str, tuple[float, float]]:
    name, _, interval = text.rpartition("=")
    least, _, greatest = interval.partition(":")
    try:
        return name, (float(least), float(greatest or least))
    except ValueError:
        raise UsageError(
            f"bounds must be NAME=LEAST:GREATEST or NAME=WEIGHT, got {text!r}"
        ) from None


def _record(result: WeightFit) -> dict[str, Any]:
    """Return the fit as JSON; the table of the questions only goes to the file."""
    record = result.to_json()
    del record["questions"]
    return record


def _show(result: WeightFit, console: Console) -> None:
    table = Table(title=f"Weights by {result.objective}: {result.status}", title_justify="left")
    table.add_column("member")
    table.add_column("weight", justify="right")
    table.add_column("exactly", justify="right")
    for name, weight in sorted(result.weights.items(), key=lambda item: -item[1]):
        if weight:
            table.add_row(name, f"{weight:.4f}", result.fractions[name])
    console.print(table)
    ties = f", {result.ties} tied" if result.ties else ""
    console.print(f"wins {result.correct} of {result.total} questions{ties}, in exact arithmetic")
    if result.bound is not None:
        proven = result.status is FitStatus.OPTIMAL
        claim = "no mixture wins more" if proven else f"none wins more than {result.bound:g}"
        console.print(f"ceiling on the training questions: {claim}", highlight=False)
    for name, baseline in result.baselines.items():
        best = [member for member, weight in baseline.weights.items() if weight == 1]
        label = f"{name} ({best[0]})" if name == "single" and best else name
        console.print(f"{label}: {baseline.correct} of {result.total}", highlight=False)
    if result.margin is not None:
        console.print(
            f"narrowest win: {result.margin:.4f}; about {result.samples_for_margin} samples make "
            "every win show",
            highlight=False,
        )
    console.print(f"{result.seconds:.2f} s", highlight=False)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[ProgressCallback | None]:
    """Show incumbent, bound and time of a long solve on the error stream, on one line."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with console.status("reading") as line:

        def told(progress: Progress) -> None:
            line.update(
                f"{progress.stage}: {progress.incumbent:g} won, at most {progress.bound:g}, "
                f"{progress.seconds:.0f} s (Ctrl-C keeps the best so far)"
            )

        yield told
