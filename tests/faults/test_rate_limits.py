"""Members that refuse requests as too many, over HTTP: votes go on, and servers are left alone."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import AsyncExitStack

import pytest

from bestofinf.errors import SamplingError
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.backends import ScriptedBackend
from support.clients import chat_openai, nothing_left_async, openai_like
from support.faults import Fault, Faults
from support.jobs import environment
from support.process import ServerProcess
from support.reply import Served

NAMES = ("a", "b", "c")


async def asker(kind, stack, server, *, blocking, names=NAMES, **settings):
    """Return what asks one ensemble of clients, and returns the trace of its vote."""
    client = chat_openai if kind == "chat" else openai_like
    members = [await stack.enter_async_context(client(server, name)) for name in names]
    make = AdaptiveEnsembleChat if kind == "chat" else AdaptiveEnsembleLLM
    model = make(members, **settings)

    async def ask(question="2+2?"):
        if kind == "chat":
            given = (
                asyncio.to_thread(model.invoke, question) if blocking else model.ainvoke(question)
            )
            return (await given).response_metadata["bestofinf"]
        given = (
            asyncio.to_thread(model.complete, question) if blocking else model.acomplete(question)
        )
        return (await given).additional_kwargs["bestofinf"]

    return ask


def both(test):
    """Run a test with both adapters, from tasks and from blocking code."""
    test = pytest.mark.parametrize("blocking", [False, True], ids=["task", "blocking"])(test)
    return pytest.mark.parametrize("kind", ["chat", "llm"])(test)


def backend():
    return ScriptedBackend([Served("The answer is 4.")], models=NAMES, cycle=True)


@both
async def test_a_member_limited_for_an_hour_holds_no_vote_up_and_is_asked_twice_at_most(
    serve, kind, blocking
):
    faults = Faults.always(Fault.RATE_LIMIT_RETRY_AFTER, models=("b",))
    server = serve(backend(), faults=Faults(1.0, faults.kinds, models=("b",), retry_after=3600.0))
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(kind, stack, server, blocking=blocking)
        for _ in range(8):
            began = time.monotonic()
            told = await ask()
            assert time.monotonic() - began < 10.0  # it was two minutes; now it is no wait at all
            assert set(told["votes"]) == {"4"}
    assert server.counts.started_by_model["b"] <= 2
    assert "left out: b" in told["reason"]
    assert told["n_failed"] == 0


@both
async def test_the_only_member_limited_for_an_hour_fails_at_once_and_is_asked_no_more(
    serve, kind, blocking
):
    server = serve(
        backend(), faults=Faults(1.0, (Fault.RATE_LIMIT_RETRY_AFTER,), retry_after=3600.0)
    )
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(kind, stack, server, blocking=blocking, names=("a",), concurrency=1)
        began = time.monotonic()
        with pytest.raises(SamplingError, match="429"):
            await ask()
        for _ in range(3):
            with pytest.raises(SamplingError, match=r"asked again in 3\.\de\+03 s"):
                await ask()
        assert time.monotonic() - began < 10.0
    assert server.counts.started == 1


@both
@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.UNAVAILABLE])
async def test_a_member_that_only_refuses_is_asked_less_and_less(serve, kind, blocking, fault):
    server = serve(backend(), faults=Faults.always(fault, models=("b",)))
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(kind, stack, server, blocking=blocking)
        for _ in range(12):
            told = await ask()
            assert set(told["votes"]) == {"4"}
    assert server.counts.started_by_model["b"] <= 8


@both
@pytest.mark.parametrize("fault", [Fault.BAD_REQUEST])
async def test_a_question_that_is_refused_costs_one_request_and_harms_no_other(
    serve, kind, blocking, fault
):
    server = serve(backend(), faults=Faults(at={0: fault}))
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(kind, stack, server, blocking=blocking, names=("a",), concurrency=1)
        with pytest.raises(SamplingError, match="context length"):
            await ask()
        assert server.counts.started == 1
        assert (await ask())["votes"]
        faulty = Faults.always(fault, models=("a",))
        server.faults = faulty
        two = await asker(kind, stack, server, blocking=blocking, names=("a", "b"), concurrency=1)
        for _ in range(7):
            assert (await two())["n_failed"] == 1
        server.faults = None
        assert "left out" not in (await two())["reason"]


async def test_an_error_in_a_body_with_status_200_is_tried_again_after_a_pause(serve):
    server = serve(backend(), faults=Faults(1.0, (Fault.ERROR_IN_BODY,), until=2))
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker("chat", stack, server, blocking=False, names=("a",), rule="fixed:n=1")
        began = time.monotonic()
        told = await ask()
        assert time.monotonic() - began > 0.25 + 0.5
    assert told["votes"] == {"4": 1}
    assert told["n_failed"] == 0
    assert server.counts.started == 3


@pytest.mark.parametrize("kind", ["chat", "llm"])
async def test_an_error_in_a_body_is_never_a_vote(serve, kind):
    server = serve(backend(), faults=Faults.always(Fault.ERROR_IN_BODY, models=("b",)))
    async with nothing_left_async(), AsyncExitStack() as stack:
        ask = await asker(kind, stack, server, blocking=False, longest_wait=0.01, rule="fixed:n=6")
        told = await ask()
    assert told["votes"] == {"4": 6}
    assert told["n_failed"] > 0


# -- the command run --------------------------------------------------------------------------


def test_a_run_under_a_rate_limit_that_nobody_names_ends_by_itself(tmp_path):
    """Sixty questions at twenty requests a minute, a minute being a second here."""
    questions, out = tmp_path / "q.jsonl", tmp_path / "a.jsonl"
    questions.write_text("".join(f'{{"id": "q{i}", "prompt": "say {i}"}}\n' for i in range(60)))
    with ServerProcess("--backend", "echo", "--rate-limit", "20/1.0") as server:
        program = [sys.executable, "-c", "from bestofinf.cli import main; main()"]
        arguments = ["run", str(questions), "-m", "echo", "--base-url", server.url]
        arguments += ["--out", str(out), "--budget", "60", "--answer", "text"]
        done = subprocess.run(
            [*program, *arguments],
            env=environment(), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        counts = server.counts()
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sum(row["answer"] is not None for row in rows) == 60
    assert counts["finished"] == 60
    # Sixty-four went out at first; after that few are refused.
    assert counts["faulted"] < 150
