from __future__ import annotations

import copy

import pytest

from bestofinf.errors import UsageError
from bestofinf.wire import BadRequestError, chat_body, draw_body, question_text, read_request

MESSAGES = [{"role": "user", "content": "What is 6 * 7?"}]
BODY = {
    "model": "careful",
    "messages": MESSAGES,
    "n": None,
    "stream": False,
    "seed": 2**63,
    "logit_bias": {},
    "verbosity": "low",
    "metadata": {"question": "q7"},
    "bestofinf": {"rule": "fast"},
}


def test_what_an_ensemble_needs_is_read_and_the_rest_is_kept():
    request = read_request(BODY)
    assert (request.model, request.n, request.stream, request.include_usage) == (
        "careful",
        1,
        False,
        False,
    )
    assert request.options == {"rule": "fast"}
    assert request.question_id == "q7"
    assert dict(request.body) == {k: v for k, v in BODY.items() if k != "bestofinf"}


def test_tools_formats_and_streams_are_seen():
    tools = [{"type": "function", "function": {"name": "add", "parameters": {}}}, {"type": "web"}]
    request = read_request(
        BODY
        | {"tools": tools, "n": 3, "stream": True, "stream_options": {"include_usage": True}}
        | {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}
    )
    assert [tool["name"] for tool in request.tools] == ["add"]
    assert (request.n, request.stream, request.include_usage, request.wants_json) == (
        3,
        True,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [*MESSAGES, "hello"]}, "messages[1].role"),
        ({"messages": [{"role": "robot", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 4}]}, "messages[0].content"),
        ({"stream": "yes"}, "stream"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"n": 1.5}, "n"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"seed": 1.5}, "seed"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": "json"}, "response_format"),
        ({"bestofinf": "fast"}, "bestofinf"),
    ],
)
def test_a_wrong_field_is_named(change, param):
    with pytest.raises(BadRequestError) as caught:
        read_request(BODY | change)
    assert caught.value.param == param
    assert param.partition("[")[0] in str(caught.value)


@pytest.mark.parametrize("body", [None, [], "x", 4])
def test_a_request_is_an_object(body):
    with pytest.raises(BadRequestError, match="JSON object"):
        read_request(body)


def test_all_roles_and_assistants_without_content_are_taken():
    roles = ("system", "developer", "user", "assistant", "tool", "function")
    read_request(BODY | {"messages": [{"role": role, "content": None} for role in roles]})
    read_request(BODY | {"messages": [{"role": "assistant", "tool_calls": []}]})


# -- the body of one draw -------------------------------------------------------------------------


def test_a_draw_is_sent_what_the_client_sent_but_for_model_seed_and_number():
    before = copy.deepcopy(BODY)
    sent = draw_body(read_request(BODY).body, model="qwen", index=2)
    kept = {k: BODY[k] for k in ("messages", "logit_bias", "verbosity", "metadata")}
    assert sent == {**kept, "model": "qwen", "seed": 2**63 - 2}  # within 64 bits
    assert before == BODY
    assert draw_body(BODY, model="qwen")["seed"] == BODY["seed"]
    assert "seed" not in draw_body({"messages": MESSAGES}, model="qwen", index=5)


def test_members_may_know_other_fields():
    sent = draw_body(
        BODY | {"max_completion_tokens": 9, "store": True},
        model="qwen",
        rename={"max_completion_tokens": "max_tokens"},
        drop=["store", "metadata"],
        change={"cache_prompt": True, "verbosity": "high"},
    )
    assert (sent["max_tokens"], sent["cache_prompt"], sent["verbosity"]) == (9, True, "high")
    assert not sent.keys() & {"max_completion_tokens", "store", "metadata"}


def test_a_stream_is_asked_for_with_its_usage():
    sent = draw_body(BODY | {"stream_options": {"include_usage": False}}, model="m", stream=True)
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in draw_body(BODY | {"stream": True}, model="m")


# -- questions ------------------------------------------------------------------------------------


def test_a_question_is_a_text_messages_or_a_whole_body():
    assert chat_body("What is 6 * 7?") == {"messages": MESSAGES}
    assert chat_body(MESSAGES) == {"messages": MESSAGES}
    assert chat_body({"messages": MESSAGES, "tools": []}) == {"messages": MESSAGES, "tools": []}


def test_a_system_prompt_comes_first_unless_there_is_one():
    told = chat_body("6 * 7?", system="Be brief.")["messages"]
    assert told[0] == {"role": "system", "content": "Be brief."}
    for role in ("system", "developer"):
        own = [{"role": role, "content": "Be long."}, *MESSAGES]
        assert chat_body(own, system="Be brief.")["messages"] == own


@pytest.mark.parametrize("question", [None, 4, [], {}, {"messages": "x"}, ["x"], [{"role": "x"}]])
def test_what_is_no_question_is_refused(question):
    with pytest.raises(UsageError):
        chat_body(question)


def test_the_text_of_a_question_is_that_of_its_messages():
    assert question_text(chat_body("6 * 7?")) == "6 * 7?"
    parts = [{"type": "text", "text": "What is "}, {"type": "image_url"}, {"text": "this?"}]
    told = chat_body([{"role": "user", "content": parts}], system="Be brief.")
    assert question_text(told) == "system: Be brief.\nuser: What is this?"
