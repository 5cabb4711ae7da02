"""Adaptive ensembles for LlamaIndex."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestofinf._extras import require

if TYPE_CHECKING:
    from bestofinf.alike import IdenticalSamplesWarning
    from llamaindex_bestofinf.answers import CitationAnswer, CitationTieBreaker, StepAnswer
    from llamaindex_bestofinf.calls import NoObjectError
    from llamaindex_bestofinf.collector import EvaluationCallbackHandler, EvaluationCollector
    from llamaindex_bestofinf.events import (
        EnsembleEndEvent,
        EnsembleSampleEvent,
        EnsembleStartEvent,
    )
    from llamaindex_bestofinf.llm import AdaptiveEnsembleLLM
    from llamaindex_bestofinf.scorers import EvaluatorScorer, top_logprobs
    from llamaindex_bestofinf.tiny import TinyLLM

_HOMES = {
    "AdaptiveEnsembleLLM": "llm",
    "CitationAnswer": "answers",
    "CitationTieBreaker": "answers",
    "EnsembleEndEvent": "events",
    "EnsembleSampleEvent": "events",
    "EnsembleStartEvent": "events",
    "EvaluationCallbackHandler": "collector",
    "EvaluationCollector": "collector",
    "EvaluatorScorer": "scorers",
    "IdenticalSamplesWarning": "bestofinf.alike",
    "NoObjectError": "calls",
    "StepAnswer": "answers",
    "TinyLLM": "tiny",
    "top_logprobs": "scorers",
}

__all__ = [
    "AdaptiveEnsembleLLM",
    "CitationAnswer",
    "CitationTieBreaker",
    "EnsembleEndEvent",
    "EnsembleSampleEvent",
    "EnsembleStartEvent",
    "EvaluationCallbackHandler",
    "EvaluationCollector",
    "EvaluatorScorer",
    "IdenticalSamplesWarning",
    "NoObjectError",
    "StepAnswer",
    "TinyLLM",
    "top_logprobs",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("llama_index.core", extra="llamaindex", purpose=f"llamaindex_bestofinf.{name}")
    value = getattr(import_module(home if "." in home else f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
