"""The key of a cached decision: two ensembles share one only if they would ask and vote alike."""

from __future__ import annotations

import re
import sys
import weakref
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from hashlib import sha256
from pathlib import PurePath
from types import MappingProxyType, MethodType
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.runnables.configurable import DynamicRunnable
from pydantic import BaseModel

from bestofinf.records import Member

Told: TypeAlias = "str | tuple[Told, ...]"

MAX_DEPTH = 60
MAX_VALUES = 100_000
"""What is nested deeper or larger has a new key each time."""

_PLAIN = (
    *(type(None), bool, int, float, complex, str, bytes, Decimal, Fraction, UUID, PurePath),
    *(date, time, timedelta, re.Pattern),
)
"""Types whose representation says all there is to a value."""

_KNOWN = frozenset({"builtins", "bestofinf", "langchain_bestofinf", "langchain_core"})
"""Packages whose classes and functions are told by their names: those of others may be changed
from one run of a program to the next, or defined anew in a notebook."""

_IRRELEVANT: dict[type, frozenset[str]] = {
    Member: frozenset({"factory", "concurrency"}),
    RunnableBindingBase: frozenset({"config"}),
    DynamicRunnable: frozenset({"config"}),
    Runnable: frozenset({"name", "custom_input_type", "custom_output_type"}),
}
"""Fields that do not change a reply. What matters of a configuration is told by itself."""

_CONFIGURED = (RunnableBindingBase, DynamicRunnable)

_tokens: dict[int, tuple[weakref.ref[Any], str]] = {}


def decision_key(told: Any, stop: list[str] | None) -> str:
    """Return a text that is the same for values that ask and vote alike.

    Values are told by their content; functions, and objects of classes that are not known here, by
    their identity, so that they are never taken for others. It is a hash, because arguments of
    members contain keys.

    Args:
        told: Everything that a decision depends on, in containers.
        stop: Texts at which a reply of the members ends.
    """
    try:
        found = repr(_Teller(stop).tell(told, 0))
    except _TooLargeError:
        found = uuid4().hex
    return sha256(found.encode("utf-8", "surrogatepass")).hexdigest()


class _TooLargeError(Exception):
    """Values are nested too deep, perhaps within themselves, or are too many."""


class _Teller:
    def __init__(self, stop: list[str] | None) -> None:
        self._stop = stop
        self._values = 0

    def tell(self, value: Any, depth: int) -> Told:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise _TooLargeError
        kind = type(value)
        if kind in _PLAIN or isinstance(value, PurePath):
            return kind.__name__, repr(value)
        if isinstance(value, BaseChatModel):
            told_by_itself = value._get_llm_string(stop=self._stop)
            return f"{kind.__module__}.{kind.__qualname__}", told_by_itself
        if isinstance(value, MethodType):
            return (
                "method",
                self.tell(value.__self__, depth + 1),
                self.tell(value.__func__, depth + 1),
            )
        parts = None if isinstance(value, type) else _parts(value)
        if parts is None:
            return _named(value) or _token(value)
        told = [(self.tell(name, depth + 1), self.tell(part, depth + 1)) for name, part in parts]
        if isinstance(value, set | frozenset):
            told.sort(key=repr)
        elif not isinstance(value, list | tuple):
            told.sort(key=lambda pair: repr(pair[0]))
        return (_named(kind) or _token(kind), *told)


def _parts(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the values that make up an object, with their names; None if they are not known."""
    kind = type(value)
    if isinstance(value, Enum):
        return [("name", value.name)]
    if kind in (list, set, frozenset) or (isinstance(value, tuple) and _is_tuple(kind)):
        return [(None, part) for part in value]
    if kind in (dict, MappingProxyType):
        return [*value.items()]
    found: dict[str, Any] = {**getattr(value, "__dict__", {})}
    if isinstance(value, BaseModel):
        found |= {**(value.model_extra or {}), **(value.__pydantic_private__ or {})}
    elif is_dataclass(value):
        found |= {field.name: getattr(value, field.name, None) for field in fields(value)}
    elif not found or not _named(kind) or any(name.startswith("_") for name in found):
        return None  # it may have a state that changes, such as values that it keeps
    for general, names in _IRRELEVANT.items():
        if isinstance(value, general):
            found = {name: part for name, part in found.items() if name not in names}
    return [*found.items(), *_configured(value)]


def _is_tuple(kind: type) -> bool:
    return kind is tuple or hasattr(kind, "_fields")


def _configured(model: Any) -> list[tuple[str, Any]]:
    """Return what a binding or a configurable model takes from configurations."""
    config = getattr(model, "config", None) if isinstance(model, _CONFIGURED) else None
    own = (config or {}).get("configurable") or {}
    if isinstance(model, DynamicRunnable):
        around = (var_child_runnable_config.get() or {}).get("configurable") or {}
        own = {**own, **{s.id: around[s.id] for s in model.config_specs if s.id in around}}
    return [("configurable", own)] if own else []


def _named(value: Any) -> str | None:
    """Return the name by which a class or a function of a known package is found."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    if module.partition(".")[0] not in _KNOWN:
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}.{name}" if found is value else None


def _token(value: Any) -> str:
    """Return a text for this object alone, while it lives; a new one if that cannot be known.

    An address would not do: it may be that of an object that is no more.
    """
    known = _tokens.get(id(value))
    if known is not None and known[0]() is value:
        return known[1]
    token = uuid4().hex
    with suppress(TypeError):  # of an object that cannot be watched
        _tokens[id(value)] = weakref.ref(value, partial(_forget, id(value), token)), token
    return token


def _forget(place: int, token: str, _: object) -> None:
    if (known := _tokens.get(place)) is not None and known[1] == token:
        _tokens.pop(place, None)
