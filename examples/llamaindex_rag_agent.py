"""An agent that searches documents and answers from them: both steps are voted on.

``python examples/llamaindex_rag_agent.py``
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence

from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.schema import TextNode
from llama_index.core.tools import RetrieverTool

from llamaindex_bestofinf import RagEnsemble

from llamaindex_offline import WordEmbedding, call, unsure  # isort: skip

FACTS = [
    "The lighthouse of Westerheversand is 41 metres high.",
    "The lighthouse of Pilsum is painted in red and yellow.",
]


def reader(
    messages: Sequence[ChatMessage], tools: Sequence[str], chance: random.Random
) -> str | ChatMessage:
    """Search in words of its own, then answer; misread the number now and then."""
    found = [m.content or "" for m in messages if m.role == MessageRole.TOOL]
    if not found:
        words = ["height of Westerheversand", "Westerheversand lighthouse metres"]
        return call("search", input=chance.choice(words))
    height = re.search(r"is (\d+) metres", found[-1])
    number = height[1] if height and chance.random() < 0.7 else "14"
    return chance.choice([f"It is {number} metres high.", f"{number} metres."])


async def main() -> None:
    rag = RagEnsemble(unsure(reader, seed=3))
    index = VectorStoreIndex([TextNode(text=text) for text in FACTS], embed_model=WordEmbedding())
    search = RetrieverTool.from_defaults(
        index.as_retriever(similarity_top_k=1), name="search", description="Search the documents."
    )
    agent = FunctionAgent(tools=[search], llm=rag.answers)
    handler = agent.run("How high is the lighthouse of Westerheversand?")
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            print("ran", event.tool_name, event.tool_kwargs)
    print(await handler)
    trace = rag.answers.last_trace() or {}
    print("votes:", trace["votes"])


if __name__ == "__main__":
    asyncio.run(main())
