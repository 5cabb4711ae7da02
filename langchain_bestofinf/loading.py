"""Models of LangChain for the members of a configuration file."""

from __future__ import annotations

from typing import Any, cast

from bestofinf._extras import require
from bestofinf.ensemble import MemberConfig
from bestofinf.errors import MissingExtraError, UsageError
from langchain_bestofinf.members import ChatRunnable, chat_model


def model_of(member: MemberConfig) -> ChatRunnable:
    """Return the chat model of a member: ``ChatOpenAI`` at its `url`, or what its `model` names.

    Raises:
        UsageError: If it cannot be made, or needs what ``ChatOpenAI`` does not do.
        MissingExtraError: If langchain-openai, or the provider's package, is not installed.
    """
    if member.url is None:
        kind, _, name = str(member.model).partition(":")
        if kind == "tiny":
            from langchain_bestofinf.tiny import TinyChat

            return TinyChat(model=name)
        return chat_model(member.model)
    if member.rename or member.drop:
        raise UsageError(
            f"member {member.name!r}: ChatOpenAI does not rename or drop fields; give a model of "
            "your own, load(..., members={...}), or ask through bestofinf.Ensemble"
        )
    try:
        openai = require("langchain_openai", extra="langchain", purpose="a member with a url")
    except MissingExtraError as missing:
        missing.msg = f"member {member.name!r} has a url: pip install langchain-openai"
        raise
    known: dict[str, Any] = {
        "max_tokens": member.max_tokens,
        "temperature": member.temperature,
        "timeout": member.timeout,
        "extra_body": dict(member.set) or None,
    }
    return cast(
        "ChatRunnable",
        openai.ChatOpenAI(
            model=member.model,
            base_url=member.url,
            api_key=member.secret(),
            max_retries=0,  # the ensemble tries again
            **{name: value for name, value in known.items() if value is not None},
        ),
    )
