"""Read recorded answers for a command, with a progress bar on stderr if that is slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import Progress

from bestofinf.cli.terminal import Console, now_and_then

if TYPE_CHECKING:
    from bestofinf.evaluation.canonical import ReadSet
    from bestofinf.evaluation.logs.report import LogReport

SLOW_SECONDS = 1.0
"""Seconds after which a progress bar appears."""


def read_recorded(paths: Sequence[str], answer: str | None) -> ReadSet:
    """Return recorded answers, those that are the same to an answer type as one string.

    In an order that does not depend on that of the files, so that no figure does. What was read from
    logs of other tools is told on stderr.
    """
    from bestofinf.evaluation.reading import read_by

    with progress_bar("Comparing answers") as advance:
        return read_by(paths, answer, told=tell_log, progress=advance)


def tell_log(report: LogReport) -> None:
    """Print on stderr what was read from logs."""
    console = Console(stderr=True)
    for line in report.lines():
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def tell_unread(read: ReadSet, console: Console) -> None:
    """Print what could not be read."""
    for line in read.lines():
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)


def tell_labels(read: ReadSet, console: Console) -> None:
    """Print which labels accuracies are estimated from, if some labels are not used for that."""
    from bestofinf.evaluation.provenance import for_estimates

    sources = for_estimates(read.evaluation_set)[1]
    if sources.left_out:
        console.print(f"{sources}.", highlight=False, soft_wrap=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that takes (done, all) and draws a bar on stderr after `SLOW_SECONDS`.

    If stderr is not a terminal, it writes a line now and then.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        say = now_and_then()
        yield lambda done, total: say(f"{label}: {done:,} of {total:,}")
        return
    bar = Progress(console=console, transient=True)
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
