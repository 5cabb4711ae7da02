"""An agent with tools: each step is voted on, and a tool runs once, after the vote.

``python examples/llamaindex_agent.py``
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, MessageRole

from llamaindex_bestofinf import AdaptiveEnsembleLLM

from llamaindex_offline import call, unsure  # isort: skip


def price(article: str) -> float:
    """Look up the price of one piece of an article."""
    return {"pencil": 1.2, "paper": 7.5}[article]


def times(a: float, b: float) -> float:
    """Multiply two numbers."""
    return round(a * b, 2)


def shopper(
    messages: Sequence[ChatMessage], tools: Sequence[str], chance: random.Random
) -> str | ChatMessage:
    """Look up the price, multiply, answer; mistake the article or the number now and then."""
    found = [m.content for m in messages if m.role == MessageRole.TOOL]
    if not found:
        return call("price", article="pencil" if chance.random() < 0.75 else "paper")
    if len(found) == 1:
        return call("times", a=float(found[0] or 0), b=12 if chance.random() < 0.75 else 11)
    return f"The answer is {found[-1]}."


async def main() -> None:
    llm = AdaptiveEnsembleLLM([unsure(shopper, seed=98)], stream_progress=True)
    agent = FunctionAgent(tools=[price, times], llm=llm)
    handler = agent.run("What do a dozen pencils cost?")
    async for event in handler.stream_events():
        if isinstance(event, AgentStream) and event.thinking_delta:
            print("   ", event.thinking_delta.strip())
        if isinstance(event, ToolCallResult):
            print("ran", event.tool_name, event.tool_kwargs, "->", event.tool_output.content)
    print(await handler)


if __name__ == "__main__":
    asyncio.run(main())
