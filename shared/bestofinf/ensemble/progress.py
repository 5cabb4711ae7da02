"""The progress of a vote: events and lines of text while it runs, and the answer in pieces."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bestofinf.border import error_text
from bestofinf.drivers.common import Observer
from bestofinf.records import Decision, Draw, Failure, Outcome, Sample
from bestofinf.voting.engine import VotingEngine

__all__ = ["Counted", "Line", "Observer", "events", "lines", "pieces", "progress_event"]

_WORD = re.compile(r"\s*\S+|\s+$")


def pieces(text: str, most: int | None = None) -> list[str]:
    """Return a text in pieces that begin at words and whose concatenation is the text.

    Args:
        text: The text; the empty text has no piece.
        most: Maximum number of pieces, at least 1; None makes a piece of each word.
    """
    words: list[str] = _WORD.findall(text)
    size = -(-len(words) // most) if most is not None else 1
    if size <= 1:
        return words
    return ["".join(words[i : i + size]) for i in range(0, len(words), size)]


def progress_event(
    engine: VotingEngine, names: Sequence[str], draw: Draw, outcome: Outcome
) -> dict[str, Any]:
    """Return the JSON form of an outcome that has arrived, with the state of the vote after it.

    Args:
        engine: The engine of the vote.
        names: Names of the members, in their order.
        draw: The draw whose outcome has arrived.
        outcome: The outcome.

    Returns:
        The keys sample (the draw's number), member, answer, error, n_samples, leader, votes and
        done (whether the vote is decided).
    """
    tally = engine.tally
    error = outcome.error if isinstance(outcome, Failure) else None
    return {
        "sample": draw.index,
        "member": names[draw.member],
        "answer": outcome.answer if isinstance(outcome, Sample) else None,
        "error": error_text(error) if error is not None else None,
        "n_samples": tally.n_samples,
        "leader": tally.leader,
        "votes": {str(answer): count for answer, count in tally.counts.items()},
        "done": engine.done,
    }


def events(names: Sequence[str], send: Callable[[dict[str, Any]], object]) -> Observer:
    """Return an observer that sends every outcome as it arrives; see `progress_event`."""

    def observe(engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        send(progress_event(engine, names, draw, outcome))

    return observe


def lines(send: Callable[[str], object]) -> Observer:
    """Return an observer that sends the state of a vote as a line whenever it has changed.

    A line reads as ``6 samples: 42=5, 40=1``, with the five most frequent answers.
    """
    last = ""

    def observe(engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        nonlocal last
        tally = engine.tally
        votes = ", ".join(f"{a}={n}" for a, n in Counter(tally.history).most_common(5))
        told = f"{tally.n_samples} sample{'s' if tally.n_samples != 1 else ''}"
        line = f"{told}: {votes}\n" if votes else f"{told}\n"
        if line != last:
            send(line)
            last = line

    return observe


class Line:
    """Runs asynchronous operations one after the other, while those who add them continue."""

    def __init__(self) -> None:
        self._last: asyncio.Task[None] | None = None

    def add(self, what: Callable[[], Awaitable[object]]) -> None:
        """Add an operation that starts when the ones added before have ended."""
        self._last = asyncio.ensure_future(self._after(self._last, what))

    async def drain(self) -> None:
        """Wait until everything added so far is done."""
        if self._last is not None:
            await self._last

    @staticmethod
    async def _after(
        previous: asyncio.Task[None] | None, what: Callable[[], Awaitable[object]]
    ) -> None:
        if previous is not None:
            await previous
        await what()


class Counted:
    """Reports each draw of a vote once, as soon as it is known whether it counts.

    Draws are reported in their order, in which the vote counts them. With ``order="arrival"`` they
    are reported at the end, because only then it is known which ones count.

    Args:
        tell: Called with a draw, its outcome, and whether it takes part in the decision.
    """

    def __init__(self, tell: Callable[[Draw, Outcome, bool], object]) -> None:
        self._tell = tell
        self._waiting: dict[int, tuple[Draw, Outcome]] = {}
        self._next = 0
        self._counted = 0
        self._over = False

    def observe(self, engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        """Record an outcome as it arrives; use this method as an observer."""
        if self._over:
            self._tell(draw, outcome, False)
            return
        self._waiting[draw.index] = (draw, outcome)
        if engine.settings.order == "arrival":
            return
        while self._next in self._waiting:
            told, came = self._waiting[self._next]
            if isinstance(came, Sample):
                if self._counted >= engine.tally.n_samples:
                    return
                self._counted += 1
            elif engine.done:
                return
            self._tell(told, came, True)
            del self._waiting[self._next]
            self._next += 1

    def end(self, decision: Decision | None) -> None:
        """Report the remaining draws when the vote is over. Later outcomes do not count.

        Args:
            decision: The decision; None if there is none.
        """
        self._over = True
        counted = {t.draw.index for t in decision.trail if t.counted} if decision else set()
        for index, (draw, outcome) in sorted(self._waiting.items()):
            self._tell(draw, outcome, index in counted)
        self._waiting.clear()
