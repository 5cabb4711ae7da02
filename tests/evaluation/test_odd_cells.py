"""A file edited by hand, or by another program: cells of another type or out of range."""

import random
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest

from bestofinf.errors import StoreError
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.rows import CallRecord, CallRow, LabelRow, QuestionRow, SampleRow
from bestofinf.evaluation.store.listing import Wanted
from support.hostile import NUMBERS

INSTEAD = (
    *(value for value in NUMBERS if not (isinstance(value, int) and abs(value) >= 2**63)),
    *(0, 1.5, 1e308, -1e308, 2**62, "", "x" * 3000, "\x00a", "\x1b[2J", "{", "[]", b"\xff\xfe"),
)

TABLES = [f"bestofinf_{name}" for name in ("meta", "questions", "calls", "samples", "labels")]
"""Those that are not computed from others."""


def filled(path):
    with EvaluationStore(path) as store:
        for n in range(6):
            question = QuestionRow(
                id=f"q{n}", prompt=f"{n}?", dataset="sums", created_at=1e9 + n, last_message="?"
            )
            call = CallRow(
                id=f"c{n}",
                question_id=f"q{n}",
                rule="fixed:n=3",
                answer=str(n),
                confidence=0.9,
                details="{}",
            )
            samples = [
                SampleRow(
                    call_id=f"c{n}",
                    draw=draw,
                    member="gpt",
                    answer=str(n),
                    text=f"It is {n}.",
                    tokens=4,
                    cost=0.1,
                    seconds=0.2,
                    score=0.5,
                )
                for draw in range(3)
            ]
            labels = (LabelRow(id=f"l{n}", question_id=f"q{n}", answer=str(n), at=1e9),)
            store.add([CallRecord(question, call, tuple(samples), labels)])
    return path


def looked_at(path):
    """Read everything that a store can tell."""
    with EvaluationStore(path) as store:
        store.status()
        store.read()
        list(store.records())
        catalogue = store.catalogue
        page = catalogue.page(Wanted(), limit=20)
        for listed in page.questions:
            assert listed.cost >= 0
            catalogue.entry(listed.number)
        catalogue.picture()
        return len(page.questions)


@pytest.mark.parametrize(
    "seeds", [range(30), pytest.param(range(30, 600), marks=pytest.mark.soak)], ids=str
)
def test_odd_cells_are_unknown_values(seeds, tmp_path):
    whole = filled(tmp_path / "whole.db")
    for seed in seeds:
        chance, path = random.Random(f"cells {seed}"), tmp_path / "answers.db"
        shutil.copy(whole, path)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            for _ in range(chance.choice((1, 1, 2, 4))):
                table = chance.choice(TABLES)
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                with suppress(sqlite3.IntegrityError, sqlite3.OperationalError):
                    database.execute(
                        f'UPDATE {table} SET "{chance.choice(columns)}" = ? '
                        f"WHERE rowid = (SELECT min(rowid) FROM {table})",
                        [chance.choice(INSTEAD)],
                    )
        with suppress(StoreError):  # whether it is a store at all is in a cell, too
            looked_at(path)
        path.unlink()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("samples", "said", b"\xff\xfe"),
        ("samples", "text", b"It is 4."),
        ("summaries", "cost", "{}"),
        ("summaries", "tokens", -5),
        ("questions", "created_at", "optscale"),
        ("questions", "created_at", 1e308),
    ],
)
def test_an_odd_cell_hides_no_question(table, column, value, tmp_path):
    path = filled(tmp_path / "answers.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE bestofinf_{table} SET {column} = ?", [value])
    assert looked_at(path) == 6


@pytest.mark.parametrize("version", ["nul", "0", "-1", "9" * 5_000, ""])
def test_a_version_that_is_none_is_told(version, tmp_path):
    path = filled(tmp_path / "answers.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE bestofinf_meta SET value = ?", [version])
    with pytest.raises(StoreError, match="damaged: its version is"):
        EvaluationStore(path)
