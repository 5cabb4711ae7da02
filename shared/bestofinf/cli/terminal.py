"""Output of the commands, with the control characters of names, answers and replies escaped."""

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
    """Rich's console that escapes control characters, so that no text can steer the terminal.

    A `rich.text.Text` is shown unchanged: call `printable` on foreign text before making one.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text with its markup applied and its control characters escaped."""
        return super().render_str(printable(text), **options)


def echo(text: str) -> None:
    """Write a line to stdout."""
    typer.echo(printable(text))


def echo_json(value: Any) -> None:
    """Write a value to stdout as JSON, with non-ASCII letters unescaped if that is safe."""
    text = json.dumps(value, ensure_ascii=False)
    typer.echo(text if printable(text) == text else json.dumps(value))


def echo_either(values: Mapping[str, Any], text: str, as_json: bool) -> None:
    """Write the result of a command to stdout: its values as JSON with `as_json`, else the text."""
    if as_json:
        echo_json(values)
    else:
        echo(text)


EVERY = 30.0
"""Seconds between two lines of progress if stderr is not a terminal."""


def now_and_then(every: float = EVERY) -> Callable[[str], None]:
    """Return a function that writes a line to stderr, unless it did so less than `every` seconds ago.

    The first line also comes after `every` seconds, so that quick work writes nothing.
    """
    last = time.monotonic()

    def say(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            typer.echo(f"{time.strftime('%H:%M:%S')} {printable(text)}", err=True)

    return say
