"""Replay: the results of a stopping rule on recorded answers. No model is asked."""

from bestofinf.replay.frontier import Frontier, frontier
from bestofinf.replay.lengths import LengthCheck, check_lengths
from bestofinf.replay.results import Grid, ReplayResult, bootstrap, cost_at
from bestofinf.replay.run import ReplayPlan, replay, replay_all
from bestofinf.replay.timing import Timing

__all__ = [
    "Frontier",
    "Grid",
    "LengthCheck",
    "ReplayPlan",
    "ReplayResult",
    "Timing",
    "bootstrap",
    "check_lengths",
    "cost_at",
    "frontier",
    "replay",
    "replay_all",
]
