"""Two providers' servers on the loopback interface, for their own clients: OpenAI's and Anthropic's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SEARCH = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "weather in Rome"},
}


@dataclass
class Providers:
    """What a running server was asked, and where it is.

    Attributes:
        url: Of the server, without a version.
        bodies: By path, in order of arrival.
        call: Name and arguments of the tool call in every first reply; after a tool's result, and
            where it is None, the reply is "Sunny."
    """

    url: str
    call: tuple[str, dict[str, Any]] | None = None
    bodies: dict[str, list[Any]] = field(default_factory=dict)

    def answer(self, path: str, body: Any) -> Any:
        """Return the reply to a request."""
        self.bodies.setdefault(path, []).append(body)
        asked = json.dumps(body.get("messages", body.get("input")))
        call = None if "tool_result" in asked or "function_call_output" in asked else self.call
        return (_openai if path.endswith("/responses") else _anthropic)(call)


@contextmanager
def providers(call: tuple[str, dict[str, Any]] | None = None) -> Iterator[Providers]:
    """Serve both APIs as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told = json.dumps(running.answer(self.path, body)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *given: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = Providers(f"http://127.0.0.1:{server.server_port}", call)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()


def _openai(call: tuple[str, dict[str, Any]] | None) -> Any:
    text = {"type": "output_text", "text": "Sunny.", "annotations": []}
    last: dict[str, Any] = {"type": "message", "id": "msg_1", "role": "assistant"}
    last |= {"status": "completed", "content": [text]}
    if call is not None:
        last = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed"}
        last |= {"name": call[0], "arguments": json.dumps(call[1])}
    usage = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}
    details = {"cached_tokens": 0, "reasoning_tokens": 0}
    usage |= {f"{way}_tokens_details": details for way in ("input", "output")}  # type: ignore[misc]
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 0,
        "model": "made",
        "status": "completed",
        "output": [SEARCH, last],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }


def _anthropic(call: tuple[str, dict[str, Any]] | None) -> Any:
    content: dict[str, Any] = {"type": "text", "text": "Sunny."}
    if call is not None:
        content = {"type": "tool_use", "id": "toolu_1", "name": call[0], "input": call[1]}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-made",
        "content": [content],
        "stop_reason": "end_turn" if call is None else "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 3},
    }
