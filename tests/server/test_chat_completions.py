from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from bestofinf.records import ToolCall
from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.reply import Served
from support.request import ChatRequest, RefusedRequest
from support.server import LoopbackServer

TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
CALLS = (ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 3, "b": 4}))


def events(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def joined(chunks: list[dict[str, Any]], index: int = 0) -> dict[str, Any]:
    """Put a streamed choice together again."""
    message: dict[str, Any] = {"content": None, "refusal": None, "calls": {}, "finish": None}
    for chunk in chunks:
        for choice in chunk["choices"]:
            if choice["index"] != index:
                continue
            delta = choice["delta"]
            for key in ("content", "refusal"):
                if delta.get(key) is not None:
                    message[key] = (message[key] or "") + delta[key]
            for part in delta.get("tool_calls", ()):
                call = message["calls"].setdefault(
                    part["index"], {"id": part.get("id"), "arguments": ""}
                )
                call["name"] = part["function"].get("name") or call["name"]
                call["arguments"] += part["function"]["arguments"]
            message["finish"] = choice["finish_reason"] or message["finish"]
    return message


def test_a_reply_has_the_form_of_openai(serve, post):
    server = serve(ScriptedBackend(["Two words."]))
    reply = post(server, "one two three").json()
    assert reply["object"] == "chat.completion"
    assert reply["model"] == "m"
    choice = reply["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "Two words.", "refusal": None}
    assert choice["finish_reason"] == "stop"
    assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_n_choices_cost_the_prompt_once(serve, post):
    server = serve(ScriptedBackend([Served("a", tokens=10), Served("b", tokens=20)]))
    reply = post(server, "one two three", n=2).json()
    assert [choice["message"]["content"] for choice in reply["choices"]] == ["a", "b"]
    assert [choice["index"] for choice in reply["choices"]] == [0, 1]
    assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 30, "total_tokens": 33}
    counts = server.wait_idle()
    assert (counts.started, counts.finished, counts.choices) == (1, 1, 2)


@pytest.mark.parametrize("text", ["A few words, then more.\n\n  And  spaces ", "", "word"])
def test_a_stream_adds_up_to_the_reply(serve, post, text):
    server = serve(ScriptedBackend([text]))
    response = post(server, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    chunks = events(response)
    assert joined(chunks)["content"] == text
    assert joined(chunks)["finish"] == "stop"
    assert len(chunks) >= len(text.split())


def test_a_stream_of_several_choices_keeps_them_apart(serve, post):
    server = serve(ScriptedBackend(["the first of them", "second"]))
    chunks = events(post(server, stream=True, n=2))
    assert joined(chunks, 0)["content"] == "the first of them"
    assert joined(chunks, 1)["content"] == "second"


def test_a_stream_tells_usage_only_on_request(serve, post):
    server = serve(ScriptedBackend(["a b c"], cycle=True))
    assert all("usage" not in chunk for chunk in events(post(server, stream=True)))
    chunks = events(post(server, stream=True, stream_options={"include_usage": True}))
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 3


def test_a_long_stream_comes_in_a_bounded_number_of_pieces(serve, post):
    text = "word " * 10_000
    server = serve(ScriptedBackend([text]))
    chunks = events(post(server, stream=True))
    assert joined(chunks)["content"] == text
    assert len(chunks) < 70


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_have_unique_ids_and_arguments_as_text(serve, post, stream):
    server = serve(ScriptedBackend([Served(None, tool_calls=CALLS)], cycle=True))
    ids = set()
    for _ in range(2):
        response = post(server, tools=[TOOL], stream=stream, n=2)
        for index in (0, 1):
            if stream:
                message = joined(events(response), index)
                calls = list(message["calls"].values())
                assert message["content"] is None
                assert message["finish"] == "tool_calls"
            else:
                choice = response.json()["choices"][index]
                assert choice["message"]["content"] is None
                assert choice["finish_reason"] == "tool_calls"
                calls = [{"id": c["id"], **c["function"]} for c in choice["message"]["tool_calls"]]
            assert [json.loads(call["arguments"]) for call in calls] == [
                {"a": 1, "b": 2},
                {"a": 3, "b": 4},
            ]
            assert {call["name"] for call in calls} == {"add"}
            ids |= {call["id"] for call in calls}
    assert len(ids) == 8


def test_arguments_given_as_text_are_sent_as_they_stand(serve, post):
    call = ToolCall("add", '{"a": 1,')  # type: ignore[arg-type]
    server = serve(ScriptedBackend([Served(None, tool_calls=(call,))]))
    message = post(server, tools=[TOOL]).json()["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["arguments"] == '{"a": 1,'


def test_a_tool_that_must_be_called_is_called(serve, post):
    server = serve(EchoBackend())
    other = {"type": "function", "function": {"name": "other"}}
    named = {"type": "function", "function": {"name": "add"}}
    for choice, name in [("required", "other"), (named, "add"), ("auto", "other")]:
        message = post(server, tools=[other, TOOL], tool_choice=choice).json()["choices"][0][
            "message"
        ]
        assert message["tool_calls"][0]["function"]["name"] == name
    message = post(server, tools=[TOOL], tool_choice="none").json()["choices"][0]["message"]
    assert "tool_calls" not in message


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_no_content(serve, post, stream):
    server = serve(ScriptedBackend([Served("hidden", refusal="I will not.")]))
    response = post(server, stream=stream)
    message = joined(events(response)) if stream else response.json()["choices"][0]["message"]
    assert message["refusal"] == "I will not."
    assert not message["content"]


def test_json_obeys_the_schema_asked_for(serve, post):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "people": {"type": "integer", "minimum": 5}},
        "required": ["city", "people"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    server = serve(EchoBackend())
    content = post(server, "'Paris' has 7 people", response_format=form).json()["choices"][0]
    assert json.loads(content["message"]["content"]) == {"city": "Paris", "people": 7}


def test_json_without_schema_has_the_keys_of_the_prompt(serve, post):
    server = serve(EchoBackend())
    reply = post(
        server, "JSON with 'setup' and `punchline`", response_format={"type": "json_object"}
    )
    content = reply.json()["choices"][0]["message"]["content"]
    assert set(json.loads(content)) == {"setup", "punchline"}


@pytest.mark.parametrize("stream", [False, True])
def test_every_piece_has_its_log_probability(serve, post, stream):
    pieces, logprobs = ("The", " ans", "wer"), (-0.5, -0.25, -1.5)
    server = serve(ScriptedBackend([Served("The answer", pieces=pieces, logprobs=logprobs)]))
    response = post(server, stream=stream, logprobs=True, top_logprobs=2)
    if stream:
        choices = [choice for chunk in events(response) for choice in chunk["choices"]]
        parts = [choice["logprobs"]["content"] for choice in choices if choice["logprobs"]]
        content = [entry for part in parts for entry in part]
    else:
        content = response.json()["choices"][0]["logprobs"]["content"]
    assert [entry["token"] for entry in content] == list(pieces)
    assert [entry["logprob"] for entry in content] == list(logprobs)
    assert all(len(entry["top_logprobs"]) == 2 for entry in content)
    assert all(entry["top_logprobs"][0]["token"] == entry["token"] for entry in content)


def test_log_probabilities_are_made_up_alike_for_the_same_reply(serve, post):
    server = serve(ScriptedBackend(["the same text"], cycle=True))
    first, second = (post(server, logprobs=True).json()["choices"][0]["logprobs"] for _ in range(2))
    assert first == second
    assert all(entry["logprob"] < 0 for entry in first["content"])
    assert post(server).json()["choices"][0]["logprobs"] is None


def test_stop_cuts_the_text_before_the_first_stop(serve, post):
    server = serve(ScriptedBackend([Served("one two three four", tokens=40)], cycle=True))
    reply = post(server, stop=["three", "two"]).json()
    assert reply["choices"][0]["message"]["content"] == "one "
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert 0 < reply["usage"]["completion_tokens"] < 40
    assert joined(events(post(server, stop=" four", stream=True)))["content"] == "one two three"


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_the_limit_of_tokens_cuts_the_end_and_says_so(serve, post, key):
    server = serve(
        ScriptedBackend([Served("one two three four", tokens=40, answer="four")], cycle=True)
    )
    reply = post(server, **{key: 20}).json()
    assert reply["choices"][0]["message"]["content"] == "one two"
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 20
    assert server.answers() == [None]
    whole = post(server, **{key: 40}).json()
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["completion_tokens"] == 40


BAD_REQUESTS = [
    ({"frobnicate": 1}, "Unrecognized request argument supplied: frobnicate"),
    ({"model": ""}, "model"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": "hi", "bestofinf": {}}]}, "'bestofinf'"),
    ({"messages": [{"role": "assistant", "content": "a", "parsed": None}]}, "'parsed'"),
    ({"messages": [{"role": "wizard", "content": "hi"}]}, "wizard"),
    ({"messages": [{"role": "user", "content": None}]}, "content"),
    ({"messages": [{"role": "user", "content": [{"type": "thinking"}]}]}, "unknown part"),
    ({"messages": [{"role": "tool", "content": "3", "tool_call_id": "x"}]}, "preceding"),
    ({"n": 0}, "'n'"),
    ({"n": 1.5}, "'n'"),
    ({"temperature": 3}, "'temperature'"),
    ({"stop": ["a"] * 5}, "'stop'"),
    ({"max_tokens": 0}, "'max_tokens'"),
    ({"top_logprobs": 2}, "'top_logprobs'"),
    ({"stream_options": {"include_usage": True}}, "'stream_options'"),
    ({"tool_choice": "auto"}, "'tool_choice'"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "z"}}}, "'z'"),
    ({"tools": [{"type": "function", "function": {"name": "two words"}}]}, "two words"),
    ({"tools": []}, "'tools'"),
    ({"parallel_tool_calls": False}, "'parallel_tool_calls'"),
    ({"response_format": {"type": "xml"}}, "'response_format'"),
    ({"response_format": {"type": "json_object"}}, "must contain the word 'json'"),
]


@pytest.mark.parametrize(("body", "complaint"), BAD_REQUESTS)
def test_what_openai_would_not_take_is_refused(serve, post, body, complaint):
    server = serve(EchoBackend())
    response = post(server, **body)
    assert response.status_code == 400
    assert complaint in response.json()["error"]["message"]
    counts = server.wait_idle()
    assert (counts.started, counts.refused, counts.finished) == (1, 1, 0)


def calls(*ids: str) -> dict[str, Any]:
    made = [
        {"id": i, "type": "function", "function": {"name": "add", "arguments": "{}"}} for i in ids
    ]
    return {"role": "assistant", "content": None, "tool_calls": made}


def result(i: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": i, "content": "3"}


USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "accepted"),
    [
        ([USER, calls("a", "b"), result("b"), result("a"), USER], True),
        ([USER, calls("a", "b"), result("a"), USER], False),
        ([USER, calls("a", "b"), result("a")], False),
        ([USER, calls("a", "a"), result("a")], False),
        ([USER, calls("a"), result("a"), result("a")], False),
        ([USER, calls("a"), result("a"), calls("a"), result("a")], True),
    ],
)
def test_every_tool_call_must_be_answered_once(serve, post, messages, accepted):
    server = serve(EchoBackend())
    assert post(server, messages=messages, tools=[TOOL]).is_success is accepted


