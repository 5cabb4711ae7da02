"""`bestofinf fit`: weights for an ensemble, from recorded answers."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bestofinf.cli.options import AnswerName, RecordedPaths
from bestofinf.cli.recorded import read_recorded, tell_unread
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo_json, now_and_then
from bestofinf.errors import UsageError
from bestofinf.weights.objectives import FINITE_VOTES, OBJECTIVES

if TYPE_CHECKING:
    from bestofinf.weights import Progress, Proposal, WeightFit
    from bestofinf.weights.solver.clock import ProgressCallback


def fit(
    paths: RecordedPaths,
    objective: Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(OBJECTIVES)}; maxmargin by default, finite-n with a price."
        ),
    ] = None,
    solver: Annotated[str, typer.Option(help="Solver: cbc or highs.")] = "cbc",
    time_limit: Annotated[float, typer.Option(help="Time limit of the solver in seconds.")] = 30.0,
    members: Annotated[
        str | None, typer.Option(help="Names of the members to use, separated by commas.")
    ] = None,
    max_members: Annotated[
        int | None, typer.Option(help="Maximum number of members with a weight above 0.")
    ] = None,
    token_price: Annotated[
        float, typer.Option(help="Accuracy (0 to 1) that 1,000 tokens for a question must gain.")
    ] = 0.0,
    votes: Annotated[
        int, typer.Option(help="Votes on a question, for finite-n.", min=1)
    ] = FINITE_VOTES,
    bounds: Annotated[
        list[str] | None,
        typer.Option(help="NAME=LEAST:GREATEST weight of a member; NAME=WEIGHT fixes it."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Use the weights that consensus proposes even without a label."
        ),
    ] = False,
    start: Annotated[
        Path | None, typer.Option(help="Weights of an earlier fit to start from.")
    ] = None,
    answer: AnswerName = None,
    out: Annotated[Path | None, typer.Option(help="Write the fit to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fit the weights of an ensemble to recorded answers with known right answers.

    The result is the optimum for these questions. Weights to use on new ones are chosen by
    `bestofinf advise`, which compares learners on questions they were not fitted on, or learned
    with `--objective consensus` from few labels. Ctrl-C ends the search and keeps the best weights
    found so far.
    """
    from bestofinf.weights import UnlabelledWeightsWarning, WeightFit, fit_weights

    earlier = None if start is None else WeightFit.load(start)
    read = read_recorded(paths, answer)
    chosen = objective or ("finite-n" if token_price else "maxmargin")
    with (
        _progress(quiet=as_json and not sys.stderr.isatty()) as told,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UnlabelledWeightsWarning)  # shown below
        result = fit_weights(
            read.evaluation_set,
            chosen,
            solver,
            time_limit,
            members=None if members is None else [m.strip() for m in members.split(",")],
            max_members=max_members,
            price=token_price,
            votes=votes,
            bounds=dict(map(_bound, bounds or [])),
            start=earlier,
            progress=told,
            force=force,
        )
    if out is not None:
        result.save(out)
    if as_json:
        echo_json(_record(result) | read.to_json())
    else:
        _show(result, Console())
        tell_unread(read, Console())


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
    rows = [
        (name, f"{weight:.4f}", result.fractions[name])
        for name, weight in sorted(result.weights.items(), key=lambda item: -item[1])
        if weight
    ]
    columns = [Column("member"), Column("weight", "number"), Column("exactly", "number")]
    show_table(console, columns, rows, title=f"Weights by {result.objective}: {result.status}")
    if result.proposal is not None:
        _show_proposal(result.proposal, console)
    if result.total:
        _show_wins(result, console)
    console.print(f"{result.seconds:.2f} s", highlight=False)


def _show_proposal(proposal: Proposal, console: Console) -> None:
    counted = f"{proposal.labelled} labels, {proposal.unlabelled} questions without one"
    console.print(f"from {counted}", highlight=False)
    if not proposal.used:
        told = ", ".join(f"{name} {weight:.3f}" for name, weight in proposal.weights.items())
        console.print(f"proposed, not used: {told}", highlight=False, soft_wrap=True)
    for text in proposal.warnings:
        console.print(f"warning: {text}", highlight=False, soft_wrap=True)


def _show_wins(result: WeightFit, console: Console) -> None:
    if set(result.labels) - {"import", "unknown"}:
        told = ", ".join(f"{number} {name}" for name, number in result.labels.items())
        console.print(f"labels: {told}", highlight=False)
    ties = f", {result.ties} tied" if result.ties else ""
    console.print(f"wins {result.correct} of {result.total} questions{ties}, in exact arithmetic")
    if result.coverage is not None and not result.coverage.complete:
        console.print(str(result.coverage), highlight=False, soft_wrap=True)
    if result.bound is not None:
        proven = result.status == "optimal"
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


@contextmanager
def _progress(*, quiet: bool) -> Iterator[ProgressCallback | None]:
    """Show incumbent, bound and time of a long solve on the error stream.

    On one line of a terminal; elsewhere in a line now and then.
    """

    def words(progress: Progress) -> str:
        return (
            f"{progress.stage}: {progress.incumbent:g} won, at most {progress.bound:g}, "
            f"{progress.seconds:.0f} s"
        )

    console = Console(stderr=True)
    if quiet:
        yield None
    elif not console.is_terminal:
        say = now_and_then()
        yield lambda progress: say(words(progress))
    else:
        with console.status("reading") as line:
            yield lambda progress: line.update(f"{words(progress)} (Ctrl-C keeps the best so far)")
