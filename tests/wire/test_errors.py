from __future__ import annotations

import pickle

import pytest

from bestofinf.errors import (
    NoConsensusError,
    SamplingError,
    UsageError,
    is_fatal,
    is_transient,
    retry_after,
)
from bestofinf.wire import (
    BadRequestError,
    EndpointError,
    LostReplyError,
    endpoint_error,
    error_response,
    read_completion,
)


def told(message, **fields):
    return {"error": {"message": message, **fields}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            told("too long", type="invalid_request_error", code="context_length_exceeded"),
            "too long",
        ),
        ([told("too long", code=400, status="INVALID_ARGUMENT")], "too long"),
        ({"error": "model 'x' not found"}, "model 'x' not found"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"loc": ["body", "model"], "msg": "field required"}]}, "field required"),
        ({"object": "error", "message": "no such model", "code": 404}, "no such model"),
        ({"object": "error", "message": {"detail": [{"msg": "bad role"}]}}, "bad role"),
        (b"<html><h1>502 Bad Gateway</h1></html>", "502 Bad Gateway"),
        (b'{"error": {"message": "as bytes"}}', "as bytes"),
        (b"\xff\xfe", "\ufffd"),
        ("", "no further word"),
        (None, "None"),
        ([], "[]"),
        (7, "7"),
    ],
)
def test_what_went_wrong_is_read_whatever_the_form(body, message):
    error = endpoint_error(400, body)
    assert message in str(error)
    assert error.status_code == 400


def test_kind_code_and_field_are_kept():
    error = endpoint_error(400, told("too long", type="t", code="c", param="messages"))
    assert (error.type, error.code, error.param) == ("t", "c", "messages")
    assert str(error) == "the server answered status 400 (c): too long"
    assert endpoint_error(400, told("too long", type="t")).code == "t"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"code": 502}, 502),
        ({"code": "502"}, 502),
        ({"status": 429}, 429),
        ({"type": "rate_limit_exceeded"}, 429),
        ({"type": "overloaded_error"}, 503),
        ({"code": "context_length_exceeded"}, 400),
        ({"type": "exceed_context_size_error", "code": 400}, 400),
        ({"code": 7}, None),
        ({"code": True}, None),
        ({"code": "odd"}, None),
    ],
)
def test_an_error_in_a_body_with_status_200_has_the_status_it_names(fields, status):
    with pytest.raises(EndpointError) as caught:
        read_completion({"id": "c", **told("no", **fields)})
    assert caught.value.status_code == status
    assert endpoint_error(200, told("no", **fields)).status_code == status


@pytest.mark.parametrize(
    ("status", "fields", "transient", "fatal"),
    [
        (401, {}, False, True),
        (402, {}, False, True),
        (403, {}, False, True),
        (429, {"code": "insufficient_quota"}, False, True),
        (429, {"type": "insufficient_quota"}, False, True),
        (429, {"code": "rate_limit_exceeded"}, True, False),
        (500, {}, True, False),
        (503, {}, True, False),
        (529, {"type": "overloaded_error"}, True, False),
        (400, {}, False, False),
        (404, {"code": "model_not_found"}, False, True),
        (200, {"code": 502}, True, False),
    ],
)
def test_the_policy_knows_what_may_be_tried_again(status, fields, transient, fatal):
    error = endpoint_error(status, told("no", **fields))
    assert (is_transient(error), is_fatal(error)) == (transient, fatal)


def test_a_lost_reply_may_be_asked_for_again():
    assert is_transient(LostReplyError("the stream ended"))


def test_the_policy_finds_how_long_to_wait():
    error = endpoint_error(429, told("wait"), headers={"Retry-After": "7"})
    assert retry_after(error) == 7
    assert retry_after(endpoint_error(429, told("wait"), headers={"retry-after-ms": "70"})) == 0.07
    assert retry_after(endpoint_error(429, told("wait"))) is None


def test_keys_are_hidden_and_long_pages_are_cut():
    key = "sk-proj-abcdefghijklmnop1234"
    assert key not in str(endpoint_error(401, told(f"Incorrect API key provided: {key}")))
    assert len(str(endpoint_error(500, "x" * 100_000))) < 2_100


def test_an_error_survives_the_way_from_a_worker():
    error = endpoint_error(429, told("wait", code="c"), headers={"retry-after": "7"})
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.status_code, copy.code, retry_after(copy)) == (str(error), 429, "c", 7)


# -- outwards -------------------------------------------------------------------------------------


def outward(error):
    response = error_response(error)
    inner = response.body["error"]
    assert inner.keys() == {"message", "type", "param", "code"}
    return response.status, inner["type"], inner["code"], inner["param"]


def test_the_callers_mistakes_are_400():
    assert outward(BadRequestError("no", "n")) == (400, "invalid_request_error", None, "n")
    assert outward(UsageError("no")) == (400, "invalid_request_error", None, None)


def test_a_request_that_all_members_refuse_is_told_as_they_do():
    fields = {"type": "t", "code": "context_length_exceeded", "param": "messages"}
    body = told("too long", **fields)
    causes = [endpoint_error(400, body), endpoint_error(413, told("too large"))]
    response = error_response(SamplingError("no decision", causes))
    assert (response.status, response.body) == (400, body)
    assert outward(SamplingError("no", [endpoint_error(404, b"no page")]))[0] == 404
    mixed = SamplingError("no decision", [causes[0], endpoint_error(500, "")])
    assert outward(mixed)[:3] == (502, "server_error", "members_failed")


def test_members_that_are_all_limited_tell_the_longest_wait():
    causes = [
        endpoint_error(429, told("slow"), headers={"retry-after": wait}) for wait in ("3", "9")
    ]
    response = error_response(SamplingError("no decision", causes))
    assert (response.status, response.headers) == (429, {"retry-after": "9"})
    assert not error_response(endpoint_error(429, told("slow"))).headers


def test_what_was_paid_and_found_no_consensus_is_not_to_be_tried_again():
    response = error_response(NoConsensusError("no quorum", [TimeoutError()]))
    assert (response.status, response.headers) == (422, {"x-should-retry": "false"})
    assert response.body["error"]["code"] == "no_consensus"


def test_failed_members_are_told_without_keys_and_addresses():
    causes = [
        ConnectionError("cannot connect to http://user:pass@10.0.0.7:8080/v1"),
        ConnectionError("10.0.0.7:8080 refused Bearer abcdefghijklmnop123"),
    ]
    response = error_response(SamplingError("no decision", causes))
    assert response.status == 502
    message = response.body["error"]["message"]
    assert "cannot connect to [address]" in message
    assert not [w for w in ("10.0.0.7", "pass", "abcdefghijklmnop123") if w in message]


def test_anything_else_is_500_and_says_nothing_of_the_inside():
    response = error_response(KeyError("inside"))
    assert response.status == 500
    assert "inside" not in response.body["error"]["message"]
