"""Real clients over HTTP: decisions, requests counted at the server, and nothing left behind."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from bestofinf import SamplingError
from bestofinf.records import Reply, Sample
from langchain_bestofinf import AdaptiveEnsembleChat
from support.backends import FunctionBackend
from support.clients import chat_openai, nothing_left_async
from support.faults import Fault, Faults
from support.recorded import MadeBackend, RecordedBackend, recorded_data
from support.reply import Served

MEMBERS = ("Qwen3-14B", "Qwen3-4B", "gpt-oss-20b")

needs_data = pytest.mark.skipif(
    recorded_data() is None, reason="no recorded data: set BESTOFINF_DATA to its folder"
)


async def ensemble_of(stack, server, names, **settings):
    members = [await stack.enter_async_context(chat_openai(server, name)) for name in names]
    return AdaptiveEnsembleChat(members, **settings)


def offline(model, question, backend):
    """Return the decision of the same plan on the same samples, without any framework."""
    plan = model.plan()
    engine = plan.engine()
    while not engine.done:
        for draw in engine.ask(1):
            served = backend.sample(question, plan.members[draw.member].name, draw.turn)
            reply = Reply(text=f"\\boxed{{{served.answer}}}" if served.answer else "no idea " * 9)
            answer, _ = plan.answer.vote(reply)
            engine.tell(draw, Sample(answer, tokens=served.tokens))
    return engine.decision()


@needs_data
@pytest.mark.blocks("it reads the recorded answers")
@pytest.mark.parametrize(("asynchronous", "concurrency"), [(True, 8), (True, 1), (False, 1)])
async def test_recorded_questions_are_decided_and_every_request_is_counted(
    serve, asynchronous, concurrency
):
    backend = RecordedBackend.from_data("aime2024", MEMBERS)
    server = serve(backend)
    async with nothing_left_async(), AsyncExitStack() as stack:
        model = await ensemble_of(
            stack, server, MEMBERS, answer="boxed", concurrency=concurrency, usage="all", waiting=0
        )
        chain = ChatPromptTemplate.from_template("{question}") | model
        questions = [{"question": prompt} for prompt in backend.prompts]
        if asynchronous:
            messages = await chain.abatch(questions, {"max_concurrency": 8})
        else:
            messages = await asyncio.to_thread(chain.batch, questions, {"max_concurrency": 4})
        traces = [message.response_metadata["bestofinf"] for message in messages]
        counts = server.counts
        assert counts.started == counts.finished == sum(t["n_samples"] for t in traces)
        assert sum(t["n_failed"] + t["n_cancelled"] for t in traces) == 0
        used = sum(message.usage_metadata["output_tokens"] for message in messages)
        assert used == counts.completion_tokens
        right = 0
        for question, told in zip(backend.questions, traces, strict=True):
            if concurrency == 1:  # else requests may overtake each other on the way
                expected = offline(model, question, backend)
                assert told["answer"] == expected.answer
                assert told["n_samples"] == expected.n_samples
            right += told["answer"] == question.gold
        assert right >= 24  # of 30; a single answer of these members is right on 21 to 23


async def test_a_chain_answers_questions_of_made_models(serve):
    backend = MadeBackend(10)
    server = serve(backend)
    async with nothing_left_async(), AsyncExitStack() as stack:
        model = await ensemble_of(stack, server, backend.models, answer="boxed")
        chain = ChatPromptTemplate.from_template("{q}") | model | StrOutputParser()
        texts = await chain.abatch([{"q": prompt} for prompt in backend.prompts])
    assert all("boxed" in text for text in texts)


async def test_losers_are_cancelled_at_the_server(serve):
    asked = asyncio.Event()  # used in the server's loop only

    async def slow(request):
        if request.model == "quick":
            await asked.wait()
        else:
            asked.set()
            await asyncio.sleep(30.0)
        return Served("The answer is 4.")

    server = serve(FunctionBackend(slow, models=("quick", "slow")))
    async with nothing_left_async(), AsyncExitStack() as stack:
        model = await ensemble_of(
            stack,
            server,
            ("quick", "slow"),
            rule="ahead-by:votes=2",
            launch="eager",
            order="arrival",
        )
        message = await model.ainvoke("2+2?")
        counts = await server.idle()
        told = message.response_metadata["bestofinf"]
        assert counts.disconnected > 0
        assert counts.disconnected + counts.finished == counts.started
        assert told["n_cancelled"] >= counts.disconnected


async def test_an_outer_cancellation_reaches_the_server(serve):
    async def slow(request):
        await asyncio.sleep(30.0)
        return Served("4")

    server = serve(FunctionBackend(slow))
    async with nothing_left_async(), AsyncExitStack() as stack:
        model = await ensemble_of(stack, server, ("m",), rule="fixed:n=2", abstain_limit=None)
        task = asyncio.create_task(model.ainvoke("x"))
        while server.counts.started < 2:  # noqa: ASYNC110  (the server is in another thread)
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        counts = await server.idle()
        assert counts.disconnected == 2


async def test_faults_of_a_server_cost_no_vote(serve):
    kinds = (Fault.SERVER_ERROR, Fault.RESET, Fault.RATE_LIMIT)
    server = serve(MadeBackend(5, invalid=0.0), faults=Faults(0.1, kinds, seed=1))
    async with nothing_left_async(), AsyncExitStack() as stack:
        model = await ensemble_of(
            stack, server, server.backend.models, answer="boxed", retries=5, longest_wait=0.01
        )
        messages = await model.abatch(server.backend.prompts)
    assert server.counts.faulted > 0
    assert all(m.response_metadata["bestofinf"]["n_failed"] == 0 for m in messages)


async def test_a_bad_key_is_told_at_once(serve):
    server = serve(MadeBackend(1), api_key="right")
    async with nothing_left_async(), AsyncExitStack() as stack:
        model = await ensemble_of(stack, server, ("alpha",))
        with pytest.raises(SamplingError, match="401"):
            await model.ainvoke(server.backend.prompts[0])
    assert server.counts.started <= 8
