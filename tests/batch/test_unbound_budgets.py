"""A budget that cannot hold what replies cost says so, once, at the first such reply."""

import asyncio
import warnings

import pytest

from bestofinf.batches import Budget, UnboundBudgetWarning
from bestofinf.batches.batch import avote_batch
from bestofinf.batches.blocking import vote_batch
from bestofinf.ensemble.plan import VotePlan
from bestofinf.records import Member, Sample, Usage

PLAN = VotePlan.make(
    [Member("m", name="local")], rule="exhaustive", answer="text", max_samples=4, retries=0
)
QUESTIONS = ["a", "b", "c"]
UNKNOWN = Usage(calls=1, unmetered=1)
UNPRICED = Usage(3, 5, calls=1)
PRICED = Usage(3, 5, 0.1, calls=1)


def asked(budget, usage, *, blocking=False):
    """Return the warnings of a batch whose replies have this usage."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if blocking:
            found = list(
                vote_batch(QUESTIONS, lambda q, d: Sample("x", usage=usage), PLAN, budget=budget)
            )
        else:

            async def ask(question, draw):
                return Sample("x", usage=usage)

            async def collect():
                return [r async for r in avote_batch(QUESTIONS, ask, PLAN, budget=budget)]

            found = asyncio.run(collect())
    assert all(result.decision.answer == "x" for result in found)
    return [str(one.message) for one in caught if one.category is UnboundBudgetWarning]


@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize(
    ("budget", "usage", "what"),
    [
        (Budget(40, "tokens"), UNKNOWN, "tokens"),
        (Budget(1, "cost"), UNKNOWN, "tokens"),
        (Budget(1, "cost"), UNPRICED, "price"),
    ],
)
def test_it_says_so_once_and_names_the_member(budget, usage, what, blocking):
    (told,) = asked(budget, usage, blocking=blocking)
    assert f"{budget.unit} cannot bind: replies of member 'local' report no {what}" in told


@pytest.mark.parametrize(
    ("budget", "usage"),
    [
        (None, UNKNOWN),
        (8, UNKNOWN),
        (Budget(8), UNKNOWN),
        (Budget(40, "tokens"), UNPRICED),
        (Budget(1, "cost"), PRICED),
        (Budget(1, "cost"), Usage()),  # from a cache
    ],
)
def test_one_that_holds_says_nothing(budget, usage):
    assert not asked(budget, usage)
