"""Text-to-SQL: a vote on the rows that queries return, not on how they are spelt."""

from __future__ import annotations

from bestofinf.answers.sql.answer import SqlAnswer

__all__ = ["SqlAnswer"]
