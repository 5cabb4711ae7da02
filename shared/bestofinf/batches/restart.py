"""Bring a new engine to the state in which an earlier run left a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import UsageError
from bestofinf.records import Draw, Outcome
from bestofinf.voting.engine import VotingEngine

Known: TypeAlias = dict[int, tuple[Draw, Outcome]]
"""The recorded outcomes of a question, with their members, by index of the draw."""


def by_place(recorded: Mapping[Draw, Outcome]) -> Known:
    """Return the recorded outcomes by the indices of their draws."""
    return {draw.index: (draw, outcome) for draw, outcome in sorted(recorded.items(), key=_first)}


def _first(pair: tuple[Draw, Outcome]) -> Draw:
    return pair[0]


def restore(engine: VotingEngine, known: Known) -> None:
    """Replay recorded outcomes in a new engine, as far as they go.

    Args:
        engine: A new engine, made by the same plan as that of the earlier run.
        known: Outcomes by index; those that are told are removed. Draws without an outcome were in
            flight when the earlier run ended: they are in flight again, and the remaining outcomes
            wait for them.

    Raises:
        UsageError: If a draw would now go to another member.
    """
    while known and not engine.done:
        asked = engine.ask(1)
        if not asked:
            return
        outcome = take(known, asked[0])
        if outcome is not None:
            engine.tell(asked[0], outcome)


def replayed(plan: VotePlan[Any], prompt: str, recorded: Mapping[Draw, Outcome]) -> VotingEngine:
    """Return an engine for a question in which its recorded outcomes are replayed."""
    engine = plan.engine(answer=plan.answer.for_question(prompt))
    restore(engine, by_place(recorded))
    return engine


def take(known: Known, draw: Draw) -> Outcome | None:
    """Remove and return the recorded outcome of a draw; None if there is none.

    Raises:
        UsageError: If the recorded draw was of another member.
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
