"""The JSON form of a decision, as both adapters attach it to their responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bestofinf.hiding import hide_secrets
from bestofinf.records import AnswerValue, Decision, Failure, Sample, Trace, Usage


def trace(decision: Decision, names: Sequence[str]) -> dict[str, Any]:
    """Return a decision as plain JSON values.

    Args:
        decision: What the engine decided.
        names: Names of the members, in their order.

    Returns:
        The keys answer, confidence, reason, votes, n_samples, n_failed, n_abstained, n_cancelled,
        winner_member, usage_by_member, seconds and samples. Answers that are not text are
        written out.
    """
    return {
        "answer": _plain(decision.answer),
        "confidence": decision.confidence,
        "reason": decision.reason,
        "votes": {str(_plain(answer)): count for answer, count in decision.votes.items()},
        "n_samples": decision.n_samples,
        "n_failed": decision.n_failed,
        "n_abstained": decision.n_abstained,
        "n_cancelled": decision.n_cancelled,
        "winner_member": decision.winner_member,
        "usage_by_member": {
            name: _usage(usage) for name, usage in decision.usage_by_member.items()
        },
        "seconds": decision.seconds,
        "samples": [_line(line, names) for line in decision.trail],
    }


def _plain(answer: AnswerValue | None) -> str | int | float | None:
    return answer if isinstance(answer, str | int | float | None) else str(answer)


def _usage(usage: Usage) -> dict[str, float]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost": usage.cost,
        "calls": usage.calls,
    }


def _line(line: Trace, names: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "index": line.draw.index,
        "member": names[line.draw.member],
        "counted": line.counted,
        "answer": None,
        "tokens": None,
        "input_tokens": None,
        "cost": None,
        "seconds": None,
        "score": None,
        "error": None,
    }
    outcome = line.outcome
    if isinstance(outcome, Sample):
        record |= {
            "answer": _plain(outcome.answer),
            "tokens": outcome.tokens,
            "input_tokens": outcome.usage.input_tokens,
            "cost": outcome.usage.cost,
            "seconds": outcome.seconds,
            "score": outcome.score,
        }
        if outcome.note:
            record["note"] = hide_secrets(outcome.note)
    elif isinstance(outcome, Failure):
        record |= {
            "seconds": outcome.seconds,
            "error": hide_secrets(f"{type(outcome.error).__name__}: {outcome.error}"),
        }
    return record
