"""Adaptive ensembles for LangChain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.ensemble import IdenticalSamplesWarning
    from langchain_bestofinf.cache import SampleCache
    from langchain_bestofinf.chat import AdaptiveEnsembleChat
    from langchain_bestofinf.collector import EvaluationCollector
    from langchain_bestofinf.middleware import ForMembers
    from langchain_bestofinf.runnable import AdaptiveEnsemble
    from langchain_bestofinf.scorers import ChatModelJudge, RunnableScorer, top_logprobs
    from langchain_bestofinf.streaming import ProgressToLangGraph
    from langchain_bestofinf.tiny import TinyChat

_MODULES = {
    "bestofinf.ensemble": ("IdenticalSamplesWarning",),
    "cache": ("SampleCache",),
    "chat": ("AdaptiveEnsembleChat",),
    "collector": ("EvaluationCollector",),
    "middleware": ("ForMembers",),
    "runnable": ("AdaptiveEnsemble",),
    "scorers": (
        "ChatModelJudge",
        "RunnableScorer",
        "top_logprobs",
    ),
    "streaming": ("ProgressToLangGraph",),
    "tiny": ("TinyChat",),
}

__all__ = [
    "AdaptiveEnsemble",
    "AdaptiveEnsembleChat",
    "ChatModelJudge",
    "EvaluationCollector",
    "ForMembers",
    "IdenticalSamplesWarning",
    "ProgressToLangGraph",
    "RunnableScorer",
    "SampleCache",
    "TinyChat",
    "top_logprobs",
]

__getattr__ = handed_on(
    __name__,
    _MODULES,
    needs=("langchain_core", "langchain"),
)


def __dir__() -> list[str]:
    return list(__all__)
