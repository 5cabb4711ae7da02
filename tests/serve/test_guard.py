"""Who may ask, how much at a time, and what stands in the log."""

from __future__ import annotations

import hashlib
import logging
import socket
import time

import pytest

from support.backends import EchoBackend
from support.faults import Fault, Faults

KEY = "sk-client-7f3b2a9c55e1d04f"


@pytest.fixture
def keyed(endpoint, monkeypatch):
    monkeypatch.setenv("ALICE_KEY", KEY)
    digest = hashlib.sha256(b"bobs-own-key").hexdigest()

    def start(**settings):
        keys = f'keys = {{ alice = "env:ALICE_KEY", bob = "sha256:{digest}" }}\n'
        settings["serve"] = keys + settings.get("serve", "")
        return endpoint(EchoBackend(), **settings)

    return start


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def test_a_client_without_a_right_key_is_401(keyed):
    made = keyed()
    for headers in (
        {},
        bearer("wrong"),
        {"authorization": "Bearer"},
        {"authorization": KEY},
        bearer(KEY + "x"),
    ):
        for path in ("/models", "/calls/x", "/metrics", "/nonsense"):
            found = made.http.get(path, headers=headers)
            assert (found.status_code, found.json()["error"]["code"]) == (401, "invalid_api_key")
        assert made.ask(headers=headers).status_code == 401
    assert made.members.counts.started == 0
    for key in (KEY, "bobs-own-key"):
        assert made.ask(headers=bearer(key)).status_code == 200
    assert all("authorization" not in body for body in made.members.bodies)
    assert made.http.get(made.url.removesuffix("/v1") + "/health").status_code == 200


def test_feedback_comes_from_whose_key_it_is(keyed, tmp_path):
    from bestofinf.evaluation import EvaluationStore

    made = keyed(serve=f'store = "{tmp_path / "a.db"}"\n')
    id_ = made.ask(headers=bearer(KEY)).json()["id"]
    body = {"id": id_, "gold": "7"}
    assert made.http.post("/feedback", json=body, headers=bearer("bobs-own-key")).is_success
    with EvaluationStore(tmp_path / "a.db") as store:
        assert "bob" in store.labels(id_)[-1].source


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example:8000"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]"}, 200),
        ({"host": "]["}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_without_keys_no_web_page_may_ask(endpoint, headers, status):
    assert endpoint(EchoBackend()).ask(headers=headers).status_code == status


def test_pages_that_are_named_may_ask(endpoint):
    made = endpoint(EchoBackend(), serve='cors = ["https://app.example"]')
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    assert made.http.options("/chat/completions", headers=asked).is_success
    found = made.ask(headers={"origin": "https://app.example"})
    assert found.headers["access-control-allow-origin"] == "https://app.example"
    assert made.ask(headers={"origin": "https://other.example"}).status_code == 403


def test_a_large_body_is_refused_before_it_is_read(endpoint):
    made = endpoint(EchoBackend(), serve="max_body = 100000")

    with socket.create_connection(("127.0.0.1", made.port)) as client:
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 104857600\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    with socket.create_connection(("127.0.0.1", made.port)) as client:
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b" " * 65536 + b"\r\n"
        )
        client.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")  # and there would be more
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    assert made.ask().status_code == 200


def test_headers_without_end_are_refused(endpoint):
    made = endpoint(EchoBackend())
    with socket.create_connection(("127.0.0.1", made.port)) as client:
        client.settimeout(30)
        client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n")
        try:
            for _ in range(200):
                client.sendall(b"X-Bomb: " + b"x" * 10_000 + b"\r\n")
            reply = client.recv(1000)
        except OSError:
            reply = b""
        assert not reply or reply.startswith(b"HTTP/1.1 4")
    assert made.ask().status_code == 200


def test_a_slow_client_is_let_go(endpoint, monkeypatch):
    monkeypatch.setattr("bestofinf.serve.server.SLOWEST_HEAD", 0.3)
    made = endpoint(EchoBackend(), serve="slow = 0.3")
    begun = (
        b"",
        b"POST /v1/chat",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{",
    )
    for sent in begun:
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", made.port)) as client:
            client.settimeout(30)
            client.sendall(sent)
            reply = client.recv(1000)
            assert not reply or reply.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - start < 15
    assert made.ask().status_code == 200


def test_more_requests_than_are_taken_are_told_to_come_back(endpoint, serve):
    import concurrent.futures

    server = serve(EchoBackend(), latency=1.0)
    made = endpoint(None, server=server, serve="max_in_flight = 2")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: made.ask(f"{n}"), range(4)))
    refused = [r for r in found if r.status_code == 429]
    assert sorted(r.status_code for r in found) == [200, 200, 429, 429]
    assert all(r.headers["retry-after"] == "1" for r in refused)
    assert made.ask().status_code == 200  # a place is free before its client hears the end


def test_no_key_prompt_or_reply_stands_in_the_log(keyed, caplog):
    caplog.set_level(logging.DEBUG)
    made = keyed(faults=Faults(at={0: Fault.BAD_REQUEST, 7: Fault.MALFORMED_JSON}))
    for n in range(5):
        made.ask(f"secret question {n}", headers=bearer(KEY))
    made.ask("secret question", headers=bearer("wrong-key-1234567"))
    made.http.post("/chat/completions", content=b"secret question{", headers=bearer(KEY))
    loud = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    told = "\n".join(record.getMessage() for record in loud)
    for word in ("secret question", "You said", KEY, "bobs-own-key", "wrong-key-1234567"):
        assert word not in told


def test_the_clients_own_key_goes_to_the_member_that_wants_it(endpoint, serve, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-server-0123456789")
    server = serve(EchoBackend(), api_key=KEY)
    made = endpoint(None, server=server, member='key = "client"\n')
    assert made.ask(headers=bearer(KEY)).status_code == 200
    assert made.ask(headers=bearer("sk-other-0123456789abcdef")).status_code == 401
    assert made.ask().status_code == 401
