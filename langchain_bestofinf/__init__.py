"""Adaptive ensembles for LangChain."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestofinf._extras import require

if TYPE_CHECKING:
    from bestofinf.alike import IdenticalSamplesWarning
    from langchain_bestofinf.cache import SampleCache
    from langchain_bestofinf.chat import AdaptiveEnsembleChat
    from langchain_bestofinf.collector import EvaluationCollector
    from langchain_bestofinf.runnable import AdaptiveEnsemble
    from langchain_bestofinf.scorers import ChatModelJudge, RunnableScorer, top_logprobs
    from langchain_bestofinf.streaming import ProgressToLangGraph
    from langchain_bestofinf.tiny import TinyChat

_HOMES = {
    "AdaptiveEnsemble": "runnable",
    "AdaptiveEnsembleChat": "chat",
    "ChatModelJudge": "scorers",
    "EvaluationCollector": "collector",
    "IdenticalSamplesWarning": "bestofinf.alike",
    "ProgressToLangGraph": "streaming",
    "RunnableScorer": "scorers",
    "SampleCache": "cache",
    "TinyChat": "tiny",
    "top_logprobs": "scorers",
}

__all__ = [
    "AdaptiveEnsemble",
    "AdaptiveEnsembleChat",
    "ChatModelJudge",
    "EvaluationCollector",
    "IdenticalSamplesWarning",
    "ProgressToLangGraph",
    "RunnableScorer",
    "SampleCache",
    "TinyChat",
    "top_logprobs",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("langchain_core", extra="langchain", purpose=f"langchain_bestofinf.{name}")
    value = getattr(import_module(home if "." in home else f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
