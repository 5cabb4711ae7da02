"""`bestofinf label`: give right answers, or be asked the questions whose labels help most."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bestofinf.cli.store import Json, Store
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo, echo_either, echo_json
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.evaluation import EvaluationStore
    from bestofinf.evaluation.contested import Contested
    from bestofinf.evaluation.labels import LabelReport
    from bestofinf.weights import Decider, Verdict, Wanted


def label(
    store: Store,
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="[KEY]",
            help="Id of a question or a call or the beginning of one, an id of a run, or a prompt's "
            "hash.",
        ),
    ] = None,
    gold: Annotated[str | None, typer.Option(help="The right answer.")] = None,
    correct: Annotated[
        bool | None,
        typer.Option("--correct/--wrong", help="Judge the answer of a call, or --judged."),
    ] = None,
    judged: Annotated[str | None, typer.Option(help="The answer that is judged.")] = None,
    retract: Annotated[bool, typer.Option("--retract", help="Retract its labels.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Read labels from a CSV or JSONL file. With --ask, --random or --decide: the file "
            "that was run, for the texts of the questions."
        ),
    ] = None,
    ask: Annotated[
        int | None,
        typer.Option(help="Ask the N questions whose labels improve the weights most.", min=1),
    ] = None,
    random: Annotated[
        int | None,
        typer.Option(help="Ask N questions drawn at random, for an accuracy.", min=1),
    ] = None,
    decide: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B",
            help="Ask until a test shows which of two candidates is better: members, objectives, "
            "files of weights, or ensemble.toml (ensemble.toml:NAME of several).",
        ),
    ] = None,
    unlabelled: Annotated[
        int | None,
        typer.Option(
            help="List this many questions without a label, the closest votes first.", min=1
        ),
    ] = None,
    members: Annotated[
        str | None, typer.Option(help="Members to compare, separated by commas.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random draw.")] = 0,
    answer: Annotated[
        str | None, typer.Option(help="Answer type that counts equivalent answers as one.")
    ] = None,
    source: Annotated[
        str, typer.Option(help="Name of the person or program that gives the label.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Label right answers: of one question, of many in a file, or of the questions worth asking.

    The questions of --ask are harder than the others, so accuracies are not estimated from their
    labels; they are from those of --random. --decide asks only questions on which the two
    candidates elect different answers. In a terminal the questions are asked one by one; elsewhere
    they are listed.
    """
    from bestofinf.answers import resolve_answer
    from bestofinf.cli.labelling import Desk
    from bestofinf.evaluation import EvaluationStore, label_file

    asking = [ask is not None, random is not None, decide is not None]
    ways = [gold is not None, correct is not None, retract, bool(unlabelled), *asking]
    ways += [file is not None and not any(asking)]
    if sum(ways) != 1:
        raise UsageError(
            "give one of --ask, --random, --decide, --gold, --correct, --wrong, --retract, --file, "
            "--unlabelled"
        )
    if key is None and (gold is not None or correct is not None or retract):
        raise UsageError("name the question: give its id, the id of a call, or a prompt's hash")
    listing = unlabelled is not None
    # Open for writing even to read: that upgrades a store of an earlier version.
    with EvaluationStore(store, create=False) as opened:
        if listing:
            kind = None if answer is None else resolve_answer(answer)
            _show_contested(opened.unlabelled(unlabelled, answer=kind), as_json)
        elif any(asking):
            names = None if members is None else [name.strip() for name in members.split(",")]
            talking = sys.stdin.isatty() and not as_json
            desk = Desk(opened, answer, file=file, members=names, seed=seed, source=source)
            if ask is not None:
                _show_wanted(desk.ask(ask, talking=talking), as_json)
            elif random is not None:
                _show_wanted(desk.random(random, talking=talking), as_json)
            elif decide is not None:
                _show_decision(desk.decide(*decide, talking=talking), as_json)
        elif file is not None:
            _show_report(label_file(opened, file, source=source), as_json)
        else:
            found = opened.complete(str(key))
            question = _label_one(opened, found, gold, correct, judged, source)
            echo_either({"question": question}, f"labelled {question}", as_json)


def _label_one(
    store: EvaluationStore,
    key: str,
    gold: str | None,
    correct: bool | None,
    judged: str | None,
    source: str,
) -> str:
    if correct is None:
        return store.label(key, gold, source=source)
    return store.verdict(key, correct, answer=judged, source=source)


def _show_report(report: LabelReport, as_json: bool) -> None:
    text = f"{report.given} labels given"
    if report.unknown:
        text += f"; unknown: {', '.join(report.unknown[:5])}"
        text += f" and {len(report.unknown) - 5} more" if len(report.unknown) > 5 else ""
    echo_either({"given": report.given, "unknown": list(report.unknown)}, text, as_json)


def _show_contested(questions: list[Contested], as_json: bool) -> None:
    if as_json:
        echo_json([asdict(question) for question in questions])
        return
    columns = [Column("question", "id"), Column("votes"), Column("lead is sure", "number")]
    rows = [(q.id, _votes(q.votes), f"{q.lead:.0%}", q.prompt or "") for q in questions]
    show_table(Console(highlight=False), [*columns, Column("prompt")], rows)


def _show_wanted(questions: list[Wanted], as_json: bool) -> None:
    """Show what is still to be labelled."""
    if as_json:
        echo_json([asdict(question) for question in questions])
    elif questions:
        columns = [Column("question", "id"), Column("votes"), Column("text")]
        rows = [(q.id, _votes(q.votes), q.prompt or "") for q in questions]
        show_table(Console(highlight=False), columns, rows)
    else:
        typer.echo("nothing more to ask")


def _show_decision(decider: Decider, as_json: bool) -> None:
    verdict: Verdict = decider.verdict()
    wanted = decider.next()
    if as_json:
        record = asdict(verdict) | {"next": None if wanted is None else asdict(wanted)}
        echo_json(record)
        return
    echo(str(verdict))
    if wanted is not None:
        _show_wanted([wanted], as_json)


def _votes(votes: Mapping[str, int]) -> str:
    return ", ".join(f"{answer[:30]} ({count})" for answer, count in list(votes.items())[:4])
