"""The live view of a vote in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bestofinf.border import printable

_WIDTH = 32
_MOST_ANSWERS = 8


def votes_table(votes: Mapping[str, float], leader: str | None, *, width: int = 80) -> Table:
    """Return the votes as bars, most first; at most eight answers, the rest in one line.

    Args:
        votes: Votes by answer.
        leader: Answer shown in the first row; None for none.
        width: Width of the terminal in columns.
    """
    longest = max(8, min(_WIDTH, width // 2 - 8))
    ranked = sorted(votes.items(), key=lambda pair: (pair[0] != leader, -pair[1]))
    most = max(votes.values(), default=1.0)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(
        max_width=max(8, min(40, width - longest - 12)), overflow="ellipsis", no_wrap=True
    )
    table.add_column(width=longest)
    table.add_column(justify="right")
    for answer, count in ranked[:_MOST_ANSWERS]:
        colour = "green" if answer == leader else "bright_black"
        bar = Bar(most, 0, count, width=longest, color=colour)
        table.add_row(
            Text(printable(answer), style="bold" if answer == leader else ""), bar, f"{count:.3g}"
        )
    rest = ranked[_MOST_ANSWERS:]
    if rest:
        table.add_row(f"{len(rest)} more", "", f"{sum(count for _, count in rest):.3g}")
    return table


class VoteView:
    """Shows the votes as they come in; draws nothing if the output is not a terminal.

    Args:
        console: Where to draw.
        question: Shown above the votes.
    """

    def __init__(self, console: Console, question: str) -> None:
        self._question = question
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._shown = console.is_terminal

    def __enter__(self) -> Self:
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def update(self, event: Mapping[str, Any]) -> None:
        """Redraw the votes from a progress event of the vote."""
        if not self._shown:
            return
        leader = None if event["leader"] is None else str(event["leader"])
        latest = event["error"] or ("no answer" if event["answer"] is None else event["answer"])
        lines: Sequence[RenderableType] = (
            Text(printable(self._question), style="italic", overflow="ellipsis", no_wrap=True),
            votes_table(event["votes"], leader, width=self._live.console.width),
            Text(
                f"{event['n_samples']} samples; the latest from {printable(event['member'])}: "
                f"{printable(str(latest)[:60])}",
                style="dim",
            ),
        )
        self._live.update(Group(*lines), refresh=True)
