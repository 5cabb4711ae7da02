"""Adaptive, weighted majority voting over the answers of language models.

The core knows no LLM framework; ``langchain_bestofinf`` and ``llamaindex_bestofinf`` build on it.
Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bestofinf.answers import Answer, resolve_answer
    from bestofinf.batch import BatchResult, avote_batch, vote_batch
    from bestofinf.drivers import avote, vote
    from bestofinf.engine import VoteSettings, VotingEngine
    from bestofinf.errors import (
        BestOfInfError,
        MissingExtraError,
        NoConsensusError,
        ProtocolMisuseError,
        SamplingError,
        UsageError,
    )
    from bestofinf.evaluation import EvaluationSet, Question, Samples
    from bestofinf.plan import VotePlan
    from bestofinf.policy import FailurePolicy
    from bestofinf.pool import Budget
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
    from bestofinf.rules import AheadBy, FixedSamples, MaxSamples, StopRule, parse_rule
    from bestofinf.tally import Tally

_MODULES = {
    "answers": ("Answer", "resolve_answer"),
    "batch": ("BatchResult", "avote_batch", "vote_batch"),
    "drivers": ("avote", "vote"),
    "engine": ("VoteSettings", "VotingEngine"),
    "errors": (
        "BestOfInfError",
        "MissingExtraError",
        "NoConsensusError",
        "ProtocolMisuseError",
        "SamplingError",
        "UsageError",
    ),
    "evaluation": ("EvaluationSet", "Question", "Samples"),
    "plan": ("VotePlan",),
    "policy": ("FailurePolicy",),
    "pool": ("Budget",),
    "records": ("Decision", "Draw", "Failure", "Member", "Reply", "Sample", "ToolCall", "Usage"),
    "rules": ("AheadBy", "FixedSamples", "MaxSamples", "StopRule", "parse_rule"),
    "tally": ("Tally",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


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
