from __future__ import annotations

import pytest
from hypothesis import given

from bestofinf.records import Reply, ToolCall
from bestofinf.wire import TokenCounts, chunks, completion, read_completion
from support.completions import bodies


def answered(*replies, **fields):
    return completion(replies, id="chatcmpl-7", created=5, model="careful", **fields)


@given(bodies())
def test_the_winner_stays_what_its_server_wrote(made):
    winner = read_completion(made).replies[0]
    found = answered(winner, told={"n_samples": 3})
    own = made["choices"][0]
    assert found["choices"] == [own]
    assert found["usage"] == made["usage"]
    assert found["system_fingerprint"] == "fp"
    assert (found["id"], found["created"], found["model"]) == ("chatcmpl-7", 5, "careful")
    assert found["bestofinf"] == {"n_samples": 3}


@given(bodies())
def test_several_choices_are_numbered_anew(made):
    replies = read_completion(made).replies[::-1]
    found = answered(*replies)["choices"]
    assert [c["index"] for c in found] == list(range(len(replies)))
    assert [c["message"] for c in found] == [c["message"] for c in made["choices"][::-1]]


@pytest.mark.parametrize(
    "reply",
    [
        Reply("42", finish_reason="length"),
        Reply("", (ToolCall("add", {"a": 4}, "call_1"),), finish_reason="tool_calls"),
        Reply("No.", refusal=True, finish_reason="stop"),
        Reply("", finish_reason="stop"),
    ],
)
def test_a_reply_that_no_server_wrote_has_a_body_that_says_the_same(reply):
    (found,) = read_completion(answered(reply)).replies
    if reply.refusal:
        assert found.native["choices"][0]["message"]["refusal"] == "No."
        assert found.refusal
    else:
        assert found == reply


def test_a_composed_object_is_written_as_json():
    (made,) = answered(Reply(parsed={"a": 1}))["choices"]
    assert (made["message"]["content"], made["finish_reason"]) == ('{"a":1}', "stop")


def test_usage_may_be_told_anew():
    told = answered(Reply("42"), usage=TokenCounts(5, 7, None, 2))["usage"]
    assert told == {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_all_log_probabilities_come_with_the_first_piece():
    made = answered(Reply("x" * 5000))
    made["choices"][0]["logprobs"] = {"content": [{"token": "x", "logprob": -1}]}
    told = [bool(chunk["choices"][0]["logprobs"]) for chunk in chunks(made)]
    assert told == [False, True, False, False, False]
