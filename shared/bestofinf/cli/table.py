"""``bestofinf table``: what one answer and what the mode of many is worth, member by member."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bestofinf.answers.named import ANSWER_NAMES
from bestofinf.evaluation import EvaluationSet, read
from bestofinf.evaluation.canonical import canonical

SLOW_SECONDS = 1.0
"""After this time a progress bar appears."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        dataset: Name of the collection the questions come from.
        member: Name of the member.
        questions: Questions the member was asked and whose right answer is known.
        samples: Its answers to them, invalid ones among them.
        bo1: Share of right answers among all; None where nothing can be graded.
        bo_inf: Share of questions whose most frequent valid answer is right; a tie goes to the
            answer seen first. None where nothing can be graded.
    """

    dataset: str
    member: str
    questions: int
    samples: int
    bo1: float | None
    bo_inf: float | None


def table(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Recorded answers: files, folders or stores."),
    ],
    answer: Annotated[
        str,
        typer.Option("--answer", help=f"Which answers are the same: {', '.join(ANSWER_NAMES)}."),
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare one answer (Bo1) with the most frequent of many (Bo∞), for each model.

    Bo1 counts invalid answers as wrong; Bo∞ is what infinitely many votes would elect.
    """
    recorded = read(paths)
    with progress_bar("Comparing answers") as advance:
        rows = table_rows(canonical(recorded, answer, progress=advance))
    console = Console(soft_wrap=as_json)
    if as_json:
        console.out(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
        return
    console.print(_drawn(rows))
    ungraded = len(recorded) - len(recorded.labelled())
    if ungraded:
        console.print(f"{ungraded} questions without a right answer are left out.", style="dim")


def table_rows(evaluation_set: EvaluationSet) -> list[Row]:
    """Return the table of a set: by dataset, then by member, in order of first appearance."""
    return [
        row
        for dataset in evaluation_set.datasets
        for member in evaluation_set.members
        if (row := _row(evaluation_set, dataset, member)) is not None
    ]


def _row(evaluation_set: EvaluationSet, dataset: str, member: str) -> Row | None:
    asked = [q for q in evaluation_set if q.dataset == dataset and member in q.samples]
    if not asked:
        return None
    graded = [(q.samples[member], q.gold) for q in asked if q.gold is not None]
    samples = sum(len(recorded) for recorded, _ in graded)
    right = sum(a == gold for recorded, gold in graded for a in recorded.answers)
    elected = sum(recorded.mode() == gold for recorded, gold in graded)
    return Row(
        dataset=dataset,
        member=member,
        questions=len(graded),
        samples=samples,
        bo1=right / samples if samples else None,
        bo_inf=elected / len(graded) if graded else None,
    )


def _drawn(rows: list[Row]) -> Table:
    drawn = Table(header_style="bold", box=None, pad_edge=False)
    drawn.add_column("dataset", overflow="fold")
    drawn.add_column("member", overflow="fold")
    for name in ("questions", "samples", "Bo1", "Bo∞"):
        drawn.add_column(name, justify="right", no_wrap=True)
    before = ""
    for row in rows:
        drawn.add_row(
            row.dataset if row.dataset != before else "",
            row.member,
            f"{row.questions:,}",
            f"{row.samples:,}",
            *("–" if share is None else f"{share:.3f}" for share in (row.bo1, row.bo_inf)),
        )
        before = row.dataset
    return drawn


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function to report (done, all) to; it draws a bar on stderr once it gets slow.

    Nothing is drawn where stderr is not a terminal.
    """
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(label)
    begun = time.monotonic()

    def advance(done: int, total: int) -> None:
        if not bar.live.is_started and time.monotonic() - begun > SLOW_SECONDS:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        bar.stop()
