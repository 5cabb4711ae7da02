"""The `bestofinf` program: its commands, and what it does with errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from bestofinf.cli.advise import advise
from bestofinf.cli.answers import answers
from bestofinf.cli.ask import ask
from bestofinf.cli.calibrate import calibrate
from bestofinf.cli.demo import demo
from bestofinf.cli.doctor import doctor
from bestofinf.cli.fit import fit
from bestofinf.cli.label import label
from bestofinf.cli.replay import replay
from bestofinf.cli.report import report
from bestofinf.cli.run import run
from bestofinf.cli.serve import serve
from bestofinf.cli.store import delete, export, import_, status
from bestofinf.cli.table import table
from bestofinf.cli.terminal import Console
from bestofinf.cli.view import view
from bestofinf.errors import BestOfInfError

app = typer.Typer(
    name="bestofinf",
    help="Adaptive, weighted majority voting over the answers of language models.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bestofinf {version('bestofinf')}")
        raise typer.Exit


@app.callback()
def _program(
    _shown: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_version
        ),
    ] = False,
) -> None:
    """Adaptive, weighted majority voting over the answers of language models."""


for command in (
    demo,
    ask,
    run,
    serve,
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
    view,
    doctor,
):
    app.command()(command)
app.command("import")(import_)
app.add_typer(answers, name="answers")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; an error of the library or the system ends it with one line and exit code 2."""
    try:
        app(None if arguments is None else list(arguments))
    except BestOfInfError as error:
        _end(" ".join(str(error).split()))
    except OSError as error:  # such as a file that cannot be written
        _end(str(error) if error.filename is None else f"{error.filename}: {error.strerror}")


def _end(line: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {escape(line)}")
    sys.exit(2)
