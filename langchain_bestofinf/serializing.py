"""Ensembles as JSON, in the form of ``langchain_core.load``."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeVar

from langchain_core.load.serializable import Serializable

T = TypeVar("T", bound=type[Serializable])


def loadable(kind: T) -> T:
    """Let ``langchain_core.load.load(..., allowed_objects="all")`` read a class of this package.

    LangChain reads classes of other packages by a table of its own, and has no public way to add
    one.
    """
    path = tuple(kind.lc_id())
    loading = import_module("langchain_core.load.load")  # the package has a function of that name
    table: dict[Any, Any] = getattr(loading, "ALL_SERIALIZABLE_MAPPINGS", {})
    table.setdefault(path, path)
    getattr(loading, "_default_class_paths_cache", {}).clear()
    return kind
