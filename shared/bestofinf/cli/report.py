"""``bestofinf report``: one self-contained page about an evaluation set."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bestofinf.cli.table import progress_bar
from bestofinf.evaluation.canonical import canonical
from bestofinf.evaluation.reading import read
from bestofinf.report import gather, write_page, write_pictures


class Form(StrEnum):
    """What to write."""

    HTML = "html"
    PNG = "png"


def report(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Recorded answers: files, folders or stores."),
    ],
    out: Annotated[Path, typer.Option(help="Where to write it.")] = Path("report.html"),
    form: Annotated[
        Form, typer.Option("--format", help="One page, or its pictures as PNG files.")
    ] = Form.HTML,
    previous: Annotated[
        Path | None,
        typer.Option(help="Compare with this earlier report; by default with the one at --out."),
    ] = None,
    trials: Annotated[int, typer.Option(help="Votes per question in the replay.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same report.")] = 0,
    answer: Annotated[
        str, typer.Option("--answer", help="Answer type that says which answers are the same.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON too.")] = False,
) -> None:
    """Write a page to look at: frontier, agreement, samples, weights, calibration, questions.

    The page needs no network and nothing beside it. Example:
    `bestofinf report answers.db --out report.html`
    """
    recorded = read(paths)
    with progress_bar("Comparing answers") as advance:
        recorded = canonical(recorded, answer, progress=advance)
    with progress_bar("Trying strategies") as advance:
        facts = gather(recorded, trials=trials, seed=seed, progress=advance)
    if form is Form.PNG:
        written = write_pictures(facts, out)
    else:
        write_page(facts, out, previous=previous)
        written = [out]
    if as_json:
        typer.echo(json.dumps(facts.to_json() | {"written": [str(path) for path in written]}))
        return
    for path in written:
        Console().print(str(path), highlight=False, soft_wrap=True)
