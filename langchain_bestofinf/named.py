"""LangChain's models by name, for ensembles without a framework and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bestofinf._extras import require

require("langchain_core", extra="langchain", purpose="langchain_bestofinf.named")

from langchain_core.language_models import BaseChatModel  # noqa: E402
from langchain_core.messages import BaseMessage, convert_to_messages  # noqa: E402

from bestofinf.ensemble import Reading  # noqa: E402
from bestofinf.errors import UsageError  # noqa: E402
from langchain_bestofinf.members import made_model  # noqa: E402
from langchain_bestofinf.messages import read_output, reading_of  # noqa: E402


class NamedModel:
    """A chat model of LangChain that takes the body of a chat completion.

    Args:
        chat: The model.
        model: Its name.
    """

    def __init__(self, chat: BaseChatModel, model: str) -> None:
        self._chat = chat
        self.model = model

    def send(self, body: Mapping[str, Any]) -> Reading:
        """Ask the model once."""
        messages, options = _request(body)
        return reading_of(read_output(self._chat.invoke(messages, **options)))

    async def asend(self, body: Mapping[str, Any]) -> Reading:
        """Ask the model once in the running event loop."""
        messages, options = _request(body)
        return reading_of(read_output(await self._chat.ainvoke(messages, **options)))


def named_model(name: str, **options: Any) -> NamedModel | None:
    """Return the model with a name; None if LangChain does not know its provider.

    Args:
        name: ``provider:model``, or the name of a model from which LangChain can infer it.
        options: Arguments of the model's class.

    Raises:
        UsageError: If the provider's package is missing, or the model cannot be made.
        MissingExtraError: If the package ``langchain`` is missing.
    """
    provider, colon, rest = name.partition(":")
    if colon:
        options["model_provider"] = provider
    try:
        chat = made_model(f"model {name!r}", rest or name, **options)
    except UsageError as error:
        unknown = ("Unsupported", "Unable to infer")
        if isinstance(error.__cause__, ValueError) and str(error.__cause__).startswith(unknown):
            return None
        raise
    return NamedModel(chat, rest or name)


def _request(body: Mapping[str, Any]) -> tuple[list[BaseMessage], dict[str, Any]]:
    """Return the messages of a body, and its other fields as arguments of a call."""
    options = {name: value for name, value in body.items() if name != "messages"}
    return convert_to_messages(body["messages"]), options
