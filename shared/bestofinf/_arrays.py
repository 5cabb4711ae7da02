"""numpy and scipy.special, imported when first used, and the types of arrays.

Making an ensemble does not need them before its first vote, and they take longer to import than the
whole package.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["Bools", "Floats", "Ints", "load", "np", "special"]


class _Late(ModuleType):
    """A placeholder for a module, which imports it when one of its names is first read."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


def load() -> None:
    """Import both now."""
    import_module("numpy")
    import_module("scipy.special")


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy import special

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
else:
    np = _Late("numpy")
    special = _Late("scipy.special")
    Floats = Ints = Bools = Any
