"""Read and write whole replies in our JSONL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bestofinf.border import as_count, as_finite
from bestofinf.errors import UsageError
from bestofinf.evaluation.samples import Samples
from bestofinf.records import Likelihood, Reply, ToolCall
from bestofinf.records.likelihood import read_likelihood

_COLUMNS = ("text", "tokens", "score", "call", "finish_reason", "likelihood")
_KEYS = frozenset({*_COLUMNS, "refusal", "tool_calls"})


def reply_rows(rows: Any) -> Samples:
    """Return whole replies as samples that no answer type has read yet.

    Args:
        rows: A list whose entries are texts, lists ``[text, tokens, score, call, finish_reason,
            likelihood]`` that may end after any of these, objects, or null for no reply.

    Raises:
        UsageError: If an entry has another form; the message names its position.
    """
    if not isinstance(rows, list):
        raise UsageError(f"replies must be a list, got {type(rows).__name__}")
    found = [_row(row, f"reply {place}") for place, row in enumerate(rows)]
    replies = tuple(_reply(row, f"reply {place}") for place, row in enumerate(found))
    tokens = tuple(as_count(row.get("tokens")) for row in found)
    scores = tuple(as_finite(row.get("score")) for row in found)
    calls = tuple(call_number(row.get("call"), f"reply {place}") for place, row in enumerate(found))
    likelihoods = tuple(read_likelihood(row.get("likelihood"), row.get("text")) for row in found)
    return Samples(
        (None,) * len(found),
        tokens if any(t is not None for t in tokens) else (),
        scores if any(s is not None for s in scores) else (),
        calls if any(calls) else (),
        replies if any(r is not None for r in replies) else (),
        likelihoods if any(likelihoods) else (),
    )


def call_number(call: object, where: str) -> int:
    """Return the number of an adaptive call; 0 if there is none.

    Raises:
        UsageError: If the value cannot be such a number.
    """
    number = as_count(call)
    if number is None and call is not None:
        raise UsageError(f"{where}: call must be a whole number of at least 0, got {call!r:.60}")
    return number or 0


def parted(samples: Mapping[str, Samples]) -> tuple[dict[str, Samples], dict[str, Samples]]:
    """Split samples into those with answers and those with unread replies, each by member."""
    answers, replies = {}, {}
    for name, s in samples.items():
        whole = [
            place
            for place, reply in enumerate(s.replies)
            if reply is not None and s.answers[place] is None
        ]
        if whole:
            replies[name] = s.pick(whole)
        rest = s.pick(sorted({*range(len(s))} - {*whole})) if whole else s
        if len(rest) or not whole:
            answers[name] = rest
    return answers, replies


def rows_of_replies(samples: Samples) -> list[Any]:
    """Return replies as rows of the format; `reply_rows` returns the same samples."""
    unknown = (None,) * len(samples)
    columns = zip(
        samples.replies,
        samples.tokens or unknown,
        samples.scores or unknown,
        samples.calls or unknown,
        samples.likelihoods or unknown,
        strict=True,
    )
    return [_written(*row) for row in columns]


def _written(
    reply: Reply | None, tokens: Any, score: Any, call: Any, told: Likelihood | None
) -> Any:
    if reply is None:
        return None
    row = [reply.text, tokens, score, call, reply.finish_reason, told and told.as_list()]
    if reply.tool_calls or reply.refusal:
        named = {key: value for key, value in zip(_COLUMNS, row, strict=True) if value is not None}
        calls = [{"name": call.name, "args": call.args} for call in reply.tool_calls]
        return named | {"refusal": reply.refusal, "tool_calls": calls}
    while len(row) > 1 and row[-1] is None:
        row.pop()
    return row


def _row(row: Any, where: str) -> Mapping[str, Any]:
    if row is None or isinstance(row, str):
        return {"text": row}
    if isinstance(row, list) and 1 <= len(row) <= len(_COLUMNS):
        return dict(zip(_COLUMNS, row, strict=False))
    if isinstance(row, Mapping) and row.keys() & {"text", "tool_calls"} and row.keys() <= _KEYS:
        return row
    raise UsageError(
        f"{where}: wanted [{', '.join(_COLUMNS)}] or an object with some of "
        f"{', '.join(sorted(_KEYS))}, got {row!r:.60}"
    )


def _reply(row: Mapping[str, Any], where: str) -> Reply | None:
    text, reason = row.get("text"), row.get("finish_reason")
    calls = row.get("tool_calls")
    if text is None and not calls:
        return None
    if not isinstance(text, str | None):
        raise UsageError(f"{where}: a reply must be text, got {text!r:.60}")
    if not isinstance(reason, str | None):
        raise UsageError(f"{where}: finish_reason must be text, got {reason!r:.60}")
    if not isinstance(calls, list | None):
        raise UsageError(f"{where}: tool_calls must be a list, got {calls!r:.60}")
    return Reply(
        text=text or "",
        tool_calls=tuple(_call(call, where) for call in calls or ()),
        finish_reason=reason,
        refusal=row.get("refusal") is True,
    )


def _call(given: Any, where: str) -> ToolCall:
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise UsageError(f"{where}: a call is an object with name and args, got {given!r:.60}")
    args = given.get("args", {})
    if not isinstance(args, Mapping):
        raise UsageError(f"{where}: args must be an object, got {args!r:.60}")
    return ToolCall(given["name"], args)
