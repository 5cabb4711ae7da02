"""Stand-ins for a model and an embedding, so that the examples run without a key or a network.

In an application, write ``OpenAI("gpt-5-mini")`` or any other LLM of LlamaIndex in the place of
`unsure`, and your embedding model in the place of `WordEmbedding`.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms.mock import MockFunctionCallingLLM

Reply = str | ChatMessage
Say = Callable[[Sequence[ChatMessage], Sequence[str], random.Random], Reply]


def unsure(say: Say, *, seed: int) -> MockFunctionCallingLLM:
    """Return a model that answers anew each time it is asked, and is not always right.

    Args:
        say: From the messages, the names of the tools and a source of chance to a reply.
        seed: Start of that source.
    """
    chance, lock = random.Random(seed), threading.Lock()

    def reply(messages: Sequence[ChatMessage], **kwargs: Any) -> ChatMessage:
        tools = [tool.metadata.name for tool in kwargs.get("tools") or ()]
        with lock:
            said = say(messages, tools, chance)
        if isinstance(said, str):
            return ChatMessage(role=MessageRole.ASSISTANT, content=said)
        return said

    return MockFunctionCallingLLM(response_generator=reply, is_chat_model=True)


def call(tool: str, /, **args: Any) -> ChatMessage:
    """Return a message that calls a tool."""
    name = hashlib.sha256(f"{tool}{args}".encode()).hexdigest()[:12]
    block = ToolCallBlock(tool_call_id=name, tool_name=tool, tool_kwargs=args)
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=[block])


class WordEmbedding(BaseEmbedding):
    """Texts with words in common are near to each other: a bag of hashed words."""

    size: int = 256

    def _embed(self, text: str) -> list[float]:
        vector = [0.0] * self.size
        for word in re.findall(r"\w{3,}", text.lower()):
            digest = hashlib.sha256(word.encode()).digest()
            vector[int.from_bytes(digest[:4], "big") % self.size] += 1.0
        norm = math.sqrt(sum(x * x for x in vector)) or 1.0
        return [x / norm for x in vector]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)
