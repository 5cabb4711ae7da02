"""Langfuse: exported observations (JSONL, JSON, CSV, Parquet).

Field names: langfuse.com, "Blob storage export field reference", and the API's own in camel case. An
observation of type GENERATION is a sample. Observations with one input are one question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.border import as_amount, as_count
from bestofinf.evaluation.logs.contents import (
    as_map,
    as_number,
    as_text,
    decoded,
    prompt_text,
    question_text,
    reply_text,
)
from bestofinf.evaluation.logs.head import Head
from bestofinf.evaluation.logs.protocol import DOCUMENTED, Found, LeftOut, LogReader, LogSample


def _knows(head: Head) -> bool:
    trace = head.keys & {"trace_id", "traceId"}
    model = head.keys & {"provided_model_name", "providedModelName", "model"}
    return bool(trace and model) and head.has("type", "input", "output")


def _read(head: Head) -> Iterator[Found]:
    for _, row in head.rows():
        kind = str(row.get("type", "")).upper()
        output = decoded(row.get("output"))
        text = reply_text(output)
        if kind != "GENERATION":
            yield LeftOut(f"an observation of type {kind or 'unknown'}")
        elif str(row.get("level", "")).upper() == "ERROR":
            yield LeftOut("the request failed")
        elif text is None:
            yield LeftOut("no reply")
        else:
            yield _sample(row, text)


def _sample(row: Mapping[str, Any], text: str) -> LogSample:
    asked = decoded(row.get("input"))
    usage = as_map(_get(row, "usage_details", "usageDetails", "usage"))
    seconds = as_number(row.get("latency"))
    said = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    inner = asked.get("messages", asked) if isinstance(asked, Mapping) else asked
    return LogSample(
        question=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        text=text,
        member=str(_get(row, "provided_model_name", "providedModelName", "model") or "model"),
        dataset=str(row.get("name") or ""),
        prompt=prompt_text(inner) or question_text(inner),
        tokens=as_count(as_number(_get(usage, "output", "completion_tokens", "output_tokens"))),
        input_tokens=as_count(as_number(_get(usage, "input", "prompt_tokens", "input_tokens"))),
        cost=as_amount(as_number(_get(row, "total_cost", "totalCost", "calculatedTotalCost"))),
        seconds=as_amount(seconds),
        key=as_text(row.get("id")) or "",
    )


def _get(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


READER = LogReader(
    "langfuse",
    "Langfuse: exported observations",
    _knows,
    _read,
    "ask every question 8 times with caches off",
    DOCUMENTED,
)
