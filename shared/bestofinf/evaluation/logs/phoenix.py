"""Phoenix: runs of an experiment (JSON, CSV) and exported spans (JSONL, CSV, Parquet).

Field names: arize.com/docs/phoenix, REST API "Experiments" and "Export traces" (OpenInference's
attributes). Spans of kind LLM are samples; those with the same input are one question.
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

_OUTPUT = "attributes.output.value"
_INPUT = "attributes.input.value"
_COUNT = "attributes.llm.token_count."


def _knows(head: Head) -> bool:
    spans = head.has(_OUTPUT, _INPUT) and bool(head.keys & {"context.span_id", "span_kind"})
    return spans or head.has("example_id", "repetition_number", "output")


def _read(head: Head) -> Iterator[Found]:
    experiment = "example_id" in head.keys
    for _, row in head.rows():
        kind = str(row.get("span_kind", "LLM")).upper()
        text = reply_text(decoded(row.get("output" if experiment else _OUTPUT)))
        if not experiment and kind != "LLM":
            yield LeftOut(f"a span of kind {kind}")
        elif row.get("error") not in (None, "") or row.get("status_code") == "ERROR":
            yield LeftOut("the run failed")
        elif text is None:
            yield LeftOut("no reply")
        else:
            yield _run(row, text) if experiment else _span(row, text)


def _run(row: Mapping[str, Any], text: str) -> LogSample:
    asked = decoded(row.get("input"))
    seconds = as_amount(row.get("latency_ms"))
    place = as_count(row.get("repetition_number"))
    grades = [
        grade_of(as_map(note).get("score"))
        for note in as_list(row.get("annotations"))
        if as_map(note).get("name") in ("correctness", "correct", "exact_match", "accuracy")
    ]
    return LogSample(
        question=str(row.get("example_id")),
        text=text,
        member=str(row.get("model") or row.get("experiment_name") or "model"),
        gold=reference_text(row.get("reference_output")),
        prompt=question_text(asked) or as_text(asked),
        seconds=None if seconds is None else seconds / 1000,
        grade=next(iter(grades), None),
        place=place or 0,
        key=str(row.get("id") or row.get("trace_id") or ""),
    )


def _span(row: Mapping[str, Any], text: str) -> LogSample:
    asked = decoded(row.get(_INPUT))
    said = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    messages = asked.get("messages") if isinstance(asked, Mapping) else None
    return LogSample(
        question=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        text=text,
        member=str(row.get("attributes.llm.model_name") or "model"),
        prompt=prompt_text(messages) or question_text(asked) or as_text(asked),
        tokens=_count(row.get(f"{_COUNT}completion")),
        input_tokens=_count(row.get(f"{_COUNT}prompt")),
        key=str(row.get("context.span_id") or ""),
    )


def _count(value: Any) -> int | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return as_count(value)


READER = LogReader(
    "phoenix",
    "Phoenix: runs of experiments, exported spans",
    _knows,
    _read,
    "`run_experiment(..., repetitions=8)`, with a temperature above 0",
    DOCUMENTED,
)
