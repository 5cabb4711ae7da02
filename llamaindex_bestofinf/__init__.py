"""Adaptive ensembles for LlamaIndex."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestofinf._extras import require

if TYPE_CHECKING:
    from bestofinf.alike import IdenticalSamplesWarning
    from llamaindex_bestofinf.answers import CitationAnswer, CitationTieBreaker, StepAnswer
    from llamaindex_bestofinf.collector import EvaluationCallbackHandler, EvaluationCollector
    from llamaindex_bestofinf.events import (
        EnsembleEndEvent,
        EnsembleSampleEvent,
        EnsembleStartEvent,
    )
    from llamaindex_bestofinf.llm import AdaptiveEnsembleLLM

_HOMES = {
    "AdaptiveEnsembleLLM": "llamaindex_bestofinf.llm",
    "CitationAnswer": "llamaindex_bestofinf.answers",
    "CitationTieBreaker": "llamaindex_bestofinf.answers",
    "EnsembleEndEvent": "llamaindex_bestofinf.events",
    "EnsembleSampleEvent": "llamaindex_bestofinf.events",
    "EnsembleStartEvent": "llamaindex_bestofinf.events",
    "EvaluationCallbackHandler": "llamaindex_bestofinf.collector",
    "EvaluationCollector": "llamaindex_bestofinf.collector",
    "IdenticalSamplesWarning": "bestofinf.alike",
    "StepAnswer": "llamaindex_bestofinf.answers",
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
    "IdenticalSamplesWarning",
    "StepAnswer",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("llama_index.core", extra="llamaindex", purpose=f"llamaindex_bestofinf.{name}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
