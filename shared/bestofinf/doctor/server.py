"""The server under examination: sends requests to it, and keeps what is known about it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from bestofinf.ensemble.endpoint import Endpoint
from bestofinf.wire import EndpointError, StreamedCompletion, read_completion
from bestofinf.wire.errors import error_in
from bestofinf.wire.values import Json, items, loads, mapping

SHORT = 8
"""Maximum number of tokens of a reply if no more are needed."""
COUNTING = "Count from 1 to 300, separated by commas."
"""A question whose reply is longer than any limit here."""


@dataclass
class Facts:
    """What is known about a server; None for what is unknown.

    Attributes:
        software: Name of the software, such as llama.cpp, vLLM, Ollama, LiteLLM.
        models: Names of the models that it lists.
        slots: Number of requests that it processes at a time.
        context: Maximum number of tokens of prompt and reply together.
        seconds_per_token: Generation time of a token in seconds.
        streams: Whether it can stream replies.
        several: Whether one request can return several replies (``n``).
        counts_all: Whether the usage of such a request counts all of them.
        logprobs: "raw" or "processed"; "unknown" if it sends some and neither is clear.
        on_request: Fields of a request that make them processed.
        schemas: Whether a JSON schema is enforced.
        tools: Whether tools are called.
        frees: Whether a cancelled request frees its slot, by kind of request: "stream", "plain".
        allowed: Maximum number of requests at a time that it accepted, if it refused more.
        rename: New names of fields that it knows by other names.
        drop: Fields that it refuses.
        tokens: Number of tokens generated for this examination, if the server counts them.
    """

    software: str | None = None
    models: tuple[str, ...] = ()
    slots: int | None = None
    context: int | None = None
    seconds_per_token: float | None = None
    streams: bool | None = None
    several: bool | None = None
    counts_all: bool | None = None
    logprobs: str | None = None
    on_request: dict[str, Any] = field(default_factory=dict)
    schemas: bool | None = None
    tools: bool | None = None
    frees: dict[str, bool] = field(default_factory=dict)
    allowed: int | None = None
    rename: dict[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    tokens: int = 0


@dataclass(frozen=True)
class Asked:
    """The response to one request.

    Attributes:
        body: The completion.
        seconds: Seconds until it was complete.
        first: Seconds until the first piece arrived.
        pieces: Number of events of the stream; 1 without a stream.
    """

    body: Json
    seconds: float
    first: float
    pieces: int

    @property
    def choices(self) -> list[Mapping[str, Any]]:
        """The choices; never empty."""
        return [mapping(choice) for choice in items(self.body.get("choices"))]

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return read_completion(self.body).replies[0].text

    @property
    def places(self) -> list[Mapping[str, Any]]:
        """The tokens of the first choice with their log-probabilities."""
        return [mapping(p) for p in items(mapping(self.choices[0].get("logprobs")).get("content"))]


class Server:
    """Sends requests to a server, and keeps what is known about it.

    Attributes:
        endpoint: The server and the model.
        named: Whether a model is chosen.
        facts: What is known so far.
    """

    def __init__(self, endpoint: Endpoint, *, named: bool = True) -> None:
        self.endpoint = endpoint
        self.named = named
        self.facts = Facts()
        self._left: list[Endpoint] = []

    def name(self, model: str) -> None:
        """From now on ask for this model."""
        self.named = True
        self._change(model=model)

    def adapted(self, *, rename: Mapping[str, str] | None = None, drop: str | None = None) -> None:
        """From now on send a field by another name, or not at all."""
        self.facts.rename |= rename or {}
        self.facts.drop += (drop,) if drop else ()
        self._change(rename=dict(self.facts.rename), drop=self.facts.drop)

    async def ask(self, question: str = COUNTING, **fields: Any) -> Asked:
        """Ask once; at most `SHORT` tokens at temperature 1 unless the fields say otherwise.

        Raises:
            EndpointError: If the server refuses, or says what is no completion.
            ConnectionError: If it cannot be reached, or the reply breaks off.
            TimeoutError: If it takes too long.
        """
        body: Json = {"messages": [{"role": "user", "content": question}]}
        body |= {"max_tokens": SHORT, "temperature": 1.0, **fields}
        if fields.get("stream"):
            body["stream_options"] = {"include_usage": True}
        began, first, received = time.monotonic(), 0.0, []
        async with aclosing(self.endpoint.forward(body)) as events:
            async for data in events:
                received.append(data)
                first = first or time.monotonic() - began
        whole = _completion(received)
        self.facts.tokens += read_completion(whole).tokens.output or 0
        return Asked(whole, time.monotonic() - began, first, len(received))

    async def aclose(self) -> None:
        """Close the connections."""
        for endpoint in (*self._left, self.endpoint):
            await endpoint.aclose()

    async def look(self, path: str) -> tuple[Any, Mapping[str, str]]:
        """Return the response of a GET request as JSON, else as text, with the headers.

        Raises the errors of `ask`.
        """
        text, headers = await self.endpoint.look(path)
        try:
            return loads(text), headers
        except ValueError:
            return text, headers

    def _change(self, **fields: Any) -> None:
        self._left.append(self.endpoint)
        self.endpoint = replace(self.endpoint, **fields)

    async def may_look(self, path: str) -> tuple[Any, Mapping[str, str]]:
        """Return the same as `look`; None and no headers if the request fails."""
        try:
            return await self.look(path)
        except (EndpointError, ConnectionError, TimeoutError):
            return None, {}


def _completion(received: Sequence[str]) -> Json:
    """Return the completion from a whole body or from the events of a stream."""
    if len(received) == 1 and "[DONE]" not in received[0]:
        found: Json = loads(received[0])
        if error_in(found) or any("message" in mapping(c) for c in items(found.get("choices"))):
            return found
    streamed = StreamedCompletion()
    for data in received:
        streamed.add(data)
    return streamed.body()
