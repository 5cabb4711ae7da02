"""Models of LangChain for the members of a configuration file."""

from __future__ import annotations

from typing import cast

from bestofinf.ensemble import MemberConfig, served_model
from langchain_bestofinf.members import ChatRunnable, chat_model


def model_of(member: MemberConfig) -> ChatRunnable:
    """Return the chat model of a member: ``ChatOpenAI`` for a `url`, else the one named by `model`.

    Raises:
        UsageError: If it cannot be made, or renames or drops fields, which ``ChatOpenAI`` cannot.
        MissingExtraError: If langchain-openai, or the provider's package, is not installed.
    """
    if member.url is None:
        kind, _, name = str(member.model).partition(":")
        if kind == "tiny":
            from langchain_bestofinf.tiny import TinyChat

            return TinyChat(model=name)
        return chat_model(member.model)
    return cast(
        "ChatRunnable",
        served_model(
            member,
            "langchain_openai",
            "ChatOpenAI",
            extra="langchain",
            base_url=member.url,
            extra_body=dict(member.set) or None,
        ),
    )
