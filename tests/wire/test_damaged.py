"""Bodies in which fields are missing or hold something else are read or refused, and no more."""

import json
import random

import pytest

from bestofinf.errors import BestOfInfError
from bestofinf.wire import BadRequestError, StreamedCompletion, endpoint_error, read_completion
from bestofinf.wire.errors import error_response
from bestofinf.wire.items import chat_of_response, response_events, response_of_chat
from bestofinf.wire.replies import top_logprobs
from bestofinf.wire.requests import read_request
from support.damaged import damaged

CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOP = [{"token": "It", "logprob": -0.1}, {"token": "A", "logprob": -2.0}]
TOKEN = {"token": "It", "logprob": -0.1, "bytes": [73, 116], "top_logprobs": TOP}
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "It is 42.", "tool_calls": [CALL]},
            "logprobs": {"content": [TOKEN]},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": [{"type": "text", "text": "42"}]},
            "finish_reason": "length",
        },
    ],
    "usage": {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
}
CHUNKS = [
    {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "It is "}}]},
    {"choices": [{"index": 0, "delta": {"content": "42."}, "logprobs": {"content": [TOKEN]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **CALL}]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": COMPLETION["usage"]},
]
FAULT = {"error": {"message": "Slow down.", "type": "rate_limit", "code": "429", "param": None}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
CHAT = {
    "model": "careful",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "6 x 7?"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "t1", "content": "42"},
    ],
    "temperature": 0.5,
    "n": 2,
    "max_tokens": 10,
    "stop": ["a"],
    "seed": 3,
    "stream": True,
    "stream_options": {"include_usage": True},
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    "tool_choice": "auto",
    "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}},
    "logprobs": True,
    "metadata": {"question": "q1"},
    "bestofinf": {"rule": "fast"},
}
RESPONSE = {
    "model": "careful",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "6 x 7?"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "42"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "It is 42."}]},
    ],
    "instructions": "Be brief.",
    "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}},
    "max_output_tokens": 5,
    "reasoning": {"effort": "low"},
    "metadata": {"question": "q1"},
}


def completion(chance):
    for reply in read_completion(damaged(COMPLETION, chance), structured=True).replies:
        top_logprobs(reply)


def stream(chance):
    reading = StreamedCompletion()
    for chunk in CHUNKS:
        reading.add_chunk(damaged(chunk, chance) if chance.random() < 0.5 else chunk)
    read_completion(reading.body())


def error(chance):
    headers = {"retry-after": chance.choice(["1", "x", "nan", "-5", "1e400", "\x00"])}
    status = chance.choice([None, 200, 400, 429, 503])
    error_response(endpoint_error(status, damaged(FAULT, chance), headers=headers))


def request(chance):
    read_request(damaged(CHAT, chance))


def response(chance):
    asked = damaged(RESPONSE, chance)
    read_request(chat_of_response(asked))
    for data in response_events(response_of_chat(COMPLETION, asked)):
        assert data.endswith(b"\n\n")


@pytest.mark.parametrize(
    "seeds", [range(150), pytest.param(range(150, 8_000), marks=pytest.mark.soak)], ids=str
)
@pytest.mark.parametrize("reading", [completion, stream, error, request, response])
def test_damaged_bodies_are_read_or_refused(reading, seeds):
    done = 0
    for seed in seeds:
        try:
            reading(random.Random(f"{reading.__name__} {seed}"))
            done += 1
        except BestOfInfError as error:
            json.dumps(error_response(error).body)
    assert done > len(seeds) / 4


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": [{"role": ["user"], "content": "6 x 7?"}]}, "input[0].role"),
        ({"input": [{"content": "6 x 7?"}]}, "input[0].role"),
        ({"max_output_tokens": "5"}, "max_output_tokens"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)
def test_a_fault_is_named_by_the_field_that_the_client_sent(change, param):
    with pytest.raises(BadRequestError, match=param.replace("[", r"\[")) as caught:
        chat_of_response({**RESPONSE, **change})
    assert caught.value.param == param


@pytest.mark.parametrize("value", [["user"], {"a": 1}, 5, None])
def test_what_is_no_role_or_format_is_refused_whatever_its_type(value):
    with pytest.raises(BadRequestError, match="role must be one of"):
        read_request({**CHAT, "messages": [{"role": value, "content": "6 x 7?"}]})
    with pytest.raises(BadRequestError, match="response_format"):
        read_request({**CHAT, "response_format": {"type": value}})
