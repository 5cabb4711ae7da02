"""Scorers: verifiers that say how good a reply is, from 0 to 1."""

from bestofinf.scorers.base import (
    BaseScorer,
    Scale,
    Score,
    Scorer,
    ScoringError,
    ascored,
    scored,
    sigmoid,
)
from bestofinf.scorers.functions import FunctionScorer, as_scorer
from bestofinf.scorers.http import RewardEndpoint
from bestofinf.scorers.judge import Judge, TextJudge
from bestofinf.scorers.logprobs import MeanLogprob, SelfCertainty

__all__ = [
    "BaseScorer",
    "FunctionScorer",
    "Judge",
    "MeanLogprob",
    "RewardEndpoint",
    "Scale",
    "Score",
    "Scorer",
    "ScoringError",
    "SelfCertainty",
    "TextJudge",
    "as_scorer",
    "ascored",
    "scored",
    "sigmoid",
]