def test_a_body_that_is_no_json_is_refused(serve):
    server = serve(EchoBackend())
    for body in (b"{", b"[]", b"\xff"):
        response = httpx.post(f"{server.url}/chat/completions", content=body, trust_env=False)
        assert response.status_code == 400
    assert server.wait_idle().refused == 3


def test_extra_keys_can_be_allowed(serve, post):
    server = serve(EchoBackend(), extra_keys=frozenset({"min_p"}))
    assert post(server, min_p=0.1).is_success


def test_a_wrong_key_is_refused_where_one_is_wanted(serve, post):
    server = serve(EchoBackend(), api_key="secret")
    assert post(server).status_code == 401
    assert post(server, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert post(server, headers={"Authorization": "Bearer secret"}).is_success
    assert "secret" not in repr(server.bodies) + repr(server.entries)


def test_models_and_embeddings_are_served(serve):
    server = serve(EchoBackend(models=("a", "b")))
    with httpx.Client(base_url=server.url, trust_env=False, verify=False) as client:
        assert [model["id"] for model in client.get("/models").json()["data"]] == ["a", "b"]
        body = {"model": "e", "input": ["red fox", "red foxes", "blue whale"]}
        rows = client.post("/embeddings", json=body).json()["data"]
    fox, foxes, whale = (row["embedding"] for row in rows)

    def product(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert product(fox, fox) == pytest.approx(1)
    assert product(fox, foxes) > product(fox, whale)


async def _slow(request: ChatRequest) -> str:
    return f"slow {request.last_user_text}"


def test_a_function_can_be_the_back_end(serve, post):
    for backend in (
        FunctionBackend(lambda request: f"slow {request.last_user_text}"),
        FunctionBackend(lambda request: [f"slow {request.last_user_text}"] * request.n),
        FunctionBackend(lambda request: f"slow {request.last_user_text}", in_thread=True),
        FunctionBackend(_slow),
    ):
        reply = post(serve(backend), "hi", n=2).json()
        assert [c["message"]["content"] for c in reply["choices"]] == ["slow hi"] * 2


def test_a_back_end_may_refuse_a_request(serve, post):
    def refuse(request: ChatRequest) -> str:
        raise RefusedRequest("not this one", status=403)

    server = serve(FunctionBackend(refuse))
    assert post(server).status_code == 403
    assert server.wait_idle().refused == 1


def test_a_back_end_that_fails_is_told_to_the_test(post):
    server = LoopbackServer(ScriptedBackend(["only one"]))

    def use() -> None:
        with server:
            assert post(server).is_success
            assert post(server).status_code == 500

    with pytest.raises(RuntimeError, match="back end failed"):
        use()
    assert server.counts.broken == 1


def test_a_reply_that_cannot_be_written_is_the_back_end_s_failure(serve, post):
    server = serve(ScriptedBackend([Served("text", extra={"reasoning": object()})]))
    assert post(server).status_code == 500
    assert (server.counts.broken, server.counts.finished) == (1, 0)
    assert len(server.errors) == 1
