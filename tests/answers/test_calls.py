"""Calls of tools: written as text, checked against the tools of the request, without free text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import AutoAnswer, JsonAnswer, ReActAnswer, RedFlags, ToolCallsAnswer
from bestofinf.drivers import vote
from bestofinf.records import Reply, Sample, ToolCall
from bestofinf.rules.budgets import FixedSamples
from bestofinf.voting.engine import VotingEngine

CALL = '[{"args":{"city":"Oslo","days":3},"name":"forecast"}]'
JSON = '{"name": "forecast", "arguments": {"days": 3, "city": "Oslo"}}'
ARGS = '{"days": 3, "city": "Oslo"}'
WRITTEN = {
    "Hermes": f"I will look.\n<tool_call>\n{JSON}\n</tool_call>",
    "Hermes without an end": f"<tool_call>{JSON}",
    "Qwen coder": "<tool_call>\n<function=forecast>\n<parameter=city>\nOslo\n</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
    "Llama function": f"<function=forecast>{ARGS}</function>",
    "Llama tag": f"<|python_tag|>{JSON.replace('arguments', 'parameters')}<|eom_id|>",
    "Llama bare": JSON.replace("arguments", "parameters"),
    "Llama Python": '[forecast(city="Oslo", days=3)]',
    "Mistral list": f"[TOOL_CALLS][{JSON}]",
    "Mistral list, spaced": f"[TOOL_CALLS] [{JSON}]</s>",
    "Mistral name": f"[TOOL_CALLS]forecast[ARGS]{ARGS}",
    "DeepSeek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>forecast\n"
    f"```json\n{ARGS}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "Kimi": "<|tool_calls_section_begin|><|tool_call_begin|>functions.forecast:0"
    f"<|tool_call_argument_begin|>{ARGS}<|tool_call_end|><|tool_calls_section_end|>",
    "Cohere": '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "forecast", "parameters": '
    f"{ARGS}}}]<|END_ACTION|>",
    "Granite": f"<|tool_call|>[{JSON}]",
    "harmony": "<|channel|>analysis<|message|>Berlin?<|end|><|start|>assistant<|channel|>commentary "
    f"to=functions.forecast <|constrain|>json<|message|>{ARGS}<|call|>",
    "a list": f"[{JSON}]",
    "a fence": f"```json\n[{JSON}]\n```",
    "as the provider has it": json.dumps(
        {"type": "function", "function": {"name": "forecast", "arguments": ARGS}}
    ),
    "after a thought": f"<think>[TOOL_CALLS]other[ARGS]{{}}</think><tool_call>{JSON}</tool_call>",
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_call_that_is_written_as_text_is_a_call(form):
    native = Reply(tool_calls=(ToolCall("forecast", {"city": "Oslo", "days": 3}),))
    for kind in (AutoAnswer(), ToolCallsAnswer()):
        assert kind.vote(Reply(text=WRITTEN[form])) == (CALL, "") == kind.vote(native)
        assert kind.canonical(CALL) == CALL


@pytest.mark.parametrize("form", WRITTEN)
def test_calls_of_other_functions_are_other_votes(form):
    other = WRITTEN[form].replace("forecast", "history")
    for kind in (AutoAnswer(), ToolCallsAnswer(), JsonAnswer()):
        first, second = (kind.vote(Reply(text=text))[0] for text in (WRITTEN[form], other))
        assert first is None or second is None or not kind.same(first, second)


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "f", "arguments": {"a": 1}',
        "<tool_call>I would call f</tool_call>",
        '<tool_call>{"arguments": {}}</tool_call>',
        "[TOOL_CALLS]f[ARGS]{1}",
        '[TOOL_CALLS][{"a": 1}]',
        "<function=f>call it</function>",
    ],
)
def test_what_is_marked_as_a_call_and_is_none_abstains(text):
    for kind in (AutoAnswer(), ToolCallsAnswer()):
        value, note = kind.vote(Reply(text=text))
        assert value is None
        assert note


def test_objects_and_lists_that_are_no_calls_stay_what_they_are():
    auto = AutoAnswer()
    for text in ('{"age":3,"name":"Ann"}', '{"arguments":{},"name":"f","x":1}', '[{"a":1}]'):
        assert auto.vote(Reply(text=f"```json\n{text}\n```"))[0] == text
    assert auto.vote(Reply(text="[f(x)]"))[0] == "[f(x)]"
    for text in ("[f(a=__import__('os'))]", "[f(a=1if 2else 3)]", "[f(a='\\d')]", "[f(a=g())]"):
        assert ToolCallsAnswer().vote(Reply(text=text)) == (None, "no tool call")


FORECAST = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"$ref": "#/$defs/unit"},
        "hourly": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
        "near": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    },
    "$defs": {"unit": {"enum": ["C", "F"], "default": "C"}},
    "required": ["city"],
    "additionalProperties": False,
}
SEARCH = {
    "properties": {
        "query": {"type": "string"},
        "input": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "site": {"type": "string"},
        "reason": {"type": "string", "enum": ["new", "old"]},
        "text": {"type": "string", "maxLength": 10},
        "prompt": {"type": "string", "pattern": "^x"},
        "k": {"type": "integer", "default": 5},
    }
}
TOOLS = {"forecast": FORECAST, "search": SEARCH}


def call(name, **args):
    return Reply(tool_calls=(ToolCall(name, args),))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (call("weather", city="Oslo"), "calls 'weather', which is no tool of the request"),
        (call("forecast", days=3), "calls 'forecast' without 'city'"),
        (call("forecast", city="Oslo", when=1), "with an unknown argument 'when'"),
        (call("forecast", city=5), "'city' against its schema: wanted string, got int"),
        (call("forecast", city="Oslo", days=99), "'days' against its schema: out of its range"),
        (call("forecast", city="Oslo", days=2.5), "'days' against its schema"),
        (call("forecast", city="Oslo", days=True), "'days' against its schema"),
        (call("forecast", city="Oslo", unit="K"), "'unit' against its schema: none of its values"),
        (call("forecast", city="Oslo", near=["a", "b", "c"]), "too short or too long"),
        (call("forecast", city="Oslo", near=[1]), "'near' against its schema"),
    ],
)
def test_a_call_that_cannot_be_carried_out_abstains_and_says_why(reply, reason):
    for kind in (AutoAnswer(), ToolCallsAnswer(), RedFlags(AutoAnswer())):
        assert kind.vote(reply)[0] is not None  # where the tools are not known
        value, note = kind.for_tools(TOOLS).vote(reply)
        assert value is None
        assert reason in note


def test_one_call_in_vain_makes_the_whole_reply_abstain():
    kind = ToolCallsAnswer().for_tools(TOOLS)
    good, bad = ToolCall("forecast", {"city": "Oslo"}), ToolCall("forecast", {})
    assert kind.vote(Reply(tool_calls=(good,)))[0] is not None
    assert kind.vote(Reply(tool_calls=(good, bad)))[0] is None
    assert kind.vote(Reply(text="[TOOL_CALLS]forecast[ARGS]{}")) == (
        None,
        "calls 'forecast' without 'city'",
    )
    react = ReActAnswer().for_tools(TOOLS)
    assert react.vote(Reply(text="Action: forecast\nAction Input: {}"))[0] is None
    assert react.vote(Reply(text='Action: forecast\nAction Input: {"city": "Oslo"}'))[0] is not None


def test_arguments_are_taken_as_the_tool_takes_them():
    kind = ToolCallsAnswer().for_tools(TOOLS)
    exact = kind.vote(call("forecast", city="Oslo", days=3, unit="C", hourly=True))[0]
    for loose in (
        call("forecast", city="Oslo", days="3", unit="C", hourly=True),
        call("forecast", city="Oslo", days=3.0, hourly="true"),
    ):
        assert kind.vote(loose)[0] == exact
    assert kind.vote(call("forecast", city="3"))[0] != kind.vote(call("forecast", city="4"))[0]


def test_free_text_is_no_part_of_the_vote_and_the_first_reply_is_carried_out():
    kind = AutoAnswer().for_tools(TOOLS)
    queries = ["weather in Oslo", "Oslo weather forecast", "what is the weather in Oslo?"]
    replies = [call("search", query=query, site="met.no") for query in queries]
    engine = VotingEngine(FixedSamples(3), answer=kind)
    decision = vote(engine, lambda draw: Sample(None, reply=replies[draw.index]), answer=kind)
    assert decision.votes == {'[{"args":{"k":5,"site":"met.no"},"name":"search"}]': 3}
    assert decision.winner.reply is replies[0]


@pytest.mark.parametrize(
    ("args", "counts"),
    [
        ({"query": "a b"}, False), ({"input": "a b"}, False), ({"site": "a b"}, True),
        ({"reason": "new"}, True), ({"text": "a b"}, True), ({"prompt": "x y"}, True), ({"k": 3}, True),
        ({"query": "SELECT * FROM t"}, True), ({"query": "for (;;) {}"}, True),
    ],
)  # fmt: skip
def test_free_text_is_told_by_name_and_schema(args, counts):
    kind = ToolCallsAnswer().for_tools(TOOLS)
    assert (kind.vote(call("search", **args)) != kind.vote(call("search"))) == counts
    for exact in (ToolCallsAnswer(ignore=()).for_tools(TOOLS), ToolCallsAnswer()):
        assert exact.vote(call("search", **args)) != exact.vote(call("search"))


def test_the_answer_itself_is_never_left_out():
    schema = {"properties": {"text": {"type": "string"}, "answer": {"type": "string"}}}
    kind = ToolCallsAnswer().for_tools({"final_answer": schema, "check": schema})
    assert kind.vote(call("final_answer", text="Oslo")) != kind.vote(
        call("final_answer", text="Bergen")
    )
    assert kind.vote(call("check", answer="Oslo")) != kind.vote(call("check", answer="Bergen"))
    assert kind.vote(call("check", text="a b")) == kind.vote(call("check", text="b a"))


def test_named_arguments_are_left_out_and_no_others():
    kind = ToolCallsAnswer(ignore=["site"]).for_tools(TOOLS)
    assert kind.vote(call("search", site="a")) == kind.vote(call("search", site="b"))
    assert kind.vote(call("search", query="a")) != kind.vote(call("search", query="b"))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=True)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*FORECAST["properties"], "x"]), VALUES, max_size=5))
def test_any_arguments_vote_in_canonical_form_or_abstain_with_a_reason(args):
    kind = ToolCallsAnswer().for_tools(TOOLS)
    value, note = kind.vote(call("forecast", **args))
    assert (value is None) == bool(note)
    if value is not None:
        assert kind.canonical(value) == value
        (voted,) = json.loads(value)
        assert "city" in voted["args"]
