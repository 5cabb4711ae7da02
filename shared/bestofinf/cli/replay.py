"""``bestofinf replay``: what stopping rules would have given on recorded answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bestofinf.border import read_json
from bestofinf.cli.options import AnswerName, AsJson, MemberPrices, RecordedPaths
from bestofinf.cli.prices import prices_by_member
from bestofinf.cli.recorded import read_recorded, tell_labels, tell_unread
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo_json
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.replay import ReplayResult, Timing
    from bestofinf.rules import StopRule


def replay(
    paths: RecordedPaths,
    rule: Annotated[
        list[str],
        typer.Option(help="NAME[:key=value,...], joined by | or &. Repeat it to compare rules."),
    ],
    member: Annotated[
        list[str] | None, typer.Option(help="A member that votes alone; all members by default.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="JSON file with weights of members that vote together.")
    ] = None,
    max_samples: Annotated[int, typer.Option(help="Maximum number of samples for a vote.")] = 100,
    trials: Annotated[int, typer.Option(help="Votes per question and member.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same result.")] = 0,
    schedule: Annotated[
        str,
        typer.Option(help="Order of members: auto, greedy, golden, independent, even, cascade."),
    ] = "auto",
    costs: Annotated[
        str, typer.Option(help="Price of a member for the schedule: equal, or usual (its tokens).")
    ] = "equal",
    price: MemberPrices = None,
    launch: Annotated[
        str | None,
        typer.Option(help="Simulate the clock (a token a second) under thrifty or eager launch."),
    ] = None,
    waiting: Annotated[
        float | None,
        typer.Option(help="Simulate the clock with this price of a second of waiting."),
    ] = None,
    order: Annotated[str, typer.Option(help="With the clock: draw or arrival.")] = "draw",
    slots: Annotated[
        int, typer.Option(help="With the clock: maximum number of draws in flight.")
    ] = 8,
    drop_invalid: Annotated[
        bool, typer.Option("--drop-invalid", help="Leave invalid answers out of the draws.")
    ] = False,
    with_replacement: Annotated[
        bool,
        typer.Option(
            "--with-replacement",
            help="Draw with replacement: to compare rules, not to estimate an accuracy.",
        ),
    ] = False,
    answer: AnswerName = None,
    as_json: AsJson = False,
) -> None:
    """Vote again on recorded answers under a stopping rule; no model is asked.

    Samples are drawn without replacement, so a vote has at most as many as were recorded. Means
    are over the questions of a member and data set, then over members, then over data sets. JSON
    is one object, or a list of objects if several rules are given.
    """
    from bestofinf.replay import ReplayPlan, replay_all
    from bestofinf.rules import parse_rule

    plan = ReplayPlan(
        members=member or None,
        weights=None if weights is None else weights_by_member(weights),
        schedule=schedule,  # type: ignore[arg-type]  # checked there
        costs=costs,  # type: ignore[arg-type]
        prices=prices_by_member(price) or None,
        max_samples=max_samples,
        trials=trials,
        seed=seed,
        drop_invalid=drop_invalid,
        replacement=with_replacement,
        timing=_timing(launch, waiting, order, slots),
    )
    rules = [parse_rule(text) for text in rule]
    _check_replies(rules, answer)
    read = read_recorded(paths, answer)
    results = replay_all(read.evaluation_set, rules, plan)
    console = Console()
    if as_json:
        records = [result.to_json() | read.to_json() for result in results]
        echo_json(records[0] if len(records) == 1 else records)
        return
    _show(results, console)
    for line in _told(results[0]):
        console.print(line, highlight=False, soft_wrap=True)
    tell_unread(read, console)
    tell_labels(read, console)


def _check_replies(rules: Sequence[StopRule], answer: str | None) -> None:
    """Refuse rules on probabilities of replies if a reply is not its answer, as a live vote does."""
    from bestofinf.evaluation.canonical import recorded_answer
    from bestofinf.rules.replies import need_whole_replies

    for rule in rules:
        if not rule.reads_replies:
            continue
        kind = None if answer is None else recorded_answer(answer)
        name = "answers of no named type" if kind is None else type(kind).__name__
        need_whole_replies(rule, whole=kind is not None and kind.whole, answer=name)


def _timing(launch: str | None, waiting: float | None, order: str, slots: int) -> Timing | None:
    """Return the simulated clock that the options ask for; None if they ask for none."""
    from bestofinf.replay import Timing

    if launch is None and waiting is None:
        return None
    given = {} if waiting is None else {"waiting": waiting}
    return Timing(launch, order, slots, **given)  # type: ignore[arg-type]  # checked there


def _told(result: ReplayResult) -> Iterator[str]:
    """Yield lines that say what the figures of the table are based on."""
    from bestofinf.evaluation.limits import FEWEST

    record = result.to_json()
    yield (
        f"{record['questions']:,} questions, {record['trials']:,} votes each, drawn "
        f"{record['draws']} from {record['recorded']} recorded samples or more"
    )
    if result.replacement:
        yield "What is recorded counts as the truth here: this compares rules and is no verdict."
    if result.left_out:
        yield f"{result.left_out:,} questions that not all these members were asked are left out."
    if record["bo1"] is None:
        return
    limit = f"cannot be known from {record['recorded']} samples: record at least {FEWEST}"
    if record["bo_inf"] is not None:
        limit = f"{record['bo_inf']:.4f} ± {record['standard_errors']['bo_inf']:.4f}"
    yield f"One sample is right with {record['bo1']:.4f}; the limit of infinitely many: {limit}"


def weights_by_member(path: Path) -> dict[str, float]:
    """Return weights by member from a JSON file: one that ``fit --out`` wrote, or a plain object.

    Raises:
        UsageError: If it cannot be read or is not an object of numbers.
    """
    try:
        record: Any = read_json(path)
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
        raise UsageError(
            f'{path}: wanted a JSON object of weights by member, as {{"a": 0.7, "b": 0.3}}'
        )
    return {str(name): float(weight) for name, weight in record.items()}


def _show(results: Sequence[ReplayResult], console: Console) -> None:
    priced, timed = ("cost" in results[0].columns), ("seconds" in results[0].columns)
    names = ["samples", "tokens", "accuracy", "agreement"]
    names += ["money"] * priced + ["time (tokens)"] * timed
    columns = [Column("rule"), *(Column(name, "number") for name in names), Column("ended by")]
    rows = []
    for result in results:
        cells = [
            f"{result.samples:.2f} ± {result.standard_error('samples'):.2f}",
            f"{result.tokens:,.0f}",
            _share(_known(result.accuracy)),
            f"{result.agreement:.4f} ± {result.standard_error('agreement'):.4f}",
        ]
        if priced:
            cells.append(f"{result.mean('cost'):,.3g}")
        if timed:
            cells.append(f"{result.mean('seconds'):,.0f}")
        ended = ", ".join(f"{name} {share:.1%}" for name, share in result.reasons.items())
        rows.append((result.rule, *cells, ended))
    show_table(console, columns, rows)


def _known(value: float) -> float | None:
    return None if value != value else value


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
