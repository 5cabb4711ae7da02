"""What an error of a client is about: read from its code, its status, its body or its name."""

import pytest

from bestofinf.errors import (
    ErrorKind,
    SamplingError,
    is_busy,
    is_fatal,
    is_transient,
    kind_of,
    retry_after,
    status_of,
)


class Clients(Exception):
    """As clients' errors are: with attributes, and without a base class in common."""

    def __init__(self, *args, **attributes):
        super().__init__(*args)
        self.__dict__.update(attributes)


def named(name, base=Exception):
    return type(name, (base,), {})()


CONTROL, QUESTION, MEMBER, BUSY, PASSING, OTHER = (
    ErrorKind.CONTROL,
    ErrorKind.QUESTION,
    ErrorKind.MEMBER,
    ErrorKind.BUSY,
    ErrorKind.PASSING,
    ErrorKind.OTHER,
)
ERRORS = {
    CONTROL: [named("GraphBubbleUp"), named("NodeInterrupt", named("GraphBubbleUp").__class__)],
    QUESTION: [
        Clients(status_code=400),
        Clients(status_code=413),
        Clients(status_code=422),
        Clients(status_code=400, code="context_length_exceeded"),
        Clients(status_code=403, body={"error": {"code": "content_filter"}}),
        Clients(code="content_policy_violation"),
        Clients({"message": "too long", "type": "exceed_context_size_error", "code": 400}),
        named("ContextOverflowError"),
        named("ContextWindowExceededError", ValueError),
        named("ContentFilterFinishReasonError"),
        named("ModelInvalidRequestError"),
        named("ModelRefusalError"),
    ],
    MEMBER: [
        Clients(status_code=401),
        Clients(status_code=402),
        Clients(status_code=403),
        Clients(status_code=404, code="model_not_found"),
        Clients(status_code=429, code="insufficient_quota"),
        Clients(status_code=400, body={"code": "invalid_api_key"}),
        Clients(response=Clients(status_code=401)),
        named("GoogleAuthenticationError"),
        named("ModelPermissionDeniedError"),
    ],
    BUSY: [
        Clients(status_code=429),
        Clients(status_code=503),
        Clients(status_code=529),
        Clients(code=429),
        Clients({"code": 429, "message": "slow down"}),
        Clients(response={"ResponseMetadata": {"HTTPStatusCode": 429}}),
        named("RateLimitError"),
        named("OverloadedError"),
        named("ThrottlingException"),
        named("ServiceUnavailable"),
    ],
    PASSING: [
        Clients(status_code=408),
        Clients(status_code=500),
        Clients(status_code=502),
        Clients(status_code=524),
        Clients({"code": 502, "message": "Provider returned error"}),
        Clients(body={"error": {"code": "504", "message": "upstream"}}),
        TimeoutError(),
        ConnectionResetError(),
        named("APIConnectionError"),
        named("ReadTimeout"),
    ],
    OTHER: [
        ValueError("no JSON"),
        Clients(status_code=418),
        Clients(code=7, body="no mapping"),
        FileNotFoundError(),
        KeyError({}),
        SystemExit(1),
    ],
}
CASES = [(kind, error) for kind, errors in ERRORS.items() for error in errors]


@pytest.mark.parametrize(("kind", "error"), CASES)
def test_the_kind_of_an_error_is_read_wherever_clients_put_it(kind, error):
    assert kind_of(error) is kind
    assert is_fatal(error) is (kind is MEMBER)
    assert is_busy(error) is (kind is BUSY)
    assert is_transient(error) is (kind in (BUSY, PASSING))


@pytest.mark.parametrize("kind", ERRORS)
def test_an_ensemble_as_a_member_has_failed_as_its_members_did(kind):
    alike = kind_of(SamplingError("no decision", ERRORS[kind]))
    assert alike is (kind if kind in (QUESTION, MEMBER) else OTHER)
    assert kind_of(SamplingError("no decision", [*ERRORS[kind], LookupError()])) is OTHER
    assert kind_of(SamplingError("no decision")) is OTHER


def test_errors_of_real_clients():
    openai = pytest.importorskip("openai")
    httpx = pytest.importorskip("httpx")
    request = httpx.Request("POST", "http://x")

    def status(number, kind, **body):
        return kind("no", response=httpx.Response(number, request=request), body=body)

    assert kind_of(status(429, openai.RateLimitError)) is BUSY
    assert kind_of(status(429, openai.RateLimitError, code="insufficient_quota")) is MEMBER
    assert kind_of(status(400, openai.BadRequestError, code="context_length_exceeded")) is QUESTION
    assert kind_of(openai.APIConnectionError(request=request)) is PASSING
    assert kind_of(openai.APIError("in a stream", request, body={"code": 502})) is PASSING


def test_truth_values_and_far_numbers_are_no_status():
    assert status_of(Clients(code=True)) is None
    assert status_of(Clients(code=10**30)) is None
    assert status_of(Clients(code="9" * 5000)) is None


@pytest.mark.parametrize(
    "value",
    [
        "Fri, 31 Dec 9999999999999 23:59:59 GMT",
        "Fri, 31 Dec 10000 23:59:59 GMT",
        "Mon, 99 Foo 2026 99:99:99 GMT",
        "9" * 400,
        "-1",
        "nan",
        "",
        b"5",
        None,
    ],
)
def test_nonsense_in_retry_after_is_no_wait_and_no_error(value):
    headers = {"retry-after": value}
    assert retry_after(Clients(response=Clients(headers=headers))) is None


def test_a_date_far_away_is_a_long_wait():
    far = {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}
    assert retry_after(Clients(response=Clients(headers=far))) > 1e9
