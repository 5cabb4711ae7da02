"""Records for stores, made with few words."""

from __future__ import annotations

from typing import Any

from bestofinf.evaluation.rows import CallRecord, CallRow, QuestionRow, SampleRow


def record(
    call: str,
    *answers: str | None,
    question: str = "q1",
    member: str = "gpt",
    fixed: bool = True,
    **facts: Any,
) -> CallRecord:
    """Return a call of one member with these answers."""
    rows = tuple(SampleRow(call, draw, member, answer) for draw, answer in enumerate(answers))
    return CallRecord(
        QuestionRow(question, created_at=1.0),
        CallRow(call, question, fixed=fixed, started_at=2.0, **facts),
        rows,
    )
