"""Access control: clients' keys; without keys, requests that come from web pages are refused.

Without keys, any web page that the user visits could send requests to the endpoint and spend the
user's money. Such requests are recognised, because a page cannot choose its ``Origin``, and a name
rebound to this machine (DNS rebinding) shows in ``Host``.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from bestofinf.serve.config import LOOPBACK, Keyring, Serving
from bestofinf.serve.exchange import Receive, Scope, Send, header
from bestofinf.serve.telling import send_error

OPEN = frozenset({"/health", "/ready"})
"""Paths that need no key."""
OWNER = "bestofinf.owner"
KEY = "bestofinf.key"


class Guard:
    """Passes allowed requests on, and refuses others with the reason.

    Args:
        app: The application behind the guard.
        serving: The settings of the server: its address and the allowed origins.
        keyring: The clients' keys.
    """

    def __init__(self, app: object, serving: Serving, keyring: Keyring) -> None:
        self._app = app
        self._serving = serving
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or a life-cycle message of the server."""
        if scope["type"] == "http":
            path = str(scope["path"])
            if not path.startswith("/view") and path not in OPEN and not self._preflight(scope):
                refused = self._refused(scope)
                if refused is not None:
                    await send_error(send, *refused)
                    return
        await self._app(scope, receive, send)  # type: ignore[operator]

    def _refused(self, scope: Scope) -> tuple[int, str, str] | None:
        key = bearer(scope)
        scope[KEY] = key
        scope[OWNER] = ""
        if self._keyring:
            owner = self._keyring.owner(key)
            if owner is None:
                return 401, "Incorrect API key provided.", "invalid_api_key"
            scope[OWNER] = owner
            return None
        if self._serving.local and not _is_loopback(header(scope, b"host")):
            return 403, "Host must be localhost, 127.0.0.1 or [::1]", "host_not_allowed"
        origin = header(scope, b"origin")
        if origin and not _allowed(origin, self._serving.cors):
            return 403, "this origin is not allowed: name it in [serve] cors", "origin_not_allowed"
        return None

    def _preflight(self, scope: Scope) -> bool:
        """Return whether the request is a CORS preflight, which browsers send without a key."""
        return bool(self._serving.cors) and scope["method"] == "OPTIONS"


def bearer(scope: Scope) -> str | None:
    """Return the bearer token of a request; None if it has none."""
    kind, _, key = header(scope, b"authorization").partition(" ")
    return (key.strip() or None) if kind.lower() == "bearer" else None


def _is_loopback(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in LOOPBACK
    except ValueError:
        return False


def _allowed(origin: str, cors: Sequence[str]) -> bool:
    return origin in cors or "*" in cors
