"""``POST /v1/chat/completions``: read a request, vote, and send the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from bestofinf.serve.asked import Asked, read_asked
from bestofinf.serve.catalogue import CLIENT_KEY, Catalogue
from bestofinf.serve.config import Serving
from bestofinf.serve.exchange import (
    ChatForm,
    Exchange,
    Form,
    GoneError,
    Receive,
    Scope,
    Send,
    read_body,
)
from bestofinf.serve.guard import KEY, OWNER
from bestofinf.serve.metrics import Metrics
from bestofinf.serve.recording import Journal
from bestofinf.serve.results import Finished
from bestofinf.serve.telling import RefusedError, send_json, told
from bestofinf.serve.voting import Passing, decided
from bestofinf.wire import HEARTBEAT, BadRequestError, event
from bestofinf.wire.values import loads

_LARGE = 2**18  # a body of at least this many bytes is parsed in a thread
_LATER = {"retry-after": "1"}


class Load:
    """The requests in flight in this process.

    Args:
        most: Maximum number at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.in_flight = 0

    def take(self) -> bool:
        """Take a slot, and return whether one was free."""
        if self.in_flight >= self._most:
            return False
        self.in_flight += 1
        return True


class Completions:
    """Answers requests for chat completions.

    Args:
        serving: The settings of the server.
        catalogue: Returns the current models.
        journal: Records the calls.
        metrics: Counts the calls.
        load: The requests in flight.
    """

    def __init__(
        self,
        serving: Serving,
        catalogue: Callable[[], Catalogue],
        journal: Journal,
        metrics: Metrics,
        load: Load,
    ) -> None:
        self._serving = serving
        self._catalogue = catalogue
        self._journal = journal
        self._metrics = metrics
        self._load = load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, as an ASGI application."""
        start, name, status = time.monotonic(), "", 0
        taken = self._load.take()
        self._metrics.in_flight.set(self._load.in_flight)

        def leave() -> None:
            nonlocal taken
            self._load.in_flight -= taken
            self._metrics.in_flight.set(self._load.in_flight)
            taken = False

        async def last(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                leave()  # before the client hears it, whose next request finds the place free
            await send(message)

        try:
            try:
                if not taken:
                    raise RefusedError(
                        429, "too many completions in flight here", "rate_limit_exceeded", _LATER
                    )
                asked, form = await self.read(scope, receive)
            except GoneError:
                return
            except Exception as error:
                response = told(error)
                status = response.status
                await send_json(last, status, response.body, response.headers)
                return
            name = asked.served.name
            CLIENT_KEY.set(scope.get(KEY))
            status = await self.answer(asked, form, receive, last)
        except GoneError:
            self._metrics.left.labels(name).inc()
        finally:
            leave()
            if status:
                self._metrics.requests.labels(name, str(status)).inc()
                self._metrics.seconds.labels(name).observe(time.monotonic() - start)

    async def read(self, scope: Scope, receive: Receive) -> tuple[Asked, Form]:
        """Return a checked request, and the form of its answer.

        Raises:
            RefusedError: If the request is refused.
            BadRequestError: If a field is wrong.
        """
        body = await read_json(scope, receive, self._serving)
        asked = self.read_chat(scope, body)
        return asked, ChatForm(asked.request.include_usage)

    def read_chat(self, scope: Scope, body: Any) -> Asked:
        """Return the checked body of a chat completion; raises the errors of `read`."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        catalogue = self._catalogue()
        try:
            return read_asked(
                body, catalogue.get, self._serving, owner=scope.get(OWNER, ""), headers=headers
            )
        except LookupError as error:
            known = ", ".join(served.name for served in catalogue)[:500]
            wanted = str(error.args[0])[:100]
            raise RefusedError(
                404, f"there is no model {wanted!r}; there are {known}", "model_not_found"
            ) from None

    async def answer(self, asked: Asked, form: Form, receive: Receive, send: Send) -> int:
        """Answer a request, and return the status of the answer.

        Raises:
            GoneError: If the client disconnects before.
        """
        bare = asked.served.bare if not asked.settings.keys() - {"deadline", *_SEVERAL} else None
        exchange = Exchange(
            receive,
            send,
            lambda error: told(error, passed=bare is not None),
            form=form,
            headers={"x-request-id": asked.call_id},
            heartbeat=self._serving.heartbeat,
        )
        stream = asked.request.stream
        if bare is not None:
            passing = Passing(asked, bare, self._journal, self._metrics)
            if not stream:
                await exchange.answer(passing.whole())
            elif isinstance(form, ChatForm):
                await exchange.relay(passing.events())
            else:
                await exchange.replay(passing.whole())
        elif stream:
            waiting = _Waiting(asked)
            shows = asked.progress and isinstance(form, ChatForm)
            work = self.decided(asked, tell=waiting.votes if shows else None)
            await exchange.replay(work, waiting.sign if shows else lambda: HEARTBEAT)
        else:
            await exchange.answer(self.decided(asked))
        return 500 if exchange.failed else exchange.status or 0

    async def decided(
        self, asked: Asked, *, tell: Callable[[dict[str, int]], None] | None = None
    ) -> Finished:
        """Vote, and return the completion. Raises what `voting.decided` does."""
        return await decided(asked, self._journal, self._metrics, tell=tell)


# Set only because of `n`; a member whose reply is passed on handles `n` itself.
_SEVERAL = frozenset(
    {"rule", "max_samples", "abstain_limit", "min_confidence", "coverage", "on_unvotable"}
)


async def read_json(scope: Scope, receive: Receive, serving: Serving) -> Any:
    """Return the JSON value in the body of a request.

    Raises:
        BadRequestError: If the body is not JSON.
        TooLargeError: If it is too large.
        SlowBodyError: If it does not arrive in time.
        GoneError: If the client disconnects before.
    """
    body = await read_body(scope, receive, most=serving.max_body, seconds=serving.slow)
    try:
        found = loads(body) if len(body) < _LARGE else await asyncio.to_thread(loads, body)
    except ValueError:
        raise BadRequestError("the body must be JSON") from None
    return found


class _Waiting:
    """The votes so far, sent as comments of a stream whose client has asked for them."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._votes: dict[str, int] = {}

    def votes(self, votes: dict[str, int]) -> None:
        self._votes = votes

    def sign(self) -> bytes:
        asked = self._asked
        return event(
            {
                "id": asked.call_id,
                "object": "chat.completion.chunk",
                "created": asked.created,
                "model": asked.served.name,
                "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": None}],
                "bestofinf": {"votes": self._votes},
            }
        )
