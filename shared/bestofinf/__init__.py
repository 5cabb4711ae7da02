"""Adaptive, weighted majority voting over the answers of language models.

The core knows no LLM framework; ``langchain_bestofinf`` and ``llamaindex_bestofinf`` build on it.
Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    from bestofinf.batch import (
        BatchResult,
        avote_batch,
        vote_batch,
    )
    from bestofinf.calibration import (
        Calibration,
        fit_calibration,
    )
    from bestofinf.drivers import (
        avote,
        vote,
    )
    from bestofinf.engine import (
        VoteSettings,
        VotingEngine,
    )
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
    from bestofinf.health import (
        Health,
    )
    from bestofinf.plan import (
        VotePlan,
    )
    from bestofinf.policy import (
        FailurePolicy,
    )
    from bestofinf.pool import (
        Budget,
        Pool,
    )
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
    from bestofinf.scorers import (
        FunctionScorer,
        MeanLogprob,
        RewardEndpoint,
        Scale,
        Score,
        Scorer,
        SelfCertainty,
    )
    from bestofinf.selectors import (
        BestScore,
        Majority,
        MajorityThenScore,
        ScoreWeighted,
        WeightedMajority,
    )
    from bestofinf.tally import (
        Tally,
    )
    from bestofinf.weights import (
        WeightComparison,
        WeightFit,
        compare_weights,
        fit_weights,
    )

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
    "batch": (
        "BatchResult",
        "avote_batch",
        "vote_batch",
    ),
    "calibration": (
        "Calibration",
        "fit_calibration",
    ),
    "drivers": (
        "avote",
        "vote",
    ),
    "engine": (
        "VoteSettings",
        "VotingEngine",
    ),
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
    "health": ("Health",),
    "plan": ("VotePlan",),
    "policy": ("FailurePolicy",),
    "pool": (
        "Budget",
        "Pool",
    ),
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
    "selectors": (
        "BestScore",
        "Majority",
        "MajorityThenScore",
        "ScoreWeighted",
        "WeightedMajority",
    ),
    "tally": ("Tally",),
    "weights": (
        "WeightComparison",
        "WeightFit",
        "compare_weights",
        "fit_weights",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # a test holds it equal to the imports above


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("bestofinf")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'bestofinf' has no attribute {name!r}")
    value = getattr(import_module(f"bestofinf.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
