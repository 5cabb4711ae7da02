"""Every fault as a plain client, LangChain's and LlamaIndex' see it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from bestofinf.records import ToolCall
from support.backends import ScriptedBackend
from support.clients import chat_openai, http_clients, nothing_left_async, openai_like
from support.faults import DUPLICATE_ID, HARMLESS, STATUS, Fault, Faults
from support.ledger import Outcome
from support.recorded import MadeBackend
from support.reply import Served
from support.server import LoopbackServer

TEXT = r"We have a result. The answer is \boxed{42}."
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def scripted() -> ScriptedBackend:
    return ScriptedBackend([Served(TEXT, tokens=12, answer="42")], cycle=True)


async def seen(server: LoopbackServer, *, stream: bool = False, timeout: float = 30) -> Any:  # noqa: ASYNC109
    """Return what a plain client gets: a response, or the class of its error."""
    async with http_clients() as (_, client):
        try:
            return await client.post(
                f"{server.url}/chat/completions", json={**BODY, "stream": stream}, timeout=timeout
            )
        except httpx.TransportError as error:
            return type(error)
        finally:
            await client.aclose()
            await server.idle()


def events(response: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", STATUS)
async def test_a_status_comes_with_an_error_of_openai(fault, stream):
    with LoopbackServer(scripted(), faults=Faults.always(fault)) as server:
        response = await seen(server, stream=stream)
    assert response.status_code == STATUS[fault][0]
    assert response.json()["error"]["message"]
    assert ("retry-after" in response.headers) is (fault is Fault.RATE_LIMIT_RETRY_AFTER)
    entry = server.entries[0]
    assert (entry.fault, entry.outcome, entry.status) == (
        fault,
        Outcome.FAULTED,
        response.status_code,
    )
    assert server.counts.faults == {fault: 1}
    assert server.served() == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error", "outcome"),
    [
        (Fault.RESET, httpx.ReadError, Outcome.FAULTED),
        (Fault.HANG, httpx.ReadTimeout, Outcome.DISCONNECTED),
        (Fault.TRUNCATED, httpx.RemoteProtocolError, Outcome.FAULTED),
    ],
)
async def test_a_broken_connection_is_an_error_of_the_transport(fault, error, outcome, stream):
    async with nothing_left_async():
        with LoopbackServer(scripted(), faults=Faults.always(fault)) as server:
            timeout = 1 if fault is Fault.HANG else 30
            assert await seen(server, stream=stream, timeout=timeout) is error
    entry = server.entries[0]
    assert (entry.fault, entry.outcome) == (fault, outcome)
    assert server.counts.completion_tokens == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reply_cut_short_ends_like_a_good_one(stream):
    with LoopbackServer(scripted(), faults=Faults.always(Fault.CUT_SHORT)) as server:
        response = await seen(server, stream=stream)
    assert response.status_code == 200
    if stream:
        received = events(response)
        assert "[DONE]" not in received
        assert all(event["choices"][0]["finish_reason"] is None for event in received)
    else:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            response.json()


@pytest.mark.parametrize("stream", [False, True])
async def test_malformed_json_has_the_right_content_type(stream):
    with LoopbackServer(scripted(), faults=Faults.always(Fault.MALFORMED_JSON)) as server:
        response = await seen(server, stream=stream)
    kind = "text/event-stream" if stream else "application/json"
    assert response.headers["content-type"].startswith(kind)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(response.text.removeprefix("data: ").strip())


async def test_a_wrong_content_type_is_a_page_with_status_200():
    with LoopbackServer(scripted(), faults=Faults.always(Fault.WRONG_CONTENT_TYPE)) as server:
        response = await seen(server)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "<html>" in response.text


def message(response: httpx.Response) -> Any:
    return response.json()["choices"][0]["message"]


@pytest.mark.parametrize(
    ("fault", "holds"),
    [
        (Fault.EMPTY_CHOICES, lambda r: r.json()["choices"] == []),
        (Fault.NULL_CONTENT, lambda r: message(r)["content"] is None),
        (Fault.REFUSAL, lambda r: message(r)["content"] is None and message(r)["refusal"]),
        (Fault.HUGE, lambda r: len(r.content) > 10**7 and message(r)["content"].endswith(TEXT)),
        (Fault.NO_USAGE, lambda r: "usage" not in r.json() and message(r)["content"] == TEXT),
        (Fault.SLOW_DRIP, lambda r: r.elapsed.total_seconds() > 0.1 and message(r)["content"]),
    ],
)
async def test_a_well_formed_reply_has_its_fault_inside(
    fault: Fault, holds: Callable[[httpx.Response], bool]
):
    faults = Faults(1, [fault], drip_seconds=0.2)
    with LoopbackServer(scripted(), faults=faults) as server:
        response = await seen(server)
    assert response.status_code == 200
    assert holds(response)
    outcome = Outcome.FINISHED if fault in HARMLESS else Outcome.FAULTED
    assert server.entries[0].outcome is outcome
    assert server.answers() == (["42"] if fault in HARMLESS else [])


@pytest.mark.parametrize(
    "fault", [Fault.EMPTY_CHOICES, Fault.NULL_CONTENT, Fault.REFUSAL, Fault.NO_USAGE, Fault.HUGE]
)
async def test_a_stream_has_the_fault_too(fault):
    with LoopbackServer(scripted(), faults=Faults.always(fault)) as server:
        response = await seen(server, stream=True)
    received = events(response)
    assert received[-1] == "[DONE]"
    deltas = [choice["delta"] for event in received[:-1] for choice in event["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    refusal = "".join(delta.get("refusal") or "" for delta in deltas)
    assert text.endswith(TEXT) is (fault in HARMLESS)
    assert bool(refusal) is (fault is Fault.REFUSAL)


async def test_all_tool_calls_get_the_same_id():
    calls = (ToolCall("a", {}), ToolCall("b", {}))
    backend = ScriptedBackend([Served(None, tool_calls=calls)])
    with LoopbackServer(backend, faults=Faults.always(Fault.DUPLICATE_TOOL_IDS)) as server:
        response = await seen(server)
    assert [call["id"] for call in message(response)["tool_calls"]] == [DUPLICATE_ID] * 2


async def test_a_client_that_leaves_a_slow_drip_is_disconnected():
    faults = Faults(1, [Fault.SLOW_DRIP], drip_seconds=30)
    with LoopbackServer(scripted(), faults=faults) as server:
        async with http_clients() as (_, client):
            asked = asyncio.create_task(client.post(f"{server.url}/chat/completions", json=BODY))
            await server.until(lambda counts: bool(server.entries and server.entries[0].status))
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            counts = await server.idle()
    assert (counts.disconnected, counts.finished) == (1, 0)
    assert counts.faults == {Fault.SLOW_DRIP: 1}


LANGCHAIN: dict[Fault, type[Exception] | None] = {
    Fault.RATE_LIMIT_RETRY_AFTER: openai.RateLimitError,
    Fault.RATE_LIMIT: openai.RateLimitError,
    Fault.QUOTA: openai.RateLimitError,
    Fault.SERVER_ERROR: openai.InternalServerError,
    Fault.UNAVAILABLE: openai.InternalServerError,
    Fault.UNAUTHORIZED: openai.AuthenticationError,
    Fault.BAD_REQUEST: openai.BadRequestError,
    Fault.ERROR_IN_BODY: Exception,
    Fault.RESET: openai.APIConnectionError,
    Fault.HANG: openai.APITimeoutError,
    Fault.TRUNCATED: openai.APIConnectionError,
    Fault.CUT_SHORT: ValueError,
    Fault.MALFORMED_JSON: ValueError,
    Fault.WRONG_CONTENT_TYPE: Exception,
    Fault.EMPTY_CHOICES: Exception,
}


@pytest.mark.parametrize("fault", Fault)
async def test_every_fault_reaches_langchain(fault):
    faults = Faults(1, [fault], drip_seconds=0.1)
    async with nothing_left_async():
        with LoopbackServer(scripted(), faults=faults) as server:
            async with chat_openai(server, "m", timeout=1 if fault is Fault.HANG else 30) as model:
                if fault in LANGCHAIN:
                    with pytest.raises(LANGCHAIN[fault]) as caught:
                        await model.ainvoke("hi")
                    if fault is Fault.RATE_LIMIT_RETRY_AFTER:
                        assert caught.value.response.headers["retry-after"] == "1"
                else:
                    reply = await model.ainvoke("hi")
                    assert reply.text.endswith(TEXT) is (fault in HARMLESS)
                    assert (reply.usage_metadata is None) is (fault is Fault.NO_USAGE)
                await server.idle()
    assert server.counts.faults == {fault: 1}


@pytest.mark.parametrize("fault", Fault)
async def test_every_fault_reaches_llamaindex(fault):
    from llama_index.core.llms import ChatMessage

    faults = Faults(1, [fault], drip_seconds=0.1)
    async with nothing_left_async():
        with LoopbackServer(scripted(), faults=faults) as server:
            timeout = 1 if fault is Fault.HANG else 30
            async with openai_like(server, "m", timeout=timeout) as model:
                if fault in LANGCHAIN:
                    with pytest.raises(LANGCHAIN[fault]):
                        await model.achat([ChatMessage("hi")])
                else:
                    reply = await model.achat([ChatMessage("hi")])
                    assert (reply.message.content or "").endswith(TEXT) is (fault in HARMLESS)
                await server.idle()
    assert server.counts.faults == {fault: 1}


def test_the_same_seed_gives_the_same_faults():
    def picked(**settings: Any) -> list[Fault | None]:
        faults = Faults(0.3, **settings)
        return [faults.pick(number, "m") for number in range(2000)]

    assert picked(seed=1) == picked(seed=1)
    assert picked(seed=1) != picked(seed=2)
    counts = Counter(picked())
    share = 1 - counts[None] / 2000
    assert share == pytest.approx(0.3, abs=0.05)
    assert set(counts) == {None, *Fault}
    assert set(picked(kinds=[Fault.RESET])) == {None, Fault.RESET}


def test_faults_can_be_placed_limited_and_aimed():
    placed = Faults(at={3: Fault.RESET})
    assert [placed.pick(number, "m") for number in range(5)] == [None] * 3 + [Fault.RESET, None]
    early = Faults(1, [Fault.QUOTA], until=2)
    assert [early.pick(number, "m") for number in range(4)] == [Fault.QUOTA] * 2 + [None] * 2
    aimed = Faults.always(Fault.SERVER_ERROR, models=["dead"])
    assert aimed.pick(0, "dead") is Fault.SERVER_ERROR
    assert aimed.pick(0, "alive") is None


async def test_under_random_faults_the_book_says_what_the_clients_saw():
    backend = MadeBackend(20)
    # Without those that would make the test long.
    kinds = [kind for kind in Fault if kind not in (Fault.HUGE, Fault.HANG)]
    faults = Faults(0.3, kinds, seed=5, drip_seconds=0.05)
    answers: Counter[tuple[int, str]] = Counter()
    failures = 0
    async with nothing_left_async():
        with LoopbackServer(backend, faults=faults) as server:
            async with http_clients() as (_, client):

                async def ask(i: int) -> None:
                    nonlocal failures
                    content = backend.prompts[i % 20]
                    body = {"model": "beta", "messages": [{"role": "user", "content": content}]}
                    try:
                        url = f"{server.url}/chat/completions"
                        reply = await client.post(url, json=body, timeout=30)
                        message = reply.raise_for_status().json()["choices"][0]["message"]
                        answers[i % 20, "".join(message["content"])] += 1
                    except (httpx.HTTPError, ValueError, LookupError, TypeError):
                        failures += 1

                for start in range(0, 400, 50):
                    await asyncio.gather(*(ask(i) for i in range(start, start + 50)))
            counts = await server.idle()
    served = Counter((int(s.question.removeprefix("made/")), s.text or "") for s in server.served())
    assert answers == served
    assert counts.started == 400
    assert counts.finished == sum(answers.values())
    assert failures == counts.faulted + counts.disconnected
    assert 80 < failures < 130
