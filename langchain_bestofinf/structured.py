"""Structured output: every member parses its own reply, and the objects are voted on."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnableParallel,
    RunnableSequence,
)
from langchain_core.utils.function_calling import convert_to_json_schema

from bestofinf import answers
from bestofinf.answers import Answer
from bestofinf.ensemble import Trace
from bestofinf.errors import SamplingError, UsageError
from langchain_bestofinf.members import Asked, ChatRunnable, flat, transformed
from langchain_bestofinf.messages import TRACE_KEY, MessageTrace, Structured


def with_schema(name: str, model: ChatRunnable, schema: Any, **kwargs: Any) -> Asked:
    """Return how to ask a member for an object of a schema.

    Raises:
        UsageError: If the member does not support the schema or the arguments.
    """
    parsers: list[ChatRunnable | None] = []

    def change(inner: Any) -> Any:
        asked, parser = _parts(_raw_and_parsed(inner, schema, kwargs))
        parsers.append(parser)
        return asked

    try:
        changed = transformed(model, change)
    except (NotImplementedError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"member {name!r} gives no structured output of this schema "
            f"({type(error).__name__}: {flat(error)})"
        ) from error
    unmetered = _OBJECT in parsers
    if len(parsers) == 1 and parsers[0] is not None:
        return Asked(changed, parsers[0], counts_runs=unmetered)
    # Several models behind one member (fallbacks): each keeps its parser behind it.
    return Asked(
        transformed(model, lambda inner: _forwarding(_raw_and_parsed(inner, schema, kwargs))),
        counts_runs=unmetered,
    )


def _raw_and_parsed(model: Any, schema: Any, kwargs: Mapping[str, Any]) -> Any:
    """Return a Runnable that asks a model for an object and returns it together with the message.

    For models without ``include_raw`` the message is empty.
    """
    known = inspect.signature(model.with_structured_output).parameters
    if "include_raw" in known or any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return model.with_structured_output(schema, include_raw=True, **kwargs)
    return RunnableParallel(raw=model.with_structured_output(schema, **kwargs)) | _OBJECT


def _with_message(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"raw": AIMessage(""), "parsed": given["raw"], "parsing_error": None}


async def _awith_message(given: Mapping[str, Any]) -> dict[str, Any]:
    return _with_message(given)  # otherwise RunnableLambda uses a thread


_OBJECT: ChatRunnable = RunnableLambda(_with_message, _awith_message, name="object")
"""Turns ``{"raw": object}`` into the mapping that ``include_raw=True`` returns."""


def _parts(chain: Any) -> tuple[Any, ChatRunnable | None]:
    """Divide ``{"raw": model} | parser`` into model and parser, if it has that shape.

    Then the model's run is the sample's run, and call arguments reach the model.
    """
    if isinstance(chain, RunnableSequence) and isinstance(chain.first, RunnableParallel):
        steps = chain.first.steps__
        if set(steps) == {"raw"} and len(chain.steps) == 2:
            return steps["raw"], chain.last
    return chain, None


def _forwarding(chain: Any) -> Any:
    """Return ``{"raw": model} | parser``, changed so that the arguments of a call reach the model.

    LangChain's own mapping does not pass them on.
    """
    asked, parser = _parts(chain)
    if parser is None:
        return chain

    def raw(input: Any, config: RunnableConfig, **kwargs: Any) -> dict[str, Any]:
        return {"raw": asked.invoke(input, config, **kwargs)}

    async def araw(input: Any, config: RunnableConfig, **kwargs: Any) -> dict[str, Any]:
        return {"raw": await asked.ainvoke(input, config, **kwargs)}

    return RunnableLambda(raw, araw, name="raw") | parser


def answer_for(schema: Any) -> Answer | None:
    """Return how objects of a schema are compared: defaults filled in, sets without an order."""
    try:
        return answers.JsonAnswer(schema=convert_to_json_schema(schema))
    except (ValueError, TypeError):
        return None  # as in JSON mode, without a schema


def handed_out(*, include_raw: bool) -> Runnable[AIMessage, Any]:
    """Return the step that takes the object out of the winning message.

    Args:
        include_raw: Whether to return a mapping with the message, the object and the parsing error.
    """

    def take(message: AIMessage) -> Any:
        told = message.response_metadata.get(TRACE_KEY)
        found = told.parsed if isinstance(told, MessageTrace) else None
        if not isinstance(found, Structured):
            raise SamplingError("the winning message has lost its structured output on the way")
        if include_raw:
            metadata = {k: v for k, v in message.response_metadata.items() if k != TRACE_KEY}
            if told:
                metadata[TRACE_KEY] = Trace(told)
            raw = message.model_copy(update={"response_metadata": metadata})
            return {"raw": raw, "parsed": found.parsed, "parsing_error": found.error}
        if found.error is not None:
            raise found.error
        return found.parsed

    return RunnableLambda(take, name="structured_output")
