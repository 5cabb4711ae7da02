"""LangSmith: exported runs (JSONL, JSON, CSV, Parquet).

Field names: docs.langchain.com, "Run data format". In an experiment the root runs are the samples and
``reference_example_id`` is the question; elsewhere runs of type ``llm`` with one input are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.border import as_amount, as_count
from bestofinf.evaluation.logs.contents import (
    as_list,
    as_map,
    as_number,
    as_text,
    decoded,
    grade_of,
    prompt_text,
    question_text,
    reference_text,
    reply_text,
)
from bestofinf.evaluation.logs.head import Head
from bestofinf.evaluation.logs.protocol import DOCUMENTED, Found, LeftOut, LogReader, LogSample


def _knows(head: Head) -> bool:
    return head.has("run_type", "inputs", "outputs") and bool(
        head.keys & {"trace_id", "dotted_order", "reference_example_id", "session_id"}
    )


def _read(head: Head) -> Iterator[Found]:
    for _, row in head.rows():
        example = as_text(row.get("reference_example_id"))
        if example is None and row.get("run_type") != "llm":
            yield LeftOut(f"a run of type {row.get('run_type')}")
        elif example is not None and row.get("parent_run_id") not in (None, ""):
            yield LeftOut("a run within another")
        elif row.get("error") not in (None, ""):
            yield LeftOut("the run failed")
        elif (text := reply_text(decoded(row.get("outputs")))) is None:
            yield LeftOut("no reply among the outputs")
        else:
            yield _sample(row, example, text)


def _sample(row: Mapping[str, Any], example: str | None, text: str) -> LogSample:
    inputs = decoded(row.get("inputs"))
    said = json.dumps(inputs, sort_keys=True, ensure_ascii=False)
    asked = as_map(inputs)
    messages = as_list(asked.get("messages"))
    while messages and isinstance(messages[0], list):
        messages = messages[0]
    reference = as_map(row.get("reference_example"))
    return LogSample(
        question=example or hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        text=text,
        member=_member(row),
        gold=reference_text(row.get("reference_outputs") or reference.get("outputs")),
        prompt=prompt_text(messages) or question_text(asked),
        tokens=as_count(as_number(row.get("completion_tokens"))),
        input_tokens=as_count(as_number(row.get("prompt_tokens"))),
        cost=as_amount(as_number(row.get("total_cost"))),
        grade=_grade(row),
        key=as_text(row.get("id")) or "",
    )


def _member(row: Mapping[str, Any]) -> str:
    metadata = as_map(as_map(row.get("extra")).get("metadata"))
    for told in (metadata.get("ls_model_name"), row.get("session_name"), row.get("session_id")):
        if told not in (None, ""):
            return str(told)
    return "model"


def _grade(row: Mapping[str, Any]) -> bool | None:
    for name in ("correctness", "correct", "exact_match", "accuracy"):
        told = as_map(as_map(row.get("feedback_stats")).get(name))
        if told:
            return grade_of(told.get("avg"))
    return None


READER = LogReader(
    "langsmith",
    "LangSmith: exported runs",
    _knows,
    _read,
    "`evaluate(..., num_repetitions=8)`, with a temperature above 0 and caches off",
    DOCUMENTED,
)
