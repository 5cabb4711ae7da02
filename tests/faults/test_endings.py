"""Calls that are ended from outside, at any point: nothing pending, no thread, stores flushed."""

import asyncio
import subprocess
import sys
import threading
from contextlib import AsyncExitStack, aclosing, closing
from pathlib import Path

import pytest

from bestofinf.drivers import avote
from bestofinf.evaluation import EvaluationStore
from bestofinf.policy import FailurePolicy
from bestofinf.records import Sample
from bestofinf.rules.budgets import FixedSamples
from bestofinf.voting.engine import VotingEngine
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.backends import ScriptedBackend
from support.chat_members import Scripted, Tree
from support.clients import chat_openai, nothing_left, nothing_left_async, openai_like
from support.llm_members import ScriptedLLM
from support.reply import Served
from support.virtual import VirtualLoop, run_virtually

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("launch", ["thrifty", "eager"])
def test_a_vote_may_be_cancelled_at_any_moment(launch):
    """Cancelled after 0, 1, 2, ... rounds of the loop, until it is through."""
    rounds = 0
    while True:
        loop = VirtualLoop()
        begun, ended = [], []

        async def sample(draw, begun=begun, ended=ended):
            begun.append(draw)
            try:
                await asyncio.sleep(0.1 * (1 + draw.index % 3))
                await asyncio.sleep(0)
                return Sample("a")
            finally:
                ended.append(draw)

        complaints = []
        loop.set_exception_handler(lambda loop, context, seen=complaints: seen.append(context))
        engine = VotingEngine(FixedSamples(6), launch=launch)
        task = loop.create_task(avote(engine, sample, concurrency=3))

        async def cancelled_after(rounds, task):
            for _ in range(rounds):
                if task.done():
                    return False
                await asyncio.sleep(0.05)
                await asyncio.sleep(0)
            was_running = task.cancel()
            await asyncio.wait([task])
            return was_running

        was_running = loop.run_until_complete(cancelled_after(rounds, task))
        assert task.cancelled() == was_running
        assert sorted(begun) == sorted(ended)
        assert not asyncio.all_tasks(loop)
        assert not complaints
        if begun or not was_running:
            assert not engine.in_flight, "told or cancelled, each draw is accounted for"
        loop.close()
        if not was_running:
            break
        rounds += 1
    assert rounds > 5


@pytest.mark.parametrize("deadline", [None, 10.0])
def test_a_vote_that_is_cancelled_again_waits_for_its_draws_all_the_same(deadline):
    """They may be closing what they have opened."""
    ended = []

    async def sample(draw):
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(1.0)
            ended.append(draw)

    async def main():
        engine = VotingEngine(FixedSamples(3), abstain_limit=None)
        policy = FailurePolicy(deadline=deadline)
        task = asyncio.create_task(avote(engine, sample, policy=policy))
        for _ in range(4):
            await asyncio.sleep(0.1)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(ended) == 3
        assert not engine.in_flight
        assert len(asyncio.all_tasks()) == 1

    run_virtually(main())


@pytest.mark.parametrize("kind", ["chat", "llm"])
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03, 0.06, 0.1])
async def test_calls_over_http_may_be_cancelled_at_any_moment(serve, kind, seconds):
    server = serve(ScriptedBackend([Served("The answer is 4.")], cycle=True), latency=0.03)
    async with nothing_left_async(), AsyncExitStack() as stack:
        tree = Tree()
        if kind == "chat":
            member = await stack.enter_async_context(chat_openai(server, "scripted"))
            model = AdaptiveEnsembleChat([member], rule="fixed:n=20", concurrency=2)
            calls = [model.ainvoke("x", {"callbacks": [tree]}) for _ in range(3)]
        else:
            member = await stack.enter_async_context(openai_like(server, "scripted"))
            model = AdaptiveEnsembleLLM([member], rule="fixed:n=20", concurrency=2)
            calls = [model.acomplete("x") for _ in range(3)]
        tasks = [asyncio.create_task(call) for call in calls]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        counts = await server.idle()
        assert counts.finished + counts.disconnected == counts.started
        assert tree.open == 0


async def test_streams_may_be_closed_early_in_tasks():
    async with nothing_left_async():
        chat = AdaptiveEnsembleChat([Scripted(replies=["one two three four"])], rule="fixed:n=3")
        tree = Tree()
        async with aclosing(chat.astream("x", {"callbacks": [tree]})) as stream:
            async for chunk in stream:
                assert chunk.text
                break
        assert tree.open == 0
        llm = AdaptiveEnsembleLLM([ScriptedLLM("one two three four")], rule="fixed:n=3")
        async with aclosing(await llm.astream_complete("x")) as pieces:
            async for piece in pieces:
                assert piece.delta
                break


def test_streams_may_be_closed_early_in_blocking_code():
    with nothing_left():
        chat = AdaptiveEnsembleChat([Scripted(replies=["one two three four"])], rule="fixed:n=3")
        tree = Tree()
        with closing(chat.stream("x", {"callbacks": [tree]})) as stream:
            assert next(stream).text
        assert tree.open == 0
        llm = AdaptiveEnsembleLLM([ScriptedLLM("one two three four")], rule="fixed:n=3")
        with closing(llm.stream_complete("x")) as pieces:
            assert next(pieces).delta


