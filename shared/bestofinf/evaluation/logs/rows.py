"""Questions of logs as rows of a store: one call for each question and file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bestofinf.border import as_logprob
from bestofinf.evaluation.exchange import IMPORTED, import_id, rows_from_question
from bestofinf.evaluation.logs.gathering import Logs, reply_of
from bestofinf.evaluation.logs.spool import Spooled
from bestofinf.evaluation.rows import CallRecord, CallRow, SampleRow
from bestofinf.evaluation.sets import Question


def records_of(logs: Logs) -> Iterator[CallRecord]:
    """Yield everything that logs add to a store, once `Logs.take_answers` has been called.

    The ids are derived from the samples, so that importing a log again, or the same run in another
    form, adds nothing.
    """
    now = time.time()
    for id_, rows, gold, by_grade in logs.kept():
        dataset, prompt = rows[0].sample.dataset, logs.prompt(rows)
        name = Path(logs.names[rows[0].file]).name
        source = f"import {name}, by its grades" if by_grade else f"import {name}"
        question = Question(id_, {}, gold, dataset, prompt, last_message=prompt)
        yield rows_from_question(question, source=source, now=now)
        for file, own in groupby(sorted(rows, key=lambda row: row.file), lambda row: row.file):
            yield _call(id_, Path(logs.names[file]).name, list(own), now)


def _call(question: str, file: str, rows: Sequence[Spooled], now: float) -> CallRecord:
    told = [[row.sample.member, row.sample.key, row.sample.text, row.sample.answer] for row in rows]
    id_ = import_id("log", question, told)
    samples = tuple(
        SampleRow(
            call_id=id_,
            draw=place,
            member=row.sample.member,
            answer=row.answer,
            text=row.sample.text,
            tokens=row.sample.tokens,
            input_tokens=row.sample.input_tokens,
            cost=row.sample.cost,
            seconds=row.sample.seconds,
            logprob=None if row.sample.logprobs is None else as_logprob(sum(row.sample.logprobs)),
            logprob_tokens=None if row.sample.logprobs is None else len(row.sample.logprobs),
            said=_said(row),
        )
        for place, row in enumerate(rows)
    )
    call = CallRow(
        id=id_,
        question_id=question,
        kind=IMPORTED,
        fixed=True,
        started_at=now,
        details=json.dumps(_evidence(file, rows), ensure_ascii=False),
    )
    return CallRecord(None, call, samples)


def _said(row: Spooled) -> str | None:
    reply = reply_of(row.sample)
    told = reply.likelihood if reply else None
    return told.said if told else None


def _evidence(file: str, rows: Sequence[Spooled]) -> dict[str, Any]:
    """Return the facts in the log for which a store has no columns."""
    columns: dict[str, list[Any]] = {
        "grades": [row.sample.grade for row in rows],
        "graded": [row.sample.graded for row in rows],
        "finish_reasons": [row.sample.finish_reason for row in rows],
    }
    filled = {
        name: values for name, values in columns.items() if any(v is not None for v in values)
    }
    return {"file": file, **filled}
