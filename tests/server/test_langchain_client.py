"""LangChain's OpenAI client against the server: what the ensemble's tests rely on."""

from __future__ import annotations

import asyncio

import openai
import pytest
from langchain_core.messages import HumanMessage
from langchain_core.outputs import ChatGeneration
from pydantic import BaseModel

from bestofinf.records import ToolCall
from support.backends import EchoBackend, ScriptedBackend
from support.clients import chat_openai, nothing_left_async
from support.recorded import MadeBackend
from support.reply import Served
from support.server import LoopbackServer

CALLS = (ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 3, "b": 4}))


class Result(BaseModel):
    """Submit the answer."""

    answer: int


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_invoke_tells_text_tokens_and_the_end(serve):
    server = serve(MadeBackend(2))
    async with chat_openai(server, "alpha") as model:
        first = model.invoke(server.backend.prompts[0])
        second = await model.ainvoke(server.backend.prompts[0])
    assert [first.text, second.text] == [served.text for served in server.served()]
    assert first.response_metadata["finish_reason"] == "stop"
    tokens = [message.usage_metadata["output_tokens"] for message in (first, second)]
    assert tokens == [served.tokens for served in server.served()]
    assert sum(tokens) == server.counts.completion_tokens


async def test_a_stream_adds_up_and_tells_its_tokens(serve):
    server = serve(MadeBackend(2))
    async with chat_openai(server, "alpha", stream_usage=True) as model:
        chunks = [chunk async for chunk in model.astream(server.backend.prompts[0])]
        chunks += list(model.stream(server.backend.prompts[0]))
    assert "".join(chunk.text for chunk in chunks) == "".join(s.text for s in server.served())
    told = sum(chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata)
    assert told == server.counts.completion_tokens
    assert all(entry.stream for entry in server.entries)


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_arrive_whole(serve, stream):
    server = serve(ScriptedBackend([Served(None, tool_calls=CALLS)]))
    async with chat_openai(server, "m", streaming=stream) as model:
        message = await model.bind_tools([add]).ainvoke("hi")
    assert [call["args"] for call in message.tool_calls] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert len({call["id"] for call in message.tool_calls}) == 2
    assert message.response_metadata["finish_reason"] == "tool_calls"


async def test_malformed_arguments_are_invalid_tool_calls(serve):
    call = ToolCall("add", '{"a": 1,')  # type: ignore[arg-type]
    server = serve(ScriptedBackend([Served(None, tool_calls=(call,))]))
    async with chat_openai(server, "m") as model:
        message = await model.bind_tools([add]).ainvoke("hi")
    assert not message.tool_calls
    assert len(message.invalid_tool_calls) == 1


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_structured_output_carries_the_answer(serve, method):
    server = serve(MadeBackend(2, invalid=0.0))
    async with chat_openai(server, "alpha") as model:
        structured = model.with_structured_output(Result, method=method)
        result = await structured.ainvoke(server.backend.prompts[1])
    assert str(result.answer) == server.answers("made/1")[0]


async def test_n_choices_come_in_one_request_that_tells_usage_once(serve):
    server = serve(MadeBackend(2))
    async with chat_openai(server, "alpha") as model:
        prompt = [HumanMessage(server.backend.prompts[0])]
        result = await model.agenerate([prompt], n=4)
    generations = result.generations[0]
    assert [g.text for g in generations] == [s.text for s in server.served()]
    usage = result.llm_output["token_usage"]
    assert usage["completion_tokens"] == server.counts.completion_tokens
    assert isinstance(generations[0], ChatGeneration)
    assert server.counts.started == 1


async def test_log_probabilities_arrive(serve):
    pieces, logprobs = ("a", " b"), (-0.5, -1.0)
    server = serve(ScriptedBackend([Served("a b", pieces=pieces, logprobs=logprobs)]))
    async with chat_openai(server, "m", logprobs=True, top_logprobs=3) as model:
        message = await model.ainvoke("hi")
    content = message.response_metadata["logprobs"]["content"]
    assert [entry["logprob"] for entry in content] == [-0.5, -1.0]


async def test_an_agent_loop_calls_the_tool_once(serve):
    server = serve(EchoBackend())
    async with chat_openai(server, "echo") as model:
        bound = model.bind_tools([add])
        history = [HumanMessage("what is 2 and 5?")]
        history.append(await bound.ainvoke(history))
        call = history[-1].tool_calls[0]
        history.append(add_result(call))
        final = await bound.ainvoke(history)
    assert final.text == "The tool says: 7"


def add_result(call):
    from langchain_core.messages import ToolMessage

    return ToolMessage("7", tool_call_id=call["id"])


async def test_a_refused_request_shows_its_reason(serve):
    server = serve(EchoBackend())
    async with chat_openai(server, "echo") as model:
        with pytest.raises(openai.BadRequestError, match="max_samples"):
            await model.ainvoke("hi", extra_body={"max_samples": 3})


async def test_eight_cancelled_calls_are_seen_by_the_server():
    async with nothing_left_async():
        with LoopbackServer(MadeBackend(1), latency=30) as server:
            async with chat_openai(server, "alpha") as model:
                prompts = server.backend.prompts * 8
                task = asyncio.create_task(model.abatch(prompts))
                await server.until(lambda counts: counts.in_flight == 8)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                counts = await server.idle()
    assert (counts.started, counts.disconnected) == (8, 8)


async def test_two_hundred_calls_at_once_are_counted_exactly():
    async with nothing_left_async():
        with LoopbackServer(MadeBackend(10), latency=0.1) as server:
            async with chat_openai(server, "beta") as model:
                messages = await model.abatch(server.backend.prompts * 20)
            counts = server.counts
    assert (counts.started, counts.finished) == (200, 200)
    assert sorted(m.text for m in messages) == sorted(s.text for s in server.served())
    assert counts.completion_tokens == sum(m.usage_metadata["output_tokens"] for m in messages)
