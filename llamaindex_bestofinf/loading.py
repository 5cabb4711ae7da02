"""LLMs for the members of a configuration file."""

from __future__ import annotations

from typing import Any, cast

from llama_index.core.llms.llm import LLM

from bestofinf._extras import require
from bestofinf.ensemble import MemberConfig
from bestofinf.errors import MissingExtraError, UsageError


def model_of(member: MemberConfig) -> LLM:
    """Return the LLM of a member: ``OpenAILike`` at its `url`.

    Raises:
        UsageError: If it has no `url`: LlamaIndex makes no models by name.
        MissingExtraError: If llama-index-llms-openai-like is not installed.
    """
    if member.url is None:
        kind, _, name = str(member.model).partition(":")
        if kind == "tiny":
            from llamaindex_bestofinf.tiny import TinyLLM

            return TinyLLM(model=name)
        raise UsageError(
            f"member {member.name!r}: LlamaIndex has no models by name such as {member.model!r}; "
            "give an LLM, load(..., members={...}), or say the url of its server"
        )
    if member.rename or member.drop:
        raise UsageError(
            f"member {member.name!r}: OpenAILike does not rename or drop fields; give an LLM of "
            "your own, load(..., members={...}), or ask through bestofinf.Ensemble"
        )
    try:
        like = require(
            "llama_index.llms.openai_like", extra="llamaindex", purpose="a member with a url"
        )
    except MissingExtraError as missing:
        missing.msg = f"member {member.name!r} has a url: pip install llama-index-llms-openai-like"
        raise
    known: dict[str, Any] = {
        "max_tokens": member.max_tokens,
        "temperature": member.temperature,
        "timeout": member.timeout,
        "additional_kwargs": {"extra_body": dict(member.set)} if member.set else None,
    }
    return cast(
        "LLM",
        like.OpenAILike(
            model=member.model,
            api_base=member.url,
            api_key=member.secret(),
            is_chat_model=True,
            is_function_calling_model=True,
            max_retries=0,  # the ensemble tries again
            **{name: value for name, value in known.items() if value is not None},
        ),
    )
