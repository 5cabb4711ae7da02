"""``bestofinf report``: one self-contained page about an evaluation set."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bestofinf.cli.opened import to_read
from bestofinf.cli.options import AnswerName, MemberPrices, RecordedPaths
from bestofinf.cli.prices import prices_by_member
from bestofinf.cli.recorded import progress_bar, read_recorded, tell_unread
from bestofinf.cli.terminal import Console
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.evaluation.store.activity import Activity


class Form(StrEnum):
    """What to write."""

    HTML = "html"
    SVG = "svg"
    PNG = "png"


def report(
    paths: RecordedPaths,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("report.html"),
    form: Annotated[
        Form, typer.Option("--format", help="One page, or its figures as files.")
    ] = Form.HTML,
    previous: Annotated[
        Path | None,
        typer.Option(help="Compare with this earlier report; by default with the one at --out."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(help="Unit of costs: tokens, money (with --price) or samples."),
    ] = None,
    price: MemberPrices = None,
    trials: Annotated[int, typer.Option(help="Votes per question in the replay.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same report.")] = 0,
    answer: AnswerName = None,
    size: Annotated[
        float,
        typer.Option(
            help="Megabytes of questions in the page; the most contested come first.", min=0
        ),
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON too.")] = False,
) -> None:
    """Write the page of `bestofinf view` as one file: overview, advice, questions with their replies.

    If there are too few labels for advice, the page shows what needs no label: cost, agreement,
    contested questions, why votes ended, members that fail. The file is complete in itself and
    loads nothing from the network. Example: `bestofinf report answers.db --out report.html`
    """
    from bestofinf.evaluation.provenance import FEWEST
    from bestofinf.report import changes, facts_there, gather, overview, read_facts
    from bestofinf.view import Worked, write_pictures, write_report

    read = read_recorded(paths, answer)
    recorded = read.evaluation_set
    labels = len(recorded.labelled())
    seen, facts = overview(recorded, _activity(paths)), None
    if labels >= FEWEST:
        with progress_bar("Trying strategies") as advance:
            facts = gather(
                recorded,
                unit=unit,
                prices=prices_by_member(price),
                trials=trials,
                seed=seed,
                progress=advance,
            )
    written, left_out = [out], ""
    if form is not Form.HTML:
        if facts is None:
            raise UsageError(f"figures need {FEWEST} labelled questions or more, got {labels}")
        written = write_pictures(facts, out, "svg" if form is Form.SVG else "png")
    else:
        before = read_facts(previous) if previous is not None else facts_there(out)
        worked = None if facts is None else Worked(labels, facts, unread=read.lines())
        with to_read(paths, answer=answer) as store:
            exported = write_report(
                store,
                out,
                worked=worked,
                overview=seen,
                changes=changes(before, facts) if before and facts is not None else None,
                most=int(size * 1e6),
            )
        if exported.questions < exported.all_questions:
            left_out = (
                f"The {exported.questions:,} most contested of {exported.all_questions:,} questions "
                f"fit into {size:g} MB; --size takes more"
            )
    if as_json:
        told = facts.to_json() if facts else {"name": seen.name, "overview": seen.to_json()}
        written_to = {"written": [str(path) for path in written]}
        typer.echo(json.dumps(told | read.to_json() | written_to))
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in [*(seen.lines() if facts is None else ()), *map(str, written)]:
        console.print(line, markup=False)
    if left_out:
        console.print(left_out, markup=False)
    tell_unread(read, Console(stderr=True))


def _activity(paths: list[str]) -> Activity | None:
    """Return the statistics of the calls if the only path is a store; None otherwise."""
    from bestofinf.evaluation import EvaluationStore
    from bestofinf.evaluation.sources import is_store

    if len(paths) != 1 or not is_store(paths[0]):
        return None
    with EvaluationStore(paths[0], readonly=True) as store:
        return store.activity()