async def test_a_stream_may_be_cancelled_while_it_votes():
    async with nothing_left_async():
        chat = AdaptiveEnsembleChat([Scripted(replies=["4"], seconds=(30.0,))], rule="fixed:n=3")

        async def read():
            return [chunk async for chunk in chat.astream("x")]

        task = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_an_ensemble_serves_one_event_loop_after_another(serve):
    """Also after a loop that was closed in the middle of its calls."""
    server = serve(ScriptedBackend([Served("The answer is 4.")], cycle=True), latency=0.01)

    async def cut_short(model):
        task = asyncio.ensure_future(model.ainvoke("x"))
        await asyncio.sleep(0.02)
        assert not task.done()  # asyncio.run cancels it

    async def asked(make):
        async with chat_openai(server, "scripted") as member:
            model = make(member)
            assert (await model.ainvoke("x")).text == "The answer is 4."
            return model

    def make(member):
        from bestofinf.records import Member

        return AdaptiveEnsembleChat([Member(member, concurrency=1)], rule="fixed:n=4")

    with nothing_left():
        for _ in range(3):
            asyncio.run(asked(make))
        scripted = AdaptiveEnsembleChat(
            [Scripted(replies=["4"], seconds=(0.05,))], rule="fixed:n=9"
        )
        for _ in range(3):
            asyncio.run(cut_short(scripted))
        assert scripted.invoke("x", rule="fixed:n=2").text == "4"


# -- the end of the interpreter ---------------------------------------------------------------

HEAD = """
import asyncio, sys, threading, time
url = sys.argv[1]
"""
CHAT = """
from langchain_bestofinf import AdaptiveEnsembleChat, EvaluationCollector
from support.chat_members import Scripted
slow = Scripted(replies=["4"], seconds=(60.0,))
quick = Scripted(replies=["4"])
"""
LLM = """
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.llm_members import ScriptedLLM
"""
PROGRAMS = {
    "in the middle of a task": """
async def main():
    task = asyncio.create_task(AdaptiveEnsembleChat([slow]).ainvoke("x"))
    await asyncio.sleep(0.1)
asyncio.run(main())
""",
    "with a blocking call in a thread": """
threading.Thread(target=AdaptiveEnsembleChat([slow]).invoke, args=("x",), daemon=True).start()
time.sleep(0.2)
""",
    "after a time-out that left threads behind": """
try:
    AdaptiveEnsembleChat([slow], deadline=0.2).invoke("x")
except Exception as error:
    print(type(error).__name__)
""",
    "after a call in the private loop": """
llm = AdaptiveEnsembleLLM([ScriptedLLM("The answer is 4.")], sync_strategy="loop")
print(llm.complete("x").text)
""",
    "in the middle of a call in the private loop": """
llm = AdaptiveEnsembleLLM([ScriptedLLM("4", seconds=60)], sync_strategy="loop")
threading.Thread(target=llm.complete, args=("x",), daemon=True).start()
time.sleep(0.2)
""",
    "with a stream half read": """
stream = AdaptiveEnsembleChat([quick]).stream("x")
next(stream)
""",
    "with an asynchronous stream half read": """
async def main():
    stream = AdaptiveEnsembleChat([Scripted(replies=["one two three"])]).astream("x")
    async for chunk in stream:
        break
asyncio.run(main())
""",
    "by sys.exit in a callback of the caller": """
try:
    AdaptiveEnsembleChat([quick]).invoke("x")
finally:
    sys.exit(0)
""",
}


PYTHON = (sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c")


def ended(program, *arguments):
    """Run a program to its end; return what it said. It must not complain, nor take long."""
    paths = [ROOT / "shared", ROOT, ROOT / "tests"]
    done = subprocess.run(
        [*PYTHON, HEAD + program, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        env={"PYTHONPATH": ":".join(map(str, paths)), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def needs(program):
    return LLM if "LLM" in program else CHAT


@pytest.mark.soak
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_may_end(name):
    _, complaints = ended(needs(PROGRAMS[name]) + PROGRAMS[name], "unused")
    assert not complaints


@pytest.mark.parametrize("head", [CHAT, LLM])
def test_a_program_may_end_in_all_these_ways_at_once(head):
    """The same in two processes: starting one takes longer than all that it does."""
    programs = [program for program in PROGRAMS.values() if needs(program) == head]
    _, complaints = ended(head + "".join(programs), "unused")
    assert not complaints


def test_a_store_is_flushed_when_a_program_ends_without_closing_it(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    program = (
        CHAT
        + """
collector = EvaluationCollector(url)
model = AdaptiveEnsembleChat([quick], rule="fixed:n=3")
for number in range(20):
    model.invoke(f"question {number}", {"callbacks": [collector]})
"""
    )
    _, complaints = ended(program, url)
    assert not complaints
    with EvaluationStore(url) as store:
        records = list(store.records())
    assert len(records) == 20
    assert sum(len(samples) for _, _, samples, _ in records) == 60


def test_no_thread_outlives_a_blocking_call():
    before = {thread.ident for thread in threading.enumerate()}
    AdaptiveEnsembleChat([Scripted(replies=["4"])], rule="fixed:n=8").invoke("x")
    AdaptiveEnsembleLLM([ScriptedLLM("4")], rule="fixed:n=8").complete("x")
    assert {thread.ident for thread in threading.enumerate()} <= before
