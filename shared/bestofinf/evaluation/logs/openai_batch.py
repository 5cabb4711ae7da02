"""OpenAI's batch API: output files (chat completions, responses, completions) and input files.

Lines come in any order. Several replies to one request are choices of one line; several requests for
one question have ids of their own: they are known as repeats by the input file, or by a pattern.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.border import as_count
from bestofinf.evaluation.logs.contents import (
    as_list,
    as_map,
    as_text,
    content_text,
    prompt_text,
    token_logprobs,
    tool_calls,
)
from bestofinf.evaluation.logs.head import Head
from bestofinf.evaluation.logs.protocol import (
    DOCUMENTED,
    Found,
    LeftOut,
    LogReader,
    LogSample,
    Remark,
    Request,
)

# Who asks, what is kept, how it is served, which sample is drawn: none of it changes what is asked.
_BESIDE = frozenset(
    {"seed", "user", "safety_identifier", "metadata", "store", "service_tier", "prompt_cache_key"}
)


def _knows(head: Head) -> bool:
    return head.has("custom_id") and (head.has("response") or head.has("error"))


def _knows_input(head: Head) -> bool:
    return head.has("custom_id", "body") and head.has("url")


def _read(head: Head) -> Iterator[Found]:
    shared = False
    for _, row in head.rows():
        response = as_map(row.get("response"))
        body = as_map(response.get("body"))
        status = response.get("status_code")
        if row.get("error") or (isinstance(status, int) and status != 200) or body.get("error"):
            yield LeftOut(f"the request failed: {_error(row, body, status)}")
            continue
        replies = list(_replies(str(row.get("custom_id")), body))
        if not replies:
            yield LeftOut("no reply")
        elif len(replies) > 1 and not shared:
            shared = True
            yield Remark("tokens of several choices are told together: shared out evenly")
        yield from replies


def _error(row: Mapping[str, Any], body: Mapping[str, Any], status: Any) -> str:
    told = as_map(row.get("error")) or as_map(body.get("error"))
    return str(told.get("code") or told.get("type") or f"status {status}")


def _replies(id_: str, body: Mapping[str, Any]) -> Iterator[LogSample]:
    usage = as_map(body.get("usage"))
    if body.get("object") == "response" or "output" in body:
        yield _response(id_, body, usage)
        return
    choices = as_list(body.get("choices"))
    spent = as_count(usage.get("completion_tokens"))
    for place, choice in enumerate(map(as_map, choices)):
        message = as_map(choice.get("message"))
        refusal = message.get("refusal")
        text = content_text(message.get("content")) if message else choice.get("text")
        yield LogSample(
            question=id_,
            text=refusal if isinstance(refusal, str) and text is None else text,
            member=str(body.get("model", "model")),
            tokens=None if spent is None else _share(spent, place, len(choices)),
            input_tokens=usage.get("prompt_tokens"),
            finish_reason=choice.get("finish_reason"),
            tool_calls=tool_calls(message.get("tool_calls")),
            refusal=bool(refusal),
            logprobs=token_logprobs(choice.get("logprobs")),
            place=place,
            key=f"{body['id']}/{place}" if as_text(body.get("id")) else "",
        )


def _response(id_: str, body: Mapping[str, Any], usage: Mapping[str, Any]) -> LogSample:
    items = [as_map(item) for item in as_list(body.get("output"))]
    blocks = [
        as_map(block)
        for item in items
        if item.get("type") == "message"
        for block in as_list(item.get("content"))
    ]
    refusals = [str(block["refusal"]) for block in blocks if block.get("refusal")]
    logprobs = [entry for block in blocks for entry in as_list(block.get("logprobs"))]
    return LogSample(
        question=id_,
        text=content_text(blocks) or "".join(refusals) or None,
        member=str(body.get("model", "model")),
        tokens=usage.get("output_tokens"),
        input_tokens=usage.get("input_tokens"),
        finish_reason=as_map(body.get("incomplete_details")).get("reason") or body.get("status"),
        tool_calls=tool_calls([item for item in items if item.get("type") == "function_call"]),
        refusal=bool(refusals),
        logprobs=token_logprobs({"content": logprobs}),
        key=str(body.get("id") or ""),
    )


def _share(total: int, place: int, parts: int) -> int:
    return total * (place + 1) // parts - total * place // parts


def _read_input(head: Head) -> Iterator[Found]:
    for _, row in head.rows():
        body = as_map(row.get("body"))
        asked = body.get("messages", body.get("input", body.get("prompt")))
        alike = {name: value for name, value in body.items() if name not in _BESIDE}
        said = json.dumps(alike, sort_keys=True)
        yield Request(
            question=str(row.get("custom_id")),
            prompt=prompt_text(asked) or "",
            same=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
        )


READER = LogReader(
    "openai-batch",
    "OpenAI batch output: chat completions, responses, completions",
    _knows,
    _read,
    "ask every question 8 times under ids of its own, or with n = 8",
    DOCUMENTED,
)
INPUT_READER = LogReader(
    "openai-batch-input",
    "OpenAI batch input: prompts, and which requests are repeats",
    _knows_input,
    _read_input,
    "",
    DOCUMENTED,
)
