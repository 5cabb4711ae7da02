"""promptfoo: result files (JSON, JSONL) and its database ``promptfoo.db``.

``--repeat`` gives every repeat a test index of its own, so repeats are known by their variables and
prompt. Only assertions of type ``equals`` hold a right answer; otherwise `success` is the grade.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.errors import UsageError
from bestofinf.evaluation.logs.contents import as_list, as_map, as_text, decoded, reply_text
from bestofinf.evaluation.logs.contents import prompt_text as last_said
from bestofinf.evaluation.logs.head import DATABASE, Head
from bestofinf.evaluation.logs.protocol import Found, LeftOut, LogReader, LogSample

_VARIABLE = re.compile(r"\{\{\s{0,9}(\w{1,99})\s{0,9}\}\}")
_EQUAL = ("equals",)
_COLUMNS = (
    "id, test_case, prompt, provider, latency_ms, cost, response, error, success, "
    "grading_result, eval_id"
)


def _knows(head: Head) -> bool:
    if head.form == DATABASE:
        return "eval_results" in head.keys
    if head.has("evalId", "results"):
        return True
    return head.has("promptIdx", "testIdx", "provider", "response")


def _read(head: Head) -> Iterator[Found]:
    if head.form == DATABASE:
        rows = _stored(head)
    elif head.has("evalId", "results"):
        rows = (row for _, row in head.items("results.results.item"))
    else:
        rows = (row for _, row in head.rows())
    for row in rows:
        yield _sample(row)


def _stored(head: Head) -> Iterator[dict[str, Any]]:
    try:
        database = sqlite3.connect(f"{head.path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            found = database.execute(f"SELECT {_COLUMNS} FROM eval_results ORDER BY rowid")
            for values in found:
                row = dict(zip(_COLUMNS.split(", "), map(decoded, values), strict=True))
                yield {
                    **row,
                    "testCase": row["test_case"],
                    "latencyMs": row["latency_ms"],
                    "success": bool(row["success"]),
                    "gradingResult": row["grading_result"],
                    "vars": as_map(row["test_case"]).get("vars"),
                }
        finally:
            database.close()
    except sqlite3.Error as error:
        raise UsageError(f"{head.path}: promptfoo's database cannot be read: {error}") from None


def _sample(row: Mapping[str, Any]) -> Found:
    response = as_map(row.get("response"))
    output = response.get("output")
    if output is None:
        return LeftOut("the request failed" if row.get("error") else "no reply")
    test = as_map(row.get("testCase"))
    variables = {k: v for k, v in as_map(row.get("vars")).items() if not k.startswith("_")}
    prompt = as_map(row.get("prompt"))
    tokens = as_map(response.get("tokenUsage"))
    provider = as_map(row.get("provider"))
    checks = [as_map(check) for check in as_list(test.get("assert"))]
    seconds = row.get("latencyMs")
    return LogSample(
        question=_question(variables, str(row.get("promptId") or prompt.get("label") or "")),
        text=output if isinstance(output, str) else reply_text(output) or json.dumps(output),
        member=str(provider.get("label") or provider.get("id") or row.get("provider") or "model"),
        gold=_gold(checks, variables),
        prompt=_prompt(prompt.get("raw")),
        tokens=tokens.get("completion"),
        input_tokens=tokens.get("prompt"),
        cost=row.get("cost") or None,  # promptfoo writes 0 if the price of the model is unknown
        seconds=seconds / 1000 if isinstance(seconds, int | float) else None,
        finish_reason=response.get("finishReason"),
        # without an assertion everything succeeds, which says nothing
        grade=bool(row.get("success")) if checks or _was_checked(row) else None,
        key=str(row.get("id") or ""),
        cached=response.get("cached") is True,
    )


def _question(variables: Mapping[str, Any], prompt: str) -> str:
    said = json.dumps([variables, prompt], sort_keys=True, ensure_ascii=False)
    return f"v-{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _prompt(raw: Any) -> str | None:
    messages = decoded(raw)
    return last_said(messages) if not isinstance(messages, str) else messages


def _was_checked(row: Mapping[str, Any]) -> bool:
    return bool(as_list(as_map(row.get("gradingResult")).get("componentResults")))


def _gold(checks: list[Mapping[str, Any]], variables: Mapping[str, Any]) -> str | None:
    for kind in _EQUAL:
        for check in checks:
            if check.get("type") == kind and (value := as_text(check.get("value"))) is not None:
                return _VARIABLE.sub(lambda m: as_text(variables.get(m[1])) or m[0], value)
    return None


READER = LogReader(
    "promptfoo",
    "promptfoo: results as JSON or JSONL, and promptfoo.db",
    _knows,
    _read,
    "`promptfoo eval --repeat 8 --no-cache`, with a temperature above 0",
)
