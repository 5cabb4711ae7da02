"""Import of optional packages, with an error that names the extra to install."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from bestofinf.errors import MissingExtraError


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import and return `module`.

    Args:
        module: Dotted name of the module.
        extra: The extra of this distribution that installs it.
        purpose: What needs it; begins the error message.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        # A package that is there but broken must show its own error.
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtraError(package, extra, purpose) from error
