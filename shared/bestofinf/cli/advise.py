"""``bestofinf advise``: will voting help on these questions, and at what price?"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table

from bestofinf.advice import PRESET_NAMES, Advice
from bestofinf.advice import advise as advise_on
from bestofinf.cli.table import progress_bar
from bestofinf.evaluation.canonical import canonical
from bestofinf.evaluation.reading import read


def advise(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Recorded answers: files, folders or stores."),
    ],
    rule: Annotated[
        list[str] | None, typer.Option(help="A rule to try; give several. All presets by default.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Votes per question in the replay.")] = 20,
    max_samples: Annotated[int, typer.Option(help="Samples of a vote at most.")] = 64,
    seed: Annotated[int, typer.Option(help="The same seed gives the same advice.")] = 0,
    answer: Annotated[
        str, typer.Option("--answer", help="Answer type that says which answers are the same.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether voting helps, with which models, how often to ask, and what to paste.

    Every figure is held out: weights, and the choice of the best model, come from other questions
    than those they are judged on. "Do not vote" is a possible answer.
    """
    recorded = read(paths)
    with progress_bar("Comparing answers") as advance:
        recorded = canonical(recorded, answer, progress=advance)
    with progress_bar("Trying strategies") as advance:
        advice = advise_on(
            recorded,
            rules=rule or PRESET_NAMES,
            trials=trials,
            max_samples=max_samples,
            seed=seed,
            progress=advance,
        )
    if as_json:
        typer.echo(json.dumps(advice.to_json(), ensure_ascii=False))
        return
    console = Console()
    console.print(Panel(f"[bold]{advice.recommendation}[/]\n{advice.reason}", title="Advice"))
    console.print(_drawn(advice))
    console.print(
        f"On {advice.mode_wrong:.0%} of {advice.questions} questions the most frequent answer is "
        "wrong: no number of votes helps there.",
        highlight=False,
    )
    if advice.redundant:
        console.print(f"Not needed: {', '.join(advice.redundant)}", highlight=False)
    console.print(Syntax(advice.code["langchain"], "python", background_color="default"))


def _drawn(advice: Advice) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    table.add_column("strategy, on held-out questions", overflow="fold")
    for name in ("right", "±", "samples", "tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    ranked = sorted(advice.heldout.items(), key=lambda pair: -pair[1].accuracy)
    for name, outcome in ranked:
        tokens, samples = outcome.mean_tokens, outcome.mean_samples
        chosen = name == advice.chosen.name
        table.add_row(
            f"{'▶ ' if chosen else '  '}{name}",
            f"{outcome.accuracy:.3f}",
            f"{outcome.se:.3f}",
            "∞" if samples == float("inf") else f"{samples:.1f}",
            "–" if tokens is None else f"{tokens:,.0f}",
            style="bold green" if chosen else "dim" if outcome.strategy.kind == "limit" else "",
        )
    return table
