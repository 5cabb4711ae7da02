"""The members of an ensemble: from the values that users give to the LLMs that are asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from llama_index.core.base.llms.types import LLMMetadata, MessageRole
from llama_index.core.llms.llm import LLM

from bestofinf.ensemble import read_members
from bestofinf.errors import UsageError
from bestofinf.records import Member


def resolve_members(given: Any) -> tuple[Member[LLM], ...]:
    """Return members with models and unique names.

    Args:
        given: LLMs, pairs of an LLM and its weight, `Member` objects, or mappings with the fields
            of a `Member`. A member without a model is made by its factory.

    Raises:
        UsageError: If there is no member, or one is not an LLM.
    """
    return read_members(given, _read, "LLMs")


def _read(given: Any) -> tuple[LLM, str]:
    model = checked_llm(given, "a member")
    return model, model_name(model)


def checked_llm(model: Any, what: str) -> LLM:
    """Return the model if it is an LLM.

    Raises:
        UsageError: If it is not.
    """
    if isinstance(model, LLM):
        return model
    raise UsageError(f"{what} must be a LlamaIndex LLM, got {type(model).__name__}")


def model_name(model: LLM) -> str:
    """Return the model's own name, or the name of its class if it has none."""
    name = model.metadata.model_name
    return name if name and name != "unknown" else model.class_name() or type(model).__name__


def has_tools(model: LLM) -> bool:
    """Return whether a model can be asked with tools, by the methods that agents look for."""
    reads = callable(getattr(model, "get_tool_calls_from_response", None))
    asks = ("chat_with_tools", "achat_with_tools")
    return reads and any(callable(getattr(model, name, None)) for name in asks)


def calls_tools(model: LLM) -> bool:
    """Return whether a model can be asked with tools, and its metadata say that it calls them."""
    return model.metadata.is_function_calling_model and has_tools(model)


def common_metadata(members: Sequence[Member[LLM]], *, any_tools: bool) -> LLMMetadata:
    """Return metadata of an ensemble with which requests suit every member.

    They have the smallest context window and the largest output, so that prompts fit everywhere.
    The ensemble is a chat model if one member is, because the others turn messages into prompts.

    Args:
        members: The members.
        any_tools: Whether one member that calls tools is enough for the ensemble to call tools.
    """
    found = [member.model.metadata for member in members]
    roles = {metadata.system_role for metadata in found}
    quantifier = any if any_tools else all
    return LLMMetadata(
        context_window=min(metadata.context_window for metadata in found),
        num_output=max(metadata.num_output for metadata in found),
        is_chat_model=any(metadata.is_chat_model for metadata in found),
        is_function_calling_model=quantifier(calls_tools(member.model) for member in members),
        model_name=f"bestofinf({'+'.join(member.name for member in members)})",
        system_role=roles.pop() if len(roles) == 1 else MessageRole.SYSTEM,
    )


class Clients:
    """Returns the object that is asked for a member in the running event loop.

    An asynchronous client keeps connections of the loop in which it was first used, and fails in
    other loops. The member's own object is used in one loop; every further loop gets a new one,
    from the member's factory, or as a copy if the class makes its client when it is first needed.
    Objects of other classes are used in all loops.
    """

    def __init__(self, members: Sequence[Member[LLM]]) -> None:
        self._members = members
        self._bound = [m.factory is not None or _client_field(m.model) is not None for m in members]
        self._lent = [False] * len(members)
        self._lock = threading.Lock()
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, LLM]] = (
            WeakKeyDictionary()
        )

    def here(self, member: int) -> LLM:
        """Return the object to ask for a member in the running loop."""
        if not self._bound[member]:
            return self._members[member].model
        loop = asyncio.get_running_loop()
        with self._lock:
            own = self._by_loop.get(loop)
            if own is None:
                # Clients refer to their loop, so weak keys alone would never be released.
                for other in [other for other in self._by_loop if other.is_closed()]:
                    del self._by_loop[other]
                own = self._by_loop[loop] = {}
            if member not in own:
                own[member] = self._fresh(member) if self._lent[member] else self._lend(member)
            return own[member]

    def _lend(self, member: int) -> LLM:
        self._lent[member] = True
        return self._members[member].model

    def _fresh(self, member: int) -> LLM:
        given = self._members[member]
        if given.factory is not None:
            return checked_llm(given.factory(), f"what the factory of {given.name!r} makes")
        copy = given.model.model_copy()
        field = _client_field(given.model)
        if field is not None:
            setattr(copy, field, None)
        return copy


def _client_field(model: LLM) -> str | None:
    """Return the name of the attribute whose client the class makes again if it is None."""
    private = model.__pydantic_private__ or {}
    if "_aclient" in private and callable(getattr(model, "_get_aclient", None)):
        return "_aclient"  # OpenAI and what is derived from it
    if "_async_client" in private and isinstance(
        getattr(type(model), "async_client", None), property
    ):
        return "_async_client"  # Ollama
    return None
