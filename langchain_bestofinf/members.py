"""The members of an ensemble: from what users give to what is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, TypeAlias, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import (
    Runnable,
    RunnableAssign,
    RunnableBranch,
    RunnableParallel,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase, RunnableEachBase

from bestofinf.errors import MissingExtraError, UsageError, shown
from bestofinf.plan import unique_names
from bestofinf.records import Member

ChatRunnable: TypeAlias = Runnable[Any, Any]
MemberLike: TypeAlias = "str | ChatRunnable | Member[Any] | Mapping[str, Any]"

_MODEL_NAMES = ("model_name", "model", "model_id", "deployment_name")
_MEMBER_FIELDS = frozenset({"weight", "name", "cost", "price", "call_kwargs", "concurrency"})


@dataclass(frozen=True, slots=True)
class Asked:
    """How a member is asked.

    Attributes:
        model: Takes the messages; gives a message, or a mapping with raw and parsed.
        parser: From ``{"raw": message}`` to a mapping with parsed and parsing_error, for
            structured output; None otherwise.
        counts_runs: Whether its usage is that of the models within it, and not in its output.
    """

    model: ChatRunnable
    parser: ChatRunnable | None = None
    counts_runs: bool = False


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
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise UsageError(f"members must be a list of chat models, got {shown(given)}")
    return unique_names([_member(item) for item in given])


def _member(item: Any) -> Member[ChatRunnable]:
    if isinstance(item, Mapping):
        unknown = item.keys() - _MEMBER_FIELDS - {"model"}
        if unknown or "model" not in item:
            raise UsageError(
                "a member given as a mapping has the key 'model' and may have "
                f"{', '.join(sorted(_MEMBER_FIELDS))}; got {', '.join(map(str, item))}"
            )
        item = Member(**{**item, "price": tuple(item.get("price", (0.0, 0.0)))})
    if isinstance(item, tuple) and len(item) == 2:
        item = Member(item[0], weight=item[1])
    member = item if isinstance(item, Member) else Member(item)
    model = chat_model(member.model)
    return replace(member, model=model, name=member.name or model_name(model))


def chat_model(model: Any) -> ChatRunnable:
    """Return the chat model that a member stands for; texts are resolved.

    Raises:
        UsageError: If it is no chat model, nor a binding of one.
        MissingExtraError: If it is a text and the package ``langchain`` is not installed.
    """
    if isinstance(model, str):
        return _named_model(model)
    if innermost(model) is None:
        what = type(model).__name__
        raise UsageError(
            f"a member must be a chat model, a binding of one or 'provider:model', got a {what}: "
            "wrap other chains with AdaptiveEnsemble"
        )
    return cast("ChatRunnable", model)


def _named_model(text: str) -> ChatRunnable:
    purpose = f"the member {text!r}, given by name,"
    try:
        langchain = import_module("langchain.chat_models")
    except ModuleNotFoundError as error:
        missing = MissingExtraError("langchain", "langchain", purpose)
        # The extra brings langchain-core alone: most users make their models themselves.
        missing.msg = f"{purpose} needs the package 'langchain': pip install langchain"
        raise missing from error
    try:
        model = langchain.init_chat_model(text)
    except (ValueError, ImportError) as error:
        # Both an unknown provider and a provider's missing package name themselves well.
        raise UsageError(f"member {text!r}: {flat(error)}") from error
    return cast("ChatRunnable", model)


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


def transformed(model: Any, change: Callable[[Any], Any]) -> Any:
    """Return `model` with `change` applied to the leaves of its composition.

    What is bound stays bound: `RunnableBinding` itself would pass ``bind_tools`` on and lose it.
    """

    def within(part: Any) -> Any:
        return transformed(part, change)

    changes: dict[str, Any]
    if isinstance(model, RunnableBindingBase | RunnableEachBase):
        changes = {"bound": within(model.bound)}
    elif isinstance(model, RunnableWithFallbacks):
        fallbacks = [within(fallback) for fallback in model.fallbacks]
        changes = {"runnable": within(model.runnable), "fallbacks": fallbacks}
    elif isinstance(model, RunnableSequence):
        middle = [within(step) for step in model.middle]
        changes = {"first": within(model.first), "middle": middle, "last": within(model.last)}
    elif isinstance(model, RunnableParallel):
        changes = {"steps__": {name: within(step) for name, step in model.steps__.items()}}
    elif isinstance(model, RunnableAssign):
        changes = {"mapper": within(model.mapper)}
    elif isinstance(model, RunnableBranch):
        branches = [(within(condition), within(branch)) for condition, branch in model.branches]
        changes = {"branches": branches, "default": within(model.default)}
    else:
        return change(model)
    return model.model_copy(update=changes)


def common_profile(models: Sequence[ChatRunnable]) -> dict[str, Any] | None:
    """Return what all models can do: booleans are joined by and, numbers by the least.

    None unless every model has a profile. Other entries are kept where all agree.
    """
    profiles = [getattr(innermost(model), "profile", None) for model in models]
    if not all(profiles):
        return None
    first, *others = (cast("dict[str, Any]", profile) for profile in profiles)
    common: dict[str, Any] = {}
    for key, value in first.items():
        if not all(key in other for other in others):
            continue
        values = [value, *(other[key] for other in others)]
        if all(isinstance(v, bool) for v in values):
            common[key] = all(values)
        elif all(isinstance(v, int | float) for v in values):
            common[key] = min(values)
        elif all(v == value for v in values):
            common[key] = value
    return common
