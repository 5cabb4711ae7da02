"""Commands on an evaluation store: status, export, import and delete."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bestofinf.cli.options import AsJson
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo_either, echo_json
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.evaluation.export import Moved

Store = Annotated[
    str, typer.Argument(metavar="STORE", help="An SQLite file, sqlite:///PATH or postgresql://...")
]
Json = AsJson


def _formats(wanted: bool) -> None:
    if not wanted:
        return
    from bestofinf.evaluation.logs.kinds import READERS

    columns = [Column("format"), Column("what is read"), Column("tried on")]
    rows = [
        (one.name, one.title, "files of the tool" if one.origin == "seen" else one.origin)
        for one in READERS
    ]
    show_table(Console(highlight=False), columns, rows)
    raise typer.Exit


def status(store: Store, as_json: Json = False) -> None:
    """Show what a store holds: questions, labels, and samples by member."""
    from bestofinf.evaluation import EvaluationStore

    with EvaluationStore(store, readonly=True) as opened:
        found = opened.status()
    if as_json:
        echo_json(asdict(found))
        return
    rows = [(name, f"{value:,}") for name, value in asdict(found).items() if name != "members"]
    rows += [(f"samples of {member}", f"{count:,}") for member, count in found.members.items()]
    show_table(Console(), [Column(""), Column("", "number")], rows, title=opened.name)


def export(
    store: Store,
    path: Annotated[Path, typer.Argument(help="A file NAME.jsonl, or a folder for Parquet files.")],
    as_json: Json = False,
) -> None:
    """Write a whole store to a JSONL file, or as Parquet files to a folder, without loss."""
    from bestofinf.evaluation import EvaluationStore, export_jsonl, export_parquet

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
            help="Logs of other tools, JSONL files, folders of them, the authors' files, or a "
            "folder of Parquet files.",
        ),
    ],
    answer: Annotated[str, typer.Option(help="Answer type that reads whole replies.")] = "auto",
    gold: Annotated[
        Path | None, typer.Option(help="For logs: a table of right answers (JSONL, JSON, CSV).")
    ] = None,
    id_key: Annotated[
        str | None, typer.Option("--id", help="With --gold: the column with the ids of questions.")
    ] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=MODEL gives a log's MODEL this name; NAME alone names every model."
        ),
    ] = None,
    id_pattern: Annotated[
        str | None,
        typer.Option(
            help="Pattern whose group is the question's id in the log's ids: '(.+)-run[0-9]+'."
        ),
    ] = None,
    by_grade: Annotated[
        bool, typer.Option("--by-grade", help="Take right answers from the log's own grades.")
    ] = False,
    formats: Annotated[
        bool,
        typer.Option(
            "--formats", help="List the logs that can be read.", is_eager=True, callback=_formats
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Add recorded answers to a store, which is created if missing. Nothing is added twice.

    The content of a file says what it is. If one file is broken, nothing is added.
    """
    from bestofinf.evaluation import EvaluationStore, import_files, import_parquet
    from bestofinf.evaluation.export import Moved
    from bestofinf.evaluation.logs.options import LogOptions

    options = LogOptions(gold, id_key, dict(map(_renamed, member or [])), id_pattern, by_grade)
    parquet = [path for path in paths if _is_parquet(path)]
    files = [path for path in paths if not _is_parquet(path)]
    # A new file is made by the first row: a broken log must leave none behind.
    new = "://" not in store and not Path(store).exists() and Path(store).absolute().parent.is_dir()
    with EvaluationStore(store, connect=not new) as opened:
        moved = [import_files(opened, files, answer=answer, options=options)] if files else []
        moved += [import_parquet(opened, folder) for folder in parquet]
    total = Moved(
        sum(m.questions for m in moved),
        sum(m.samples for m in moved),
        sum(m.labels for m in moved),
        moved[0].logs,
    )
    _show_moved(total, f"read into {opened.name}", as_json)


def _renamed(text: str) -> tuple[str, str]:
    name, equal, model = text.partition("=")
    if not name or (equal and not model):
        raise UsageError(f"a member is NAME=MODEL or NAME, got {text!r}")
    return model, name


def delete(
    store: Store,
    key: Annotated[str, typer.Argument(help="Id of a question or a call, or a prompt's hash.")],
    as_json: Json = False,
) -> None:
    """Delete a question with all its calls, samples and labels."""
    from bestofinf.evaluation import EvaluationStore

    with EvaluationStore(store, create=False) as opened:
        question = opened.delete(key)
    echo_either({"question": question}, f"deleted {question}", as_json)


def _is_parquet(path: Path) -> bool:
    from bestofinf.evaluation.frames import TABLES

    return all((path / f"{name}.parquet").is_file() for name in TABLES)


def _show_moved(moved: Moved, where: str, as_json: bool) -> None:
    text = f"{moved.questions} questions, {moved.samples} samples, {moved.labels} labels {where}"
    counts = {name: getattr(moved, name) for name in ("questions", "samples", "labels")}
    if moved.logs is None:
        echo_either(counts, text, as_json)
    else:
        echo_either(
            {**counts, "logs": moved.logs.to_json()},
            "\n".join([text, *moved.logs.lines()]),
            as_json,
        )
