"""The results of many trials, and the reasons for which they ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bestofinf.replay.populations import Floats, Ints
from bestofinf.rules.base import AllOf, AnyOf, StopRule

SPENT = "out of samples"
"""Reason of a vote that ran out of recorded samples before its rule ended it."""

UNVOTABLE = "unvotable"
"""Reason of a vote that ended because too many samples abstained and none had voted."""


@dataclass
class Votes:
    """The results of the trials, as arrays with one entry per row of the draws.

    Attributes:
        samples: Number of samples counted.
        tokens: Tokens of these samples.
        costs: Cost of these samples in money.
        answers: The winner; -1 if no sample voted.
        tied: The tied answers by row, for rows in which only the lot chose the winner.
        reasons: Index of the reason in `names`.
        names: Reasons: names of rules, `UNVOTABLE` and `SPENT`.
    """

    samples: Ints
    tokens: Ints
    costs: Floats
    answers: Ints
    tied: dict[int, Ints]
    reasons: Ints
    names: list[str]

    @classmethod
    def open(cls, rule: StopRule, lengths: Ints) -> Votes:
        """Return the results of votes that use all their draws and elect no answer."""
        names = names_of(rule)
        rows = len(lengths)
        return cls(
            samples=lengths.copy(),
            tokens=np.zeros(rows, dtype=np.int64),
            costs=np.zeros(rows),
            answers=np.full(rows, -1),
            tied={},
            reasons=np.full(rows, names.index(SPENT)),
            names=names,
        )


def parts(rule: StopRule) -> tuple[StopRule, ...]:
    """Return the alternatives of a rule, each a reason to stop."""
    return rule.rules if isinstance(rule, AnyOf) else (rule,)


def names_of(rule: StopRule) -> list[str]:
    """Return all reasons that a vote can end for."""
    return list(dict.fromkeys([*(name_of(part) for part in parts(rule)), UNVOTABLE, SPENT]))


def name_of(rule: StopRule) -> str:
    """Return the name under which one alternative of a rule is counted as a reason."""
    return " and ".join(r.name for r in rule.rules) if isinstance(rule, AllOf) else rule.name
