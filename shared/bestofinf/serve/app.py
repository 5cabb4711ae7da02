"""The application: its routes, its life cycle, and reloading of its configuration file."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bestofinf import view
from bestofinf.ensemble.config import read_config
from bestofinf.errors import BestOfInfError, StoreError
from bestofinf.evaluation.recording.recorder import Recorder
from bestofinf.serve.catalogue import Catalogue, Kinds
from bestofinf.serve.completions import Completions, Load, read_json
from bestofinf.serve.config import Serving, read_serving
from bestofinf.serve.exchange import GoneError, Receive, Scope, Send
from bestofinf.serve.guard import OWNER, Guard
from bestofinf.serve.metrics import TYPE, Metrics
from bestofinf.serve.recording import Journal
from bestofinf.serve.stateless import Responses
from bestofinf.serve.telling import RefusedError, send_error, send_json, told
from bestofinf.wire.values import Json

logger = logging.getLogger(__name__)


def check(
    path: str | PathLike[str], *, own: Kinds | None = None, **given: Any
) -> tuple[Serving, list[str]]:
    """Check a file as `Service` reads it: no store is opened, and no member is asked.

    Args:
        path: The file.
        own: Further kinds of members by their prefix.
        given: Settings of `Serving` that override those of the file.

    Returns:
        The settings of the server, and the names of the models.

    Raises:
        UsageError: If anything in the file is wrong, or a key is missing.
    """
    config = read_config(Path(path))
    serving = read_serving(config, **given)
    for needed in (serving.keyring, serving.store_address, serving.page_token):
        needed()
    return serving, [served.name for served in Catalogue(config, own=own or {})]


class Service:
    """An ASGI application that serves the ensembles of a configuration file.

    Args:
        path: The file.
        own: Further kinds of members by their prefix, such as the tiny models.
        recorder: Records the calls, instead of the store that the file names.
        given: Settings of `Serving` that override those of the file.

    Attributes:
        serving: The settings of the server.
        view_link: Link that opens the page of the store; None if the page is not served.

    Raises:
        UsageError: If anything in the file is wrong, or a key is missing.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        own: Kinds | None = None,
        recorder: Recorder | None = None,
        **given: Any,
    ) -> None:
        self._path = Path(path)
        self._own: Kinds = own or {}
        config = read_config(self._path)
        self.serving: Serving = read_serving(config, **given)
        self._given = given
        self._catalogue = Catalogue(config, own=self._own)
        self._seen = self._stamp()
        address = self.serving.store_address()
        if recorder is None and address is not None:
            recorder = Recorder(address, keep=self.serving.keep, rescue=self.serving.rescue)
        self._journal = Journal(recorder, self.serving.store_wait)
        self._metrics = Metrics()
        self._metrics.watch(self._journal)
        self.load = Load(self.serving.max_in_flight)
        parts = (self.serving, lambda: self._catalogue, self._journal, self._metrics, self.load)
        self._completions, self._responses = Completions(*parts), Responses(*parts)
        self.view_link: str | None = None
        self._app = self._application()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the start and the end of the server."""
        await self._app(scope, receive, send)

    def models(self) -> list[str]:
        """Return the names of the models."""
        return [served.name for served in self._catalogue]

    async def reload(self) -> None:
        """Read the file again. Requests in flight keep the old settings; a wrong file changes nothing."""
        self._seen = self._stamp()
        try:
            config = await asyncio.to_thread(read_config, self._path)
            before, made = self._catalogue, Catalogue(config, own=self._own, before=self._catalogue)
            if read_serving(config, **self._given) != self.serving:
                logger.warning("%s: [serve] has changed; that takes a restart", self._path)
        except BestOfInfError as error:
            logger.error("%s is not read again: %s", self._path, error)
            self._metrics.reloads.labels("refused").inc()
            return
        self._catalogue = made
        self._metrics.reloads.labels("done").inc()
        logger.info("%s read again: %s", self._path, ", ".join(self.models()))
        del before  # its connections are closed when the last request that uses it has ended

    # -- routes -------------------------------------------------------------------------------

    def _application(self) -> Any:
        routes: list[BaseRoute] = []
        for prefix in ("/v1", ""):  # which users forget
            routes += [
                Route(f"{prefix}/chat/completions", self._completions, methods=["POST"]),
                Route(f"{prefix}/responses", self._responses, methods=["POST"]),
                Route(f"{prefix}/models", _Json(self._models), methods=["GET"]),
                Route(f"{prefix}/models/{{name:path}}", _Json(self._model), methods=["GET"]),
                Route(f"{prefix}/calls/{{id}}", _Json(self._call), methods=["GET"]),
                Route(f"{prefix}/feedback", _Json(self._feedback), methods=["POST"]),
            ]
        if (page := self._page()) is not None:
            routes.append(Mount("/view", page))
        routes += [
            Route("/health", _Json(self._health), methods=["GET"]),
            Route("/ready", _Json(self._ready), methods=["GET"]),
            Route("/metrics", _Plain(self._metrics), methods=["GET"]),
        ]
        app: Any = Starlette(
            routes=routes, lifespan=self._lifespan, exception_handlers={405: _not_allowed}
        )
        app.router.redirect_slashes = False
        app.router.default = _unknown
        guarded: Any = Guard(app, self.serving, self.serving.keyring())
        if self.serving.cors:
            guarded = CORSMiddleware(
                guarded,
                allow_origins=self.serving.cors,
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
                expose_headers=["x-request-id"],
            )
        return guarded

    def _page(self) -> Any:
        """Return the page of the store; None if there is no store, or nobody may see the page.

        Its cookie works for one process only; several processes need a shared token.
        """
        recorder, serving = self._journal.recorder, self.serving
        token = serving.page_token()
        if not serving.view or recorder is None or (serving.workers > 1 and token is None):
            return None
        access = view.Access(token=token, hosts=(serving.host,))
        self.view_link = f"http://{serving.host}:{serving.port}/view/?token={access.link()}"
        return view.app(recorder.store, access=access)

    async def _models(self, scope: Scope, receive: Receive) -> Json:
        data = [_described(served.name) for served in self._catalogue]
        return {"object": "list", "data": data}

    async def _model(self, scope: Scope, receive: Receive) -> Json:
        name = scope["path_params"]["name"]
        if self._catalogue.get(name) is None:
            raise RefusedError(404, f"there is no model {name[:100]!r}", "model_not_found")
        return _described(name)

    async def _call(self, scope: Scope, receive: Receive) -> Json:
        found = await self._journal.call(scope["path_params"]["id"])
        if found is None:
            raise RefusedError(404, "there is no such call in the store", "call_not_found")
        return found

    async def _feedback(self, scope: Scope, receive: Receive) -> Json:
        body = await read_json(scope, receive, self.serving)
        try:
            question = await self._journal.feedback(body, scope.get(OWNER) or "feedback")
        except LookupError as error:
            raise RefusedError(404, str(error.args[0]), "call_not_found") from None
        return {"object": "bestofinf.feedback", "id": body["id"], "question_id": question}

    async def _health(self, scope: Scope, receive: Receive) -> Json:
        return {"status": "ok"}

    async def _ready(self, scope: Scope, receive: Receive) -> Json:
        recorder = self._journal.recorder
        stats = recorder.stats if recorder is not None else None
        if stats is not None and stats.refused and stats.pending:
            raise RefusedError(503, "the store cannot keep up", "store_failed")
        return {"status": "ready", "in_flight": self.load.in_flight}

    # -- life ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None, None]:
        loop, wanted = asyncio.get_running_loop(), asyncio.Event()
        hang_up = getattr(signal, "SIGHUP", None)
        # On Windows and outside the main thread there are no such handlers: Python's own stay.
        with suppress(ValueError, RuntimeError, NotImplementedError):
            if hang_up is not None:
                loop.add_signal_handler(hang_up, wanted.set)
        watching = asyncio.create_task(self._watch(wanted))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._journal.aclose()
            await self._catalogue.aclose()

    async def _watch(self, wanted: asyncio.Event) -> None:
        """Read the file again whenever it has changed or `wanted` is set."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.serving.watch or None):
                    await wanted.wait()
            if wanted.is_set() or self._stamp() != self._seen:
                wanted.clear()
                await self.reload()

    def _stamp(self) -> tuple[int, int]:
        """Return modification time and size of the file."""
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_size)


def _described(name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": "bestofinf"}


class _Json:
    """Answers with the JSON value that a function returns, or with the error that it raises."""

    def __init__(self, make: Any) -> None:
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send_json(send, 200, await self._make(scope, receive))
        except GoneError:
            return
        except Exception as error:
            response = told(error)
            headers: Mapping[str, str] = response.headers
            if isinstance(error, StoreError):
                logger.error("the store fails: %s", error)
            await send_json(send, response.status, response.body, headers)


class _Plain:
    """Answers with the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._metrics.text()})


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    await send_error(send, 404, "there is no such path here; try /v1/models", "unknown_url")


async def _not_allowed(request: Request, error: Any) -> Response:
    message = f"{request.method} is not allowed here; use {error.headers['Allow']}"
    response = told(RefusedError(405, message, "method_not_allowed", error.headers))
    return JSONResponse(response.body, response.status, headers=dict(response.headers))
