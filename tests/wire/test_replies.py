from __future__ import annotations

import math

import pytest
from hypothesis import given

from bestofinf.records import Reply, ToolCall
from bestofinf.scorers import SelfCertainty
from bestofinf.wire import EndpointError, TokenCounts, read_completion, top_logprobs
from bestofinf.wire.replies import read_usage
from support.completions import JSON, bodies, body, call, choice


def reply(*args, structured=False, **fields):
    (only,) = read_completion(body(choice(*args, **fields)), structured=structured).replies
    return only


def test_a_text_is_the_reply_and_the_body_its_native():
    sent = body(choice("The answer is 42."), usage={"prompt_tokens": 12, "completion_tokens": 6})
    found = read_completion(sent)
    assert found.replies == (Reply("The answer is 42.", finish_reason="stop"),)
    assert found.replies[0].native is sent
    assert found.tokens == TokenCounts(12, 6)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, ""),
        ("", ""),
        ([{"type": "text", "text": "4"}, {"type": "text", "text": "2"}], "42"),
        ([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "2"}], "2"),
        ("<think>6 * 7</think>42", "<think>6 * 7</think>42"),
        (7, ""),
        ({"text": "no list"}, ""),
    ],
)
def test_the_text_is_the_content_or_the_texts_among_its_parts(content, said):
    assert reply(content).text == said


def test_reasoning_beside_the_content_is_no_part_of_the_text():
    found = reply("42", reasoning_content="6 * 7", reasoning="6 * 7")
    assert found.text == "42"
    assert found.native["choices"][0]["message"]["reasoning_content"] == "6 * 7"


def test_tool_calls_are_read_with_their_arguments():
    found = reply(None, tool_calls=[call(), call("add", "", None), call("add", {"b": 1}, 7)])
    assert found.tool_calls == (
        ToolCall("add", {"a": 4}, "call_1"),
        ToolCall("add", {}),
        ToolCall("add", {"b": 1}),
    )


def test_calls_under_the_reason_of_an_end_are_calls():
    assert reply(None, tool_calls=[call()]).finish_reason == "tool_calls"
    assert reply(None, tool_calls=[call()], finish="length").finish_reason == "length"


def test_the_older_form_of_a_call_is_read():
    found = reply(None, function_call={"name": "add", "arguments": '{"a": 4}'})
    assert found.tool_calls == (ToolCall("add", {"a": 4}),)


@pytest.mark.parametrize(
    "broken",
    [
        call(arguments='{"a": '),
        call(arguments="[4]"),
        call(arguments="4"),
        call(arguments="[" * 100_000),
        call(name=""),
        call(name=None),
        {"function": None},
        "add",
        None,
    ],
)
def test_a_call_that_cannot_be_read_leaves_nothing_to_vote_on(broken):
    found = reply("I will add.", tool_calls=[call(), broken])
    assert (found.text, found.tool_calls) == ("", ())


def test_refusals_are_told_in_three_ways():
    assert reply(None, refusal="I can't.").refusal
    assert reply([{"type": "refusal", "refusal": "I can't."}]).refusal
    assert reply("The an", finish="content_filter").refusal
    assert not reply("fine", refusal=None).refusal
    assert not reply("fine", refusal="").refusal


def test_reasons_are_lower_case_and_unknown_ones_are_kept():
    assert reply("x", finish="STOP").finish_reason == "stop"
    assert reply("x", finish="eos").finish_reason == "eos"
    assert reply("x", finish=None).finish_reason is None


def test_an_object_is_parsed_where_one_was_asked_for():
    assert reply('{"a": [1, null]}', structured=True).parsed == {"a": [1, None]}
    assert reply('{"a": 1}').parsed is None
    prose = reply("There is no such object.", structured=True)
    assert (prose.parsed, prose.text) == (None, "There is no such object.")


