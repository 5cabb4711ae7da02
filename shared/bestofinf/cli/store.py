"""Commands on an evaluation store: status, label, export, import and delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bestofinf.answers import resolve_answer
from bestofinf.errors import UsageError
from bestofinf.evaluation.contested import Contested
from bestofinf.evaluation.export import Moved, export_jsonl, import_files
from bestofinf.evaluation.frames import TABLES, export_parquet, import_parquet
from bestofinf.evaluation.labels import LabelReport, label_file
from bestofinf.evaluation.store import EvaluationStore

Store = Annotated[
    str, typer.Argument(metavar="STORE", help="An SQLite file, sqlite:///PATH or postgresql://...")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def status(store: Store, as_json: Json = False) -> None:
    """Show what a store holds: questions, labels, and samples by member."""
    with EvaluationStore(store, readonly=True) as opened:
        found = opened.status()
    if as_json:
        _print_json(asdict(found))
        return
    table = Table(title=opened.name, show_header=False)
    for name, value in asdict(found).items():
        if name != "members":
            table.add_row(name, str(value))
    for member, count in found.members.items():
        table.add_row(f"samples of {member}", str(count))
    Console().print(table)


def label(
    store: Store,
    key: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="Id of a question or a call, or a prompt's hash."),
    ] = None,
    gold: Annotated[str | None, typer.Option(help="The right answer.")] = None,
    correct: Annotated[
        bool | None,
        typer.Option("--correct/--wrong", help="Judge the answer of a call, or --judged."),
    ] = None,
    judged: Annotated[str | None, typer.Option(help="The answer that is judged.")] = None,
    retract: Annotated[bool, typer.Option("--retract", help="Take its labels back.")] = False,
    file: Annotated[
        Path | None, typer.Option(help="Give the labels of a CSV or JSONL file.")
    ] = None,
    unlabelled: Annotated[
        int | None,
        typer.Option(help="List so many questions to label, the most contested first.", min=1),
    ] = None,
    answer: Annotated[
        str | None, typer.Option(help="Answer type that counts equivalent answers as one.")
    ] = None,
    source: Annotated[str, typer.Option(help="Who says so.")] = "",
    as_json: Json = False,
) -> None:
    """Say what is right: of one question, of many in a file; or list what to label next."""
    ways = [gold is not None, correct is not None, retract, file is not None, bool(unlabelled)]
    if sum(ways) != 1:
        raise UsageError("give one of --gold, --correct, --wrong, --retract, --file, --unlabelled")
    if key is None and file is None and not unlabelled:
        raise UsageError("name the question: an id, a call, or the hash of a prompt")
    listing = unlabelled is not None
    with EvaluationStore(store, create=False, readonly=listing) as opened:
        if listing:
            kind = None if answer is None else resolve_answer(answer)
            _show_contested(opened.unlabelled(unlabelled, answer=kind), as_json)
        elif file is not None:
            _show_report(label_file(opened, file, source=source), as_json)
        else:
            question = _label_one(opened, str(key), gold, correct, judged, source)
            _say({"question": question}, f"labelled {question}", as_json)


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


def export(
    store: Store,
    path: Annotated[Path, typer.Argument(help="A file NAME.jsonl, or a folder for Parquet files.")],
    as_json: Json = False,
) -> None:
    """Write a whole store to a JSONL file, or as Parquet files to a folder, without loss."""
    with EvaluationStore(store, readonly=True) as opened:
        if path.suffix == ".jsonl":
            moved = export_jsonl(opened, path)
        elif path.suffix and not path.is_dir():
            raise UsageError(f"{path}: wanted a name that ends in .jsonl, or a folder")
        else:
            moved = export_parquet(opened, path)
    _show_moved(moved, f"written to {path}", as_json)


def import_(
    store: Store,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="JSONL files, folders of them, the authors' files, or a folder of Parquet files.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Add recorded answers to a store; it is made if missing. What it has already is left alone."""
    parquet = [path for path in paths if _is_parquet(path)]
    files = [path for path in paths if not _is_parquet(path)]
    with EvaluationStore(store) as opened:
        moved = [import_files(opened, files)] if files else []
        moved += [import_parquet(opened, folder) for folder in parquet]
    total = Moved(
        sum(m.questions for m in moved), sum(m.samples for m in moved), sum(m.labels for m in moved)
    )
    _show_moved(total, f"read into {opened.name}", as_json)


def delete(
    store: Store,
    key: Annotated[str, typer.Argument(help="Id of a question or a call, or a prompt's hash.")],
    as_json: Json = False,
) -> None:
    """Delete a question with all its calls, samples and labels."""
    with EvaluationStore(store, create=False) as opened:
        question = opened.delete(key)
    _say({"question": question}, f"deleted {question}", as_json)


def _is_parquet(path: Path) -> bool:
    return all((path / f"{name}.parquet").is_file() for name in TABLES)


def _show_moved(moved: Moved, where: str, as_json: bool) -> None:
    text = f"{moved.questions} questions, {moved.samples} samples, {moved.labels} labels {where}"
    _say(asdict(moved), text, as_json)


def _show_report(report: LabelReport, as_json: bool) -> None:
    text = f"{report.given} labels given"
    if report.unknown:
        text += f"; unknown: {', '.join(report.unknown[:5])}"
        text += f" and {len(report.unknown) - 5} more" if len(report.unknown) > 5 else ""
    _say({"given": report.given, "unknown": list(report.unknown)}, text, as_json)


def _show_contested(questions: list[Contested], as_json: bool) -> None:
    if as_json:
        _print_json([asdict(question) for question in questions])
        return
    table = Table("question", "votes", "lead is sure", "prompt")
    for question in questions:
        votes = ", ".join(f"{a[:30]} ({n})" for a, n in list(question.votes.items())[:4])
        table.add_row(question.id, votes, f"{question.lead:.0%}", (question.prompt or "")[:80])
    Console().print(table)


def _say(values: Mapping[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        _print_json(values)
    else:
        typer.echo(text)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value))
