"""Scorers: verifiers that say how good a reply is, from 0 to 1."""

from bestofinf.scorers.base import (
    BaseScorer,
    Scale,
    Score,
    Scorer,
    ScoringError,
    costed,
    sigmoid,
)
from bestofinf.scorers.checked import ascored, scored
from bestofinf.scorers.functions import FunctionScorer, as_scorer
from bestofinf.scorers.http import RewardEndpoint
from bestofinf.scorers.judge import TEXT_FORM, Judge, TextJudge, score_in, score_of
from bestofinf.scorers.logprobs import MeanLogprob, SelfCertainty

__all__ = [
    "TEXT_FORM",
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
    "costed",
    "score_in",
    "score_of",
    "scored",
    "sigmoid",
]
