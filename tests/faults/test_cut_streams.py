"""A stream that ends before its reply does is no vote, wherever it is cut."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langchain_core.output_parsers import StrOutputParser

from bestofinf.answers import AutoAnswer
from bestofinf.ensemble.endpoint import Endpoint
from bestofinf.errors import SamplingError
from bestofinf.wire import EndpointError
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat

PIECES = ("The answer is", " 4", "2", ". Or is", " the answer 7", "?", " The answer is 421", ".")
WHOLE = "421"


def recorded() -> bytes:
    deltas = [({"role": "assistant", "content": piece}, None) for piece in PIECES]
    events = [
        {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        for delta, finish in [*deltas, ({}, "stop")]
    ]
    lines = [json.dumps(event, separators=(",", ":")) for event in events]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


@contextmanager
def cut() -> Iterator[tuple[str, list[int]]]:
    """Serve the recorded reply up to a place, and close the connection as if it had ended."""
    at = [0]
    body = recorded()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(body[: at[0]])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", at
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def chat(url: str):
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="m", api_key="x", base_url=url, max_retries=0, streaming=True)


SETTINGS = {"rule": "fixed:n=1", "retries": 0}


@pytest.mark.parametrize("kind", ["chat", "chain"])
def test_no_position_gives_another_vote_in_langchain(kind):
    votes = set()
    with cut() as (url, at):
        model = chat(url)
        if kind == "chat":
            ensemble = AdaptiveEnsembleChat([model], **SETTINGS)
        else:
            ensemble = AdaptiveEnsemble(model | StrOutputParser(), include_trace=True, **SETTINGS)
        for at[0] in range(0, len(recorded()) + 1, 1 if kind == "chat" else 7):
            try:
                if kind == "chat":
                    told = ensemble.invoke("q").response_metadata["bestofinf"]
                else:
                    told = ensemble.invoke("q")["bestofinf"]
            except SamplingError:
                continue
            votes.add(told["answer"])
            if told["answer"] is None:
                assert told["samples"][0]["note"] in ("broken off", "empty"), at
        model.root_client.close()
    assert votes == {None, WHOLE}


def test_no_position_gives_another_vote_of_an_endpoint():
    votes = set()
    with cut() as (url, at):
        endpoint = Endpoint("m", url=url)
        for at[0] in range(len(recorded()) + 1):
            try:
                found = endpoint.send({"messages": [{"role": "user", "content": "q"}]})
            except EndpointError:
                continue
            votes.add(AutoAnswer().vote(found.reply)[0])
    assert votes == {WHOLE}
