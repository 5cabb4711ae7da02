"""Slots of a real server: given back when a request is left, never more than there are, and killed."""

import asyncio
import time

import pytest

from bestofinf import ChoiceAnswer, Endpoint, Ensemble, Member
from langchain_bestofinf import AdaptiveEnsembleChat
from support.clients import chat_openai
from support.real.questions import messages, questions

pytestmark = pytest.mark.soak

LONG = {"messages": [{"role": "user", "content": "Count from 1 to 300."}], "ignore_eos": True}
CHOICES = ChoiceAnswer(["positive", "negative"])
FREED = 10.0  # seconds; a reply of 600 tokens takes far longer where eight share a core


async def until(reached, seconds=FREED):
    """Return whether something came true within some seconds, and how long it took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if await asyncio.to_thread(reached):
            return True
        await asyncio.sleep(0.05)
    return False


async def left(task, llama):
    """Leave a vote once the server works on it, and return whether all slots are free again."""
    assert await until(lambda: llama.busy() >= 2, 60)
    before = llama.generated()
    task.cancel()
    await asyncio.wait([task])
    freed = await until(lambda: llama.busy() == 0)
    return freed and llama.generated() - before < 600


async def test_a_vote_of_endpoints_that_is_cancelled_frees_its_slots(llama):
    member = Endpoint("smollm2", url=llama.url, max_tokens=600)
    async with Ensemble([member], rule="fixed:n=4", concurrency=4) as ensemble:
        assert await left(asyncio.create_task(ensemble.aask(LONG)), llama)


async def test_a_plain_request_that_is_left_works_on_to_its_end(llama):
    # What the documentation says of llama.cpp; if it fails, the server has become better.
    endpoint = Endpoint("smollm2", url=llama.url, stream=False, max_tokens=60)
    before = llama.generated()
    task = asyncio.create_task(endpoint.asend(LONG))
    assert await until(lambda: llama.busy() == 1, 60)
    task.cancel()
    await asyncio.wait([task])
    assert await until(lambda: llama.busy() == 0, 60)
    await endpoint.aclose()
    assert llama.generated() - before == 60


async def test_a_vote_of_streaming_clients_that_is_cancelled_frees_its_slots(llama):
    async with chat_openai(
        llama, "smollm2", max_tokens=600, streaming=True, extra_body={"ignore_eos": True}
    ) as model:
        chat = AdaptiveEnsembleChat([Member(model)], rule="fixed:n=4", concurrency=4)
        task = asyncio.create_task(chat.ainvoke("Count from 1 to 300."))
        assert await left(task, llama)


async def test_samples_that_are_not_needed_any_more_free_their_slots(llama):
    def body(name):
        return {"messages": messages(questions()[0], name), "max_tokens": 8}

    member = Endpoint("smollm2", url=llama.url)
    settings = {"answer": CHOICES, "rule": "ahead-by:votes=1", "launch": "eager", "concurrency": 8}
    async with Ensemble([member], **settings) as ensemble:
        await ensemble.aask(body("few"))
    assert await until(lambda: llama.busy() == 0)


async def test_more_votes_than_slots_are_all_decided_and_others_are_not_starved(llama):
    member = Member(Endpoint("smollm2", url=llama.url, max_tokens=8), concurrency=6)
    asked = [{"messages": messages(question, "few")} for question in questions()[:24]]
    most = 0
    async with Ensemble([member], answer=CHOICES, rule="fixed:n=2", concurrency=8) as ensemble:
        votes = [asyncio.create_task(ensemble.aask(body)) for body in asked]
        stranger = Endpoint("smollm2", url=llama.url, max_tokens=2)
        for _ in range(3):
            began = time.monotonic()
            await stranger.asend({"messages": [{"role": "user", "content": "Hi"}]})
            waited = time.monotonic() - began
            most = max(most, await asyncio.to_thread(llama.busy))
            assert waited < 60
        results = await asyncio.gather(*votes)
        await stranger.aclose()
    assert len(results) == 24
    assert all(result.decision.n_failed == 0 for result in results)
    assert most <= 8


async def test_a_server_that_is_killed_and_started_again_loses_no_question(own_llama):
    member = Endpoint("smollm2", url=own_llama.url, max_tokens=8)
    settings = {"answer": CHOICES, "rule": "fixed:n=2", "retries": 8, "breaker": 100}
    async with Ensemble([member], **settings, concurrency=2) as ensemble:
        votes = [
            asyncio.create_task(ensemble.aask({"messages": messages(question, "few")}))
            for question in questions()[:6]
        ]
        await until(lambda: own_llama.generated() > 4, 60)
        await asyncio.to_thread(own_llama.kill)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(own_llama.start)
        results = await asyncio.gather(*votes)
    assert all(result.decision.n_samples == 2 for result in results)
    assert sum(result.decision.n_failed for result in results) <= 6 * 16
