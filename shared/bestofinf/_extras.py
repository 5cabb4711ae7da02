"""Imports at first use: of optional packages, and of names that a package re-exports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from bestofinf.errors import MissingExtraError


def require(module: str, *, extra: str | None, purpose: str) -> ModuleType:
    """Import and return `module`.

    Args:
        module: Dotted name of the module.
        extra: The extra of this distribution that installs it; None if none does.
        purpose: Name of the feature that needs it, for the beginning of the error message.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        # A package that is installed but broken must show its own error.
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtraError(package, extra, purpose) from error


def handed_on(
    package: str, homes: Mapping[str, Iterable[str]], *, needs: tuple[str, str] | None = None
) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package that loads its modules when first used.

    Args:
        package: Dotted name of the package.
        homes: The names that it re-exports, by module relative to it; a module of the core may be
            written in full.
        needs: A module that all of them need, and the extra that installs it.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if needs is not None:
            require(needs[0], extra=needs[1], purpose=f"{package}.{name}")
        home = home_of[name]
        module = home if home.startswith("bestofinf.") else f"{package}.{home}"
        value = getattr(import_module(module), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
