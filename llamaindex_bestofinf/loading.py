"""LLMs for the members of a configuration file."""

from __future__ import annotations

from typing import cast

from llama_index.core.llms.llm import LLM

from bestofinf.ensemble import MemberConfig, served_model
from bestofinf.errors import UsageError


def model_of(member: MemberConfig) -> LLM:
    """Return the LLM of a member: ``OpenAILike`` for its `url`.

    Raises:
        UsageError: If it has no `url`, because LlamaIndex has no models by name; or if it renames
            or drops fields, or its key is not set.
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
    return cast(
        "LLM",
        served_model(
            member,
            "llama_index.llms.openai_like",
            "OpenAILike",
            extra="llamaindex",
            api_base=member.url,
            is_chat_model=True,
            is_function_calling_model=True,
            additional_kwargs={"extra_body": dict(member.set)} if member.set else None,
        ),
    )
