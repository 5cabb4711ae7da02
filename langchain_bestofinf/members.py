"""The members of an ensemble: from the values that users give to the models that are asked."""

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
"""Names of the attributes that hold the parts of LangChain's compositions."""

_MODEL_NAMES = ("model_name", "model", "model_id", "deployment_name")


@dataclass(frozen=True, slots=True)
class Asked:
    """How a member is asked.

    Attributes:
        model: Runnable from messages to a message, or to a mapping with raw and parsed.
        parser: For structured output, a Runnable from ``{"raw": message}`` to a mapping with parsed
            and parsing_error; None otherwise.
        counts_runs: Whether its usage is measured at the model runs within it, because its output
            has none.
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
        UsageError: If there is no member, one is not a chat model, or its provider is unknown.
        MissingExtraError: If a text is given and the package ``langchain`` is not installed.
    """
    return read_members(given, _read, "chat models")


def _read(given: Any) -> tuple[ChatRunnable, str]:
    model = chat_model(given)
    # LangChain makes this when it is first needed; threads that do so at the same time fail.
    getattr(innermost(model), "_serialized", None)
    return model, model_name(model)


def chat_model(model: Any) -> ChatRunnable:
    """Return the chat model of a member, which may be given as a text.

    Raises:
        UsageError: If it is neither a chat model nor a binding of one.
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
    """Return the chat model with a name.

    Args:
        what: Name of the object in errors and messages.
        name: ``provider:model``, or a name from which LangChain can infer the provider.
        options: Arguments of the model's class.

    Raises:
        UsageError: If it cannot be made.
        MissingExtraError: If the package ``langchain`` is not installed.
    """
    # The extra installs only langchain-core, because most users make their models themselves.
    models = require("langchain.chat_models", extra=None, purpose=what)
    try:
        return cast("BaseChatModel", models.init_chat_model(name, **options))
    except Exception as error:  # each provider's class has errors of its own
        raise UsageError(f"{what}: {flat(error)}") from error


def flat(error: BaseException) -> str:
    """Return an error's message as one line."""
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

    Bound arguments are kept, which `RunnableBinding.bind_tools` would lose.

    Args:
        model: The model or chain.
        change: Returns the replacement of a leaf.
        whole: Composed classes that count as leaves.
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
    """Return the names of the attributes with the parts of a model or chain; none for a leaf."""
    if isinstance(model, whole):
        return ()
    return next((names for kind, names in _COMPOSED.items() if isinstance(model, kind)), ())


def used_by(step: RunnableLambda[Any, Any]) -> list[Any]:
    """Return the objects that a function uses by name, without reading its source file.

    `RunnableLambda.deps` would read the file, which takes long.
    """
    function = getattr(step, "func", None) or getattr(step, "afunc", None)
    try:
        found = inspect.getclosurevars(function)  # type: ignore[arg-type]
    except TypeError:  # not written in Python
        return []
    values = [*found.nonlocals.values(), *found.globals.values()]
    return [getattr(value, "__self__", value) for value in values]


def common_profile(models: Sequence[ChatRunnable]) -> dict[str, Any] | None:
    """Return the profile that holds for all models; see `common_facts`.

    None if some model has no profile.
    """
    return common_facts([getattr(innermost(model), "profile", None) for model in models])
