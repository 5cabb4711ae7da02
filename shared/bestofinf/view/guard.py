"""Access control of the page: only this machine's user, with the link that the program printed.

The page can write, so it is protected against all other pages in the browser. A request must name a
known host (which stops DNS rebinding, where the origin matches but the host is not ours), must not
come from another site, and must have a cookie that only the link sets. A request that writes must
also have a token from the page's own form. The content security policy of responses allows a page to
load only this server's own files, and no inline script.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not no-referrer: with it a browser sends "Origin: null" with the page's own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass
class Access:
    """Who may use the page.

    Args:
        token: A token that opens the page any number of times, as ``?token=``. None: each link
            from `link` opens it once.
        hosts: Names that requests may give as their host, without the port, besides those of this
            machine.

    Attributes:
        used: Event that is set whenever a link was used.
    """

    token: str | None = None
    hosts: Iterable[str] = ()
    used: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._key = (self.token or secrets.token_urlsafe(32)).encode()
        self._known = {*LOOPBACK, *(host.lower() for host in self.hosts)}
        self._links: set[str] = set()

    def link(self) -> str:
        """Return the token of a link: a new one that works once, unless the token is given."""
        if self.token is not None:
            return self.token
        made = secrets.token_urlsafe(24)
        self._links.add(made)
        return made

    @property
    def cookie(self) -> str:
        """Name of the cookie. Ports share cookies, so each server has a name of its own."""
        return f"bestofinf_{self._word('cookie')[:12]}"

    @property
    def session(self) -> str:
        """The value of the cookie."""
        return self._word("session")

    @property
    def form(self) -> str:
        """The token that forms contain."""
        return self._word("form")

    def takes(self, token: str) -> bool:
        """Return whether a token opens the page; the token of a link is used up by this."""
        if self.token is not None:
            return _same(token, self.token)
        for known in [*self._links]:
            if _same(token, known):
                self._links.discard(known)
                self.used.set()
                return True
        return False

    def knows_host(self, host: str) -> bool:
        """Return whether requests may name this host."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        name = f"[{name}]" if ":" in name else name
        plain = name if port is None else f"{name}:{port}"
        return host.lower() == plain and name in self._known

    def _word(self, purpose: str) -> str:
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).hexdigest()


class Guard:
    """Passes requests that `Access` allows on to an application, and adds the policy to responses.

    Args:
        app: The application behind the guard.
        access: Who may use it.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send_with_policy)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the response to a refused request; None if the request is allowed."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._access.knows_host(hosts[0]):
            return PlainTextResponse(
                "This page answers to the names of its own machine alone. To use another name, "
                "start it with --trusted-host NAME.",
                400,
            )
        site = headers.get("sec-fetch-site", "none")
        origins = headers.getlist("origin")
        own = {f"http://{hosts[0]}", f"https://{hosts[0]}"}
        if site not in ("none", "same-origin") or any(origin not in own for origin in origins):
            return PlainTextResponse("Another page may not use this one.", 403)
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        token = next((value for name, value in query if name == "token"), None)
        if token is not None and scope["method"] == "GET" and self._access.takes(token):
            return self._welcome(scope, [pair for pair in query if pair[0] != "token"])
        if not _same(_cookie(headers, self._access.cookie), self._access.session):
            return PlainTextResponse(
                "Open this page by the link that the program printed. A link works once; the "
                "program prints the next one.",
                403,
            )
        if token is not None and scope["method"] == "GET":  # an old link, but a valid cookie
            return self._welcome(scope, [pair for pair in query if pair[0] != "token"])
        return None

    def _welcome(self, scope: Scope, query: list[tuple[str, str]]) -> Response:
        path = scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or scope["path"]
        path = "/" + path.lstrip("/")  # two slashes would mean another host
        answer = RedirectResponse(path + ("?" + urlencode(query) if query else ""), 303)
        answer.set_cookie(
            self._access.cookie,
            self._access.session,
            path=scope.get("root_path", "") or "/",
            httponly=True,
            samesite="strict",
        )
        return answer


def _cookie(headers: Headers, name: str) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        for line in headers.getlist("cookie"):
            jar.load(line)
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
