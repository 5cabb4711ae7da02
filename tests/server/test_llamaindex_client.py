"""LlamaIndex' OpenAI-like client against the server: what the ensemble's tests rely on."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from bestofinf.records import ToolCall
from support.backends import EchoBackend, ScriptedBackend
from support.clients import nothing_left_async, openai_like
from support.recorded import MadeBackend
from support.reply import Served
from support.server import LoopbackServer

CALLS = (ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 3, "b": 4}))


class Result(BaseModel):
    """The answer."""

    answer: int


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def prompt(server: LoopbackServer) -> list[ChatMessage]:
    return [ChatMessage(server.backend.prompts[0])]


async def test_chat_and_complete_tell_text_and_tokens(serve):
    server = serve(MadeBackend(2))
    async with openai_like(server, "alpha") as model:
        replies = [model.chat(prompt(server)), await model.achat(prompt(server))]
        completion = await model.acomplete(server.backend.prompts[0])
    texts = [reply.message.content for reply in replies] + [completion.text]
    assert texts == [served.text for served in server.served()]
    tokens = [reply.raw.usage.completion_tokens for reply in (*replies, completion)]
    assert sum(tokens) == server.counts.completion_tokens


async def test_deltas_add_up(serve):
    server = serve(MadeBackend(2))
    async with openai_like(server, "alpha") as model:
        deltas = [chunk.delta async for chunk in await model.astream_chat(prompt(server))]
        deltas += [chunk.delta for chunk in model.stream_chat(prompt(server))]
    assert "".join(deltas) == "".join(served.text for served in server.served())


async def test_tool_calls_arrive_whole(serve):
    server = serve(ScriptedBackend([Served(None, tool_calls=CALLS)], cycle=True))
    tools = [FunctionTool.from_defaults(add)]
    async with openai_like(server, "m") as model:
        whole = await model.achat_with_tools(tools, "hi", allow_parallel_tool_calls=True)
        stream = await model.astream_chat_with_tools(tools, "hi", allow_parallel_tool_calls=True)
        chunks = [chunk async for chunk in stream]
        for reply in (whole, chunks[-1]):
            calls = model.get_tool_calls_from_response(reply)
            assert [call.tool_kwargs for call in calls] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
            assert len({call.tool_id for call in calls}) == 2


async def test_structured_prediction_carries_the_answer(serve):
    from llama_index.core.prompts import PromptTemplate

    server = serve(MadeBackend(1, invalid=0.0))
    async with openai_like(server, "alpha") as model:
        template = PromptTemplate("[made/0] {text}")
        result = await model.astructured_predict(Result, template, text="Solve it.")
    assert str(result.answer) == server.answers("made/0")[0]


# The agent's own warning: it looks at deprecated attributes of its pydantic base.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")
@pytest.mark.parametrize("streaming", [False, True])
async def test_an_agent_loop_calls_the_tool_once(serve, streaming):
    server = serve(EchoBackend())
    executed = []

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        executed.append((a, b))
        return a + b

    async with openai_like(server, "echo") as model:
        agent = FunctionAgent(tools=[add], llm=model, streaming=streaming)
        reply = await agent.run("what is 4 and 4?")
    assert executed == [(4, 4)]
    assert str(reply) == "The tool says: 8"


async def test_eight_cancelled_calls_are_seen_by_the_server():
    async with nothing_left_async():
        with LoopbackServer(MadeBackend(1), latency=30) as server:
            async with openai_like(server, "alpha") as model:
                tasks = [asyncio.create_task(model.achat(prompt(server))) for _ in range(8)]
                await server.until(lambda counts: counts.in_flight == 8)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                counts = await server.idle()
    assert (counts.started, counts.disconnected) == (8, 8)


async def test_one_hundred_calls_at_once_are_counted_exactly():
    async with nothing_left_async():
        with LoopbackServer(MadeBackend(1), latency=0.1) as server:
            async with openai_like(server, "beta") as model:
                calls = (model.achat(prompt(server)) for _ in range(100))
                replies = await asyncio.gather(*calls)
            counts = server.counts
    assert (counts.started, counts.finished) == (100, 100)
    tokens = sum(reply.raw.usage.completion_tokens for reply in replies)
    assert tokens == counts.completion_tokens
