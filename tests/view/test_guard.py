"""Who may use the page: this machine's user with the link; no other page, no other name."""

import pytest
from starlette.testclient import TestClient

from bestofinf.view import Access, app

BASE = "http://127.0.0.1:8000"

PATHS = (
    "/",
    "/questions",
    "/label",
    "/q/1",
    "/q/1/trace.json",
    "/q?key=q",
    "/static/view.js",
    "/none",
)


@pytest.fixture
def stranger(store, access):
    """A browser that was not let in."""
    with TestClient(app(store, access=access), base_url=BASE, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_without_the_link_nothing_is_shown(stranger, path):
    for headers in ({}, {"cookie": "bestofinf_0=1; x"}, {"cookie": '"'}):
        answer = stranger.get(path, headers=headers)
        assert answer.status_code == 403
        assert "link that the program printed" in answer.text
    assert stranger.get(path, params={"token": "wrong"}).status_code == 403


def test_a_link_lets_in_once_and_leaves_the_address(store):
    access = Access()
    token = access.link()
    application = app(store, access=access)
    with TestClient(application, base_url=BASE, follow_redirects=False) as client:
        answer = client.get("/questions", params={"token": token, "show": "all"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/questions?show=all")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/questions").status_code == 200
        again = client.get("/", params={"token": token})
        assert (again.status_code, again.headers["location"]) == (303, "/")
    assert access.used.is_set()
    with TestClient(application, base_url=BASE, follow_redirects=False) as client:
        assert client.get("/", params={"token": token}).status_code == 403
        assert client.get("/", params={"token": access.link()}).status_code == 303


def test_a_link_leads_to_no_other_host(store, access):
    with TestClient(app(store, access=access), base_url=BASE, follow_redirects=False) as client:
        answer = client.get("//evil.example/", params={"token": access.token})
        assert not answer.headers["location"].startswith(("//", "http"))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example:8000",
        "a@127.0.0.1:8000",
        "127.0.0.1:8000@evil.example",
        "127.0.0.1:99999999",
        "[::1",
        "",
    ],
)
def test_another_name_is_refused_even_with_the_cookie(browser, host):
    """A page that has its name point here later (DNS rebinding) comes with an origin of its own."""
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        answer = browser.get("/", headers=headers)
        assert answer.status_code == 400


@pytest.mark.parametrize("host", ["localhost:8000", "LOCALHOST:8000", "127.0.0.1", "[::1]:9"])
def test_the_machine_has_several_names(browser, host):
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    assert browser.get("/", headers={"host": host, "cookie": cookies}).status_code == 200


def test_a_name_can_be_trusted(store):
    access = Access("a token of sixteen", ["Labels.Example"])
    assert access.knows_host("labels.example:443")
    assert not access.knows_host("other.example")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:8000.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "anything"},
    ],
)
def test_another_page_can_use_nothing(browser, headers):
    for path in PATHS:
        assert browser.get(path, headers=headers).status_code == 403
        assert browser.post(path, headers=headers).status_code == 403


def test_the_own_page_can(browser):
    for headers in (
        {"origin": BASE, "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ):
        assert browser.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_forbids_what_a_page_need_not_do(browser, stranger, path):
    for client in (browser, stranger):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"


def test_two_servers_have_cookies_of_their_own():
    assert Access().cookie != Access().cookie
    assert Access("one and the same word").cookie == Access("one and the same word").cookie


def test_web_sockets_are_closed(browser):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/"):
        raise AssertionError("it was accepted")
