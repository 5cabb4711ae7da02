"""Streams of server-sent events: from bytes to chunks, and from the chunks of a reply to a completion.

Source of the format: the HTML standard, section 9.2.6 (event streams). Only ``data`` fields are
read and written, because many clients of OpenAI's format fail on ``id``, ``event`` and ``retry``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.border import as_count
from bestofinf.wire.errors import LostReplyError, endpoint_error, error_in
from bestofinf.wire.values import Json, dumps, encoded, items, loads, mapping, text

DONE = "[DONE]"
"""Data of the last event of a stream."""
HEARTBEAT = b": waiting\n\n"
"""A comment that keeps a connection alive and that clients ignore."""


def event(data: Mapping[str, Any] | str) -> bytes:
    """Return one event: a chunk as JSON, or a text such as `DONE`."""
    return b"data: " + (data.encode() if isinstance(data, str) else encoded(data)) + b"\n\n"


class EventReader:
    """Splits received bytes into the data of events, wherever the pieces of bytes are cut."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # of the last line, which may be long: each piece is read once
        self._return = b""
        self._data: list[str] = []

    def feed(self, received: bytes) -> Iterator[str]:
        """Yield the data of every complete event."""
        received = self._return + received
        self._return = received[-1:] if received.endswith(b"\r") else b""  # half of a CRLF?
        *lines, rest = (received.removesuffix(b"\r") + b".").splitlines()
        if lines:
            lines[0] = b"".join([*self._line, lines[0]])
            self._line.clear()
        self._line.append(rest[:-1])
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                yield self._event()

    def close(self) -> Iterator[str]:
        """Yield the last event if the stream ended without an empty line after it."""
        self._take(b"".join(self._line))
        self._line, self._return = [], b""
        if self._data:
            yield self._event()

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))

    def _event(self) -> str:
        data, self._data = "\n".join(self._data), []
        return data


class StreamedCompletion:
    """Assembles the chunks of a stream.

    Servers number tool calls in different ways: a call without an index, or with the index of
    another call and an id of its own, is a new one.
    """

    def __init__(self) -> None:
        self._outer: Json = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Mapping[str, Any] = {}
        self._done = False

    def add(self, data: str) -> None:
        """Take the data of one event.

        Raises:
            EndpointError: If it is an error.
            LostReplyError: If it is not JSON, for example because a connection was cut.
        """
        if data.strip() == DONE:
            self._done = True
            return
        try:
            chunk = loads(data)
        except ValueError as error:
            raise LostReplyError(f"a piece of the stream is no JSON: {data[:80]!r}") from error
        self.add_chunk(chunk)

    def add_chunk(self, chunk: Any) -> None:
        """Take the parsed data of one event; raises the errors of `add`."""
        if error_in(chunk):
            raise endpoint_error(None, chunk)
        found = mapping(chunk)
        self._outer |= {k: v for k, v in found.items() if k not in ("choices", "usage")}
        self._usage = mapping(found.get("usage")) or self._usage
        for choice in map(mapping, items(found.get("choices"))):
            if error_in(choice):
                raise endpoint_error(None, choice)
            place = as_count(choice.get("index")) or 0
            self._choices.setdefault(place, _Choice(place)).add(choice)

    def body(self) -> Json:
        """Return the completion that the chunks make up.

        Raises:
            LostReplyError: If the stream ended before the reply was complete: it had no choice, or
                one without a finish reason and no final `DONE`.
        """
        choices = [self._choices[place] for place in sorted(self._choices)]
        if not choices or not (self._done or all(choice.finished for choice in choices)):
            raise LostReplyError("the stream ended before the reply did")
        body = {**self._outer, "object": "chat.completion"}
        body["choices"] = [choice.whole() for choice in choices]
        return body | {"usage": dict(self._usage)} if self._usage else body


class _Choice:
    """One choice of a stream so far."""

    def __init__(self, index: int) -> None:
        self._outer: Json = {"index": index}
        self._message: Json = {}
        self._texts: dict[str, list[str]] = {}  # joined at the end: replies may be long
        self._calls: list[_Call] = []
        self._latest: dict[int | None, _Call] = {}  # by index
        self._legacy: _Call | None = None
        self._logprobs: dict[str, list[Any]] = {}

    @property
    def finished(self) -> bool:
        return text(self._outer.get("finish_reason")) is not None

    def add(self, choice: Mapping[str, Any]) -> None:
        for name, value in choice.items():
            if name not in ("delta", "logprobs", "index") and value is not None:
                self._outer[name] = value
        for name, value in mapping(choice.get("logprobs")).items():
            self._logprobs.setdefault(name, []).extend(items(value))
        for name, value in mapping(choice.get("delta")).items():
            if name == "tool_calls":
                for call in map(mapping, items(value)):
                    self._call(call)
            elif name == "function_call":
                self._legacy = self._legacy or _Call()
                self._legacy.add({"function": mapping(value)})
            elif name != "role" and isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif isinstance(value, list) and isinstance(self._message.get(name), list):
                self._message[name] += value
            elif value is not None:
                self._message[name] = value

    def _call(self, part: Mapping[str, Any]) -> None:
        index, own_id = as_count(part.get("index")), text(part.get("id"))
        known = self._latest.get(index)
        if known is None and self._calls and index is None and own_id is None:
            known = self._calls[-1]
        if known is None or (own_id is not None and known.id not in (None, own_id)):
            known = self._latest[index] = _Call()
            self._calls.append(known)
        known.add(part)

    def whole(self) -> Json:
        message = {"role": "assistant", "content": None, **self._message}
        message |= {name: "".join(pieces) for name, pieces in self._texts.items()}
        if self._calls:
            message["tool_calls"] = [call.whole() for call in self._calls]
        if self._legacy is not None:
            message["function_call"] = self._legacy.whole()["function"]
        logprobs = {name: found or None for name, found in self._logprobs.items()} or None
        return {**self._outer, "message": message, "logprobs": logprobs} | (
            {} if "finish_reason" in self._outer else {"finish_reason": None}
        )


class _Call:
    """One tool call of a stream so far."""

    def __init__(self) -> None:
        self.id: str | None = None
        self._outer: Json = {"type": "function"}
        self._name = ""
        self._arguments: list[str] = []

    def add(self, part: Mapping[str, Any]) -> None:
        self.id = self.id or text(part.get("id"))
        self._outer |= {
            name: value
            for name, value in part.items()
            if name not in ("index", "id", "function") and value is not None
        }
        function = mapping(part.get("function"))
        self._name = self._name or text(function.get("name")) or ""
        arguments = function.get("arguments")
        if isinstance(arguments, Mapping):
            arguments = dumps(arguments)
        self._arguments.append(text(arguments) or "")

    def whole(self) -> Json:
        function = {"name": self._name, "arguments": "".join(self._arguments)}
        return {"id": self.id, **self._outer, "function": function}
