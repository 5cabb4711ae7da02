"""Completions in the forms that servers give, and strategies that make them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bestofinf.wire.values import dumps

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.sampled_from(["add", "search", "π"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def body(*choices: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m"} | {
        "choices": list(choices),
        **fields,
    }


def choice(content: Any, *, index: int = 0, finish: Any = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {"index": index, "message": said, "logprobs": None, "finish_reason": finish}


def call(name: str = "add", arguments: Any = '{"a": 4}', id: Any = "call_1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


CALLS = st.lists(
    st.builds(
        lambda place, name, args: call(name, dumps(args), f"call_{place}"),
        st.uuids().map(str),
        NAMES,
        st.dictionaries(TEXTS, JSON, max_size=2),
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def choices(draw: Any, index: int = 0) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    calls = draw(st.none() | CALLS)
    if calls:
        extra["tool_calls"] = calls
    if draw(st.booleans()):
        extra["reasoning_content"] = draw(TEXTS.filter(bool))
    if draw(st.booleans()):
        extra["annotations"] = [{"type": "url_citation", "url": draw(TEXTS)}]
    content = draw(TEXTS.filter(bool) | st.text("ab", min_size=3000, max_size=5000) | st.none())
    made = choice(content, index=index, finish="tool_calls" if calls else "stop", **extra)
    if content and draw(st.booleans()):
        made["logprobs"] = {"content": [{"token": "x", "logprob": -0.5}] * draw(st.integers(1, 3))}
    return made


@st.composite
def bodies(draw: Any) -> dict[str, Any]:
    n = draw(st.integers(1, 3))
    made = body(*(draw(choices(index)) for index in range(n)), system_fingerprint="fp")
    made["usage"] = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    return made
