"""Streams: decided first, then replayed, with signs of life meanwhile."""

from __future__ import annotations

import asyncio
import json

from bestofinf.wire import StreamedCompletion
from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.faults import Fault, Faults
from support.reply import Served

VOTES = ["The answer is 7.", "The answer is 8.", "The answer is 7."]


def parts(response):
    """Return what stands between the empty lines of a stream."""
    assert response.text.endswith("\n\n")
    return response.text[:-2].split("\n\n")


def chunks(response):
    return [json.loads(p[6:]) for p in parts(response) if p.startswith("data: {")]


def test_a_stream_adds_up_to_the_winner_and_tells_the_vote_at_its_end(endpoint):
    made = endpoint(ScriptedBackend(VOTES, cycle=True))
    found = made.ask(stream=True, stream_options={"include_usage": True})
    assert found.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert found.headers["cache-control"] == "no-cache"
    assert found.headers["x-accel-buffering"] == "no"
    *given, usage = chunks(found)
    reply = StreamedCompletion()
    for chunk in (*given, usage):
        reply.add(json.dumps(chunk))
    assert reply.body()["choices"][0]["message"]["content"] == "The answer is 7."
    assert {(c["id"], c["created"], c["model"]) for c in given} == {
        (given[0]["id"], given[0]["created"], "careful")
    }
    assert all(chunk["usage"] is None for chunk in given)
    assert given[-1]["choices"][0]["finish_reason"] == "stop"
    assert given[-1]["bestofinf"]["votes"] == {"7": 2, "8": 1}
    assert (usage["choices"], usage["usage"]["completion_tokens"] > 0) == ([], True)
    assert parts(found)[-1] == "data: [DONE]"


def test_no_usage_comes_unasked(endpoint):
    made = endpoint(ScriptedBackend(VOTES))
    assert not any(chunk.get("usage") for chunk in chunks(made.ask(stream=True)))


def test_only_data_and_comments_are_sent_while_it_votes(endpoint, serve):
    server = serve(EchoBackend(), latency=0.3)
    found = endpoint(None, server=server, heartbeat=0.05).ask(stream=True)
    waiting = [part for part in parts(found) if part == ": waiting"]
    assert waiting
    assert all(part == ": waiting" or part.startswith("data: ") for part in parts(found))
    assert parts(found)[0] == ": waiting"


def test_an_early_failure_has_its_own_status(endpoint):
    made = endpoint(EchoBackend(), faults=Faults.always(Fault.UNAUTHORIZED))
    found = made.ask(stream=True)
    assert (found.status_code, found.headers["content-type"]) == (401, "application/json")


def test_a_late_failure_is_the_last_event(endpoint, serve):
    server = serve(EchoBackend(), latency=2.0)
    made = endpoint(None, server=server, ensemble="deadline = 0.3\n", heartbeat=0.05)
    found = made.ask(stream=True)
    assert found.status_code == 200
    (told,) = chunks(found)
    assert told["error"]["code"] == "deadline_exceeded"
    assert parts(found)[-1].startswith("data: {")


def test_the_votes_are_told_in_place_of_comments_where_that_is_wanted(endpoint):
    async def slow(request):
        await asyncio.sleep(0.15 * request.number)
        return "The answer is 7."

    made = endpoint(FunctionBackend(slow), heartbeat=0.05)
    found = made.ask(stream=True, bestofinf={"progress": True})
    told = [
        c["bestofinf"]["votes"]
        for c in chunks(found)
        if not c["choices"][0]["finish_reason"] and "bestofinf" in c
    ]
    assert {"7": 1} in told
    assert ": waiting" not in parts(found)


def test_several_choices_are_streamed_with_their_indices(endpoint):
    found = endpoint(ScriptedBackend(VOTES)).ask(stream=True, n=3)
    said = {0: "", 1: "", 2: ""}
    for chunk in chunks(found):
        for choice in chunk["choices"]:
            said[choice["index"]] += choice["delta"].get("content") or ""
    assert list(said.values()) == VOTES


def test_thoughts_never_vote_and_stay_in_the_reply(endpoint):
    replies = [
        Served(f"<think>or {n}?</think>The answer is 7.", extra={"reasoning_content": f"{n}"})
        for n in (1, 2, 3)
    ]
    found = endpoint(ScriptedBackend(replies)).ask(stream=True)
    whole = StreamedCompletion()
    for chunk in chunks(found):
        whole.add(json.dumps(chunk))
    message = whole.body()["choices"][0]["message"]
    assert message["content"].startswith("<think>or ")
    assert message["reasoning_content"] in "123"
    assert chunks(found)[-1]["bestofinf"]["votes"] == {"7": 3}
