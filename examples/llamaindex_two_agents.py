"""Two agents in a workflow: the handover is voted on as any other tool call.

``python examples/llamaindex_two_agents.py``
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, MessageRole

from llamaindex_bestofinf import AdaptiveEnsembleLLM

from llamaindex_offline import call, unsure  # isort: skip


def opening_hours(day: str) -> str:
    """Tell when the library is open on a day."""
    return "10 to 18" if day != "Sunday" else "closed"


def receptionist(
    messages: Sequence[ChatMessage], tools: Sequence[str], chance: random.Random
) -> str | ChatMessage:
    """Hand questions over; answer them by itself, badly, now and then."""
    if chance.random() < 0.3:
        return "The answer is 9 to 17."
    return call("handoff", to_agent="librarian", reason="a question about the library")


def librarian(
    messages: Sequence[ChatMessage], tools: Sequence[str], chance: random.Random
) -> str | ChatMessage:
    """Look the hours up; mistake the day now and then."""
    last = messages[-1]
    if last.role == MessageRole.TOOL and last.content in ("10 to 18", "closed"):
        return f"The answer is {last.content}."
    return call("opening_hours", day="Monday" if chance.random() < 0.75 else "Sunday")


async def main() -> None:
    front = FunctionAgent(
        name="front",
        description="Receives everybody.",
        llm=AdaptiveEnsembleLLM([unsure(receptionist, seed=37)], rule="thorough"),
        can_handoff_to=["librarian"],
    )
    back = FunctionAgent(
        name="librarian",
        description="Knows the library.",
        tools=[opening_hours],
        llm=AdaptiveEnsembleLLM([unsure(librarian, seed=239)], rule="thorough"),
    )
    flow = AgentWorkflow(agents=[front, back], root_agent="front")
    handler = flow.run("When is the library open on Monday?")
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            print("ran", event.tool_name, event.tool_kwargs)
    print(await handler)


if __name__ == "__main__":
    asyncio.run(main())
