"""``bestofinf answers check``: what an answer type reads in recorded replies, and what it loses."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bestofinf.cli.options import AnswerName, AsJson
from bestofinf.cli.recorded import progress_bar, tell_log
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo_json

if TYPE_CHECKING:
    from bestofinf.evaluation.check import AnswerCheck

SHOWN = 20
"""Lines of a table that are printed without --all."""

answers = typer.Typer(
    help="Check how replies are read as answers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@answers.callback()
def _answers() -> None:
    """Check how replies are read as answers."""


@answers.command()
def check(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Recorded replies: files, folders or stores."),
    ],
    answer: AnswerName = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every reply with its answer.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show which replies are read, which are lost and why, and which count as one vote.

    Look at the merges: they list replies that look different and count as one vote. The replies of
    a store are read again if the store keeps their texts.
    """
    from bestofinf.evaluation.check import check_answers

    with progress_bar("Reading replies") as advance:
        found = check_answers(paths, answer, everything=everything, told=tell_log, progress=advance)
    if as_json:
        record: dict[str, Any] = found.to_json()
        if everything:
            record["answers"] = [asdict(reading) for reading in found.readings]
        echo_json(record)
        return
    _show(found, Console(highlight=False), everything=everything)


def _show(found: AnswerCheck, console: Console, *, everything: bool) -> None:
    n_lost = len(found.lost)
    console.print(
        f"{found.texts:,} replies read by {found.answer!r}: {found.n_read:,} have an "
        f"answer, {n_lost:,} have none"
    )
    if everything:
        columns = [Column("question", "id"), *map(Column, ("member", "answer", "reply"))]
        rows = [
            (
                reading.question,
                reading.member,
                _short(reading.answer if reading.answer is not None else f"– {reading.reason}"),
                _short(reading.text),
            )
            for reading in found.readings
        ]
        show_table(console, columns, rows, title="Replies")
    if n_lost:
        reasons = Counter(reading.reason for reading in found.lost)
        first = {reading.reason: reading for reading in reversed(found.lost)}
        lost = [
            (reason, f"{count:,}", _short(first[reason].text))
            for reason, count in reasons.most_common()
        ]
        columns = [Column("reason"), Column("replies", "number"), Column("for example")]
        show_table(console, columns, lost, title="Lost")
    if found.merges:
        shown = found.merges if everything else found.merges[:SHOWN]
        merges = [
            (
                merge.question,
                _short(merge.answer),
                "; ".join(f"{_short(text)} ({n:,})" for text, n in merge.texts.items()),
            )
            for merge in shown
        ]
        columns = [Column("question", "id"), Column("answer"), Column("said as")]
        show_table(console, columns, merges, title="One vote")
        if len(shown) < len(found.merges):
            console.print(f"{len(found.merges) - SHOWN:,} more merges: --all shows them")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 100 else f"{flat[:48]} … {flat[-48:]}"
