"""The page as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from bestofinf.answers import AutoAnswer
from bestofinf.errors import BestOfInfError, StoreError, UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.view.advising import Advising
from bestofinf.view.answering import Answering
from bestofinf.view.guard import Access, Guard
from bestofinf.view.labelling import Labelling
from bestofinf.view.looking import Looking
from bestofinf.view.orders import Orders
from bestofinf.view.responses import html, own_file
from bestofinf.view.visits import Visits


def app(
    store: EvaluationStore,
    *,
    access: Access | None = None,
    keys: bool = True,
    among: bool = False,
) -> ASGIApp:
    """Return the page over a store, to be served or mounted.

    Args:
        store: The store to show.
        access: Who may use the page; by default everybody on this machine who has its
            `Access.link`. Nobody else gets any of its pages, wherever it is mounted.
        keys: Whether keys label; buttons always do.
        among: Whether it is mounted below a list of stores, as by `several`.

    Returns:
        An ASGI application. All its URLs are below the path that it is mounted at.
    """
    access = access or Access()
    visits, answer = Visits(), AutoAnswer()
    orders = Orders(store)
    advising = Advising(store, orders)
    looking = Looking(store, visits, answer, advising)
    labelling = Labelling(store, access, visits, orders, answer, keys=keys)
    routes = [
        Route("/", looking.overview),
        Route("/questions", looking.questions),
        Route("/q", looking.find),
        Route("/q/{number:int}", looking.question),
        Route("/q/{number:int}/trace.json", looking.trace),
        Route("/advice", advising.page),
        Route("/answers", Answering(store).page),
        Route("/label", labelling.page),
        Route("/label", labelling.act, methods=["POST"]),
        Route("/static/{name}", own_file),
    ]
    pages = _pages(routes)
    pages.state.name = _short(store)
    pages.state.among = among
    return Guard(pages, access)


def several(
    stores: Sequence[EvaluationStore], *, access: Access | None = None, keys: bool = True
) -> ASGIApp:
    """Return a page with links to the pages of several stores, each below a path of its own.

    Args:
        stores: The stores to show, two or more.
        access: As for `app`.
        keys: As for `app`.
    """
    access = access or Access()

    def listed(request: Request) -> Response:
        rows = [
            (place, _short(store), store.catalogue.count(), store.catalogue.count(_LABELLED))
            for place, store in enumerate(stores, 1)
        ]
        return html(request, "stores.html.j2", rows=rows)

    mounts = [
        Mount(f"/{place}", app(store, access=access, keys=keys, among=True))
        for place, store in enumerate(stores, 1)
    ]
    pages = _pages([Route("/", listed), Route("/static/{name}", own_file), *mounts])
    pages.state.name = f"{len(stores)} stores"
    pages.state.among = False
    return Guard(pages, access)


_LABELLED = Wanted("labelled")


def _pages(routes: Sequence[BaseRoute]) -> Starlette:
    handlers: Any = {
        UsageError: _wrong,
        StoreError: _broken,
        404: _missing,
        HTTPException: _refused,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


def _short(store: EvaluationStore) -> str:
    return store.name.rpartition("/")[2].partition("?")[0]


def _told(status: int, title: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def tell(request: Request, error: Exception) -> Response:
        said = str(error) if isinstance(error, BestOfInfError) else ""
        return html(request, "told.html.j2", status=status, title=title, said=said)

    return tell


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return html(request, "told.html.j2", status=error.status_code, title=error.detail, said="")


_wrong = _told(400, "This cannot be shown")
_broken = _told(503, "The store does not answer")
_missing = _told(404, "There is no such page")
