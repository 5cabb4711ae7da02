"""``bestofinf advise``: will voting help on these questions, and at what price?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.syntax import Syntax

from bestofinf.border import printable
from bestofinf.cli.options import AnswerName, AsJson, MemberPrices, RecordedPaths
from bestofinf.cli.prices import prices_by_member
from bestofinf.cli.recorded import progress_bar, read_recorded, tell_unread
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo_json

if TYPE_CHECKING:
    from bestofinf.advice import Advice


def advise(
    paths: RecordedPaths,
    members: Annotated[
        str | None, typer.Option(help="Names of the members to compare, separated by commas.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help="A rule to try; repeat it for several. All presets by default."),
    ] = None,
    value: Annotated[
        float | None, typer.Option(help="Value of one more right answer, in the unit of costs.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Mean cost allowed for a question, in the same unit.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(help="Unit of costs: tokens, money (with --price), seconds, samples."),
    ] = None,
    price: MemberPrices = None,
    speed: Annotated[
        float | None,
        typer.Option(help="Tokens that a model generates in a second, for costs in seconds."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Votes per question in the replay; by default 4 to 20.")
    ] = None,
    max_samples: Annotated[int, typer.Option(help="Maximum number of samples for a vote.")] = 64,
    seed: Annotated[int, typer.Option(help="The same seed gives the same advice.")] = 0,
    answer: AnswerName = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the ensemble to this file, such as ensemble.toml, for ask, run, load()."
        ),
    ] = None,
    ensemble: Annotated[
        str, typer.Option(help="With --out: name of the ensemble in the file.")
    ] = "ensemble",
    everything: Annotated[
        bool, typer.Option("--all", help="Show every strategy tried, and code to paste.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether voting helps, with which models, how often to ask, and at what price.

    Every figure is held out: weights, and the choice of the best model and rule, come from other
    questions than those they are judged on. The advice may be not to vote, or to record more
    answers first. --value or --budget choose on the frontier of accuracy and cost. --out writes
    the recommended ensemble to a file for `bestofinf ask`, `bestofinf run` and
    `AdaptiveEnsembleChat.load`.
    """
    from bestofinf.advice import PRESET_NAMES
    from bestofinf.advice import advise as advise_on
    from bestofinf.evaluation.canonical import recorded_answer

    read = read_recorded(paths, answer)
    with progress_bar("Trying strategies") as advance:
        advice = advise_on(
            read.evaluation_set,
            members=None if members is None else [name.strip() for name in members.split(",")],
            rules=rule or PRESET_NAMES,
            value=value,
            budget=budget,
            unit=unit,
            prices=prices_by_member(price),
            speed=speed,
            trials=trials,
            max_samples=max_samples,
            seed=seed,
            whole=answer is not None and recorded_answer(answer).whole,
            progress=advance,
        )
    if out is not None:
        write_advice(out, advice, name=ensemble, answer=answer or "auto")
    if as_json:
        echo_json(advice.to_json() | read.to_json())
        return
    console = Console(highlight=False)
    first, *lines = advice.lines()
    console.print(f"[bold]{first}[/]")
    for line in lines:
        console.print(line, markup=False)
    tell_unread(read, console)
    if everything:
        _show_strategies(advice, console)
        console.print(
            Syntax(printable(advice.code["langchain"]), "python", background_color="default")
        )
    else:
        console.print("--all shows every strategy and code to paste.", style="dim")
    if out is not None:
        console.print(f"written to {out}", markup=False)


def write_advice(path: Path, advice: Advice, *, name: str, answer: str) -> None:
    """Write the advised ensemble to a configuration file.

    A member whose name says where its model is (``provider:model``, ``model@http://...``) is
    written with that address. Any other member gets an empty table: fill it in by hand, or pass
    the member when the file is loaded. The other contents of the file are kept.

    Args:
        path: The file; created if it does not exist.
        advice: The advice whose recommended ensemble is written.
        name: Name of the ensemble in the file.
        answer: Name of the answer type.

    Raises:
        UsageError: If the file exists and is not TOML, or if it cannot be written.
    """
    from bestofinf import VoteSettings
    from bestofinf.ensemble.config import EnsembleConfig, MemberConfig
    from bestofinf.ensemble.config_writing import write_config

    rule = advice.chosen.rule
    chosen = advice.heldout[advice.choice.chosen.strategy.name]
    judged_on = {
        "questions": advice.questions,
        "labels": advice.labels,
        "accuracy": round(chosen.accuracy, 6),
        "se": round(chosen.se, 6),
        "gain": round(advice.choice.gain, 6),
        "gain_se": round(advice.choice.se, 6),
        "mean_samples": round(chosen.mean_samples, 3),
        "mean_tokens": None if chosen.mean_tokens is None else round(chosen.mean_tokens, 1),
        "members": list(advice.coverage.compared),
    }
    config = EnsembleConfig(
        name,
        advice.weights,
        {
            "rule": rule or "fixed:n=1",
            "answer": answer,
            "max_samples": advice.max_samples if rule else 1,
            "waiting": VoteSettings().waiting,
        },
        calibration=advice.calibration,
        judged_on={key: value for key, value in judged_on.items() if value == value},
    )
    write_config(path, config, [MemberConfig.of_name(member) for member in advice.weights])


def _show_strategies(advice: Advice, console: Console) -> None:
    unit = advice.unit.name
    names = ("right", "±", "samples", unit if unit != "samples" else "tokens")
    columns = [Column("strategy, on held-out questions")]
    columns += [Column(name, "number") for name in names]
    rows, styles = [], []
    for name, outcome in sorted(advice.heldout.items(), key=lambda pair: -pair[1].accuracy):
        cost = outcome.mean_tokens if unit == "samples" else outcome.mean_cost
        samples = outcome.mean_samples
        chosen = name == advice.chosen.name
        rows.append(
            (
                f"▶ {name}" if chosen else name,
                f"{outcome.accuracy:.3f}",
                f"{outcome.se:.3f}",
                "∞" if samples == float("inf") else f"{samples:.1f}",
                "–" if cost is None else f"{cost:,.0f}" if unit != "money" else f"{cost:,.3g}",
            )
        )
        styles.append("bold green" if chosen else "dim" if outcome.strategy.kind == "limit" else "")
    show_table(console, columns, rows, styles=styles)
