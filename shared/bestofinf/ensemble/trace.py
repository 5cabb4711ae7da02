"""The JSON form of a decision, as both adapters attach it to their responses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from bestofinf.border import error_text
from bestofinf.records import AnswerValue, Decision, Failure, Outcome, Sample, TrailEntry, Usage
from bestofinf.records.display import vote


class Trace(dict[str, Any]):
    """A decision as plain JSON values: a dictionary that a notebook shows as a vote.

    `repr` shows a summary; ``dict(trace)`` shows all keys.
    """

    def __repr__(self) -> str:
        if "votes" not in self:
            return dict.__repr__(self)
        answer = str(self.get("answer"))
        answer = answer if len(answer) <= 60 else f"{answer[:60]}..."
        most = max(self["votes"].values(), default=0)
        return (
            f"Trace({answer!r}: {most} of {self.get('n_samples')} samples, confidence "
            f"{self.get('confidence', 0.0):.3f}, {str(self.get('reason'))[:200]!r})"
        )

    def _repr_html_(self) -> str | None:
        if "votes" not in self:
            return None  # a failed call has no votes
        usage = self.get("usage_by_member", {})
        tokens = sum(spent["output_tokens"] for spent in usage.values())
        cost = sum(spent["cost"] for spent in usage.values())
        spent = f"{tokens:,} tokens" + (f", cost {cost:.4g}" if cost else "")
        note = (
            f"{self.get('n_samples')} samples of {', '.join(usage)}, {spent}; {self.get('reason')}"
        )
        return vote(self.get("answer"), self.get("confidence", 0.0), self["votes"], note=note)


def trace(decision: Decision, names: Sequence[str]) -> Trace:
    """Return a decision as plain JSON values.

    Args:
        decision: The engine's decision.
        names: Names of the members, in their order.

    Returns:
        The keys answer, confidence, calibrated, reason, votes, n_samples, n_failed, n_abstained,
        n_cancelled, winner_member, usage_by_member, seconds and samples; docs/tracing.md explains
        them. Answers that are neither texts nor numbers are written as texts. A sample has the keys
        logprob, logprob_tokens, logprob_kind and said if its reply has log-probabilities, and note
        if there is one. A member's usage has the key unmetered, their number, if there are replies
        whose tokens are unknown.
    """
    return Trace(
        {
            "answer": _plain(decision.answer),
            "confidence": decision.confidence,
            "calibrated": decision.calibrated,
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
    )


TraceDetail: TypeAlias = Literal["full", "counts", "off"]
"""The part of a trace that a response has: all, all but texts of the models, or nothing."""


def shown_trace(told: Trace, detail: TraceDetail) -> Trace | None:
    """Return the part of a trace that the response has.

    Args:
        told: The trace.
        detail: ``full`` for all of it. ``counts`` for no texts of the models: answers are
            numbered from 1 in the order of `votes`, only the first word of reasons and errors
            remains, and notes are left out. ``off`` for nothing.

    Returns:
        The trace, or None for ``off``.
    """
    if detail == "off":
        return None
    if detail == "full":
        return told
    places = {answer: place for place, answer in enumerate(told.get("votes", ()), 1)}

    def number(answer: object) -> int | None:
        return None if answer is None else places.get(str(answer))

    samples = [
        {**line, "answer": number(line["answer"]), "error": _first_word(line["error"])}
        for line in told.get("samples", ())
    ]
    for line in samples:
        line.pop("note", None)
    return Trace(
        {
            **told,
            "answer": number(told.get("answer")),
            "votes": {
                str(places[answer]): count for answer, count in told.get("votes", {}).items()
            },
            "reason": _first_word(told.get("reason")),
            "samples": samples,
        }
    )


def _first_word(text: str | None) -> str | None:
    found = re.match(r"[\w-]+", text or "")
    return found[0] if found else None


def failed_trace(error: BaseException) -> Trace:
    """Return the JSON form of a call that ended with an exception."""
    reason = f"failed: {error_text(error)}"
    return Trace({"answer": None, "reason": reason, "samples": []})


def _plain(answer: AnswerValue | None) -> str | int | float | None:
    return answer if isinstance(answer, str | int | float | None) else str(answer)


def _usage(usage: Usage) -> dict[str, float]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost": usage.cost,
        "calls": usage.calls,
        **({"unmetered": usage.unmetered} if usage.unmetered else {}),
    }


def outcome_facts(outcome: Outcome | None) -> dict[str, Any]:
    """Return the result of a draw as plain JSON values; unknown values are None, never 0.

    The keys are answer, tokens (generated), input_tokens, cost, seconds, score and error. For a
    draw without an outcome (None) all values are None.
    """
    facts: dict[str, Any] = {
        "answer": None,
        "tokens": None,
        "input_tokens": None,
        "cost": None,
        "seconds": outcome.seconds if outcome is not None else None,
        "score": None,
        "error": error_text(outcome.error) if isinstance(outcome, Failure) else None,
    }
    if isinstance(outcome, Sample):
        usage = outcome.usage
        facts |= {
            "answer": _plain(outcome.answer),
            "tokens": outcome.tokens,
            "input_tokens": (usage.input_tokens or None) if usage.unmetered else usage.input_tokens,
            "cost": (usage.cost or None) if usage.unmetered else usage.cost,
            "score": outcome.score,
        }
    return facts


def _line(line: TrailEntry, names: Sequence[str]) -> dict[str, Any]:
    draw, outcome = line.draw, line.outcome
    record = {
        "index": draw.index,
        "member": names[draw.member],
        "counted": line.counted,
        **outcome_facts(outcome),
    }
    if isinstance(outcome, Sample):
        if outcome.reply is not None and outcome.reply.logprob is not None:
            record["logprob"] = outcome.reply.logprob
            record["logprob_tokens"] = len(outcome.reply.logprobs or ())
            record["logprob_kind"] = outcome.reply.logprob_kind
            record["said"] = outcome.likelihood.said if outcome.likelihood else None
        if outcome.note:
            record["note"] = error_text(outcome.note)
    return record
