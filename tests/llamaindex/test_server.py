"""The ensemble with LlamaIndex' own client against a server that counts: tokens and requests."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMCompletionEndEvent
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from bestofinf import Member
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.messages import tokens_of
from llamaindex_bestofinf.testing.endpoints import called, listening
from support.backends import EchoBackend
from support.clients import nothing_left_async, openai_like
from support.recorded import MadeBackend
from support.server import LoopbackServer

ENDPOINTS = ["chat", "achat", "stream_chat", "astream_chat", "acomplete", "stream_complete"]


def question(server, endpoint="chat"):
    text = server.backend.prompts[0]
    return text if "complete" in endpoint else [ChatMessage(text)]


def counter(**settings):
    handler = TokenCountingHandler(tokenizer=str.split, **settings)
    return handler, CallbackManager([handler])


def dispatched(events):
    """Add up what observers read from ends of chats and completions.

    As OpenInference does: ``raw["usage"]``, or the counts in the additional arguments.
    """
    total = 0
    spans = {}
    for event in events.of(LLMChatEndEvent, LLMCompletionEndEvent):
        written, read = tokens_of(event.response)
        # A client's call passes several of its own methods; its ends differ in their span alone.
        key = (event.tags.get("bestofinf.call_id"), event.tags.get("bestofinf.sample"))
        spans.setdefault(key, []).append((written or 0) + (read or 0))
    for counts in spans.values():
        total += max(counts)
    return total


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("owner", ["ensemble", "member"])
async def test_tokens_are_counted_once_by_everybody(serve, endpoint, owner):
    server = serve(MadeBackend(2))
    handler, manager = counter()
    whose = {"callback_manager": manager}
    async with openai_like(server, "alpha", **(whose if owner == "member" else {})) as model:
        llm = AdaptiveEnsembleLLM(
            [model], rule="fixed:n=5", **(whose if owner == "ensemble" else {})
        )
        with listening() as events:
            found = await called(llm, endpoint, question(server, endpoint))
    counts = server.counts
    truth = counts.prompt_tokens + counts.completion_tokens
    assert counts.finished == 5
    usage = found.last.additional_kwargs["bestofinf"]["usage_by_member"]["alpha"]
    assert usage["input_tokens"] + usage["output_tokens"] == truth
    assert handler.total_llm_token_count == truth
    assert dispatched(events) == truth


async def test_a_shared_manager_counts_once_in_a_query(serve):
    server = serve(MadeBackend(1))
    handler, manager = counter()
    async with openai_like(server, "alpha", callback_manager=manager) as model:
        llm = AdaptiveEnsembleLLM([model], rule="fixed:n=3", callback_manager=manager)
        await llm.apredict(PromptTemplate("{text}"), text=server.backend.prompts[0])
    counts = server.counts
    assert handler.total_llm_token_count == counts.prompt_tokens + counts.completion_tokens


class Result(BaseModel):
    """The answer."""

    answer: int


@pytest.mark.parametrize("endpoint", ["structured_predict", "astructured_predict"])
async def test_structured_predictions_have_their_usage(serve, endpoint):
    server = serve(MadeBackend(1, invalid=0.0))
    handler, manager = counter()
    async with openai_like(server, "alpha") as model:
        llm = AdaptiveEnsembleLLM([model], rule="fixed:n=4", callback_manager=manager)
        template = PromptTemplate("[made/0] {text}")
        await called(llm, endpoint, Result, template, text="Solve it.")
        usage = llm.last_trace()["usage_by_member"]["alpha"]
    counts = server.counts
    assert usage["input_tokens"] == counts.prompt_tokens > 0
    assert usage["output_tokens"] == counts.completion_tokens > 0
    assert handler.total_llm_token_count == counts.prompt_tokens + counts.completion_tokens


async def test_the_decision_is_the_majority_of_what_was_served(serve):
    server = serve(MadeBackend(2))
    async with openai_like(server, "alpha") as model:
        found = await AdaptiveEnsembleLLM([model], rule="fixed:n=9").achat(question(server))
    votes = server.tally()["made/0"]
    trace = found.additional_kwargs["bestofinf"]
    assert trace["votes"][trace["answer"]] == max(n for a, n in votes.items() if a is not None)


# -- cancellation -----------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["achat", "acomplete", "astream_chat", "astream_complete"])
async def test_outer_cancellation_reaches_every_request(endpoint):
    async with nothing_left_async():
        with LoopbackServer(MadeBackend(1), latency=30) as server:
            async with openai_like(server, "alpha") as model:
                llm = AdaptiveEnsembleLLM([model], launch="eager")
                call = called(llm, endpoint, question(server, endpoint))
                task = asyncio.create_task(call)
                await server.until(lambda counts: counts.in_flight == 8)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                counts = await server.idle()
    assert (counts.started, counts.disconnected, counts.finished) == (8, 8, 0)


async def test_losers_are_cancelled_and_nothing_is_left():
    async with nothing_left_async():
        with LoopbackServer(MadeBackend(1), seconds_per_token=0.002) as server:
            async with openai_like(server, "alpha") as model:
                llm = AdaptiveEnsembleLLM([model], rule="ahead-by:votes=1", launch="eager")
                found = await llm.achat(question(server))
                counts = await server.idle()
    trace = found.additional_kwargs["bestofinf"]
    assert counts.started == counts.finished + counts.disconnected
    assert trace["n_samples"] + trace["n_cancelled"] == 8 >= counts.started


async def test_a_private_loop_cancels_what_threads_could_not():
    with LoopbackServer(MadeBackend(1), latency=1.0) as server:
        async with openai_like(server, "alpha") as model:
            llm = AdaptiveEnsembleLLM(
                [Member(model, factory=lambda: _unbound(server))],
                rule="ahead-by:votes=1",
                launch="eager",
                sync_strategy="loop",
            )
            await asyncio.to_thread(llm.chat, question(server))
            counts = await server.idle()
    assert counts.started == 8
    assert counts.finished + counts.disconnected == 8


def _unbound(server):
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(
        api_base=server.url, api_key="none", model="alpha", is_chat_model=True, max_retries=0
    )


async def test_late_samples_of_threads_are_booked():
    with LoopbackServer(MadeBackend(1), latency=0.05) as server:
        async with openai_like(server, "alpha") as model:
            handler, manager = counter()
            llm = AdaptiveEnsembleLLM(
                [model], rule="ahead-by:votes=1", launch="eager", callback_manager=manager
            )
            with listening() as events:
                await asyncio.to_thread(llm.chat, question(server))
                counts = await server.idle()
                for _ in range(200):
                    if dispatched(events) == counts.prompt_tokens + counts.completion_tokens:
                        break
                    await asyncio.sleep(0.01)
    assert counts.finished == counts.started >= 8  # a thread cannot be stopped
    truth = counts.prompt_tokens + counts.completion_tokens
    assert handler.total_llm_token_count == truth
    assert dispatched(events) == truth


# -- identity ---------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_ensemble_of_one_gives_what_the_client_gives(serve, endpoint):
    server = serve(EchoBackend())
    async with openai_like(server, "echo") as model:
        asked = "What is 4 and 4?" if "complete" in endpoint else [ChatMessage("What is 4 and 4?")]
        bare = await called(model, endpoint, asked)
        found = await called(AdaptiveEnsembleLLM([model], max_samples=1), endpoint, asked)
    assert found.text == bare.text
    assert server.bodies[0].keys() >= server.bodies[1].keys()
    assert server.bodies[0]["messages"] == server.bodies[1]["messages"]


@pytest.mark.parametrize("endpoint", ["chat_with_tools", "astream_chat_with_tools"])
async def test_tools_are_those_of_the_client(serve, endpoint):
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    server = serve(EchoBackend())
    tools = [FunctionTool.from_defaults(add)]
    async with openai_like(server, "echo") as model:
        llm = AdaptiveEnsembleLLM([model, model], rule="fixed:n=4")
        found = await called(llm, endpoint, tools, "What is 4 and 4?")
        (selection,) = llm.get_tool_calls_from_response(found.last)
        bare = await called(model, "chat_with_tools", tools, "What is 4 and 4?")
        (alone,) = model.get_tool_calls_from_response(bare.last)
    assert (selection.tool_name, selection.tool_kwargs) == (alone.tool_name, alone.tool_kwargs)
    assert server.bodies[0]["tools"] == server.bodies[-1]["tools"]
    assert found.last.additional_kwargs["bestofinf"]["n_samples"] == 4


async def test_many_calls_at_once(serve):
    server = serve(MadeBackend(1), latency=0.02)
    async with openai_like(server, "beta") as model:
        llm = AdaptiveEnsembleLLM([model], rule="fixed:n=3")
        found = await asyncio.gather(*(llm.achat(question(server)) for _ in range(40)))
    assert server.counts.finished == 120
    assert all(r.additional_kwargs["bestofinf"]["n_samples"] == 3 for r in found)
