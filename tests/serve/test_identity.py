"""Identity law: one member, one sample is the member, but for ids, model name and `bestofinf`."""

from __future__ import annotations

import json

import httpx
import pytest

from bestofinf.records import ToolCall
from support.backends import FunctionBackend
from support.faults import Fault, Faults
from support.reply import Served
from support.served import Endpoint, written

ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
OURS = ("id", "created", "model", "bestofinf")
REPLIES = {
    "text": Served("The answer is 7.", extra={"reasoning_content": "3 and 4"}),
    "tool": Served(None, tool_calls=(ToolCall("add", {"a": 4}), ToolCall("add", {"a": 5}))),
    "object": Served('{"a": 1}'),
    "refusal": Served(None, refusal="I will not."),
    "cut off": Served("The answer is", finish_reason="length"),
}
BODIES = {
    "plain": {},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "n": {"n": 3},
    "seed": {"seed": 7, "stop": ["x"], "max_tokens": 9},
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The endpoint and its member, behind which a model says what its question names."""
    from support.server import LoopbackServer

    backend = FunctionBackend(lambda r: REPLIES[r.last_user_text])
    with LoopbackServer(backend) as member:
        path = written(tmp_path_factory.mktemp("one") / "e.toml", member.url, rule="fixed:n=1")
        with Endpoint(path) as endpoint:
            yield endpoint, member


def both(pair, reply, **body):
    endpoint, member = pair
    messages = [{"role": "user", "content": reply}]
    if reply == "tool":
        body |= {"tools": [ADD]}
    found = []
    for url, model in ((member.url, "alpha"), (endpoint.url, "careful"), (endpoint.url, "alpha")):
        found.append(
            httpx.post(
                f"{url}/chat/completions",
                json={"model": model, "messages": messages, **body},
                trust_env=False,
            )
        )
    return found


def without_ours(body):
    return {name: value for name, value in body.items() if name not in OURS}


def without_call_ids(body):
    for choice in body.get("choices", ()):
        for call in (choice.get("message") or choice.get("delta") or {}).get("tool_calls") or ():
            call.pop("id", None)
    return body


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_completion_is_the_members(pair, reply, body):
    bare, *served = both(pair, reply, **body)
    for found in served:
        assert found.status_code == bare.status_code == 200
        mine, theirs = (without_call_ids(without_ours(r.json())) for r in (found, bare))
        assert mine == theirs
    assert {r.json()["model"] for r in served} == {"careful", "alpha"}


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("usage", [True, False])
def test_a_stream_is_the_members_and_adds_up_to_it(pair, reply, usage):
    body = {"stream": True, "stream_options": {"include_usage": usage}}
    bare, *served = both(pair, reply, **body)
    for found in served:
        assert found.headers["content-type"].startswith("text/event-stream")
        assert events(found) == events(bare)
        assert found.text.endswith("data: [DONE]\n\n")


def events(response):
    lines = [line for line in response.text.split("\n\n") if line.startswith("data: {")]
    return [without_call_ids(without_ours(json.loads(line[6:]))) for line in lines]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault",
    [
        Fault.BAD_REQUEST,
        Fault.UNAUTHORIZED,
        Fault.RATE_LIMIT_RETRY_AFTER,
        Fault.QUOTA,
        Fault.SERVER_ERROR,
        Fault.UNAVAILABLE,
    ],
)
def test_an_error_is_the_members(pair, fault, stream):
    member = pair[1]
    member.faults = Faults(1.0, (fault,), retry_after=3.0)
    try:
        bare, *served = both(pair, "text", stream=stream)
    finally:
        member.faults = None
    for found in served:
        assert (found.status_code, found.json()) == (bare.status_code, bare.json())
        assert found.headers.get("retry-after") == bare.headers.get("retry-after")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATED, Fault.EMPTY_CHOICES])
def test_a_member_that_breaks_is_an_error_and_never_an_empty_answer(pair, fault, stream):
    member = pair[1]
    member.faults = Faults.always(fault)
    try:
        _, *served = [None, *both_served(pair, stream=stream)]
    finally:
        member.faults = None
    for found in served:
        if found.status_code == 200:
            last = found.text.rstrip().rsplit("\n\n", 1)[-1]
            assert "error" in json.loads(last.removeprefix("data: "))
        else:
            assert found.status_code == 502
            assert found.json()["error"]["code"] == "members_failed"


def both_served(pair, *, stream):
    endpoint, _ = pair
    body = {"messages": [{"role": "user", "content": "text"}], "stream": stream}
    return [
        endpoint.http.post("/chat/completions", json={"model": m, **body})
        for m in ("careful", "alpha")
    ]
