"""One endpoint against the loopback server: what is sent, what is read, what goes wrong."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle

import pytest

from bestofinf.ensemble.chat import ChatModel
from bestofinf.ensemble.endpoint import Endpoint
from bestofinf.ensemble.openai_http import _proxy
from bestofinf.errors import UsageError, is_fatal, is_transient, retry_after
from bestofinf.records import ToolCall
from bestofinf.wire import EndpointError, LostReplyError
from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.clients import nothing_left, open_sockets
from support.faults import STATUS, Fault, Faults
from support.reply import Served
from support.request import RefusedRequest

BODY = {"messages": [{"role": "user", "content": "What is 6 * 7?"}]}
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
KEY = "private-key-of-nobody-1234"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def at(server, **settings):
    return Endpoint("alpha", url=server.url, **settings)


def ask(server, body=None, **settings):
    with nothing_left():
        return at(server, **settings).send(body or BODY)


# -- what is read ---------------------------------------------------------------------------------


@STREAMED
def test_a_reply_comes_with_its_usage(serve, stream):
    server = serve(ScriptedBackend(["The answer is 42."]))
    found = ask(server, stream=stream)
    assert found.reply.text == "The answer is 42."
    assert found.reply.finish_reason == "stop"
    assert (found.input_tokens, found.output_tokens) == (5, 4)
    assert bool(server.bodies[0].get("stream")) == stream
    assert isinstance(at(server), ChatModel)


@STREAMED
def test_tool_calls_objects_and_log_probabilities_are_read(serve, stream):
    call = Served(None, tool_calls=(ToolCall("add", {"a": 4}, "one"),))
    said = Served("42", pieces=("4", "2"), logprobs=(-0.25, -0.5))
    server = serve(ScriptedBackend([call, said, '{"answer": 42}', Served(refusal="I can't.")]))
    assert ask(server, stream=stream).reply.tool_calls == (ToolCall("add", {"a": 4}, "one"),)
    assert ask(server, BODY | {"logprobs": True}, stream=stream).reply.logprobs == (-0.25, -0.5)
    asked = {"messages": [{"role": "user", "content": "6 * 7 as json?"}]}
    asked["response_format"] = {"type": "json_object"}
    assert ask(server, asked, stream=stream).reply.parsed == {"answer": 42}
    assert ask(server, stream=stream).reply.refusal


def test_a_server_that_ignores_the_wish_to_stream_is_understood(serve):
    server = serve(EchoBackend())
    server.app._send_reply, sent = None, server.app._send_reply

    async def plain(exchange, request, faults, fault):
        request.body["stream"] = False
        await sent(exchange, request, faults, fault)

    server.app._send_reply = plain
    assert ask(server).reply.text == "You said: What is 6 * 7?"


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_to_stream_is_asked_without(serve, status):
    def reply(request):
        if request.stream and request.tools:
            raise RefusedRequest("logprobs is not supported with tools + stream", status=status)
        return "The answer is 42."

    server = serve(FunctionBackend(reply))
    endpoint = at(server)
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    for _ in range(2):
        assert endpoint.send(BODY | {"tools": [tool]}).reply.text == "The answer is 42."
    assert [bool(body.get("stream")) for body in server.bodies] == [True, False, False]
    endpoint.send(BODY)
    assert server.bodies[-1]["stream"] is True


# -- what is sent ---------------------------------------------------------------------------------


def test_nothing_is_sent_but_the_question_and_what_was_set(serve):
    server = serve(EchoBackend())
    ask(server, stream=False)
    assert server.bodies[-1] == BODY | {"model": "alpha"}
    ask(server)
    streaming = {"stream": True, "stream_options": {"include_usage": True}}
    assert server.bodies[-1] == BODY | streaming | {"model": "alpha"}


def test_settings_of_the_endpoint_are_sent_with_every_question(serve):
    server = serve(EchoBackend())
    ask(
        server,
        BODY | {"store": True, "max_completion_tokens": 9, "verbosity": "low"},
        stream=False,
        temperature=0.5,
        system="Be brief.",
        extra={"top_p": 0.9, "verbosity": "high"},
        rename={"max_completion_tokens": "max_tokens"},
        drop=("store",),
    )
    sent = server.bodies[-1]
    assert sent.pop("messages")[0] == {"role": "system", "content": "Be brief."}
    assert sent == {
        "model": "alpha",
        "temperature": 0.5,
        "top_p": 0.9,
        "verbosity": "high",
        "max_tokens": 9,
    }


def test_the_question_comes_before_what_the_endpoint_would_say(serve):
    server = serve(EchoBackend())
    own = BODY | {"temperature": 0.1, "max_completion_tokens": 7}
    ask(server, own, temperature=0.9, max_tokens=99, stream=False)
    assert server.bodies[-1] == own | {"model": "alpha"}
    ask(server, max_tokens=99, stream=False)
    assert server.bodies[-1]["max_tokens"] == 99


def test_the_key_is_sent_and_comes_from_the_variable_named(serve, monkeypatch):
    server = serve(EchoBackend(), api_key=KEY)
    assert ask(server, key=f" {KEY}\n").reply.text
    monkeypatch.setenv("THE_KEY", KEY)
    assert ask(server, key_variable="THE_KEY").reply.text
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert ask(server).reply.text
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    with pytest.raises(EndpointError, match="Incorrect API key") as caught:
        ask(server)
    assert is_fatal(caught.value)


def test_the_key_of_openai_is_sent_to_no_other_server(serve, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(EndpointError, match="no key was sent: name its key_variable"):
        ask(serve(EchoBackend(), api_key=KEY))
    for url, theirs in {
        "https://api.openai.com/v1": True,
        "https://eu.api.openai.com/v1": True,
        "http://api.openai.com/v1": False,
        "https://api.openai.com.evil.example/v1": False,
        "https://evilapi.openai.com.example": False,
        "https://evil.example/?api.openai.com": False,
        "https://evil-api.openai.com/v1": False,
    }.items():
        assert ("Authorization" in Endpoint("m", url=url)._headers()) is theirs, url


# -- what goes wrong ------------------------------------------------------------------------------


@STREAMED
@pytest.mark.parametrize("fault", [*STATUS])
def test_a_status_is_an_error_that_the_policy_understands(serve, stream, fault):
    status, body = STATUS[fault]
    server = serve(EchoBackend(), faults=Faults.always(fault))
    with pytest.raises(EndpointError) as caught:
        ask(server, stream=stream)
    error = caught.value
    # One that came with status 200 has the status that its body names.
    assert error.status_code == (status if status != 200 else body["error"]["code"])
    assert body["error"]["message"] in str(error)
    assert retry_after(error) == (1.0 if fault is Fault.RATE_LIMIT_RETRY_AFTER else None)
    assert is_fatal(error) == (fault in (Fault.QUOTA, Fault.UNAUTHORIZED))
    assert is_transient(error) == (not is_fatal(error) and status != 400)
    assert server.counts.started == 1


LOST = (LostReplyError, ConnectionError)
BROKEN = {
    Fault.RESET: (ConnectionError, ConnectionError),
    Fault.TRUNCATED: LOST,
    Fault.CUT_SHORT: (LostReplyError, EndpointError),
    Fault.MALFORMED_JSON: (LostReplyError, EndpointError),
    Fault.WRONG_CONTENT_TYPE: (EndpointError, EndpointError),
    Fault.EMPTY_CHOICES: (LostReplyError, EndpointError),
}


@STREAMED
@pytest.mark.parametrize("fault", [*BROKEN])
def test_what_is_no_reply_is_an_error_of_one_line(serve, stream, fault):
    server = serve(EchoBackend(), faults=Faults.always(fault))
    with pytest.raises(BROKEN[fault][not stream]) as caught:
        ask(server, stream=stream)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@STREAMED
@pytest.mark.parametrize("fault", [Fault.HUGE, Fault.SLOW_DRIP, Fault.NO_USAGE])
def test_odd_replies_are_read_all_the_same(serve, stream, fault):
    server = serve(ScriptedBackend(["The answer is 42."]), faults=Faults.always(fault))
    found = ask(server, stream=stream)
    assert found.reply.text.endswith("The answer is 42.")
    assert (found.output_tokens is None) == (fault is Fault.NO_USAGE)


def test_a_server_that_is_not_there_is_one_line_with_its_address():
    with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:9") as caught:
        Endpoint("alpha", url="http://user:secret@127.0.0.1:9/v1?key=secret").send(BODY)
    assert is_transient(caught.value)
    assert "secret" not in str(caught.value)


def test_a_wrong_address_is_told_with_the_whole_of_it(serve):
    server = serve(EchoBackend())
    with pytest.raises(EndpointError, match=r"asked at http://127\.0\.0\.1:.*/v2/chat/completions"):
        Endpoint("alpha", url=f"{server.root_url}/v2").send(BODY)


def test_a_server_that_does_not_answer_is_a_time_out(serve):
    server = serve(EchoBackend(), faults=Faults.always(Fault.HANG))
    with pytest.raises(TimeoutError, match=r"no reply within 0\.2 s") as caught:
        ask(server, timeout=0.2)
    assert is_transient(caught.value)
    assert server.wait_idle().disconnected == 1


@pytest.mark.parametrize("status", [301, 307, 308])
def test_redirects_are_not_followed_with_the_key(serve, status):
    def reply(request):
        raise RefusedRequest("moved", status=status)

    with pytest.raises(EndpointError, match="give that address"):
        ask(serve(FunctionBackend(reply)), key=KEY)


def test_a_reply_without_end_is_not_read_to_its_end(serve, monkeypatch):
    monkeypatch.setattr("bestofinf.ensemble.openai_http.LARGEST", 10_000)
    for stream in (True, False):
        with pytest.raises(EndpointError, match="larger than"):
            ask(serve(ScriptedBackend(["x " * 50_000])), stream=stream)


@STREAMED
def test_the_key_is_in_no_error_even_if_the_server_tells_it(serve, stream):
    def reply(request):
        raise RefusedRequest(f"I do not like {KEY}", status=403)

    with pytest.raises(EndpointError) as caught:
        ask(serve(FunctionBackend(reply)), key=KEY, stream=stream)
    assert KEY not in str(caught.value) + repr(caught.value) + json.dumps(caught.value.body)


# -- connections ----------------------------------------------------------------------------------


async def test_a_cancelled_request_frees_its_slot_at_once(serve):
    server = serve(ScriptedBackend(["one two three " * 20]), seconds_per_token=1.0)
    endpoint = at(server)
    task = asyncio.create_task(endpoint.asend(BODY))
    await server.until(lambda counts: counts.in_flight == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await server.idle()).disconnected == 1
    await endpoint.aclose()


async def test_connections_are_kept_open_within_a_loop_and_closed_on_demand(serve):
    server = serve(EchoBackend())
    endpoint = at(server)
    await endpoint.asend(BODY)
    opened = open_sockets()
    for _ in range(5):
        await endpoint.asend(BODY)
    assert open_sockets() <= opened
    await endpoint.aclose()
    await endpoint.aclose()
    await endpoint.asend(BODY)
    await endpoint.aclose()


def test_connections_are_closed_with_their_loop(serve):
    server = serve(EchoBackend())
    endpoint = at(server)

    async def several():
        return await asyncio.gather(*(endpoint.asend(BODY) for _ in range(3)))

    with nothing_left():
        for _ in range(2):
            assert len(asyncio.run(several())) == 3


async def test_blocking_calls_work_where_a_loop_is_running(serve):
    assert at(serve(EchoBackend())).send(BODY).reply.text == "You said: What is 6 * 7?"


async def test_a_connection_that_the_server_has_closed_is_no_failure(serve):
    server = serve(EchoBackend())
    endpoint = at(server)
    await asyncio.gather(*(endpoint.asend(BODY) for _ in range(3)))
    server.restart()
    for _ in range(3):
        assert (await endpoint.asend(BODY)).reply.text
    server.stop()
    with pytest.raises(ConnectionError):
        await endpoint.asend(BODY)
    await endpoint.aclose()


async def test_no_more_connections_are_open_than_allowed(serve):
    server = serve(EchoBackend(), latency=0.02)
    endpoint = at(server, connections=2)
    await asyncio.gather(*(endpoint.asend(BODY) for _ in range(6)))
    assert server.counts.peak_in_flight == 2
    await endpoint.aclose()


def test_proxies_of_the_environment_are_used_but_not_for_this_machine(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert _proxy("https://api.openai.com/v1") == "http://proxy.example:3128"
    assert _proxy("https://inside.example/v1") is None
    assert _proxy("http://127.0.0.1:8080/v1") is None
    assert _proxy("http://localhost:8080/v1") is None


# -- what users give ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "model", "url"),
    [
        ("gpt-5-mini", "gpt-5-mini", "https://api.openai.com/v1"),
        ("openai:gpt-5-mini", "gpt-5-mini", "https://api.openai.com/v1"),
        ("qwen3:8b@http://127.0.0.1:8080/v1", "qwen3:8b", "http://127.0.0.1:8080/v1"),
        ({"model": "m", "url": "http://box:80/v1"}, "m", "http://box:80/v1"),
        (Endpoint("m", url="http://box"), "m", "http://box"),
    ],
)
def test_an_endpoint_is_given_in_several_ways(given, model, url):
    found = Endpoint.of(given)
    assert (found.model, found.url) == (model, url)


def test_the_address_may_stand_in_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")
    assert Endpoint("m").url == "http://127.0.0.1:8080/v1"
    assert Endpoint("m", url="http://box/v1").url == "http://box/v1"


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        7,
        "http://127.0.0.1:8080/v1",
        {"url": "http://box"},
        {"model": "m", "uri": "http://box"},
        {"model": "m", "url": "box:8080"},
        {"model": "m", "url": "ftp://box"},
        {"model": "m", "url": "http://"},
        {"model": "m", "url": "http://box:99999"},
        {"model": "m", "url": 7},
        {"model": "m", "timeout": 0},
        {"model": "m", "max_tokens": 0},
        {"model": "m", "connections": True},
    ],
)
def test_what_is_no_endpoint_is_refused(given):
    with pytest.raises(UsageError):
        Endpoint.of(given)


def test_a_key_that_must_be_there_is_asked_for_at_once(monkeypatch):
    with pytest.raises(
        UsageError, match=r"needs a key for https://api\.openai\.com/v1: set OPENAI"
    ):
        Endpoint("gpt-5-mini").check()
    with pytest.raises(UsageError, match="set THE_KEY"):
        Endpoint("m", url="http://box/v1", key_variable="THE_KEY").check()
    Endpoint("m", url="http://box/v1").check()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    Endpoint("gpt-5-mini").check()


def test_copies_work_and_nothing_shown_holds_a_key(serve):
    server = serve(EchoBackend())
    endpoint = Endpoint(
        "alpha", url=server.url.replace("//", f"//user:{KEY}@"), key=KEY, extra={"user": KEY}
    )
    assert KEY not in repr(endpoint)
    for other in (endpoint, copy.deepcopy(endpoint), pickle.loads(pickle.dumps(endpoint))):
        assert other.send(BODY).reply.text
        assert other == endpoint
