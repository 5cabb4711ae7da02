"""What commands write: nothing in it steers a terminal, whoever wrote the names, answers and replies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import rich.console
import typer
from rich.text import Text

from bestofinf.border import printable


class Console(rich.console.Console):
    """Rich's console, which writes the control characters of texts out.

    A `rich.text.Text` is shown as it is: whoever makes one of what others wrote makes it printable.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text as it is shown."""
        return super().render_str(printable(text), **options)


def echo(text: str) -> None:
    """Write a line to stdout."""
    typer.echo(printable(text))


def echo_json(value: Any) -> None:
    """Write a value to stdout as JSON, with letters of all languages as they are where that is safe."""
    text = json.dumps(value, ensure_ascii=False)
    typer.echo(text if printable(text) == text else json.dumps(value))


def echo_either(values: Mapping[str, Any], text: str, as_json: bool) -> None:
    """Write what a command has done to stdout: its values as JSON where that is asked for, else a text."""
    if as_json:
        echo_json(values)
    else:
        echo(text)


EVERY = 30.0
"""Seconds between two lines of progress, where there is no terminal."""


def now_and_then(every: float = EVERY) -> Callable[[str], None]:
    """Return a function that writes a line to stderr, unless it did so less than `every` seconds ago.

    The first line comes after as many seconds: what is quick says nothing.
    """
    last = time.monotonic()

    def say(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            typer.echo(f"{time.strftime('%H:%M:%S')} {printable(text)}", err=True)

    return say
