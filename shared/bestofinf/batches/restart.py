"""What an earlier run knows of a question, and how a fresh engine is brought to the same place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from bestofinf.errors import UsageError
from bestofinf.records import Draw, Outcome
from bestofinf.voting.engine import VotingEngine

Known: TypeAlias = dict[int, tuple[Draw, Outcome]]
"""What an earlier run knows of a question, by the place of the draw."""


def by_place(recorded: Mapping[Draw, Outcome]) -> Known:
    """Return what is known of a question by the places of its draws."""
    return {draw.index: (draw, outcome) for draw, outcome in sorted(recorded.items(), key=_first)}


def _first(pair: tuple[Draw, Outcome]) -> Draw:
    return pair[0]


def restore(engine: VotingEngine, known: Known) -> None:
    """Bring a fresh engine as far as what is known allows.

    Args:
        engine: Made by the same plan as the one that these draws are from.
        known: Outcomes by place; those told are taken out. Draws asked on the way that are not
            known were in flight when the earlier run ended: they are in flight again, and the
            rest of what is known waits for them.

    Raises:
        UsageError: If a draw would go to another member now.
    """
    while known and not engine.done:
        asked = engine.ask(1)
        if not asked:
            return
        outcome = take(known, asked[0])
        if outcome is not None:
            engine.tell(asked[0], outcome)


def take(known: Known, draw: Draw) -> Outcome | None:
    """Take out what is known of a draw; None if nothing is.

    Raises:
        UsageError: If it was asked of another member.
    """
    if draw.index not in known:
        return None
    earlier, outcome = known.pop(draw.index)
    if earlier.member != draw.member:
        raise UsageError(
            f"draw {draw.index} was asked of another member in the earlier run: "
            "its members, weights or schedule were different"
        )
    return outcome
