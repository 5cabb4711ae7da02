"""The errors that this library raises, by the person who must act."""

from __future__ import annotations

from collections.abc import Sequence


class BestOfInfError(Exception):
    """Root of all errors raised by this library."""


class UsageError(BestOfInfError, ValueError):
    """An argument, a file or a setting is wrong; the message says what was expected and what was given."""


class MissingExtraError(BestOfInfError, ImportError):
    """A part of the library needs an optional package that is not installed.

    Attributes:
        package: Name of the missing package.
        extra: The extra of bestofinf that installs it; None if no extra does.
    """

    def __init__(self, package: str, extra: str | None, purpose: str) -> None:
        self.package = package
        self.extra = extra
        wanted = package if extra is None else f"'bestofinf[{extra}]'"
        super().__init__(
            f"{purpose} needs the package {package!r}: install it with pip install {wanted}"
        )


class StoreError(BestOfInfError):
    """An evaluation store cannot be opened, read or written. Its content is unchanged.

    Attributes:
        permanent: True if a retry cannot help, because the rows themselves are refused.
        gone: True if the earlier content is lost; the next try begins a new store.
    """

    def __init__(self, message: str, *, permanent: bool = False, gone: bool = False) -> None:
        self.permanent = permanent
        self.gone = gone
        super().__init__(message)


class ProtocolMisuseError(BestOfInfError, RuntimeError):
    """A driver broke the protocol of the engine: a bug in the driver. The engine is unchanged."""


class UncheckedValueError(UsageError, ProtocolMisuseError):
    """An unchecked number from a model or a file reached a record of a vote.

    Code that makes `Sample` and `Usage` from the replies of models checks them by `bestofinf.border`.
    """


class SamplingError(BestOfInfError):
    """No decision is possible, because the members failed.

    Attributes:
        causes: Every underlying exception, in draw order.
    """

    def __init__(self, message: str, causes: Sequence[BaseException] = ()) -> None:
        self.causes = tuple(causes)
        super().__init__(message)


class NoConsensusError(SamplingError):
    """Members answered, but the vote did not reach the agreement that the caller demanded."""


class DeadlineError(SamplingError):
    """The time for a question had passed before its vote was decided."""
