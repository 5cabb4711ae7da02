"""The members of an ensemble: from what users give to what is asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import (
    Runnable,
    RunnableAssign,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase, RunnableEachBase

from bestofinf._extras import require
from bestofinf.ensemble import common_facts, read_members
from bestofinf.errors import UsageError
from bestofinf.records import Member

ChatRunnable: TypeAlias = Runnable[Any, Any]

_COMPOSED: dict[type, tuple[str, ...]] = {
    RunnableBindingBase: ("bound",),
    RunnableEachBase: ("bound",),
    RunnableWithFallbacks: ("runnable", "fallbacks"),
    RunnableSequence: ("first", "middle", "last"),
    RunnableParallel: ("steps__",),
    RunnableAssign: ("mapper",),
    RunnableBranch: ("branches", "default"),
}
"""What LangChain's compositions hold their parts as."""

_MODEL_NAMES = ("model_name", "model", "model_id", "deployment_name")


@dataclass(frozen=True, slots=True)
class Asked:
    """How a member is asked.

    Attributes:
        model: Takes the messages; gives a message, or a mapping with raw and parsed.
        parser: From ``{"raw": message}`` to a mapping with parsed and parsing_error, for
            structured output; None otherwise.
        counts_runs: Whether its usage is that of the models within it, and not in its output.
        remembers: Whether it has a memory, of which every sample needs its own.
    """

    model: ChatRunnable
    parser: ChatRunnable | None = None
    counts_runs: bool = False
    remembers: bool = False


def resolve_members(given: Sequence[Any]) -> tuple[Member[ChatRunnable], ...]:
    """Return members with models and unique names.

    Args:
        given: Chat models, ``"provider:model"`` texts, pairs of either and its weight, `Member`
            objects around either, or mappings with the fields of a `Member` (the form in which
            members are serialised).

    Raises:
        UsageError: If there is none, or one is no chat model, or its provider is not known.
        MissingExtraError: If a text is given and the package ``langchain`` is not installed.
    """
    return read_members(given, _read, "chat models")


def _read(given: Any) -> tuple[ChatRunnable, str]:
    model = chat_model(given)
    # LangChain makes this when it is first needed; threads that do so at the same time fail.
    getattr(innermost(model), "_serialized", None)
    return model, model_name(model)


def chat_model(model: Any) -> ChatRunnable:
    """Return the chat model that a member stands for; texts are resolved.

    Raises:
        UsageError: If it is no chat model, nor a binding of one.
        MissingExtraError: If it is a text and the package ``langchain`` is not installed.
    """
    if isinstance(model, str):
        return made_model(f"member {model!r}", model)
    if innermost(model) is None:
        what = type(model).__name__
        raise UsageError(
            f"a member must be a chat model, a binding of one or 'provider:model', got a {what}: "
            "wrap other chains with AdaptiveEnsemble"
        )
    return cast("ChatRunnable", model)


def made_model(what: str, name: str, **options: Any) -> BaseChatModel:
    """Return the chat model of a name.

    Args:
        what: What is made, for errors.
        name: ``provider:model``, or what LangChain can tell the provider of.
        options: Arguments of the model's class.

    Raises:
        UsageError: If it cannot be made.
        MissingExtraError: If the package ``langchain`` is not installed.
    """
    # The extra brings langchain-core alone: most users make their models themselves.
    models = require("langchain.chat_models", extra=None, purpose=what)
    try:
        return cast("BaseChatModel", models.init_chat_model(name, **options))
    except Exception as error:  # each provider's class has errors of its own
        raise UsageError(f"{what}: {flat(error)}") from error


def flat(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())


def innermost(model: Any) -> BaseChatModel | None:
    """Return the chat model inside bindings, retries, fallbacks and configurable fields."""
    for _ in range(16):
        if isinstance(model, BaseChatModel):
            return model
        for name in ("bound", "runnable", "default"):
            inner = model.__dict__.get(name) if isinstance(model, Runnable) else None
            if inner is not None:
                model = inner
                break
        else:
            return None
    return None


def model_name(model: Any) -> str:
    """Return the model's own name, or its class name where it has none."""
    inner = innermost(model)
    for name in _MODEL_NAMES:
        value = getattr(inner, name, None)
        if isinstance(value, str) and value:
            return value
    return type(inner if inner is not None else model).__name__


def transformed(
    model: Any, change: Callable[[Any], Any], *, whole: type | tuple[type, ...] = ()
) -> Any:
    """Return `model` with `change` applied to the leaves of its composition.

    What is bound stays bound: `RunnableBinding` itself would pass ``bind_tools`` on and lose it.

    Args:
        model: The model or chain.
        change: Returns what takes the place of a leaf.
        whole: Kinds that are leaves although they are composed.
    """

    def within(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: within(one) for name, one in part.items()}
        if isinstance(part, list | tuple):  # branches are pairs
            return type(part)(map(within, part))
        return transformed(part, change, whole=whole)

    names = _parts(model, whole)
    if not names:
        return change(model)
    return model.model_copy(update={name: within(getattr(model, name)) for name in names})


def leaves(model: Any, *, whole: type | tuple[type, ...] = ()) -> Iterator[Any]:
    """Yield the leaves of a composition, which `transformed` would change."""
    if isinstance(model, dict):
        model = [*model.values()]
    if isinstance(model, list | tuple):
        for part in model:
            yield from leaves(part, whole=whole)
    elif names := _parts(model, whole):
        yield from leaves([getattr(model, name) for name in names], whole=whole)
    else:
        yield model


def _parts(model: Any, whole: type | tuple[type, ...]) -> tuple[str, ...]:
    """Return the names of what a model or chain is composed of; none for a leaf."""
    if isinstance(model, whole):
        return ()
    return next((names for kind, names in _COMPOSED.items() if isinstance(model, kind)), ())


def used_by(step: RunnableLambda[Any, Any]) -> list[Any]:
    """Return what a function uses by name. `RunnableLambda.deps` would read its source file."""
    function = getattr(step, "func", None) or getattr(step, "afunc", None)
    try:
        found = inspect.getclosurevars(function)  # type: ignore[arg-type]
    except TypeError:  # not written in Python
        return []
    values = [*found.nonlocals.values(), *found.globals.values()]
    return [getattr(value, "__self__", value) for value in values]


def common_profile(models: Sequence[ChatRunnable]) -> dict[str, Any] | None:
    """Return what all models can do: booleans are joined by and, numbers by the least.

    None unless every model has a profile. Other entries are kept where all agree.
    """
    return common_facts([getattr(innermost(model), "profile", None) for model in models])