def test_log_probabilities_are_kept_whole_or_not_at_all():
    def found(content, **form):
        made = choice("ab") | {"logprobs": form or {"content": content}}
        return read_completion(body(made)).replies[0].logprobs

    assert found([{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": 0}]) == (-0.5, 0.0)
    assert found(None, token_logprobs=[-1.5, -2]) == (-1.5, -2.0)
    for odd in (None, "x", True, math.nan, math.inf, 10**400):
        assert found([{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": odd}]) is None
    assert found([]) is None
    assert found("x") is None


def test_probabilities_in_place_of_log_probabilities_are_read():
    content = [{"token": "yes", "prob": 0.25}, {"token": "", "prob": 1.0}]
    choice = {"message": {"content": "yes"}, "finish_reason": "stop"}
    reply = read_completion({"choices": [choice | {"logprobs": {"content": content}}]}).replies[0]
    assert reply.logprobs == (math.log(0.25), 0.0)
    assert reply.logprob_kind is None  # the end is among them
    content[1] = {"token": "", "prob": 0.0}  # of a token that cannot have been sampled
    reply = read_completion({"choices": [choice | {"logprobs": {"content": content}}]}).replies[0]
    assert reply.logprobs is None


def test_the_likeliest_tokens_are_found_in_the_body():
    tops = [[{"logprob": -0.1}, {"logprob": -3}], [{"logprob": -0.2}, {"logprob": "x"}], []]
    content = [{"token": "a", "logprob": -0.1, "top_logprobs": top} for top in tops]
    made = choice("abc") | {"logprobs": {"content": content}}
    (found,) = read_completion(body(made)).replies
    assert top_logprobs(found) == [[-0.1, -3.0], [-0.2], []]
    assert SelfCertainty(top_logprobs).score("", found).value > 0
    assert top_logprobs(reply("abc")) is None
    assert top_logprobs(Reply("abc")) is None


def test_several_choices_come_in_the_order_of_their_indices():
    two = body(choice("second", index=1), choice("first", index=0))
    found = read_completion(two)
    assert [r.text for r in found.replies] == ["first", "second"]
    assert [r.native["choices"][0]["message"]["content"] for r in found.replies] == [
        "first",
        "second",
    ]


def test_usage_has_its_details():
    told = {
        "prompt_tokens": 40,
        "completion_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 32},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    assert read_usage(told) == TokenCounts(40, 30, 32, 20)
    assert read_usage({"input_tokens": 1, "output_tokens": 2}) == TokenCounts(1, 2)
    assert read_usage(None) == TokenCounts()


@pytest.mark.parametrize("odd", [-1, -5, 2**53, 2**63, 10**30, math.nan, math.inf, 1.5, "7", True])
def test_a_count_that_cannot_be_one_is_unknown(odd):
    assert read_usage({"prompt_tokens": odd, "completion_tokens": odd}) == TokenCounts()
    details = {"prompt_tokens_details": {"cached_tokens": odd}, "prompt_tokens": 3}
    assert read_usage(details) == TokenCounts(3)


@pytest.mark.parametrize("odd", [None, [], "text", 4, {}, {"choices": None}, {"choices": [None]}])
def test_what_has_no_choice_is_an_error(odd):
    with pytest.raises(EndpointError, match="no choice"):
        read_completion(odd)


def test_a_choice_that_broke_off_is_an_error_with_its_status():
    broken = choice("The an", finish="error") | {"error": {"code": 502, "message": "gone"}}
    with pytest.raises(EndpointError, match="gone") as caught:
        read_completion(body(broken))
    assert caught.value.status_code == 502


@given(JSON, JSON, JSON, JSON)
def test_whatever_a_message_holds_there_is_a_reply_of_the_right_types(one, two, three, four):
    message = {"content": one, "tool_calls": two, "refusal": three, "function_call": four}
    odd = {"message": message, "finish_reason": one, "logprobs": {"content": two}, "index": three}
    (found,) = read_completion(body(odd, usage={"prompt_tokens": one})).replies
    assert isinstance(found.text, str)
    assert isinstance(found.finish_reason, str | None)
    assert isinstance(found.refusal, bool)
    assert all(isinstance(c.name, str) and isinstance(c.args, dict) for c in found.tool_calls)


@given(bodies())
def test_every_choice_is_read(made):
    found = read_completion(made)
    assert len(found.replies) == len(made["choices"])
    for read, written in zip(found.replies, made["choices"], strict=True):
        assert read.text == (written["message"]["content"] or "")
        assert len(read.tool_calls) == len(written["message"].get("tool_calls", ()))
