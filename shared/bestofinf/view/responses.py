"""Responses: pages, JSON and the page's own files."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bestofinf.view import render


def html(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page made from a template, which gets the mount path as ``base``."""
    base = request.scope.get("root_path", "").rstrip("/")
    page = render.rendered(
        template,
        layout="base.html.j2",
        base=base,
        at="",
        up=_up(request, base),
        version=render.version(),
        path=request.scope["path"],
        name=request.app.state.name,
        **values,
    )
    return Response(page, status, media_type="text/html; charset=utf-8")


def _up(request: Request, base: str) -> str | None:
    """Return the URL of the list of all stores; None if there is only one store."""
    return (base.rpartition("/")[0] or "") + "/" if request.app.state.among else None


def as_json(value: Any) -> Response:
    """Return a value as indented JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=True)
    return Response(text, media_type="application/json")


def own_file(request: Request) -> Response:
    """Return one of the page's own files."""
    name = request.path_params["name"]
    if name not in render.STATIC:
        raise HTTPException(404)
    return Response(render.static(name), media_type=render.STATIC[name])
