"""A child that is forked while its parent is at work: nothing of that binds the child."""

import os
import subprocess
import sys
import textwrap

import pytest

from support.jobs import environment

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PROGRAM = """
    import asyncio, os, signal, sys, threading, time, warnings
    warnings.simplefilter("ignore")
    from bestofinf.records import Draw, Failure, Member
    from langchain_bestofinf import AdaptiveEnsembleChat
    from llamaindex_bestofinf import AdaptiveEnsembleLLM
    from support.chat_members import Scripted
    from support.llm_members import ScriptedLLM

    begun = threading.Event()

    class Slow(Scripted):
        def _generate(self, *given, **kwargs):
            begun.set()
            time.sleep(1.0)
            return super()._generate(*given, **kwargs)

    slow = Slow(replies=["The answer is 4."])
    chat = AdaptiveEnsembleChat([Member(slow, name="m", concurrency=1)], rule="fixed:n=2")
    llm = AdaptiveEnsembleLLM(
        [Member(ScriptedLLM("The answer is 4.", seconds=0.2), name="m", concurrency=1)],
        rule="fixed:n=2", sync_strategy="loop",
    )
    two = AdaptiveEnsembleChat(
        [Scripted(replies=["4"], model_name="a"), Scripted(replies=["4"], model_name="b")],
        rule="fixed:n=4", answer="text",
    )
    two._state.health.record(Draw(0, 1), Failure(PermissionError("key"), fatal=True))
    two._state.limits._paces[1].refused(0.0, 1, 3600.0)
    threads = [
        threading.Thread(target=chat.invoke, args=("q",)),
        threading.Thread(target=llm.complete, args=("q",)),
        threading.Thread(target=chat.batch, args=(["q", "r"],), kwargs={"budget": 4, "rule": "exhaustive"}),
    ]
    for thread in threads:
        thread.start()
    begun.wait()
    time.sleep(0.1)
    assert "left out" in two.invoke("q").response_metadata["bestofinf"]["reason"]
    lock = two._state.health._lock
    lock.acquire()  # as another thread may hold it at the very moment
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        assert chat.invoke("q").text == "The answer is 4."
        assert asyncio.run(chat.ainvoke("q")).text == "The answer is 4."
        assert llm.complete("q").text == "The answer is 4."
        assert len(chat.batch(["q", "r"], budget=4, rule="exhaustive")) == 2
        told = two.invoke("q").response_metadata["bestofinf"]
        assert "left out" not in told["reason"], told
        sys.stdout.write("well\\n")
        sys.stdout.flush()
        os._exit(0)
    lock.release()
    for thread in threads:
        thread.join()
    _, status = os.waitpid(pid, 0)
    sys.exit(status)
"""


def test_after_a_fork_slots_are_free_and_members_are_well():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "well\n"


LOCKED = """
    import os, signal, sys, threading, warnings
    warnings.simplefilter("ignore")
    from bestofinf.answers import ExecutedAnswer, resolve_answer
    from bestofinf.ensemble.loops import _lock as loops, private_loop
    from bestofinf.records import Reply

    async def one():
        return 1

    executed = ExecutedAnswer(str.upper).for_question("?")
    number = resolve_answer("math")
    for lock in (loops, number._lock):
        lock.__enter__()
    child = os.fork()
    if not child:
        signal.alarm(60)
        assert private_loop().run(one()) == 1
        assert number.same("1/2", "0.5")
        assert executed.read(Reply("a"))[0] == "A"
        os._exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_locks_that_were_held_at_the_fork_are_free():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LOCKED)],
        env=environment(), capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
