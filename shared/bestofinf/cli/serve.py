"""``bestofinf serve``: the ensembles of a file as models behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bestofinf._extras import require
from bestofinf.cli.options import AsJson

if TYPE_CHECKING:
    from bestofinf.serve import Service, Serving

_GIVEN = "BESTOFINF_SERVE"  # hands the command line on to further processes


def serve(
    file: Annotated[
        str, typer.Argument(metavar="FILE.toml", help="The ensembles and their members.")
    ],
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 by default.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Evaluation store in which every call is recorded.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option(help="What is stored: answers, questions, replies or all.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 1 by default.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the file and ask no member.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve every ensemble of a file as a model name, in OpenAI's form.

    Example: `bestofinf serve ensemble.toml --store answers.db`, then
    `OpenAI(base_url="http://127.0.0.1:8000/v1")`
    """
    require("uvicorn", extra="serve", purpose="bestofinf serve")
    from bestofinf.serve import run

    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "store": store,
        "keep": keep,
        "workers": workers,
    }
    if check:
        from bestofinf.serve import check as checked

        found, names = checked(file, own=_own(), **given)
        if as_json:
            typer.echo(json.dumps({"url": _address(found), "models": names}))
        else:
            typer.echo(
                f"{file} is right: {', '.join(names)} at {_address(found)}; nobody was asked"
            )
        return
    os.environ[_GIVEN] = json.dumps({"path": file, **given})
    service = application()
    serving = service.serving
    if as_json:
        typer.echo(json.dumps({"url": _address(serving), "models": service.models()}))
    else:
        out = Console(soft_wrap=True)
        out.print(f"[bold]{_address(serving)}[/]  " + ", ".join(service.models()), highlight=False)
        if service.view_link is not None:
            out.print(f"look and label: {service.view_link}", highlight=False)
        if serving.store is None:
            out.print("[dim]nothing is recorded: give --store FILE or \\[serve] store[/]")
    logging.getLogger("bestofinf").setLevel(logging.INFO)
    run(lambda: service, serving, factory=f"{__name__}:worker")


def worker() -> Service:
    """Return the application in one of several worker processes."""
    from bestofinf.serve.server import settle

    service = application()
    settle()
    return service


def application() -> Service:
    """Return the application for the command line of this process or of the one that started it."""
    from bestofinf.serve import Service

    given = json.loads(os.environ[_GIVEN])
    return Service(given.pop("path"), own=_own(), **given)


def _own() -> dict[str, Any]:
    """Return the kinds of members that the command line knows besides those by URL."""
    import warnings

    from bestofinf.ensemble import IdenticalSamplesWarning
    from bestofinf.tiny.chat import TinyMember

    # Every response's notes tell it, and a metric counts it.
    warnings.simplefilter("ignore", IdenticalSamplesWarning)
    return {"tiny": TinyMember}


def _address(serving: Serving) -> str:
    return f"http://{serving.host}:{serving.port}/v1"
