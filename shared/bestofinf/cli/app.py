"""The `bestofinf` program: its commands, and what it does with errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape

from bestofinf.cli.advise import advise
from bestofinf.cli.ask import ask
from bestofinf.cli.calibrate import calibrate
from bestofinf.cli.demo import demo
from bestofinf.cli.fit import fit
from bestofinf.cli.replay import replay
from bestofinf.cli.report import report
from bestofinf.cli.run import run
from bestofinf.cli.store import delete, export, import_, label, status
from bestofinf.cli.table import table
from bestofinf.errors import BestOfInfError

app = typer.Typer(
    name="bestofinf",
    help="Adaptive, weighted majority voting over the answers of language models.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def _program() -> None:
    """Adaptive, weighted majority voting over the answers of language models."""


for command in (
    demo,
    ask,
    run,
    table,
    replay,
    fit,
    advise,
    report,
    calibrate,
    status,
    label,
    export,
    delete,
):
    app.command()(command)
app.command("import")(import_)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; one of the library's errors ends it with one line and exit code 2."""
    try:
        app(None if arguments is None else list(arguments))
    except BestOfInfError as error:
        line = " ".join(str(error).split())
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {escape(line)}")
        sys.exit(2)
