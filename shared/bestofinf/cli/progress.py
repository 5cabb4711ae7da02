"""The progress of a batch job: a bar on a terminal, lines in a log, and a summary at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from bestofinf.cli.terminal import Console, now_and_then

if TYPE_CHECKING:
    import asyncio

    from bestofinf.batches import JobProgress, JobReport

EVERY = 60.0
"""Seconds between two lines of progress if stderr is not a terminal."""


@contextmanager
def shown(
    stop: asyncio.Event, console: Console | None = None, every: float = EVERY
) -> Iterator[Callable[[JobProgress], None]]:
    """Give a function that shows the progress on stderr.

    Args:
        stop: Set when the job is interrupted; the bar then stops short of 100 %.
        console: Where the progress is shown; stderr by default.
        every: Seconds between two lines if the console is not a terminal.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        say = now_and_then(every)
        yield lambda progress: say(told(progress))
        return
    columns = (BarColumn(24), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("", total=None, told="beginning")

        def show(progress: JobProgress) -> None:
            share = _share(progress, stopped=stop.is_set())
            bar.update(task, completed=share, total=1.0, told=told(progress))

        yield show


def told(progress: JobProgress) -> str:
    """Return the progress of a job in words."""
    settled, questions = f"{progress.settled:,}", f"{progress.questions:,} questions"
    if progress.budget is None:
        said = f"{settled} of {questions}, {progress.spent:,.6g} samples"
    else:
        total, unit = progress.budget.total, progress.budget.unit
        said = f"{progress.spent:,.6g} of {total:,.6g} {unit} for {questions}"
        said += f", {settled} settled" if progress.settled else ""
    return said + (f", {progress.failures:,} failed" if progress.failures else "")


def _share(progress: JobProgress, *, stopped: bool) -> float:
    """Return the share of the job that is done, from 0 to 1: of its budget, else of its questions."""
    settled = progress.settled / progress.questions if progress.questions else 0.0
    if progress.budget is None:
        return settled
    spent = min(1.0, progress.spent / progress.budget.total)
    # Under a budget most questions settle at once, when it is spent, so their number says little.
    # If all settle before that, the job is done with some budget left.
    return 1.0 if settled == 1.0 and not stopped else spent


def summary(report: JobReport, out: Path) -> str:
    """Return the result of a job in words."""
    before = f", {report.restored:,} of them from before" if report.restored else ""
    failed = f", {report.failures:,} failed requests" if report.failures else ""
    cost = f", cost {report.usage.cost:.4g}" if report.usage.cost else ""
    parts = [
        f"{out}: {report.decided:,} of {report.questions:,} questions decided",
        f"{report.samples:,} samples{before}{failed}",
        f"{report.usage.output_tokens:,} tokens{cost}",
    ]
    if report.usage.unmetered:
        parts.append(
            f"{report.usage.unmetered:,} replies told no tokens: budgets of tokens or money cannot "
            "hold them"
        )
    if report.stopped:
        parts.append("stopped before the end: the same command goes on")
    elif report.errors:
        parts.append("the column error says why the others are not")
    return "; ".join(parts)
