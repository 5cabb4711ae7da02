"""``bestofinf replay``: what stopping rules would have given on recorded answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bestofinf.cli.table import progress_bar
from bestofinf.errors import UsageError
from bestofinf.evaluation.canonical import canonical
from bestofinf.evaluation.reading import read
from bestofinf.replay import ReplayPlan, ReplayResult, Timing, replay_all


def replay(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Recorded answers: files, folders or stores."),
    ],
    rule: Annotated[
        list[str],
        typer.Option(help="NAME[:key=value,...], joined by | or &. Give several to compare them."),
    ],
    member: Annotated[
        list[str] | None, typer.Option(help="A member that votes alone; all, where none is named.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="JSON file with weights of members that vote together.")
    ] = None,
    max_samples: Annotated[int, typer.Option(help="Samples of a vote at most.")] = 100,
    trials: Annotated[int, typer.Option(help="Votes per question and member.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same result.")] = 0,
    schedule: Annotated[
        str, typer.Option(help="Order of several members: greedy, golden or independent.")
    ] = "greedy",
    costs: Annotated[
        str, typer.Option(help="Price of a member for the schedule: equal, or usual (its tokens).")
    ] = "equal",
    launch: Annotated[
        str | None,
        typer.Option(help="Simulate the clock (a token a second) under thrifty or eager launch."),
    ] = None,
    order: Annotated[str, typer.Option(help="With --launch: draw or arrival.")] = "draw",
    slots: Annotated[int, typer.Option(help="With --launch: draws in flight at most.")] = 8,
    drop_invalid: Annotated[
        bool, typer.Option("--drop-invalid", help="Leave invalid answers out of the draws.")
    ] = False,
    answer: Annotated[
        str, typer.Option("--answer", help="Answer type that says which answers are the same.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Vote again on recorded answers under a stopping rule; no model is asked.

    Means are over the questions of a member and data set, then over members, then over data
    sets. JSON is one object, or a list of them where several rules are given.
    """
    plan = ReplayPlan(
        members=member or None,
        weights=None if weights is None else read_weights(weights),
        schedule=schedule,  # type: ignore[arg-type]  # checked there
        costs=costs,  # type: ignore[arg-type]
        max_samples=max_samples,
        trials=trials,
        seed=seed,
        drop_invalid=drop_invalid,
        timing=None if launch is None else Timing(launch, order, slots),  # type: ignore[arg-type]
    )
    recorded = read(paths)
    with progress_bar("Comparing answers") as advance:
        recorded = canonical(recorded, answer, progress=advance)
    results = replay_all(recorded, rule, plan)
    console = Console(soft_wrap=as_json)
    if as_json:
        records = [result.to_json() for result in results]
        text = json.dumps(records[0] if len(records) == 1 else records, ensure_ascii=False)
        console.out(text, highlight=False)
        return
    console.print(_drawn(results))
    first = results[0].to_json(errors=False)
    console.print(
        f"{first['questions']:,} questions, {first['trials']:,} votes each; one sample is right "
        f"with {_share(first['bo1'])}, the mode of all with {_share(first['bo_inf'])}",
        highlight=False,
    )


def read_weights(path: Path) -> dict[str, float]:
    """Return weights by member from a JSON file: of ``fit --out``, or a plain object.

    Raises:
        UsageError: If it cannot be read or is not an object of numbers.
    """
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from None
    if isinstance(record, dict) and isinstance(record.get("weights"), dict):
        record = record["weights"]
    numbers = isinstance(record, dict) and all(
        isinstance(w, int | float) and not isinstance(w, bool) for w in record.values()
    )
    if not numbers or not record:
        raise UsageError(f"{path}: wanted an object of weights by member name")
    return {str(name): float(weight) for name, weight in record.items()}


def _drawn(results: Sequence[ReplayResult]) -> Table:
    drawn = Table(header_style="bold", box=None, pad_edge=False)
    drawn.add_column("rule", overflow="fold")
    for name in ("samples", "tokens", "accuracy", "agreement"):
        drawn.add_column(name, justify="right", no_wrap=True)
    timed = "seconds" in results[0].columns
    if timed:
        drawn.add_column("time (tokens)", justify="right", no_wrap=True)
    drawn.add_column("ended by", overflow="fold")
    for result in results:
        cells = [
            f"{result.samples:.2f} ± {result.standard_error('samples'):.2f}",
            f"{result.tokens:,.0f}",
            _share(_known(result.accuracy)),
            f"{result.agreement:.4f} ± {result.standard_error('agreement'):.4f}",
        ]
        if timed:
            cells.append(f"{result.mean('seconds'):,.0f}")
        ended = ", ".join(f"{name} {share:.1%}" for name, share in result.reasons.items())
        drawn.add_row(result.rule, *cells, ended)
    return drawn


def _known(value: float) -> float | None:
    return None if value != value else value


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
