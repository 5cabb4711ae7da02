"""What came of working out the advice, and how a page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bestofinf.evaluation.provenance import FEWEST

if TYPE_CHECKING:
    from bestofinf.advice import Advice
    from bestofinf.report.facts import Facts


@dataclass(frozen=True)
class Worked:
    """The result of computing the advice.

    Attributes:
        labels: Labelled questions at its start.
        facts: The advice and what stands beside it; None where that cannot be said.
        why: Why there is none; empty where there is.
        unread: What could not be read, in sentences.
    """

    labels: int
    facts: Facts | None
    why: str = ""
    unread: Sequence[str] = ()

    @property
    def advice(self) -> Advice | None:
        """What to use; None where that cannot be said."""
        return None if self.facts is None else self.facts.advice


def shown_advice(worked: Worked | None, labels: int) -> dict[str, Any]:
    """Return what the page of the advice shows.

    Args:
        worked: What came of it last; None while nothing did.
        labels: Labelled questions now.
    """
    shown: dict[str, Any] = {"labels": labels, "fewest": FEWEST, "worked": worked, "advice": None}
    if worked is None or worked.facts is None:
        return shown
    from bestofinf.view import (
        maps,
        plots,
    )  # what they need is loaded once there is something to show

    return shown | {
        "advice": worked.facts.advice,
        "figures": plots.of_facts(worked.facts),
        "map": maps.of_facts(worked.facts),
        "strategies": ranked(worked.facts.advice),
    }


def ranked(advice: Advice) -> list[tuple[str, float, float, float, float | None, bool]]:
    """Return the strategies, the most accurate first: name, accuracy, error, samples, cost, chosen."""
    outcomes = sorted(advice.heldout.values(), key=lambda o: -o.accuracy)
    return [
        (
            o.strategy.name,
            o.accuracy,
            o.se,
            o.mean_samples,
            o.mean_cost,
            o.strategy.name == advice.chosen.name,
        )
        for o in outcomes
    ]
