"""Adaptive ensembles for LlamaIndex."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.ensemble import (
        CitationAnswer,
        CitationTieBreaker,
        IdenticalSamplesWarning,
        NoObjectError,
    )
    from llamaindex_bestofinf.answers import StepAnswer
    from llamaindex_bestofinf.collector import EvaluationCallbackHandler, EvaluationCollector
    from llamaindex_bestofinf.events import (
        EnsembleEndEvent,
        EnsembleSampleEvent,
        EnsembleStartEvent,
    )
    from llamaindex_bestofinf.llm import AdaptiveEnsembleLLM
    from llamaindex_bestofinf.rag import RagEnsemble
    from llamaindex_bestofinf.scorers import EvaluatorScorer, LLMJudge, top_logprobs
    from llamaindex_bestofinf.tiny import TinyLLM

_MODULES = {
    "answers": ("StepAnswer",),
    "bestofinf.ensemble": (
        "CitationAnswer",
        "CitationTieBreaker",
        "IdenticalSamplesWarning",
        "NoObjectError",
    ),
    "collector": (
        "EvaluationCallbackHandler",
        "EvaluationCollector",
    ),
    "events": (
        "EnsembleEndEvent",
        "EnsembleSampleEvent",
        "EnsembleStartEvent",
    ),
    "llm": ("AdaptiveEnsembleLLM",),
    "rag": ("RagEnsemble",),
    "scorers": (
        "EvaluatorScorer",
        "LLMJudge",
        "top_logprobs",
    ),
    "tiny": ("TinyLLM",),
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
    "LLMJudge",
    "NoObjectError",
    "RagEnsemble",
    "StepAnswer",
    "TinyLLM",
    "top_logprobs",
]

__getattr__ = handed_on(
    __name__,
    _MODULES,
    needs=("llama_index.core", "llamaindex"),
)


def __dir__() -> list[str]:
    return list(__all__)
