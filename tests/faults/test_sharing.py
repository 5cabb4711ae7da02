"""One ensemble used by many threads and many tasks at once, also by its own members."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from bestofinf.drivers.health import Health
from bestofinf.drivers.limits import MemberLimits
from bestofinf.records import Draw, Failure, Member, Sample
from langchain_bestofinf import AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.chat_members import Scripted
from support.clients import nothing_left, nothing_left_async
from support.llm_members import ScriptedLLM
from support.slots import held

SIZES = [
    pytest.param(24, 150, id="small"),
    pytest.param(200, 2000, id="large", marks=pytest.mark.soak),
]
N = 3
RULE = f"fixed:n={N}"


def said(messages, tools=()):
    """Say what was asked, so that a reply to another question would show."""
    last = messages[-1]
    return f"The answer is {getattr(last, 'text', None) or last.content}."


class Parrot(Scripted):
    """Says what it was asked."""

    replies: tuple[str, ...] = ("",)

    def _begin(self, messages, kwargs):
        _, seconds = super()._begin(messages, kwargs)
        return said(messages), seconds


def chat():
    members = [Parrot(model_name=name) for name in "ab"]
    limited = Member(Parrot(model_name="c"), concurrency=5)
    return AdaptiveEnsembleChat([*members, limited], rule=RULE)


def llm(**settings):
    members = [ScriptedLLM(said, model=name) for name in "ab"]
    limited = Member(ScriptedLLM(said, model="c"), concurrency=5)
    return AdaptiveEnsembleLLM([*members, limited], rule=RULE, **settings)


def check(told, number):
    assert told["votes"] == {str(number): N}
    assert told["n_samples"] == N
    assert told["n_failed"] == told["n_cancelled"] == 0
    assert sum(usage["calls"] for usage in told["usage_by_member"].values()) == N


@pytest.mark.parametrize(("threads", "tasks"), SIZES)
def test_one_ensemble_answers_many_threads(threads, tasks):
    chats, llms = chat(), llm()

    def ask(number):
        if number % 2:
            message = chats.invoke(str(number))
            return message.response_metadata["bestofinf"]
        return llms.complete(str(number)).additional_kwargs["bestofinf"]

    with nothing_left(), ThreadPoolExecutor(threads) as pool:
        for number, told in enumerate(pool.map(ask, range(threads * 4))):
            check(told, number)


@pytest.mark.parametrize(("threads", "tasks"), SIZES)
async def test_one_ensemble_answers_many_tasks(threads, tasks):
    chats, llms = chat(), llm()

    async def ask(number):
        if number % 2:
            message = await chats.ainvoke(str(number))
            return message.response_metadata["bestofinf"]
        return (await llms.acomplete(str(number))).additional_kwargs["bestofinf"]

    async with nothing_left_async():
        results = await asyncio.gather(*map(ask, range(tasks)))
    for number, told in enumerate(results):
        check(told, number)


def test_one_ensemble_answers_event_loops_in_many_threads():
    chats, llms = chat(), llm()

    def ask(number):
        async def both():
            return await asyncio.gather(
                chats.ainvoke(str(number)), llms.acomplete(str(number)), llms.acomplete(str(number))
            )

        message, *responses = asyncio.run(both())
        check(message.response_metadata["bestofinf"], number)
        for response in responses:
            check(response.additional_kwargs["bestofinf"], number)
        return number

    with nothing_left(), ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(16))) == list(range(16))


def test_the_private_loop_serves_many_threads():
    llms = llm(sync_strategy="loop")
    with ThreadPoolExecutor(16) as pool:
        for number, response in enumerate(pool.map(llms.complete, map(str, range(48)))):
            check(response.additional_kwargs["bestofinf"], number)


@pytest.mark.parametrize("kind", ["threads", "tasks"])
def test_an_ensemble_may_be_a_member_of_an_ensemble(kind):
    """Votes within votes: each draw of the outer one is a vote of the inner one."""
    inner = AdaptiveEnsembleChat([Parrot()], rule=RULE)
    outer = AdaptiveEnsembleChat([inner, Parrot(model_name="other")], rule=RULE)
    if kind == "threads":
        with ThreadPoolExecutor(8) as pool:
            messages = list(pool.map(outer.invoke, map(str, range(16))))
    else:

        async def main():
            return await asyncio.gather(*(outer.ainvoke(str(n)) for n in range(16)))

        messages = asyncio.run(main())
    for number, message in enumerate(messages):
        assert message.response_metadata["bestofinf"]["votes"] == {str(number): N}


def test_weights_may_be_changed_while_votes_run():
    chats = chat()
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for weights in ([1.0, 1.0, 1.0], {"a": 1.0}, [0.2, 0.3, 0.5]):
                chats.reload(weights)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            for number, message in enumerate(pool.map(chats.invoke, map(str, range(60)))):
                check(message.response_metadata["bestofinf"], number)
    finally:
        stop.set()
        changing.join()


def test_health_counts_what_many_threads_record():
    health = Health(3, breaker=10_000)
    failed = Failure(ConnectionError("gone"))

    def record(number):
        for index in range(500):
            health.record(Draw(index, number % 2), failed)
            health.left_out()
        health.record(Draw(0, 2), Sample("a"))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(record, range(38)))
    assert health.left_out() == frozenset()
    record(0)
    assert health.left_out() == {0}


def test_slots_hold_for_all_threads_together():
    slots = MemberLimits([Member(None, concurrency=3)])
    lock = threading.Lock()
    now = Counter()

    def work(_):
        with held(slots, 0):
            with lock:
                now["in"] += 1
                now["most"] = max(now["most"], now["in"])
            threading.Event().wait(0.001)
            with lock:
                now["in"] -= 1

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(work, range(120)))
    assert now["most"] == 3
    assert now["in"] == 0
