"""Records for stores, made with few words."""

from __future__ import annotations

from typing import Any

from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.rows import CallRecord, CallRow, QuestionRow, SampleRow


def calls_of_run(
    store: EvaluationStore, run: str
) -> dict[tuple[str, int], tuple[CallRow, list[SampleRow]]]:
    """Return the calls of a run with their samples, by the question's own id and the try."""
    return {
        (call.run_question or "", call.attempt or 0): (
            call,
            [row for row in samples if row.call_id == call.id],
        )
        for _, calls, samples, _ in store.records()
        for call in calls
        if call.run == run
    }


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
