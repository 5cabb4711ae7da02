"""The book of the server under load, cancellation, restart and misuse."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.clients import http_clients, nothing_left, nothing_left_async, open_sockets
from support.ledger import Outcome
from support.process import ServerProcess
from support.recorded import MadeBackend
from support.reply import Served
from support.request import ChatRequest
from support.server import LoopbackServer

BODY = {"model": "alpha", "messages": [{"role": "user", "content": "[made/0] hi"}]}


def balanced(counts) -> bool:
    ended = sum(getattr(counts, outcome) for outcome in Outcome)
    return counts.started == ended + counts.in_flight


async def test_two_hundred_requests_at_once_are_counted_exactly():
    backend = MadeBackend(10)
    async with nothing_left_async():
        with LoopbackServer(backend, latency=0.2) as server:
            async with http_clients() as (_, client):

                async def ask(i: int) -> httpx.Response:
                    body = {
                        "model": backend.models[i % 2],
                        "messages": [{"role": "user", "content": backend.prompts[i % 10]}],
                        "n": 1 + i % 3,
                    }
                    return await client.post(f"{server.url}/chat/completions", json=body)

                replies = [r.json() for r in await asyncio.gather(*map(ask, range(200)))]
            counts = server.counts
    assert (counts.started, counts.finished, counts.in_flight) == (200, 200, 0)
    assert counts.choices == sum(1 + i % 3 for i in range(200))
    assert counts.started_by_model == counts.finished_by_model == {"alpha": 100, "beta": 100}
    assert 1 < counts.peak_in_flight <= 200
    assert counts.completion_tokens == sum(r["usage"]["completion_tokens"] for r in replies)
    assert counts.prompt_tokens == sum(r["usage"]["prompt_tokens"] for r in replies)
    assert sum(counts.tokens_by_model.values()) == counts.completion_tokens
    for question in backend.questions:
        served = Counter(s.text for s in server.served(question.id))
        seen = Counter(
            choice["message"]["content"]
            for i, reply in enumerate(replies)
            if i % 10 == int(question.id.removeprefix("made/"))
            for choice in reply["choices"]
        )
        assert served == seen


def test_many_threads_read_the_counts_while_many_ask(serve):
    server = serve(EchoBackend())
    done = threading.Event()

    def watch() -> bool:
        good = True
        while not done.is_set():
            good &= balanced(server.counts)
        return good

    def ask(client: httpx.Client) -> int:
        return client.post(f"{server.url}/chat/completions", json=BODY).status_code

    with (
        httpx.Client(trust_env=False, verify=False) as client,
        ThreadPoolExecutor(10) as pool,
    ):
        watching = pool.submit(watch)
        statuses = list(pool.map(ask, [client] * 200))
        done.set()
        assert watching.result()
    assert statuses == [200] * 200
    assert server.counts.finished == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_eight_cancelled_requests_are_counted_as_disconnected(stream):
    text = "many words " * 20
    async with nothing_left_async():
        with LoopbackServer(ScriptedBackend([text], cycle=True), latency=30) as server:
            async with http_clients() as (_, client):

                async def ask() -> httpx.Response:
                    return await client.post(
                        f"{server.url}/chat/completions", json={**BODY, "stream": stream}
                    )

                tasks = [asyncio.create_task(ask()) for _ in range(8)]
                await server.until(lambda counts: counts.in_flight == 8)
                await server.until(lambda _: all(entry.choices for entry in server.entries))
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                counts = await server.idle()
    assert (counts.started, counts.disconnected, counts.finished) == (8, 8, 0)
    assert counts.peak_in_flight == 8
    assert counts.completion_tokens == 0
    assert server.answers() == []
    assert all(entry.choices for entry in server.entries)


async def test_a_stream_left_in_the_middle_is_disconnected():
    backend = ScriptedBackend(["many words " * 20], cycle=True)
    with LoopbackServer(backend, latency=5) as server:
        async with http_clients() as (_, client):
            url = f"{server.url}/chat/completions"
            async with client.stream("POST", url, json={**BODY, "stream": True}) as response:
                async for line in response.aiter_lines():
                    if line:
                        break
            counts = await server.idle()
    assert (counts.disconnected, counts.finished) == (1, 0)


async def test_a_waiting_back_end_is_given_up_when_the_client_goes():
    entered, cancelled = threading.Event(), threading.Event()

    async def never(request: ChatRequest) -> str:
        entered.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "late"

    with LoopbackServer(FunctionBackend(never)) as server:
        async with http_clients() as (_, client):
            asked = asyncio.create_task(client.post(f"{server.url}/chat/completions", json=BODY))
            await server.until(lambda counts: entered.is_set())
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            counts = await server.idle()
    assert counts.disconnected == 1
    assert cancelled.is_set()


def test_latency_grows_with_the_tokens_of_the_longest_choice(serve, post):
    served = [Served("a", tokens=200), Served("b", tokens=300), Served("c", tokens=200)]
    server = serve(ScriptedBackend(served), seconds_per_token=0.005)
    post(server, n=3)
    assert 1.5 <= server.entries[0].seconds < 3.5, "the sum of all choices"


def test_a_stream_spreads_its_latency_over_the_pieces(serve):
    server = serve(ScriptedBackend(["one two three four five six seven eight"]), latency=0.4)
    with (
        httpx.Client(trust_env=False, verify=False) as client,
        client.stream(
            "POST", f"{server.url}/chat/completions", json={**BODY, "stream": True}
        ) as response,
    ):
        start = time.perf_counter()
        times = [time.perf_counter() - start for line in response.iter_lines() if line]
    assert times[-1] - times[0] > 0.2
    assert server.entries[0].seconds >= 0.39


def test_a_reply_is_in_the_book_as_soon_as_it_is_read(serve, post):
    server = serve(ScriptedBackend(["text"], cycle=True))
    for number in range(1, 50):
        post(server, stream=number % 2 == 0)
        assert server.counts.finished == number
        assert server.counts.in_flight == 0


def test_a_server_restarts_on_its_port_and_goes_on_counting(post):
    server = LoopbackServer(EchoBackend())
    with server:
        url = server.url
        assert post(server).is_success
        server.restart()
        assert server.url == url
        assert post(server).is_success
    with pytest.raises(httpx.ConnectError):
        post(server)
    with server:
        assert post(server).is_success
    assert server.counts.finished == 3
    server.reset()
    assert server.counts.started == 0
    assert server.entries == []


def test_requests_open_when_the_server_stops_are_cut():
    with nothing_left(), httpx.Client(trust_env=False, verify=False) as client:
        server = LoopbackServer(EchoBackend(), latency=60).start()
        with ThreadPoolExecutor(3) as pool:
            asked = [
                pool.submit(client.post, f"{server.url}/chat/completions", json=BODY)
                for _ in range(3)
            ]
            server.wait_for(lambda counts: counts.in_flight == 3)
            server.stop()
            for future in asked:
                with pytest.raises(httpx.TransportError):
                    future.result()
    assert server.counts.cut == 3


def test_reset_leaves_out_what_is_still_in_flight(serve):
    server = serve(EchoBackend(), latency=0.2)
    with httpx.Client(trust_env=False, verify=False) as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.post, f"{server.url}/chat/completions", json=BODY)
        server.wait_for(lambda counts: counts.in_flight == 1)
        server.reset()
        assert asked.result().is_success
    assert server.counts.started == server.counts.finished == server.counts.in_flight == 0


def test_many_servers_leave_nothing_behind():
    before = open_sockets()
    for _ in range(20):
        with (
            nothing_left(),
            LoopbackServer(EchoBackend()) as server,
            httpx.Client(trust_env=False, verify=False) as client,
        ):
            client.post(f"{server.url}/chat/completions", json=BODY)
    gc.collect()
    assert open_sockets() <= before


def test_starting_twice_and_stopping_twice(serve):
    server = serve(EchoBackend())
    with pytest.raises(RuntimeError, match="already running"):
        server.start()
    server.stop()
    server.stop()


def test_a_port_in_use_is_an_error(serve):
    taken = serve(EchoBackend())
    port = int(taken.root_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        LoopbackServer(EchoBackend(), port=port).start()


def test_waiting_for_a_server_that_does_not_get_idle_ends(serve):
    server = serve(EchoBackend(), latency=60)
    with httpx.Client(trust_env=False, verify=False) as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.post, f"{server.url}/chat/completions", json=BODY)
        server.wait_for(lambda counts: counts.in_flight == 1)
        with pytest.raises(TimeoutError, match="in_flight=1"):
            server.wait_idle(timeout=0.05)
        server.stop()
        with pytest.raises(httpx.TransportError):
            asked.result()


def test_only_sums_and_tally_are_kept_when_recording_is_off(serve, post):
    backend = MadeBackend(2)
    server = serve(backend, record=False)
    for _ in range(3):
        post(server, backend.prompts[1], model="alpha", n=2)
    assert server.counts.finished == 3
    expected = Counter(backend.sample(backend.questions[1], "alpha", i).answer for i in range(6))
    assert server.tally() == {"made/1": expected}
    assert server.entries == server.bodies == server.served() == []


def test_the_server_runs_as_a_process_of_its_own():
    with (
        nothing_left(),
        ServerProcess("--backend", "made", "--questions", "3") as server,
        httpx.Client(trust_env=False, verify=False) as client,
    ):
        reply = client.post(f"{server.url}/chat/completions", json=BODY)
        assert reply.is_success
        counts = server.counts()
        assert counts["finished"] == 1
        assert counts["completion_tokens"] == reply.json()["usage"]["completion_tokens"]
        backend = MadeBackend(3)
        answer = backend.sample(backend.questions[0], "alpha", 0).answer
        assert server.tally() == {"made/0": Counter([answer])}
        server.reset()
        assert server.counts()["started"] == 0
        again = client.post(f"{server.url}/chat/completions", json=BODY)
        assert again.json()["choices"] == reply.json()["choices"]


def test_a_process_can_inject_faults():
    with (
        ServerProcess("--fault-rate", "1", "--fault-kinds", "unavailable", "quota") as server,
        httpx.Client(trust_env=False, verify=False) as client,
    ):
        for _ in range(20):
            reply = client.post(f"{server.url}/chat/completions", json=BODY)
            assert reply.status_code in (429, 503)
        assert set(server.counts()["faults"]) == {"unavailable", "quota"}


def test_a_process_that_cannot_start_is_an_error():
    with pytest.raises(RuntimeError, match="did not start"):
        ServerProcess("--backend", "nonsense").__enter__()
