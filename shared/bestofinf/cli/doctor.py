"""``bestofinf doctor``: what a server can do, and the member to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from bestofinf.cli.options import AsJson
from bestofinf.cli.terminal import Console, echo, echo_json
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.doctor import Finding

_MARKS = {"yes": "[green]yes[/]", "no": "[red]no[/]", "partly": "[yellow]partly[/]"}
_TITLES = {"langchain": "LangChain", "llamaindex": "LlamaIndex", "toml": "ensemble.toml"}
_SECRET = "env:"


def doctor(
    base_url: Annotated[
        str, typer.Option("--base-url", help="Address of the server, usually ending in /v1.")
    ],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Model; the first that is listed by default."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="env:NAME", help="Environment variable that holds the server's key."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a server what it can do, and print the member to paste.

    Takes less than a minute and a few hundred tokens. Ends with status 1 if the server does not chat.

    Example: `bestofinf doctor --base-url http://127.0.0.1:8080/v1`
    """
    import asyncio

    from bestofinf.doctor import examine
    from bestofinf.ensemble.endpoint import Endpoint

    if key is not None and not (key.startswith(_SECRET) and key.removeprefix(_SECRET)):
        raise UsageError(
            "--key takes the name of an environment variable, not the key itself: write env:NAME"
        )
    endpoint = Endpoint(
        model or "unnamed",
        url=base_url,
        key_variable=key.removeprefix(_SECRET) if key else None,
        timeout=60.0,
    )
    endpoint.check()
    console = Console(soft_wrap=True, highlight=False)

    def show(found: Finding) -> None:
        mark = _MARKS.get(found.verdict, "[dim]?[/]")
        console.print(f"{found.name:<12}{mark}  {escape(found.said)}")

    report = asyncio.run(examine(endpoint, named=model is not None, told=None if as_json else show))
    if as_json:
        echo_json(report.to_json())
    else:
        tokens = f"{report.facts.tokens} tokens generated"
        console.print(f"\n[dim]{report.seconds:.0f} s, {tokens}; {escape(report.model)}[/]")
        for face, text in report.members.items():
            console.print(f"\n[bold]{_TITLES[face]}[/]")
            echo(text.rstrip())
    if not report.chats:
        raise typer.Exit(1)
