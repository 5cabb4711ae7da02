"""What a query may take, and what it brought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bestofinf.answers.base import Abstain

MOST_HELD = 50_000_000
"""Characters that the rows of a result may hold."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The result of a query.

    Attributes:
        rows: The rows, as the driver gave them.
        columns: Number of columns.
    """

    rows: Sequence[Sequence[Any]]
    columns: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take.

    Attributes:
        seconds: Time.
        rows: Most rows.
    """

    seconds: float
    rows: int

    def late(self) -> str:
        """Return the reason of a query that took too long."""
        return f"the query took longer than {self.seconds:g} s"

    def collected(self, rows: Iterable[Sequence[Any]], columns: int) -> Rows:
        """Return the rows if they are not too many and do not hold too much.

        Raises:
            Abstain: If they do.
        """
        kept: list[Sequence[Any]] = []
        held = 0
        for row in rows:
            kept.append(row)
            held += sum(len(value) for value in row if isinstance(value, str | bytes))
            if len(kept) > self.rows:
                raise Abstain(f"the query returned more than {self.rows} rows")
            if held > MOST_HELD:
                raise Abstain(f"the query returned more than {MOST_HELD // 1_000_000} MB")
        return Rows(kept, columns)
