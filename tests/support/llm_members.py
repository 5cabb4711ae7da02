"""LlamaIndex members for tests: they say what a function says, and keep a book of it."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from pydantic import Field, PrivateAttr

Said = str | ChatMessage | BaseException

IN, OUT = 7, 5
"""Tokens that every reply is said to have read and generated."""


class ScriptedLLM(FunctionCallingLLM):
    """A member that says what a function of the messages and the tools' names says.

    Attributes:
        model: Its name.
        tools: Whether it calls tools.
        chats: Whether it is a chat model.
        seconds: Time a reply takes.
    """

    model: str = "scripted"
    tools: bool = True
    chats: bool = True
    seconds: float = 0.0
    api_key: str = Field(default="sk-secret", exclude=True)

    _say: Callable[..., Said] = PrivateAttr()
    _lock: Any = PrivateAttr(default_factory=threading.Lock)
    _seen: list[list[ChatMessage]] = PrivateAttr(default_factory=list)
    _kwargs: list[dict[str, Any]] = PrivateAttr(default_factory=list)
    _counts: dict[str, int] = PrivateAttr(
        default_factory=lambda: {"started": 0, "finished": 0, "cancelled": 0}
    )

    def __init__(self, say: Callable[..., Said] | Iterable[Said] | str = "8", **settings: Any):
        super().__init__(**settings)
        if isinstance(say, str):
            self._say = lambda messages, tools: say
        elif callable(say):
            self._say = say
        else:
            said = itertools.cycle(say)
            self._say = lambda messages, tools: next(said)

    @classmethod
    def class_name(cls) -> str:
        return "ScriptedLLM"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            model_name=self.model,
            is_chat_model=self.chats,
            is_function_calling_model=self.tools,
        )

    @property
    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    @property
    def in_flight(self) -> int:
        counts = self._counts
        return counts["started"] - counts["finished"] - counts["cancelled"]

    @property
    def seen(self) -> list[list[ChatMessage]]:
        return self._seen

    @property
    def kwargs(self) -> list[dict[str, Any]]:
        return self._kwargs

    def _note(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def _said(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatMessage:
        tools = [tool.metadata.name for tool in kwargs.pop("tools", None) or ()]
        with self._lock:
            self._seen.append(list(messages))
            self._kwargs.append(kwargs)
            said = self._say(messages, tools)
        if isinstance(said, BaseException):
            self._note("finished")
            raise said
        if isinstance(said, ChatMessage):
            return said.model_copy(deep=True)
        return ChatMessage(role=MessageRole.ASSISTANT, content=said)

    def _response(self, message: ChatMessage) -> ChatResponse:
        self._note("finished")
        usage = {"prompt_tokens": IN, "completion_tokens": OUT}
        raw = {"usage": usage, "choices": [{"finish_reason": "stop"}]}
        return ChatResponse(message=message, raw=raw, additional_kwargs=dict(usage))

    def _chat(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatResponse:
        self._note("started")
        message = self._said(messages, kwargs)
        time.sleep(self.seconds)
        return self._response(message)

    async def _achat(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatResponse:
        self._note("started")
        message = self._said(messages, kwargs)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self._note("cancelled")
            raise
        return self._response(message)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._chat(messages, kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return await self._achat(messages, kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        def pieces() -> Any:
            yield from _pieces(self._chat(messages, kwargs))

        return pieces()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        async def pieces() -> Any:
            for piece in _pieces(await self._achat(messages, kwargs)):
                yield piece

        return pieces()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return _completion(self._chat(self._prompt(prompt, formatted), kwargs))

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        return _completion(await self._achat(self._prompt(prompt, formatted), kwargs))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        def pieces() -> Any:
            yield from map(
                _completion, _pieces(self._chat(self._prompt(prompt, formatted), kwargs))
            )

        return pieces()

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        async def pieces() -> Any:
            for piece in _pieces(await self._achat(self._prompt(prompt, formatted), kwargs)):
                yield _completion(piece)

        return pieces()

    def _prompt(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        text = (
            prompt
            if formatted or self.completion_to_prompt is None
            else (self.completion_to_prompt(prompt))
        )
        return [ChatMessage(role=MessageRole.USER, content=text)]

    def _prepare_chat_with_tools(
        self,
        tools: Any,
        user_msg: Any = None,
        chat_history: Any = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        # As OpenAI's class does: it appends to the caller's list.
        messages = chat_history or []
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        return {"messages": messages, "tools": tools, **kwargs}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        found = [
            ToolSelection(
                tool_id=block.tool_call_id or "",
                tool_name=block.tool_name,
                tool_kwargs=json.loads(block.tool_kwargs)
                if isinstance(block.tool_kwargs, str)
                else block.tool_kwargs,
            )
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]
        if not found and error_on_no_tool_call:
            raise ValueError("no tool call")
        return found


_ids = itertools.count()


def tool_call(name: str, /, **args: Any) -> ChatMessage:
    """Return a message that calls a tool, with an id of its own."""
    block = ToolCallBlock(tool_call_id=f"call-{next(_ids)}", tool_name=name, tool_kwargs=args)
    # LlamaIndex's structured streams look for calls in this place alone.
    calls = [{"id": block.tool_call_id, "function": {"name": name, "arguments": json.dumps(args)}}]
    return ChatMessage(
        role=MessageRole.ASSISTANT, blocks=[block], additional_kwargs={"tool_calls": calls}
    )


def adder(messages: Sequence[ChatMessage], tools: Sequence[str]) -> Said:
    """Add 4 and 4: with the tool where there is one, as an object where that is asked for."""
    asked = "\n".join(message.content or "" for message in messages)
    if "Sum" in tools:
        return tool_call("Sum", result=8)
    if "add" in tools and "tool" in asked and messages[-1].role == MessageRole.USER:
        return tool_call("add", a=4, b=4)
    return '{"result": 8}' if "schema" in asked else "The answer is 8."


def _pieces(response: ChatResponse) -> list[ChatResponse]:
    text = response.message.content or ""
    cut = len(text) // 2
    first = ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=text[:cut]), delta=text[:cut]
    )
    return [first, response.model_copy(update={"delta": text[cut:]})]


def _completion(response: ChatResponse) -> CompletionResponse:
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        additional_kwargs=response.additional_kwargs,
    )
