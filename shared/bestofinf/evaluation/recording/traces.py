"""Read the JSON form of a decision (`bestofinf.ensemble.trace.trace`) for a recorder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bestofinf.border import as_count

NO_REPLY = "NoReply: in flight at the decision"

_FACTS = (
    "answer",
    "tokens",
    "input_tokens",
    "cost",
    "seconds",
    "score",
    "logprob",
    "logprob_tokens",
)
_TEXTS = ("text", "said", "logprob_kind")


def samples_of(trace: Mapping[str, Any], *, known: Collection[int]) -> Iterator[dict[str, Any]]:
    """Yield the arguments of `Recorder.sample` for each draw that is not in `known`.

    A trace may come from another program. What is not of its type is unknown, and a draw without an
    index has its place in the list as its index.
    """
    given = trace.get("samples")
    lines = given if isinstance(given, list | tuple) else ()
    for place, line in enumerate(lines):
        if not isinstance(line, Mapping):
            continue
        index = as_count(line.get("index"))
        index = place if index is None else index
        if index in known:
            continue
        error, counted = line.get("error"), bool(line.get("counted"))
        facts = {name: line.get(name) for name in _FACTS}
        facts |= {name: _text(line.get(name)) for name in _TEXTS}
        silent = line.get("note") is None and all(fact is None for fact in facts.values())
        if error is None and not counted and silent:
            error = NO_REPLY
        yield {
            "draw": index,
            "member": str(line.get("member", "")),
            "weight": line.get("weight"),
            "error": None if error is None else str(error),
            "counted": counted,
            **facts,
        }


def ending_of(trace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `Recorder.end`."""
    reason = str(trace.get("reason") or "")
    return {
        "answer": trace.get("answer"),
        "confidence": trace.get("confidence"),
        "reason": reason,
        "rule": str(trace["rule"]) if trace.get("rule") else None,
        "winner_member": _text(trace.get("winner_member")),
        "seconds": trace.get("seconds"),
        "fixed": bool(trace.get("fixed", reason.startswith("fixed"))),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
