"""The program itself: signals, a hard end, several processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time

import httpx
import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.serve import check
from support.backends import EchoBackend
from support.served import PROGRAM, written


async def many(url, count, *, stream=lambda n: False, seen=None):
    """Send so many requests at once; return the ids of the completions that came whole."""

    async def one(client, n):
        messages = [{"role": "user", "content": f"Which {n}?"}]
        body = {"model": "careful", "messages": messages, "stream": stream(n)}
        try:
            found = await client.post(f"{url}/chat/completions", json=body)
        except httpx.TransportError:
            return None
        whole = found.status_code == 200 and (not stream(n) or "[DONE]" in found.text)
        if whole and seen is not None:
            seen.append(found.headers["x-request-id"])
        return found.headers["x-request-id"] if whole else None

    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        return await asyncio.gather(*(one(client, n) for n in range(count)))


async def test_what_is_in_flight_is_finished_before_the_end(program, serve, tmp_path):
    server = serve(EchoBackend(), latency=1.5)
    process = program(server, serve=f'store = "{tmp_path / "a.db"}"\nstop = 20')
    asking = asyncio.create_task(many(process.url, 50, stream=lambda n: n % 2 == 0))
    await server.until(lambda counts: counts.started >= 50)
    process.send_signal(signal.SIGTERM)
    ids = await asking
    assert all(ids)
    assert await asyncio.to_thread(process.wait, 20) in (0, -signal.SIGTERM)
    with EvaluationStore(tmp_path / "a.db") as store:
        assert len(store.calls(ids)) == 50
    assert "Which" not in process.log.read_text()


@pytest.mark.soak
async def test_what_does_not_end_in_time_is_ended(program, serve):
    server = serve(EchoBackend(), latency=60.0)
    process = program(server, serve="stop = 1")
    asking = asyncio.create_task(many(process.url, 5))
    await server.until(lambda counts: counts.started >= 5)
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.wait, 20)
    assert time.monotonic() - start < 10
    assert not any(await asking)
    await server.until(lambda counts: counts.in_flight == 0)


async def test_every_answer_that_came_is_in_the_store_after_a_hard_end(program, serve, tmp_path):
    process = program(serve(EchoBackend()), serve=f'store = "{tmp_path / "a.db"}"')
    seen = []
    asking = asyncio.create_task(many(process.url, 200, stream=lambda n: n % 2 == 0, seen=seen))
    while len(seen) < 40:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    process.kill()
    await asking
    assert 40 <= len(seen) <= 200
    with EvaluationStore(tmp_path / "a.db") as store:
        assert len(store.calls(seen)) == len(set(seen))


@pytest.mark.soak
def test_a_signal_reads_the_file_again(program, serve):
    process = program(serve(EchoBackend()), serve="watch = 0")
    text = process.file.read_text()
    process.file.write_text(text.replace("ensembles.careful", "ensembles.other"))
    process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        listed = httpx.get(f"{process.url}/models", trust_env=False).json()["data"]
        if listed[0]["id"] == "other":
            return
        time.sleep(0.05)
    raise AssertionError(listed)


@pytest.mark.soak
async def test_several_processes_share_one_store(program, serve, tmp_path):
    serving = f'store = "{tmp_path / "a.db"}"\nworkers = 2'
    process = program(serve(EchoBackend()), serve=serving)
    ids = await many(process.url, 60)
    assert all(ids)
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.wait, 30)
    with EvaluationStore(tmp_path / "a.db") as store:
        assert len(store.calls(ids)) == 60


def test_mistakes_are_told_in_a_line(tmp_path, serve):
    path = written(tmp_path / "e.toml", "http://127.0.0.1:9/v1", serve="prot = 1\nkeep = 'some'")
    command = [*PROGRAM, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 2
    assert "[serve] prot: unknown; did you mean 'port'?" in done.stderr
    assert "[serve] keep: must be one of answers, questions, replies, all" in done.stderr


def test_a_file_is_checked_without_asking_a_member_or_opening_the_store(tmp_path, serve):
    server = serve(EchoBackend())
    path = written(
        tmp_path / "e.toml",
        server.url,
        member='key = "env:MEMBER_KEY"\n',
        serve=f'store = "{tmp_path / "a.db"}"\nkeys = {{ me = "env:CLIENT_KEY" }}',
    )
    command = [*PROGRAM, str(path), "--check"]
    env = {**os.environ, "MEMBER_KEY": "none", "CLIENT_KEY": "none"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert f"{path} is right: careful, alpha at http://127.0.0.1:8000/v1" in done.stdout
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, env=env)
    assert json.loads(done.stdout)["models"] == ["careful", "alpha"]
    assert server.counts.started == 0
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize("missing", ["MEMBER_KEY", "CLIENT_KEY", "STORE_URL"])
def test_a_file_that_names_what_is_not_set_is_not_right(tmp_path, monkeypatch, missing):
    for name in ("MEMBER_KEY", "CLIENT_KEY", "STORE_URL"):
        monkeypatch.setenv(name, "none")
    monkeypatch.delenv(missing)
    path = written(
        tmp_path / "e.toml",
        "http://127.0.0.1:9/v1",
        member='key = "env:MEMBER_KEY"\n',
        serve='store = "env:STORE_URL"\nkeys = { me = "env:CLIENT_KEY" }',
    )
    with pytest.raises(UsageError, match=missing):
        check(path)
