"""The member to paste: for LangChain, for LlamaIndex and for a configuration file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bestofinf.doctor.server import Facts
from bestofinf.ensemble.config import EnsembleConfig, MemberConfig
from bestofinf.ensemble.config_writing import written
from bestofinf.ensemble.endpoint import Endpoint

TIMEOUT = 60
_USUAL = 8  # requests at a time if the server does not say


def members(endpoint: Endpoint, facts: Facts) -> dict[str, str]:
    """Return the code of the member by ``langchain``, ``llamaindex`` and ``toml``.

    Args:
        endpoint: The server and the model.
        facts: What is known about the server.
    """
    return {
        "langchain": _langchain(endpoint, facts),
        "llamaindex": _llamaindex(endpoint, facts),
        "toml": _toml(endpoint, facts),
    }


def concurrency(facts: Facts) -> int:
    """Return the maximum number of requests to send to a server at a time."""
    return min(facts.slots or _USUAL, facts.allowed or facts.slots or _USUAL)


def logprobs(facts: Facts) -> str | None:
    """Return which log-probabilities to ask for; None if the server sends none.

    Processed ones that need an extra field are not requested, because a stream of llama.cpp then
    lacks the probability of the reply's end.
    """
    return "raw" if facts.logprobs == "unknown" else facts.logprobs


def _langchain(endpoint: Endpoint, facts: Facts) -> str:
    given: dict[str, Any] = {"model": endpoint.model, "base_url": endpoint.url}
    more: dict[str, Any] = {"max_retries": 0, "timeout": TIMEOUT}
    if facts.streams and not facts.frees.get("plain"):
        more |= {"streaming": True, "stream_usage": True}
    return "\n".join(
        [
            *(["import os", ""] if endpoint.key_variable else []),
            "from langchain_openai import ChatOpenAI",
            "",
            "from bestofinf import Member",
            "from langchain_bestofinf import AdaptiveEnsembleChat",
            "",
            "model = ChatOpenAI(",
            *_arguments(given),
            f"    api_key={_key(endpoint)},",
            *_arguments(more),
            ")",
            f"chat = AdaptiveEnsembleChat(members=[{_member(facts)}])",
        ]
    )


def _llamaindex(endpoint: Endpoint, facts: Facts) -> str:
    given: dict[str, Any] = {"model": endpoint.model, "api_base": endpoint.url}
    more: dict[str, Any] = {
        "is_chat_model": True,
        "is_function_calling_model": bool(facts.tools),
        "max_retries": 0,
        "timeout": TIMEOUT,
    }
    if facts.context:
        more["context_window"] = facts.context
    return "\n".join(
        [
            *(["import os", ""] if endpoint.key_variable else []),
            "from llama_index.llms.openai_like import OpenAILike",
            "",
            "from bestofinf import Member",
            "from llamaindex_bestofinf import AdaptiveEnsembleLLM",
            "",
            "model = OpenAILike(",
            *_arguments(given),
            f"    api_key={_key(endpoint)},",
            *_arguments(more),
            ")",
            f"llm = AdaptiveEnsembleLLM(members=[{_member(facts)}])",
        ]
    )


def _toml(endpoint: Endpoint, facts: Facts) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", endpoint.model.rpartition("/")[2]).strip("-") or "model"
    member = MemberConfig(
        name,
        url=endpoint.url,
        model=endpoint.model,
        key=f"env:{endpoint.key_variable}" if endpoint.key_variable else None,
        concurrency=concurrency(facts),
        timeout=float(TIMEOUT),
        ask="plain" if facts.streams is False else None,
        rename=facts.rename,
        drop=facts.drop,
        logprobs=logprobs(facts),
    )
    return written("", EnsembleConfig(f"{name}-voted", {name: 1.0}), [member])


def _member(facts: Facts) -> str:
    given = f"model, concurrency={concurrency(facts)}"
    kind = logprobs(facts)
    return f"Member({given}, logprobs={_literal(kind)})" if kind else f"Member({given})"


def _arguments(given: Mapping[str, Any]) -> list[str]:
    return [f"    {name}={_literal(value)}," for name, value in given.items()]


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _key(endpoint: Endpoint) -> str:
    return f'os.environ["{endpoint.key_variable}"]' if endpoint.key_variable else '"none"'
