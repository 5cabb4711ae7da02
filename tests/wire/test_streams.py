from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.wire import (
    DONE,
    HEARTBEAT,
    EndpointError,
    EventReader,
    LostReplyError,
    StreamedCompletion,
    chunks,
    event,
    read_completion,
)
from support.completions import TEXTS, bodies, body, call, choice
from support.pace import keeps_pace


def assembled(*pieces, done=True):
    reply = StreamedCompletion()
    for piece in pieces:
        reply.add(json.dumps(piece))
    if done:
        reply.add(DONE)
    return reply.body()


def delta(index=0, finish=None, **said):
    choice = {"index": index, "delta": said, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def message(*pieces):
    return assembled(*pieces)["choices"][0]["message"]


# -- events ---------------------------------------------------------------------------------------


@given(st.lists(TEXTS, max_size=4), st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_events_are_the_same_however_the_bytes_are_cut(texts, end, data):
    said = [text.replace("\r", "").replace("\n", "") or "x" for text in texts]
    stream = "".join(f": waiting{end}{end}id: 1{end}data: {text}{end}{end}" for text in said)
    sent = stream.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    reader, found = EventReader(), []
    for start, stop in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        found += reader.feed(sent[start:stop])
    assert [*found, *reader.close()] == said


def test_lines_of_data_are_joined_and_an_end_without_an_empty_line_counts():
    reader = EventReader()
    assert [*reader.feed(b"data: a\ndata:b\n\nevent: x\ndata: [DO")] == ["a\nb"]
    assert [*reader.feed(b"NE]")] == []
    assert [*reader.close()] == [DONE]


LONG = 1 << 18


def read(sent):
    reader = EventReader()
    return [data for at in range(0, len(sent), 256) for data in reader.feed(sent[at : at + 256])]


def put_together(kind):
    def pieces(n):
        reply = StreamedCompletion()
        for i in range(n // 128):
            function = {"name": "add", "arguments": "x" * 128}
            calls = [{"index": i, "id": f"c{i}", "function": function}]
            own = {"tool_calls": calls} if kind == "calls" else {"function_call": function}
            reply.add_chunk(delta(finish="stop", content="x" * 128, **own))
        return reply.add(DONE) or reply.body()

    return pieces


@pytest.mark.parametrize(
    "work",
    [
        lambda n: read(b"data: " + b"x" * n + b"\n\n"),
        lambda n: read(b"data: " + b"x" * n),
        lambda n: read(b"data: x\n" * (n // 8) + b"\n"),
        lambda n: read(b"\r" * n),
        put_together("calls"),
        put_together("function"),
    ],
    ids=[
        "a line",
        "no end",
        "lines of one event",
        "returns",
        "many calls",
        "a function's arguments",
    ],
)
def test_reading_a_stream_takes_time_in_proportion_to_its_length(work):
    assert keeps_pace(work, LONG, step=8, notable=0.05)


def test_a_heartbeat_is_no_event():
    assert [*EventReader().feed(HEARTBEAT * 3)] == []


# -- chunks to a completion -----------------------------------------------------------------------


def test_pieces_of_text_and_thoughts_are_joined():
    found = message(
        delta(role="assistant", content=""),
        delta(reasoning_content="6 "),
        delta(reasoning_content="* 7"),
        delta(content="The answer"),
        delta(content=None),
        delta(content=" is 42."),
        delta(finish="stop"),
    )
    assert found == {
        "role": "assistant",
        "content": "The answer is 42.",
        "reasoning_content": "6 * 7",
    }


def test_heartbeats_and_usage_have_no_choice_and_usage_may_come_with_the_end():
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    last = delta(finish="stop")
    for pieces in ([last, {"choices": [], "usage": usage}], [last | {"usage": usage}]):
        found = assembled({"choices": [], "usage": None}, delta(content="42"), *pieces)
        assert found["usage"] == usage
        assert "usage" not in assembled(delta(content="42"), last)


def arguments(found):
    return [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in found]


def test_parts_of_calls_are_joined_by_their_index():
    found = message(
        delta(tool_calls=[{"index": 0, **call("add", "", "one")}]),
        delta(tool_calls=[{"index": 1, **call("search", "", "two")}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
        delta(tool_calls=[{"index": 1, "function": {"arguments": "{}"}}]),
        delta(tool_calls=[{"index": 0, "id": "one", "function": {"arguments": ": 4}"}}]),
        delta(finish="tool_calls"),
    )
    assert arguments(found["tool_calls"]) == [("one", "add", '{"a": 4}'), ("two", "search", "{}")]


def test_calls_with_equal_or_no_indices_are_told_apart_by_their_ids():
    one, two = call("add", '{"a": 1}', "one"), call("add", '{"a": 2}', "two")
    expected = [("one", "add", '{"a": 1}'), ("two", "add", '{"a": 2}')]
    equal = [delta(tool_calls=[{"index": 0, **each}]) for each in (one, two)]
    none = [delta(tool_calls=[one]), delta(tool_calls=[two])]
    together = [delta(tool_calls=[one, two])]
    for pieces in (equal, none, together):
        found = message(*pieces, delta(finish="stop"))
        assert arguments(found["tool_calls"]) == expected


def test_a_part_without_index_and_id_belongs_to_the_call_before():
    found = message(
        delta(tool_calls=[call("add", '{"a"', "one")]),
        delta(tool_calls=[{"function": {"arguments": ": 1}"}}]),
        delta(finish="tool_calls"),
    )
    assert arguments(found["tool_calls"]) == [("one", "add", '{"a": 1}')]


def test_the_older_form_of_a_call_is_joined():
    found = message(
        delta(function_call={"name": "add", "arguments": ""}),
        delta(function_call={"arguments": "{}"}),
        delta(finish="function_call"),
    )
    assert found["function_call"] == {"name": "add", "arguments": "{}"}


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "overloaded", "code": 503}},
        {"error": {"message": "overloaded", "type": "overloaded_error"}},
        {"choices": [{"index": 0, "delta": {}, "error": {"code": "503", "message": "gone"}}]},
    ],
)
def test_an_error_in_the_middle_is_raised(error):
    with pytest.raises(EndpointError) as caught:
        assembled(delta(content="The an"), error)
    assert caught.value.status_code == 503


def test_an_end_without_a_reason_is_whole_only_if_the_server_says_so():
    assert assembled(delta(content="42"))["choices"][0]["finish_reason"] is None
    with pytest.raises(LostReplyError):
        assembled(delta(content="4"), done=False)
    with pytest.raises(LostReplyError):
        assembled(done=True)
    finished, open_ = delta(content="4", finish="stop"), delta(index=1, content="4")
    with pytest.raises(LostReplyError):
        assembled(finished, open_, done=False)


# -- a completion to chunks and back --------------------------------------------------------------


def sent(made, **options):
    return b"".join(map(event, [*chunks(made, **options), DONE]))


def received(stream):
    reader, reply = EventReader(), StreamedCompletion()
    for data in [*reader.feed(stream), *reader.close()]:
        reply.add(data)
    return reply.body()


@given(bodies())
def test_a_completion_that_was_streamed_is_the_same(made):
    found = received(sent(made, include_usage=True))
    assert found == made
    assert read_completion(found) == read_completion(made)


@given(bodies(), st.booleans())
def test_every_chunk_has_the_frame_and_usage_comes_last(made, include_usage):
    pieces = list(chunks(made | {"bestofinf": {"n_samples": 3}}, include_usage=include_usage))
    assert {(p["id"], p["object"], p["model"]) for p in pieces} == {
        ("c", "chat.completion.chunk", "m")
    }
    assert all(("usage" in p) == include_usage for p in pieces)
    ends = pieces[:-1] if include_usage else pieces
    assert [p["usage"] for p in ends if p.get("usage")] == []
    assert [place for place, p in enumerate(ends) if "bestofinf" in p] == [len(ends) - 1]
    assert ends[-1]["choices"][0]["finish_reason"]
    assert len(pieces[-1]["choices"]) == (0 if include_usage else 1)


@settings(max_examples=20)
@given(bodies())
def test_a_stream_cut_anywhere_is_lost_or_whole(made):
    made["choices"] = made["choices"][:1]
    stream = sent(made)
    whole = read_completion(made).replies
    for cut in range(0, len(stream), max(1, len(stream) // 300)):
        try:
            found = received(stream[:cut])
        except LostReplyError:
            continue
        assert read_completion(found).replies == whole


def test_what_a_stream_of_one_text_looks_like():
    made = body(choice("x" * 2500), usage={"prompt_tokens": 1, "completion_tokens": 1})
    deltas = [p["choices"][0]["delta"] for p in chunks(made)]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "x" * 2000},
        {"content": "x" * 500},
        {},
    ]
