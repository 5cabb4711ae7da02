"""Back ends of the loopback server that need no data: scripted, echoing, or a function of yours."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

from bestofinf.records import ToolCall
from support.reply import Served, dumps
from support.request import ChatRequest, RefusedRequest
from support.schemas import conforming

Reply: TypeAlias = Served | str | Sequence[Served | str]


class Backend(Protocol):
    """What the server needs: the models it offers, and a reply to a request.

    `reply` gives one `Served` for each of ``request.n`` choices, at once or as an awaitable. It is
    called in the server's event loop, one call at a time unless it awaits.
    """

    @property
    def models(self) -> Sequence[str]: ...

    def reply(self, request: ChatRequest) -> Sequence[Served] | Awaitable[Sequence[Served]]: ...


class ScriptedBackend:
    """Serves a fixed list of replies, one a choice, in order of arrival.

    Args:
        replies: Texts or `Served`; or an endless iterator of them.
        cycle: Begin again at the end of the list; else the server fails with status 500.
        models: Names to list; any name is accepted.
    """

    def __init__(
        self, replies: Iterable[Served | str], *, cycle: bool = False, models: Sequence[str] = ()
    ) -> None:
        self.models = tuple(models)
        self._cycle = cycle
        # An iterator cannot begin again, and may have no end.
        self._replies = replies if isinstance(replies, Iterator) else tuple(replies)
        self.reset()

    def reset(self) -> None:
        self._rest = iter(self._replies)

    def reply(self, request: ChatRequest) -> Sequence[Served]:
        return [self._next() for _ in range(request.n)]

    def _next(self) -> Served:
        try:
            return as_served(next(self._rest))
        except StopIteration:
            if not self._cycle:
                raise RuntimeError("the script has no further reply") from None
        self.reset()
        return as_served(next(self._rest))


class FunctionBackend:
    """Serves what a function returns: the slot for models that really sample.

    Args:
        function: Gets the request; returns a text or a `Served` (repeated for every choice), or a
            list with one for each choice. May be a coroutine function.
        models: Names to list.
        in_thread: Call a blocking function in a thread, so that other requests go on.
    """

    def __init__(
        self,
        function: Callable[[ChatRequest], Reply | Awaitable[Reply]],
        *,
        models: Sequence[str] = (),
        in_thread: bool = False,
    ) -> None:
        self.models = tuple(models)
        self._function = function
        self._in_thread = in_thread

    def reply(self, request: ChatRequest) -> Sequence[Served] | Awaitable[Sequence[Served]]:
        if self._in_thread:
            return self._finish(asyncio.to_thread(self._function, request), request)
        reply = self._function(request)
        if inspect.isawaitable(reply):
            return self._finish(reply, request)
        return _choices(reply, request)

    async def _finish(
        self, reply: Awaitable[Reply | Awaitable[Reply]], request: ChatRequest
    ) -> Sequence[Served]:
        result = await reply
        if inspect.isawaitable(result):
            result = await result
        return _choices(result, request)


class EchoBackend:
    """A model without knowledge or chance, good enough for conformance tests of frameworks.

    It calls a tool when it must, or when it may and the last message is no tool's result, with
    arguments that obey the tool's schema; it writes JSON that obeys the schema asked for; else it
    says what it was told.
    """

    def __init__(self, *, models: Sequence[str] = ("echo",)) -> None:
        self.models = tuple(models)

    def reply(self, request: ChatRequest) -> Sequence[Served]:
        return [self._one(request)] * request.n

    def _one(self, request: ChatRequest) -> Served:
        said = request.last_user_text
        last = request.body["messages"][-1]
        tool = request.forced_tool
        if tool is None and request.may_call_tools and last["role"] == "user":
            tool = request.tools[0]
        if tool is not None:
            args = conforming(tool.get("parameters") or {"type": "object"}, said)
            return Served(None, tool_calls=(ToolCall(tool["name"], args),))
        if request.wants_json:
            return Served(dumps(json_reply(request)).decode())
        if last["role"] in ("tool", "function"):
            return Served(f"The tool says: {next(request.texts())}")
        return Served(f"You said: {said}")


_KEYS = re.compile(r"""['"`](\w+)['"`]""")


def json_reply(request: ChatRequest, **known: object) -> object:
    """Make the object for ``response_format``: from its schema, or from the keys the prompt quotes."""
    said = request.last_user_text
    schema = request.schema
    if schema is not None:
        return conforming(schema, said, known=known)
    keys = dict.fromkeys(key for text in request.texts() for key in _KEYS.findall(text))
    return {key: known.get(key, f"the {key}") for key in keys} or dict(known) or {"reply": said}


def as_served(reply: Served | str) -> Served:
    return Served(reply) if isinstance(reply, str) else reply


def _choices(reply: Reply, request: ChatRequest) -> Sequence[Served]:
    if isinstance(reply, str | Served):
        return [as_served(reply)] * request.n
    if len(reply) != request.n:
        raise RuntimeError(f"{request.n} choices were wanted, the function gave {len(reply)}")
    return [as_served(choice) for choice in reply]


def unknown_model(model: str) -> RefusedRequest:
    return RefusedRequest(
        f"The model `{model}` does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
    )
