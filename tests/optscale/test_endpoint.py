import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bestofinf.errors import UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Reply, Usage
from bestofinf.scorers import RewardEndpoint, sigmoid

REPLY = Reply(text="42")
AGAIN = FailurePolicy(retries=2, longest_wait=0.0, timeout=5)


class Server:
    """Answers with the responses given, in order; the last one again and again."""

    def __init__(self) -> None:
        self.responses: list[tuple[int, bytes]] = [(200, b'{"score": 0.5}')]
        self.requests: list[tuple[dict[str, str], object]] = []
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((dict(self.headers), json.loads(body)))
                outer.hold.wait(10)
                place = min(len(outer.requests), len(outer.responses)) - 1
                status, text = outer.responses[place]
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a client that ran out of time hangs up

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/score"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.close()


def test_endpoint_is_sent_prompt_and_reply_and_its_score_is_read(server):
    scorer = RewardEndpoint(server.url, headers={"Authorization": "Bearer k"}, price=0.25)
    found = scorer.score("6 x 7?", REPLY)
    assert found.value == 0.5
    assert found.usage == Usage(calls=1, cost=0.25)
    headers, body = server.requests[0]
    assert body == {"input": "6 x 7?", "output": "42"}
    assert headers["Authorization"] == "Bearer k"
    assert asyncio.run(scorer.ascore("6 x 7?", REPLY)) == found
    assert "Bearer" not in repr(scorer)


def test_score_may_lie_deep_and_on_another_scale(server):
    server.responses = [(200, b'{"data": [{"score": 0.0}]}')]
    scorer = RewardEndpoint(
        server.url,
        body=lambda prompt, reply: {"text_1": prompt, "text_2": reply.text},
        path="data.0.score",
        scale=sigmoid,
    )
    assert scorer.score("p", REPLY).value == 0.5
    assert server.requests[0][1] == {"text_1": "p", "text_2": "42"}


def test_busy_endpoint_is_asked_again(server):
    server.responses = [(503, b""), (429, b""), (200, b'{"score": 1}')]
    found = RewardEndpoint(server.url, policy=AGAIN).score("", REPLY)
    assert found.value == 1
    assert found.usage.calls == 3


def test_refusal_is_not_asked_again(server):
    server.responses = [(401, b"")]
    found = RewardEndpoint(server.url, policy=AGAIN).score("", REPLY)
    assert found.value is None
    assert "status 401" in found.note
    assert len(server.requests) == 1


@pytest.mark.parametrize("text", [b"", b"no json", b"{}", b"[]", b'{"score": null}',
                                  b'{"score": "high"}', b'{"score": true}', b'{"score": 3}',
                                  b'{"score": NaN}'])  # fmt: skip
def test_response_without_a_score_gives_none_and_is_paid_for(server, text):
    server.responses = [(200, text)]
    found = RewardEndpoint(server.url).score("", REPLY)
    assert found.value is None
    assert found.usage.calls == 1


def test_endpoint_that_hangs_gives_none_in_time(server):
    server.hold.clear()
    scorer = RewardEndpoint(server.url, policy=FailurePolicy(retries=0, timeout=0.2))
    assert scorer.score("", REPLY).value is None
    assert asyncio.run(scorer.ascore("", REPLY)).value is None


def test_endpoint_that_is_not_there_gives_none():
    scorer = RewardEndpoint("http://127.0.0.1:9/", policy=FailurePolicy(retries=0))
    found = scorer.score("", REPLY)
    assert found.value is None
    assert "ConnectionError" in found.note


def test_only_web_addresses_are_endpoints():
    with pytest.raises(UsageError, match="http"):
        RewardEndpoint("file:///etc/passwd")
