"""Render templates to pages; all texts in them are escaped."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from bestofinf._extras import require
from bestofinf.view.texts import line, visible

_HOME = files("bestofinf.view")

STATIC: Mapping[str, str] = {
    "figure.css": "text/css; charset=utf-8",
    "view.css": "text/css; charset=utf-8",
    "view.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""The page's own files, and their media types."""


def rendered(template: str, **values: Any) -> str:
    """Return a template of the package as HTML."""
    return str(_environment().get_template(template).render(**values))


def marked(text: str) -> Any:
    """Mark a text as finished HTML, which templates do not escape."""
    return require("markupsafe", extra="serve", purpose="A page").Markup(text)


@cache
def static(name: str) -> bytes:
    """Return one of the page's own files."""
    return _HOME.joinpath("static", name).read_bytes()


@cache
def version() -> str:
    """Return a hash of these files, which changes if one of them does."""
    return hashlib.sha256(b"".join(static(name) for name in STATIC)).hexdigest()[:12]


def number(value: float | None) -> str:
    """Return a number for display: whole, or with three digits, or a dash for None.

    >>> number(12345), number(0.03456), number(None), number(2.0)
    ('12,345', '0.0346', '–', '2')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share in percent; only exact 0 and 1 are shown as 0 % and 100 %."""
    if share is None or not math.isfinite(share):
        return "–"
    told = f"{100 * share:.{digits}f} %"
    if told == f"{100:.{digits}f} %" and share < 1:
        return f">{100 - 10**-digits:.{digits}f} %"
    if float(told[:-2]) == 0 and share > 0:
        return f"<{10**-digits:.{digits}f} %"
    return told


def when(seconds: float | None) -> str:
    """Return a time in UTC."""
    if not seconds or seconds < 0 or seconds > 10**11:
        return "–"
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


@cache
def _environment() -> Any:
    jinja2 = require("jinja2", extra="serve", purpose="A page")
    markup = require("markupsafe", extra="serve", purpose="A page").Markup

    def shown(value: Any) -> Any:
        plain = isinstance(value, str) and not isinstance(value, markup)
        return visible(value) if plain else value

    folder = _HOME.joinpath("templates")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number, "percent": percent, "when": when, "line": line,
        "capital": lambda text: text[:1].upper() + text[1:],
        # For values that a form sends back: escaped, but invisible characters stay as they are.
        # Only NUL cannot be in a page; browsers read it as this character.
        "exact": lambda text: markup.escape(str(text).replace("\0", "\ufffd")),
    }  # fmt: skip
    return environment
