"""Adaptive, weighted majority voting over the answers of language models.

The core knows no LLM framework; ``langchain_bestofinf`` and ``llamaindex_bestofinf`` build on it.
Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.advice import (
        Advice,
        advise,
    )
    from bestofinf.answers import (
        Abstain,
        Answer,
        AutoAnswer,
        BoxedAnswer,
        ChoiceAnswer,
        FunctionAnswer,
        JsonAnswer,
        NumberAnswer,
        TextAnswer,
        ToolCallsAnswer,
        resolve_answer,
    )
    from bestofinf.batches.batch import (
        BatchResult,
        avote_batch,
    )
    from bestofinf.batches.blocking import vote_batch
    from bestofinf.batches.pool import (
        Budget,
        Pool,
    )
    from bestofinf.calibration import (
        Calibration,
        ConfidenceCalibration,
        fit_calibration,
        fit_confidence,
    )
    from bestofinf.drivers import (
        avote,
        vote,
    )
    from bestofinf.drivers.health import (
        Health,
    )
    from bestofinf.ensemble.asking import Ensemble
    from bestofinf.ensemble.endpoint import Endpoint
    from bestofinf.ensemble.groups import Failures, Learning, Otherwise
    from bestofinf.ensemble.plan import VotePlan
    from bestofinf.errors import (
        BestOfInfError,
        MissingExtraError,
        NoConsensusError,
        ProtocolMisuseError,
        SamplingError,
        UsageError,
    )
    from bestofinf.evaluation import (
        EvaluationSet,
        EvaluationStore,
        Explore,
        Question,
        Samples,
    )
    from bestofinf.policy import FailurePolicy
    from bestofinf.records import (
        Decision,
        Draw,
        Failure,
        Member,
        Reply,
        Sample,
        ToolCall,
        Usage,
    )
    from bestofinf.rules import (
        AdaptiveConsistency,
        AheadBy,
        BestOfInfinity,
        BudgetController,
        CertifiedMajority,
        Doubling,
        FixedSamples,
        MaxCost,
        MaxSamples,
        MaxSeconds,
        MaxTokens,
        OptimalStopping,
        OptScale,
        PValue,
        StopRule,
        UnanimousWindow,
        Verdict,
        p_leader_is_mode,
        parse_rule,
    )
    from bestofinf.rules.tally import (
        Tally,
    )
    from bestofinf.scorers import (
        FunctionScorer,
        MeanLogprob,
        RewardEndpoint,
        Scale,
        Score,
        Scorer,
        SelfCertainty,
    )
    from bestofinf.voting.engine import (
        VotingEngine,
    )
    from bestofinf.voting.selectors import (
        BestScore,
        Majority,
        MajorityThenScore,
        ScoreWeighted,
        WeightedMajority,
    )
    from bestofinf.voting.settings import (
        VoteSettings,
    )
    from bestofinf.weights import (
        WeightComparison,
        WeightFit,
        compare_weights,
        fit_weights,
    )

__all__ = [
    "Abstain",
    "AdaptiveConsistency",
    "Advice",
    "AheadBy",
    "Answer",
    "AutoAnswer",
    "BatchResult",
    "BestOfInfError",
    "BestOfInfinity",
    "BestScore",
    "BoxedAnswer",
    "Budget",
    "BudgetController",
    "Calibration",
    "CertifiedMajority",
    "ChoiceAnswer",
    "ConfidenceCalibration",
    "Decision",
    "Doubling",
    "Draw",
    "Endpoint",
    "Ensemble",
    "EvaluationSet",
    "EvaluationStore",
    "Explore",
    "Failure",
    "FailurePolicy",
    "Failures",
    "FixedSamples",
    "FunctionAnswer",
    "FunctionScorer",
    "Health",
    "JsonAnswer",
    "Learning",
    "Majority",
    "MajorityThenScore",
    "MaxCost",
    "MaxSamples",
    "MaxSeconds",
    "MaxTokens",
    "MeanLogprob",
    "Member",
    "MissingExtraError",
    "NoConsensusError",
    "NumberAnswer",
    "OptScale",
    "OptimalStopping",
    "Otherwise",
    "PValue",
    "Pool",
    "ProtocolMisuseError",
    "Question",
    "Reply",
    "RewardEndpoint",
    "Sample",
    "Samples",
    "SamplingError",
    "Scale",
    "Score",
    "ScoreWeighted",
    "Scorer",
    "SelfCertainty",
    "StopRule",
    "Tally",
    "TextAnswer",
    "ToolCall",
    "ToolCallsAnswer",
    "UnanimousWindow",
    "Usage",
    "UsageError",
    "Verdict",
    "VotePlan",
    "VoteSettings",
    "VotingEngine",
    "WeightComparison",
    "WeightFit",
    "WeightedMajority",
    "advise",
    "avote",
    "avote_batch",
    "compare_weights",
    "fit_calibration",
    "fit_confidence",
    "fit_weights",
    "p_leader_is_mode",
    "parse_rule",
    "resolve_answer",
    "vote",
    "vote_batch",
]

_MODULES = {
    "advice": (
        "Advice",
        "advise",
    ),
    "answers": (
        "Abstain",
        "Answer",
        "AutoAnswer",
        "BoxedAnswer",
        "ChoiceAnswer",
        "FunctionAnswer",
        "JsonAnswer",
        "NumberAnswer",
        "TextAnswer",
        "ToolCallsAnswer",
        "resolve_answer",
    ),
    "batches.batch": (
        "BatchResult",
        "avote_batch",
    ),
    "batches.blocking": ("vote_batch",),
    "calibration": (
        "Calibration",
        "ConfidenceCalibration",
        "fit_calibration",
        "fit_confidence",
    ),
    "drivers": (
        "avote",
        "vote",
    ),
    "voting.engine": ("VotingEngine",),
    "errors": (
        "BestOfInfError",
        "MissingExtraError",
        "NoConsensusError",
        "ProtocolMisuseError",
        "SamplingError",
        "UsageError",
    ),
    "evaluation": (
        "EvaluationSet",
        "EvaluationStore",
        "Explore",
        "Question",
        "Samples",
    ),
    "drivers.health": ("Health",),
    "ensemble.asking": ("Ensemble",),
    "ensemble.endpoint": ("Endpoint",),
    "ensemble.groups": ("Failures", "Learning", "Otherwise"),
    "ensemble.plan": ("VotePlan",),
    "batches.pool": (
        "Budget",
        "Pool",
    ),
    "policy": ("FailurePolicy",),
    "records": (
        "Decision",
        "Draw",
        "Failure",
        "Member",
        "Reply",
        "Sample",
        "ToolCall",
        "Usage",
    ),
    "rules": (
        "AdaptiveConsistency",
        "AheadBy",
        "BestOfInfinity",
        "BudgetController",
        "CertifiedMajority",
        "Doubling",
        "FixedSamples",
        "MaxCost",
        "MaxSamples",
        "MaxSeconds",
        "MaxTokens",
        "OptScale",
        "OptimalStopping",
        "PValue",
        "StopRule",
        "UnanimousWindow",
        "Verdict",
        "p_leader_is_mode",
        "parse_rule",
    ),
    "scorers": (
        "FunctionScorer",
        "MeanLogprob",
        "RewardEndpoint",
        "Scale",
        "Score",
        "Scorer",
        "SelfCertainty",
    ),
    "voting.selectors": (
        "BestScore",
        "Majority",
        "MajorityThenScore",
        "ScoreWeighted",
        "WeightedMajority",
    ),
    "voting.settings": ("VoteSettings",),
    "rules.tally": ("Tally",),
    "weights": (
        "WeightComparison",
        "WeightFit",
        "compare_weights",
        "fit_weights",
    ),
}


_handed_on = handed_on(__name__, _MODULES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("bestofinf")
    return _handed_on(name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
