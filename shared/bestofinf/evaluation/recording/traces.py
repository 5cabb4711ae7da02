"""Read the JSON form of a decision (`bestofinf.ensemble.trace.trace`) for a recorder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

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
    "logprob_kind",
    "said",
)


def samples_of(trace: Mapping[str, Any], *, known: Collection[int]) -> Iterator[dict[str, Any]]:
    """Yield the arguments of `Recorder.sample` for each draw that is not in `known`."""
    for line in trace.get("samples") or ():
        if line["index"] in known:
            continue
        error, counted = line.get("error"), bool(line.get("counted"))
        facts = {name: line.get(name) for name in _FACTS}
        silent = line.get("note") is None and all(fact is None for fact in facts.values())
        if error is None and not counted and silent:
            error = NO_REPLY
        yield {
            "draw": line["index"],
            "member": str(line.get("member", "")),
            "text": line.get("text"),
            "weight": line.get("weight"),
            "error": error,
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
        "winner_member": trace.get("winner_member"),
        "seconds": trace.get("seconds"),
        "fixed": bool(trace.get("fixed", reason.startswith("fixed"))),
    }
