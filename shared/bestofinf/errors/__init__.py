"""Errors by the person who must act, and the kinds of those that clients of models raise.

Every error is a `BestOfInfError`. A `UsageError` is for the caller, a `StoreError` for the operator
of the database, a `ProtocolMisuseError` for the author of a driver, a `SamplingError` for the
operator of the models. Clients of models raise errors of their own, which `kind_of` classifies.
"""

from bestofinf.errors.checks import (
    is_number,
    one_of,
    shown,
    whole,
)
from bestofinf.errors.clients import (
    ErrorKind,
    ends_the_task,
    is_busy,
    is_fatal,
    is_interrupt,
    is_transient,
    kind_of,
    retry_after,
    status_of,
)
from bestofinf.errors.own import (
    BestOfInfError,
    DeadlineError,
    MissingExtraError,
    NoConsensusError,
    ProtocolMisuseError,
    SamplingError,
    StoreError,
    UncheckedValueError,
    UsageError,
)

__all__ = [
    "BestOfInfError",
    "DeadlineError",
    "ErrorKind",
    "MissingExtraError",
    "NoConsensusError",
    "ProtocolMisuseError",
    "SamplingError",
    "StoreError",
    "UncheckedValueError",
    "UsageError",
    "ends_the_task",
    "is_busy",
    "is_fatal",
    "is_interrupt",
    "is_number",
    "is_transient",
    "kind_of",
    "one_of",
    "retry_after",
    "shown",
    "status_of",
    "whole",
]
