"""Check on the user's own questions whether lengths of replies are evidence for the right answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from bestofinf.evaluation import EvaluationSet
from bestofinf.replay.frontier import frontier
from bestofinf.replay.run import ReplayPlan
from bestofinf.rules import OptimalStopping

_STEPS = (4.0, 2.8, 2.0, 1.4, 1.0, 0.7, 0.5, 0.35)  # factors of the rule's price
_EXPECTED, _SPREAD = 0.95, 0.04  # ratio of costs over four recorded data sets


@dataclass(frozen=True)
class LengthCheck:
    """The value of evidence from lengths in a replay.

    Attributes:
        ratio: Samples with it divided by samples without it, at equal agreement; NaN if the replay
            cannot show it.
        error: Standard error of the ratio, by bootstrap over questions.
        rule: The rule to use: as given, or with `length_evidence` and `question_length` set to 0 if
            they do not pay.
    """

    ratio: float
    error: float
    rule: OptimalStopping

    @property
    def pays(self) -> bool:
        """Whether the evidence pays and is used."""
        return bool(self.rule.length_evidence or self.rule.question_length)


def check_lengths(
    evaluation_set: EvaluationSet,
    rule: OptimalStopping | None = None,
    plan: ReplayPlan | None = None,
) -> LengthCheck:
    """Replay a rule with and without evidence from lengths, and switch it off if it does not pay.

    The ratio found is combined, weighted by its error, with that of four public data sets of
    reasoning models (0.95 ± 0.04), so that a few questions alone decide nothing.

    Args:
        evaluation_set: Recorded answers with token counts; without them the ratio is NaN.
        rule: The rule to check; the balanced preset by default.
        plan: Settings of the replay.
    """
    rule = rule or OptimalStopping()
    plan = plan or ReplayPlan(trials=40)
    without = replace(
        rule, length_evidence=0.0, question_length=0.0 if rule.question_length else None
    )
    told = rule.length_evidence or rule.question_length
    with_ = rule if told else replace(rule, length_evidence=1.0)
    prices = [rule.price * step for step in _STEPS if rule.price * step < 1]
    found = frontier(
        evaluation_set,
        {
            "with": [replace(with_, price=price) for price in prices],
            "without": [replace(without, price=price) for price in prices],
            "asked": [without],
        },
        plan,
        fixed=False,
        oracle=False,
    )
    level = found.results["asked"][0].agreement
    cost = "samples" if rule.price_per == "sample" else "tokens"
    ratio, error = found.ratio("with", "without", level, cost=cost)
    if math.isnan(ratio) or not error > 0:  # all questions, or most of them, are unanimous
        return LengthCheck(math.nan, math.nan, rule)
    trust = _SPREAD**2 / (_SPREAD**2 + error**2)
    believed = trust * ratio + (1 - trust) * _EXPECTED
    return LengthCheck(ratio, error, with_ if believed < 1 else without)
