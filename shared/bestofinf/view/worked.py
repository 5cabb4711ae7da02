"""The result of computing the advice, and its values for a page."""

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
        labels: Number of labelled questions when it was started.
        facts: The advice and its figures; None if there is no advice.
        why: Why there is no advice; "" if there is one.
        unread: Sentences about texts that could not be read.
    """

    labels: int
    facts: Facts | None
    why: str = ""
    unread: Sequence[str] = ()

    @property
    def advice(self) -> Advice | None:
        """The advice; None if there is none."""
        return None if self.facts is None else self.facts.advice


def shown_advice(worked: Worked | None, labels: int) -> dict[str, Any]:
    """Return the values for the page of the advice.

    Args:
        worked: The latest result; None if there is none yet.
        labels: Number of labelled questions now.
    """
    shown: dict[str, Any] = {"labels": labels, "fewest": FEWEST, "worked": worked, "advice": None}
    if worked is None or worked.facts is None:
        return shown
    # Imported here because both are slow to import.
    from bestofinf.view import maps, plots

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
