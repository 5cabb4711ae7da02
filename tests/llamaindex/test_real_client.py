"""Engines and agents on ensembles of LlamaIndex' own client, against the loopback server."""

from __future__ import annotations

import itertools
import json

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import TextNode

from bestofinf import ToolCall
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.backends import FunctionBackend
from support.clients import openai_like
from support.reply import Served

QUESTION = "What is the capital of France?"
MODES = [
    ResponseMode.COMPACT,
    ResponseMode.REFINE,
    ResponseMode.TREE_SUMMARIZE,
    ResponseMode.SIMPLE_SUMMARIZE,
    ResponseMode.ACCUMULATE,
]
ENGINES = [
    SimpleChatEngine,
    ContextChatEngine,
    CondenseQuestionChatEngine,
    CondensePlusContextChatEngine,
]
agents = pytest.mark.filterwarnings(
    "ignore:is_running called from within a step:DeprecationWarning",
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)


def geographer():
    cities = itertools.cycle(["Lyon", "Paris", "Paris"])

    def reply(request):
        if "standalone question" in "\n".join(request.texts()).lower():
            return f"The answer is: {QUESTION}"
        return f"The answer is {next(cities)}."

    return FunctionBackend(reply, models=["a", "b"])


def ensemble(*members):
    return AdaptiveEnsembleLLM(list(members), rule="thorough")


@pytest.fixture
def index():
    nodes = [TextNode(text="The capital of France is Paris."), TextNode(text="Lyon is a city.")]
    return VectorStoreIndex(nodes, embed_model=MockEmbedding(4))


@pytest.mark.parametrize("mode", MODES)
async def test_query_engines(serve, index, mode):
    server = serve(geographer())
    async with openai_like(server, "a") as a, openai_like(server, "b") as b:
        llm = ensemble(a, b)
        engine = index.as_query_engine(llm=llm, response_mode=mode)
        for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
            assert "Paris" in str(response)
            assert "Lyon" not in str(response)
    assert server.counts.refused == 0


@pytest.mark.parametrize("kind", ENGINES)
async def test_chat_engines(serve, index, kind):
    server = serve(geographer())
    async with openai_like(server, "a") as a, openai_like(server, "b") as b:
        llm = ensemble(a, b)
        # The default memory keeps a connection to a database that nobody closes.
        memory = ChatMemoryBuffer.from_defaults()
        if kind is SimpleChatEngine:
            engine = kind.from_defaults(llm=llm, memory=memory)
        elif kind is CondenseQuestionChatEngine:
            engine = kind.from_defaults(index.as_query_engine(llm=llm), llm=llm, memory=memory)
        else:
            engine = kind.from_defaults(index.as_retriever(), llm=llm, memory=memory)
        replies = [str(await engine.achat(QUESTION)), str(await engine.achat(QUESTION))]
        replies.append("".join(engine.stream_chat(QUESTION).response_gen))
    assert set(replies) == {"The answer is Paris."}
    assert server.counts.refused == 0


def calculator(executed):
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        executed.append((a, b))
        return a + b

    return add


def caller():
    numbers = itertools.cycle([5, 4, 4])

    def reply(request):
        last = request.body["messages"][-1]
        if last["role"] == "tool":
            return f"The answer is {last['content']}."
        return Served(None, tool_calls=(ToolCall("add", {"a": 4, "b": next(numbers)}),))

    return FunctionBackend(reply, models=["a", "b"])


@agents
@pytest.mark.parametrize("streaming", [True, False])
async def test_function_agents_run_the_tool_once(serve, streaming):
    server, executed = serve(caller()), []
    async with openai_like(server, "a") as a, openai_like(server, "b") as b:
        agent = FunctionAgent(tools=[calculator(executed)], llm=ensemble(a, b), streaming=streaming)
        assert str(await agent.run("What is 4 and 4?")) == "The answer is 8."
    assert executed == [(4, 4)]
    assert server.counts.refused == 0


@agents
async def test_react_agents_vote_on_their_step(serve):
    numbers = itertools.cycle([5, 4, 4])

    def reply(request):
        if "Observation:" in request.body["messages"][-1]["content"]:
            return "Thought: I can answer without using any more tools.\nAnswer: It is 8"
        args = json.dumps({"a": 4, "b": next(numbers)})
        return f"Thought: I add.\nAction: add\nAction Input: {args}"

    server, executed = serve(FunctionBackend(reply, models=["a"])), []
    async with openai_like(server, "a", is_function_calling_model=False) as a:
        agent = ReActAgent(tools=[calculator(executed)], llm=ensemble(a))
        assert str(await agent.run("What is 4 and 4?")) == "It is 8"
    assert executed == [(4, 4)]


@agents
async def test_workflows_hand_over(serve):
    targets = itertools.cycle(["nobody", "adder", "adder"])
    handed = {"to_agent": "adder", "reason": "numbers"}

    def reply(request):
        last = request.body["messages"][-1]
        offered = {tool["name"] for tool in request.tools}
        if last["role"] == "tool" and last["content"] == "8":
            return "The answer is 8."
        if "add" not in offered:
            args = {**handed, "to_agent": next(targets)}
            return Served(None, tool_calls=(ToolCall("handoff", args),))
        return Served(None, tool_calls=(ToolCall("add", {"a": 4, "b": 4}),))

    server, executed = serve(FunctionBackend(reply, models=["a"])), []
    async with openai_like(server, "a") as model:
        front = FunctionAgent(
            name="front", description="Receives", llm=ensemble(model), can_handoff_to=["adder"]
        )
        back = FunctionAgent(
            name="adder", description="Adds", llm=ensemble(model), tools=[calculator(executed)]
        )
        flow = AgentWorkflow(agents=[front, back], root_agent="front")
        assert str(await flow.run("What is 4 and 4?")) == "The answer is 8."
    assert executed == [(4, 4)]
    assert server.counts.refused == 0
