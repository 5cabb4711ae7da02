"""Members by URL: models behind OpenAI-compatible servers.

Replies are requested as streams, because servers such as llama.cpp notice that a client has
disconnected only while they write to it: then a cancelled draw frees its slot at once. If a server
refuses to stream, the request is sent again without.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, fields
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from bestofinf._concurrency.blocking import run_blocking
from bestofinf.border import HIDDEN, hide_secrets, remember_keys
from bestofinf.ensemble.chat import reading
from bestofinf.errors import UsageError, is_number, shown, whole
from bestofinf.records import Reading
from bestofinf.wire import EndpointError, chat_body, draw_body, read_completion
from bestofinf.wire.requests import wants_json
from bestofinf.wire.values import Json, dumps, loads

if TYPE_CHECKING:
    from bestofinf.ensemble.openai_http import Connections

OPENAI_URL = "https://api.openai.com/v1"
URL_VARIABLE = "OPENAI_BASE_URL"
KEY_VARIABLE = "OPENAI_API_KEY"
_ASKED = ("n", "stream", "stream_options")  # `complete` sets these itself, `forward` passes them on
_LIMITS = {"max_tokens", "max_completion_tokens"}
_SHORTEST_KEY = 8  # a shorter key, such as "none", may be an ordinary word of an error's text


@dataclass(frozen=True, repr=False)
class Endpoint:
    """One model behind a server with OpenAI's chat completions.

    Attributes:
        model: The server's name for the model.
        url: Base of the address, usually ending in ``/v1``. The default is
            ``OPENAI_BASE_URL``, or OpenAI's own server.
        key: Sent as a bearer token. A function is called for every request and returns the key, or
            None for none. None takes the key from `key_variable`.
        key_variable: Environment variable that holds the key, which must be set. None takes
            ``OPENAI_API_KEY`` for OpenAI's own server, where it must be set, and for
            the one that ``OPENAI_BASE_URL`` names. It is not sent to other servers.
        max_tokens: Maximum number of tokens of a reply; None leaves it to the server.
        temperature: Temperature of the samples; None leaves it to the server.
        system: Instructions before the messages, unless these begin with some.
        extra: Further fields of every request; they replace those of the question.
        rename: The server's names for fields with other names there.
        drop: Fields that the server does not accept.
        headers: Further headers of every request.
        stream: Whether replies are requested as streams.
        timeout: Time limit for one request, in seconds above 0.
        connect_timeout: Time limit for connecting, in seconds above 0.
        connections: Maximum number of connections at a time in one event loop; None for no limit.

    Raises:
        UsageError: If a value is out of its range.
        MissingExtraError: If aiohttp is not installed.
    """

    model: str
    url: str = ""
    key: str | Callable[[], str | None] | None = None
    key_variable: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    system: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = True
    timeout: float = 600.0
    connect_timeout: float = 10.0
    connections: int | None = None
    _connections: Connections = field(init=False, compare=False)
    _plain: set[frozenset[str]] = field(init=False, compare=False, default_factory=set)

    def __post_init__(self) -> None:
        from bestofinf.ensemble.openai_http import Connections

        if not isinstance(self.model, str) or not self.model:
            raise UsageError(f"model must be the name of a model, got {shown(self.model)}")
        url = self.url or os.environ.get(URL_VARIABLE) or OPENAI_URL
        if _parts(url) is None:
            raise UsageError(
                "url must be the address of a server, such as http://127.0.0.1:8080/v1, "
                f"got {_public(str(url))!r}"
            )
        for name in ("timeout", "connect_timeout"):
            value = getattr(self, name)
            if not is_number(value) or value <= 0:
                raise UsageError(f"{name} must be above 0, got {shown(value)}")
        for name in ("max_tokens", "connections"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        object.__setattr__(self, "url", url)
        made = Connections(self.timeout, self.connect_timeout, self.connections)
        object.__setattr__(self, "_connections", made)

    @classmethod
    def of(cls, given: Any) -> Endpoint:
        """Return the endpoint for an endpoint, a name, or a mapping of its fields.

        A name may begin with ``openai:``, and may end with ``@`` and the address of a server.

        Raises:
            UsageError: If it is none of these.

        >>> Endpoint.of("qwen3-8b@http://127.0.0.1:8080/v1").url
        'http://127.0.0.1:8080/v1'
        """
        if isinstance(given, Endpoint):
            return given
        if isinstance(given, str):
            if given.startswith(("http://", "https://")):
                raise UsageError(
                    "a member by URL needs the server's name for its model: write "
                    f"MODEL@{_public(given)}"
                )
            name, at, url = given.removeprefix("openai:").partition("@http")
            return cls(name, url=f"http{url}" if at else "")
        if isinstance(given, Mapping):
            known = {f.name for f in fields(cls) if f.init}
            if not known >= given.keys() >= {"model"}:
                raise UsageError(
                    "an endpoint given as a mapping has the key 'model' and may have "
                    f"{', '.join(sorted(known - {'model'}))}; got {', '.join(map(str, given))}"
                )
            return cls(**given)
        raise UsageError(
            f"a member must be an Endpoint, the name of a model, or a mapping, got {shown(given)}"
        )

    def __repr__(self) -> str:
        """Show the model and the address alone, because other fields may contain a key."""
        return f"Endpoint({self.model!r}, url={_public(self.url)!r})"

    def check(self) -> None:
        """Check that there is a key if one is necessary.

        Raises:
            UsageError: If there is none; names the variable to set.
        """
        if callable(self.key):
            return
        if (self.key_variable is not None or self._at_openai()) and self._key() is None:
            raise UsageError(
                f"member {self.model!r} needs a key for {_public(self.url)}: set "
                f"{self.key_variable or KEY_VARIABLE}, or give the address of another server"
            )

    def send(self, body: Json) -> Reading:
        """Ask the model once, in an event loop of its own."""
        return run_blocking(self.asend(body))

    async def asend(self, body: Json) -> Reading:
        """Ask the model once. If the task is cancelled, the connection is closed."""
        completion = read_completion(await self.complete(body), structured=wants_json(body))
        return reading(completion)

    async def complete(self, body: Json) -> Json:
        """Return the completion for a request's body as the server wrote it.

        Raises:
            EndpointError: If the server refuses, or its reply is not a completion.
            ConnectionError: If the server cannot be reached, or the reply breaks off.
            TimeoutError: If a time limit is exceeded.
        """
        shape = frozenset(body)
        if self.stream and shape not in self._plain:
            try:
                return await self._post(body, stream=True)
            except EndpointError as error:
                if not _refuses_streams(error):
                    raise
            self._plain.add(shape)  # by fields, because some refuse to stream only with some fields
        return await self._post(body, stream=False)

    async def forward(self, body: Json) -> AsyncGenerator[str, None]:
        """Forward a body and yield the data of the server's events, or its whole completion.

        In contrast to `complete`, the body itself says how many choices it wants and whether to
        stream. If the generator is closed, the connection is closed too. Raises the errors of
        `complete`.
        """
        asked = {name: body[name] for name in _ASKED if body.get(name) is not None}
        sent = self._sent(body) | {k: v for k, v in asked.items() if k not in self.drop}
        with self._explained():
            answer = self._connections.stream(_completions(self.url), sent, self._headers())
            async with aclosing(answer) as events:
                async for data in events:
                    yield data

    async def look(self, path: str) -> tuple[str, Mapping[str, str]]:
        """Return the text and the headers of a GET request to the server.

        Args:
            path: Path below the address, such as ``models``. If it begins with a slash, such as
                ``/health``, it is below the part of the address before ``/v1``.

        Raises the errors of `complete`.
        """
        parts = urlsplit(self.url)
        base = parts.path.rstrip("/").removesuffix("/chat/completions")
        if path.startswith("/"):
            base = base.removesuffix("/v1")
        address = urlunsplit(parts._replace(path=f"{base}/{path.lstrip('/')}"))
        with self._explained(address):
            return await self._connections.get(address, self._headers())

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._connections.aclose()

    @property
    def fixed(self) -> SimpleNamespace:
        """Fields that every request has, by name; for warnings about samples that cannot differ."""
        return SimpleNamespace(**{"temperature": self.temperature, **self.extra})

    async def _post(self, body: Json, *, stream: bool) -> Json:
        with self._explained():
            return await self._connections.post(
                _completions(self.url), self._sent(body, stream=stream), self._headers()
            )

    def _sent(self, body: Json, *, stream: bool = False) -> Json:
        """Return a body as it is sent."""
        own: Json = {}
        if self.temperature is not None:
            own["temperature"] = self.temperature
        if self.max_tokens is not None and not body.keys() & _LIMITS:
            # OpenAI's newer models know only the first name, older servers only the second.
            at_openai = self.url.startswith(OPENAI_URL)
            own["max_completion_tokens" if at_openai else "max_tokens"] = self.max_tokens
        return draw_body(
            chat_body(own | body, system=self.system),
            model=self.model,
            stream=stream,
            rename=self.rename,
            drop=self.drop,
            change=self.extra,
        )

    @contextmanager
    def _explained(self, address: str | None = None) -> Iterator[None]:
        try:
            yield
        except (EndpointError, ConnectionError, TimeoutError) as error:
            self._explain(error, address or _completions(self.url))
            raise

    def _key(self) -> str | None:
        if callable(self.key):
            return self.key()
        variable = self.key_variable
        if variable is None and (self._at_openai() or self.url == os.environ.get(URL_VARIABLE)):
            variable = KEY_VARIABLE
        key = self.key or (os.environ.get(variable) if variable else None) or ""
        return key.strip() or None

    def _at_openai(self) -> bool:
        at = urlsplit(self.url)
        host = at.hostname or ""
        return at.scheme == "https" and (
            host == "api.openai.com" or host.endswith(".api.openai.com")
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", **self.headers}
        key = self._key()
        if key is not None and urlsplit(self.url).username is None:
            headers.setdefault("Authorization", f"Bearer {key}")
            remember_keys({"api_key": key})  # so that it is hidden in errors from anywhere
        return headers

    def _explain(self, error: Exception, address: str) -> None:
        """Add the address or a hint to an error's message, and hide the key in it."""
        status = error.status_code if isinstance(error, EndpointError) else None
        told = str(error)
        if status is None:
            told = f"{_public(self.url)}: {told}"
        elif status == 404:
            told = f"{told} (asked at {_public(address)})"
        key = self._key()
        if status == 401 and key is None:
            missing = f"set {KEY_VARIABLE}" if self._at_openai() else "name its key_variable"
            if self.key_variable is not None:
                missing = f"set {self.key_variable}"
            told = f"{told} (no key was sent: {missing})"
        error.args = (hide_secrets(told),)
        if isinstance(error, EndpointError) and key is not None and len(key) >= _SHORTEST_KEY:
            error.body = loads(dumps(error.body).replace(key, HIDDEN))


def _refuses_streams(error: EndpointError) -> bool:
    named = (error.param or "").startswith("stream") or "stream" in str(error).lower()
    return error.status_code in (400, 422) and named


def _parts(url: Any) -> SplitResult | None:
    """Return the parts of a server's address; None if it is not one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except (ValueError, TypeError, AttributeError):
        return None
    return parts if usable else None


@lru_cache(maxsize=256)
def _completions(url: str) -> str:
    """Return the address of chat completions below a base, with the base's query."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit(parts._replace(path=f"{path}/chat/completions"))


def _public(url: str) -> str:
    """Return an address without user, password and query, for messages."""
    scheme, _, rest = url.partition("?")[0].rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else rest
