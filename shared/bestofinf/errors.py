"""The errors of the library, by who must act.

Every error is a `BestOfInfError`. A `UsageError` is for the caller, a `StoreError` for whoever
runs the database, a `ProtocolMisuseError` for the author of a driver, a `SamplingError` for
whoever runs the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real


def shown(value: object) -> str:
    """Return a value as messages show it: plain values as they are, of others only the type.

    Models and clients write their keys into their own representations.
    """
    if value is None or isinstance(value, str | bool | Real):
        return (
            repr(value) if not isinstance(value, str) or len(value) <= 200 else f"{value[:200]!r}…"
        )
    if isinstance(value, tuple | list) and all(isinstance(v, str | Real) for v in value):
        return f"{value!r:.200}"
    return f"a value of type {type(value).__name__}"


def is_number(value: object) -> bool:
    """Return whether a value is a real number; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


class BestOfInfError(Exception):
    """Root of all errors raised by this library."""


class UsageError(BestOfInfError, ValueError):
    """An argument, a file or a setting is wrong; the message says what was wanted and what came."""


class MissingExtraError(BestOfInfError, ImportError):
    """A part of the library needs an optional package that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{purpose} needs the package {package!r}: install it with "
            f"pip install 'bestofinf[{extra}]'"
        )


class StoreError(BestOfInfError):
    """An evaluation store cannot be opened, read or written. What it holds is untouched.

    Attributes:
        permanent: True when trying again cannot help, because the rows themselves are refused.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        self.permanent = permanent
        super().__init__(message)


class ProtocolMisuseError(BestOfInfError, RuntimeError):
    """The engine was driven against its protocol: a bug in the driver. Nothing was changed."""


class SamplingError(BestOfInfError):
    """No decision is possible, because the members failed.

    Attributes:
        causes: Every underlying exception, in draw order.
    """

    def __init__(self, message: str, causes: Sequence[BaseException] = ()) -> None:
        self.causes = tuple(causes)
        super().__init__(message)


class NoConsensusError(SamplingError):
    """Members answered, but the vote did not reach what the caller demanded."""
