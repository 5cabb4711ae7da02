"""Hold a mean budget over a stream of questions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from bestofinf.errors import UsageError
from bestofinf.rules.optimal import OptimalStopping


@dataclass
class BudgetController:
    """Moves the price of `OptimalStopping` so that a mean budget is met.

    One price for all questions spends where it pays, which a fixed number of samples for each
    does not. After a question that took ``spent``, ``log price += rate * (spent - budget) /
    budget``, and a little more for what all questions so far were over or under. Take `rule` for
    the next question and `book` what it took; the order of the questions must not follow their
    difficulty.

    Attributes:
        budget: Mean spending wanted, in the unit that is booked: samples, tokens or money.
        rule: The rule for the next question.
        rate: Step of the logarithm, above 0: .02 to .05. A larger one settles sooner and
            wanders more.
        questions: Questions booked.
        spent: What they took in all.
    """

    budget: float
    rule: OptimalStopping = field(default_factory=OptimalStopping)
    rate: float = 0.03
    questions: int = 0
    spent: float = 0.0

    def __post_init__(self) -> None:
        for name in ("budget", "rate"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise UsageError(f"{name} must be above 0 and finite, got {value!r}")

    @property
    def mean(self) -> float:
        """Mean spending so far; 0 before the first question."""
        return self.spent / self.questions if self.questions else 0.0

    def book(self, spent: float) -> OptimalStopping:
        """Take what a question took and return the rule for the next.

        Args:
            spent: At least 0.
        """
        if not 0 <= spent < math.inf:
            raise UsageError(f"spending must be at least 0 and finite, got {spent!r}")
        self.questions += 1
        self.spent += spent
        # One question that took very much must not end sampling for all that follow.
        step = self.rate * min((spent - self.budget) / self.budget, 10.0)
        # What was over or under so far is made up for: the step alone would leave a mean that is
        # off by what it took to find the price. An eighth: soon, and without swinging.
        over = self.spent / self.budget - self.questions
        step += self.rate / 8 * min(max(self.rate * over, -1.0), 1.0)
        highest = math.inf if self.rule.price_per == "money" else 0.2
        price = min(max(self.rule.price * math.exp(step), 1e-6), highest)
        self.rule = replace(self.rule, price=price)
        return self.rule
