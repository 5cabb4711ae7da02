"""Errors of failed votes: of the library, and of the kind of what went wrong."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from bestofinf import SamplingError
from bestofinf.drivers.limits import RestingError
from bestofinf.ensemble import NoObjectError
from bestofinf.ensemble.causes import of_kind
from bestofinf.errors import ErrorKind, NoConsensusError, kind_of


class ClientError(Exception):
    """Of a client whose errors cannot be made without what the server said."""

    def __init__(self, message: str, *, response: object, status_code: int) -> None:
        super().__init__(message)
        self.response, self.status_code = response, status_code

    def __str__(self) -> str:
        return f"told by {self.response}"


class TooLong(ClientError, ValueError):
    """The question is too long."""


class Filtered(ClientError):
    """The question is filtered."""


class Slow(Exception):
    """As a framework's own error that says of itself what is to be done."""

    is_retryable = True


class Slower(Slow):
    """Another of the kind."""


def test_an_error_is_of_the_class_that_all_causes_have_with_what_the_first_one_holds() -> None:
    causes = [
        TooLong("a", response="x", status_code=400),
        TooLong("b", response="y", status_code=400),
    ]
    error = of_kind(SamplingError("no decision", causes))
    assert isinstance(error, TooLong)
    assert isinstance(error, SamplingError)
    assert isinstance(error, ValueError)
    assert str(error) == "no decision"
    assert error.causes == tuple(causes)
    assert (error.response, error.status_code) == ("x", 400)
    assert kind_of(error) is ErrorKind.QUESTION


def test_different_causes_make_an_error_of_what_they_have_in_common() -> None:
    causes = [TooLong("a", response=1, status_code=400), Filtered("b", response=2, status_code=422)]
    error = of_kind(SamplingError("no decision", causes))
    assert isinstance(error, ClientError)
    assert not isinstance(error, TooLong | Filtered | ValueError)


@pytest.mark.parametrize(
    "causes",
    [
        [],
        [Slow("a"), Filtered("b", response=2, status_code=422)],
        [KeyboardInterrupt(), KeyboardInterrupt()],
        [StopIteration(), StopIteration()],
        [SamplingError("within"), SamplingError("within")],
        [Exception("anything")],
    ],
    ids=lambda causes: " ".join(type(cause).__name__ for cause in causes),
)
def test_causes_without_a_kind_in_common_leave_the_error_as_it_is(causes: list[Any]) -> None:
    error = SamplingError("no decision", causes)
    assert type(of_kind(error)) is SamplingError


def test_clients_without_a_class_in_common_have_their_status_in_common() -> None:
    other: Any = type("Other", (Exception,), {"status_code": 429})
    causes = [Filtered("b", response=2, status_code=429), other()]
    error: Any = of_kind(SamplingError("no decision", causes))
    assert type(error) is SamplingError
    assert error.status_code == 429


def test_an_error_is_retryable_where_all_causes_are() -> None:
    error: Any = of_kind(SamplingError("no decision", [Slow(), Slower()]))
    assert isinstance(error, Slow)
    assert error.is_retryable
    final = Slower()
    final.is_retryable = False
    mixed: Any = of_kind(SamplingError("no decision", [Slow(), final]))
    assert isinstance(mixed, Slow)
    assert not mixed.is_retryable


def test_a_member_that_was_left_alone_counts_as_having_refused() -> None:
    refused = [Slow("too many"), RestingError(0.5, Slow)]
    assert isinstance(of_kind(SamplingError("no decision", refused)), Slow)
    assert isinstance(of_kind(SamplingError("no decision", refused[1:])), Slow)
    assert type(of_kind(SamplingError("no decision", [RestingError(0.5)]))) is SamplingError


def test_the_error_of_an_ensemble_within_another_keeps_the_kind() -> None:
    inner = of_kind(SamplingError("inner", [Slow("too many")]))
    outer = of_kind(SamplingError("outer", [inner, Slow("too many")]))
    assert isinstance(outer, Slow)
    assert isinstance(of_kind(SamplingError("outer", [inner])), Slow)


def test_classes_that_cannot_be_joined_leave_the_error_as_it_is() -> None:
    class Final(Exception):
        def __init_subclass__(cls) -> None:
            raise TypeError("no subclasses")

    assert type(of_kind(SamplingError("no decision", [Final()]))) is SamplingError


def test_causes_of_a_class_that_cannot_be_joined_count_with_the_class_above_it() -> None:
    with pytest.raises(ValidationError) as invalid:
        TypeAdapter(int).validate_python("four")
    error = of_kind(SamplingError("no decision", [invalid.value]))
    assert isinstance(error, ValueError)
    assert not isinstance(error, ValidationError)


def test_replies_without_an_object_count_with_the_class_of_what_went_wrong() -> None:
    causes = [
        NoObjectError(f"no object: {kind}", [kind("no call")]) for kind in (TypeError, KeyError)
    ]
    error = of_kind(SamplingError("no decision", causes[:1]))
    assert isinstance(error, TypeError)
    assert isinstance(pickle.loads(pickle.dumps(error)), TypeError)
    assert type(of_kind(SamplingError("no decision", causes))) is SamplingError
    assert (
        type(of_kind(SamplingError("no decision", [NoObjectError("no object")]))) is SamplingError
    )


def test_errors_of_kind_are_written_and_read() -> None:
    error = of_kind(NoConsensusError("no decision", [Slow("too many")]))
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, Slow)
    assert isinstance(again, NoConsensusError)
    assert str(again) == "no decision"


def test_an_error_that_says_it_is_retryable_passes() -> None:
    assert kind_of(Slow()) is ErrorKind.PASSING
    final = Slow()
    final.is_retryable = False
    assert kind_of(final) is ErrorKind.OTHER
