"""Chat models that answer at once or when told to, and count what is asked of them."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tracers.base import BaseTracer
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

Reply = str | AIMessage | BaseException


class Scripted(BaseChatModel):
    """Gives its replies in turn, over and over; an exception among them is raised.

    Copies made with `model_copy` or `bind_tools` share the place in the script and the book.

    Attributes:
        replies: Texts, messages or exceptions; or a function from the number of the call.
        seconds: How long each reply takes; cycled with the replies.
        name: Model name in metadata.
        tokens: Input and output tokens of a reply; None reports no usage.
    """

    replies: Any = Field(repr=False)  # LangChain writes a model out for each of its runs
    seconds: Sequence[float] = (0.0,)
    model_name: str = "scripted"
    tokens: tuple[int, int] | None = (5, 3)
    temperature: float | None = None

    _count: Any = PrivateAttr(default_factory=itertools.count)
    _book: dict[str, Any] = PrivateAttr(
        default_factory=lambda: {"kwargs": [], "now": 0, "most": 0, "messages": []}
    )
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    @property
    def calls(self) -> int:
        return len(self._book["kwargs"])

    @property
    def kwargs_seen(self) -> list[dict[str, Any]]:
        return self._book["kwargs"]

    @property
    def most_in_flight(self) -> int:
        return self._book["most"]

    def _begin(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> tuple[Reply, float]:
        with self._lock:
            number = next(self._count)
            self._book["kwargs"].append(kwargs)
            self._book["messages"].append(messages)
            self._book["now"] += 1
            self._book["most"] = max(self._book["most"], self._book["now"])
        if callable(self.replies):
            return self.replies(number), self.seconds[number % len(self.seconds)]
        place = number % len(self.replies)
        return self.replies[place], self.seconds[place % len(self.seconds)]

    def _end(self) -> None:
        with self._lock:
            self._book["now"] -= 1

    def _result(self, reply: Reply) -> ChatResult:
        if isinstance(reply, BaseException):
            raise reply
        message = AIMessage(reply) if isinstance(reply, str) else reply.model_copy()
        if self.tokens is not None and message.usage_metadata is None:
            read, written = self.tokens
            message.usage_metadata = {
                "input_tokens": read,
                "output_tokens": written,
                "total_tokens": read + written,
            }
        message.response_metadata = {"model_name": self.model_name, **message.response_metadata}
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply, seconds = self._begin(messages, {**kwargs, **({"stop": stop} if stop else {})})
        try:
            if seconds:
                time.sleep(seconds)
            return self._result(reply)
        finally:
            self._end()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply, seconds = self._begin(messages, {**kwargs, **({"stop": stop} if stop else {})})
        try:
            if seconds:
                await asyncio.sleep(seconds)
            return self._result(reply)
        finally:
            self._end()

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[Any, AIMessage]:
        given = {"tools": [convert_to_openai_tool(tool) for tool in tools], **kwargs}
        return self.bind(**given, **({"tool_choice": tool_choice} if tool_choice else {}))


class NoTools(Scripted):
    """A member that cannot bind tools."""

    bind_tools = BaseChatModel.bind_tools


def calling(name: str, call_id: str = "1", /, **args: Any) -> AIMessage:
    """Return a message that calls one tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": call_id}])


class Tree(BaseTracer):
    """Keeps every run as it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.roots: list[Any] = []

    def _persist_run(self, run: Any) -> None:
        self.roots.append(run)

    @property
    def open(self) -> int:
        return len(self.run_map)

    def shape(self, run: Any = None) -> Any:
        """Return run type, name and children as nested tuples."""
        if run is None:
            return [self.shape(root) for root in self.roots]
        return (run.run_type, run.name, [self.shape(child) for child in run.child_runs])


class Plain(BaseCallbackHandler):
    """A handler that is no tracer: keeps the names and what it was told of model runs."""

    run_inline = True

    def __init__(self) -> None:
        self.events: list[str] = []
        self.ended: list[Any] = []
        self.started: list[dict[str, Any]] = []
        self.tokens: list[str] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.events.append("start")
        self.started.append({"messages": messages, **kwargs})

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.events.append("end")
        self.ended.append(response)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.events.append("error")
