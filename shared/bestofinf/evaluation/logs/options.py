"""The user's options for reading logs: facts that the logs do not contain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bestofinf.errors import UsageError
from bestofinf.evaluation.logs.contents import as_map, as_text, reference_text
from bestofinf.evaluation.logs.head import OTHER, head_of

GOLD_KEYS = ("gold", "target", "reference", "expected", "answer", "gt")
ID_KEYS = ("id", "question_id", "custom_id", "doc_id", "idx", "unique_id")


@dataclass(frozen=True)
class LogOptions:
    """How logs are read.

    Attributes:
        gold: Path of a table of right answers: JSONL, JSON, CSV or Parquet.
        id_key: Its column with the ids of questions; None takes the first usual name.
        members: New names of members, by their name in the log; the key ``""`` renames them all.
        id_pattern: A regular expression whose group ``id``, or first group, is the question's id in an
            id of the log: ``"(.+)-run[0-9]+"`` makes one question of q7-run1 and q7-run2.
        by_grade: Take right answers from the log's own grades, if it has any, instead of targets.

    Raises:
        UsageError: If the pattern is invalid or has no group, or `id_key` is given without `gold`.
    """

    gold: Path | None = None
    id_key: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    id_pattern: str | None = None
    by_grade: bool = False

    def __post_init__(self) -> None:
        if self.id_key is not None and self.gold is None:
            raise UsageError(
                "id_key (--id) names a column of the table of right answers: give gold (--gold) as well"
            )
        if self.id_pattern is not None and not self._pattern().groups:
            raise UsageError(
                f"an id pattern needs a group for the question's id, as in '(.+)-run[0-9]+', "
                f"got {self.id_pattern!r}"
            )

    def _pattern(self) -> re.Pattern[str]:
        try:
            return re.compile(self.id_pattern or "(.*)", re.DOTALL)
        except re.error as error:
            raise UsageError(f"not a regular expression: {self.id_pattern!r}: {error}") from None

    def question(self, given: str) -> tuple[str, bool]:
        """Return the question's id in an id of the log, and whether the pattern matches it."""
        if self.id_pattern is None:
            return given, True
        found = self._pattern().fullmatch(given)
        if found is None:
            return given, False
        return found["id" if "id" in found.groupdict() else 1] or given, True

    def member(self, given: str) -> str:
        """Return the name of a member."""
        return self.members.get(given, self.members.get("", given))


def gold_rows(path: Path, id_key: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of a table of right answers: position in words, id of the question, right answer.

    Raises:
        UsageError: If a row has no id, or no row has a right answer.
    """
    head = head_of(path)
    if head.form == OTHER:
        raise UsageError(f"{path}: no table: wanted JSONL, JSON, CSV or Parquet")
    keys = (id_key,) if id_key is not None else ID_KEYS
    found = False
    for where, row in head.rows():
        name = _first(row, keys)
        if name is None:
            raise UsageError(
                f"{path}, {where}: names no question: wanted {' or '.join(keys)}, got "
                f"{', '.join(map(repr, row)) or 'nothing'}; name the column with --id"
            )
        gold = _first(row, GOLD_KEYS)
        if gold is None:
            gold = reference_text(as_map(row.get("reference_output") or row.get("outputs")))
        if gold is not None:
            found = True
            yield where, name, gold
    if not found:
        raise UsageError(f"{path}: no right answers: wanted a column {' or '.join(GOLD_KEYS)}")


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := as_text(row.get(name))) is not None), None)
