"""Hold a mean budget over a stream of questions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from bestofinf.errors import UsageError
from bestofinf.rules.optimal import OptimalStopping


@dataclass
class BudgetController:
    """Moves the price of `OptimalStopping` so that a mean budget is met.

    With one price for all questions, more is spent where it pays, unlike with a fixed number of
    samples for each. After a question that cost ``spent``, ``log price += rate * (spent - budget)
    / budget``, and a term that makes up for the total deviation so far. Use `rule` for the next
    question and `book` its cost. Do not sort the questions by difficulty.

    Attributes:
        budget: Mean spending wanted per question, in the unit that is booked: samples, tokens or
            money.
        rule: The rule for the next question.
        rate: Step of the log price, above 0; .02 to .05 is usual. A larger one settles sooner and
            varies more.
        questions: Number of questions booked.
        spent: Total spending on them.
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
        """Record the cost of a question and return the rule for the next.

        Args:
            spent: Its cost in the unit of `budget`, at least 0.
        """
        if not 0 <= spent < math.inf:
            raise UsageError(f"spending must be at least 0 and finite, got {spent!r}")
        self.questions += 1
        self.spent += spent
        # One very expensive question must not end sampling for all that follow.
        step = self.rate * min((spent - self.budget) / self.budget, 10.0)
        # The step alone would leave the mean off by the spending while the price was being found, so
        # the total deviation is made up for as well. An eighth does so soon and without oscillation.
        over = self.spent / self.budget - self.questions
        step += self.rate / 8 * min(max(self.rate * over, -1.0), 1.0)
        highest = math.inf if self.rule.price_per == "money" else 0.2
        price = min(max(self.rule.price * math.exp(step), 1e-6), highest)
        self.rule = replace(self.rule, price=price)
        return self.rule
