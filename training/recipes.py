"""What is trained, in which order and from which seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bestofinf.tiny.questions import FAMILIES
from training.network import Shape

USUAL = Shape()


@dataclass(frozen=True)
class Recipe:
    """How one network comes about.

    Attributes:
        name: Its name, and that of its file.
        seed: Seeds the first weights, the questions and their order.
        steps: Batches learnt from.
        mixture: Relative frequency of each family.
        start: Name of the network whose weights it begins with; None for random ones.
        shape: Sizes; those of `start` where it has one.
        careful: False learns from solutions with slips that always fall the same way.
        task: To write solutions, or to judge each character of them.
        rate: Highest rate of the matrices inside the layers.
        shipped: False for what only others start from.
    """

    name: str
    seed: int
    steps: int
    mixture: Mapping[str, float]
    start: str | None = None
    shape: Shape = USUAL
    careful: bool = True
    task: Literal["write", "judge"] = "write"
    rate: float = 0.02
    shipped: bool = True


def _mixture(*shares: float) -> dict[str, float]:
    return dict(zip(FAMILIES, shares, strict=True))


EVEN = _mixture(1, 1, 1, 1, 1)

# Three members begin alike and then specialise early, before the base is good at anything: so each
# is strong at two or three families and poor at the others.
RECIPES = (
    Recipe("base", seed=1, steps=2500, mixture=EVEN, shipped=False),
    Recipe("sum", seed=2, steps=2200, mixture=_mixture(5, 0.3, 4, 0.3, 1), start="base"),
    Recipe("mul", seed=3, steps=1600, mixture=_mixture(1, 5, 3, 0.3, 0.3), start="base"),
    Recipe("clock", seed=4, steps=1600, mixture=_mixture(0.7, 0.3, 1.5, 5, 2), start="base"),
    # From solutions with slips that always fall the same way: sure of itself, and wrong.
    Recipe("hasty", seed=5, steps=1300, mixture=EVEN, start="base", careful=False),
    # The verifier has to know all families, so it learns longest.
    Recipe("verifier", seed=7, steps=3500, mixture=EVEN, start="base", task="judge"),
)
