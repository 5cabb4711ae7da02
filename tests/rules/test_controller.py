"""A mean budget over a stream of questions."""

import math

import numpy as np
import pytest

from bestofinf.errors import UsageError
from bestofinf.rules import BudgetController, OptimalStopping
from bestofinf.rules.tally import Tally


def answer_all(controller, questions=400, seed=0):
    rng = np.random.default_rng(seed)
    for lead in rng.beta(2, 0.5, size=questions):
        tally = Tally()
        while controller.rule.check(tally) is None and tally.n_samples < 200:
            tally.vote("right" if rng.random() < lead else "wrong")
        controller.book(tally.n_samples)


@pytest.mark.parametrize("budget", [5, 9])
def test_mean_budget_is_held(budget):
    controller = BudgetController(budget, rate=0.05)
    answer_all(controller)
    first = controller.spent
    answer_all(controller, seed=1)
    assert (controller.spent - first) / 400 == pytest.approx(budget, rel=0.1)
    assert controller.mean == pytest.approx(budget, rel=0.1)
    assert controller.questions == 800


def test_dear_questions_raise_the_price_and_cheap_ones_lower_it():
    controller = BudgetController(10, rate=0.02)
    before = controller.rule.price
    assert controller.book(15).price == pytest.approx(before * math.exp(0.02 * 0.5), rel=1e-3)
    assert controller.book(5).price == pytest.approx(before, rel=1e-3)
    assert controller.rule == OptimalStopping(controller.rule.price)


def test_price_stays_within_bounds():
    controller = BudgetController(1, rate=1)
    for _ in range(200):
        controller.book(10**9)
    assert controller.rule.price == 0.2
    for _ in range(200):
        controller.book(0)
    assert controller.rule.price == pytest.approx(1e-6)


@pytest.mark.parametrize("settings", [{"budget": 0}, {"budget": 9, "rate": math.inf}])
def test_settings_are_checked(settings):
    with pytest.raises(UsageError, match="must be above 0"):
        BudgetController(**settings)


def test_spending_is_checked():
    with pytest.raises(UsageError, match="spending"):
        BudgetController(3).book(math.nan)
