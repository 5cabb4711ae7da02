"""Turn the result of an ensemble into the completion for a client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bestofinf.ensemble import Result, shown_trace
from bestofinf.records import Reply, Sample
from bestofinf.serve.asked import Asked
from bestofinf.wire import TokenCounts, completion
from bestofinf.wire.replies import read_usage
from bestofinf.wire.values import Json, mapping

_EQUAL = 3  # this many identical replies of one member count as suspicious


@dataclass(frozen=True)
class Finished:
    """A completion, ready to be sent whole or in chunks.

    Attributes:
        body: The completion.
        headers: Further headers of the response.
    """

    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


def finished(asked: Asked, result: Result) -> Finished:
    """Return the completion for the result of a vote."""
    samples = [sample for sample in result.samples if sample.reply is not None]
    several = asked.request.n > 1
    given = samples[: asked.request.n] if several else [s for s in (result.winner,) if s]
    replies = [sample.reply or Reply() for sample in given] or [Reply()]
    spent = _spent(result, samples)
    whole = shown_trace(result.told, asked.trace)
    told: dict[str, Any] | None = None
    if whole is not None:
        told = {name: whole[name] for name in whole if name not in ("samples", "call_id")}
        told["usage"] = spent
        told["notes"] = _notes(asked, result, samples)
    body = completion(
        replies,
        id=asked.call_id,
        created=asked.created,
        model=asked.served.name,
        usage=_usage(asked, given, spent, several=several),
        told=told,
    )
    headers = {"x-bestofinf-samples": str(result.told["n_samples"])}
    if asked.trace != "off" and not several:
        headers["x-bestofinf-confidence"] = f"{result.told['confidence']:.4f}"
    if spent["cost"]:
        headers["x-bestofinf-cost"] = f"{spent['cost']:.6g}"
    return Finished(body, headers)


def _usage(
    asked: Asked, given: Sequence[Sample], spent: Mapping[str, Any], *, several: bool
) -> TokenCounts | None:
    """Return the usage to report; None keeps that of the winner's own body."""
    if asked.usage == "all":
        return TokenCounts(
            spent["prompt_tokens"],
            spent["completion_tokens"],
            spent["cached_tokens"],
            spent["reasoning_tokens"],
        )
    first = given[0] if given else None
    if several and first is not None:
        # Counted as for one request with several choices, which reads its prompt once.
        return TokenCounts(
            first.usage.input_tokens, sum(sample.usage.output_tokens for sample in given)
        )
    if first is None or isinstance(
        mapping(first.reply and first.reply.native).get("choices"), list
    ):
        return None
    return TokenCounts(first.usage.input_tokens, first.usage.output_tokens)


def _spent(result: Result, samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the usage of all samples, including failed ones."""
    by_member = result.told["usage_by_member"].values()
    counts = [
        read_usage(mapping(sample.reply and sample.reply.native).get("usage")) for sample in samples
    ]
    return {
        "prompt_tokens": sum(usage["input_tokens"] for usage in by_member),
        "completion_tokens": sum(usage["output_tokens"] for usage in by_member),
        "cached_tokens": sum(count.cached or 0 for count in counts),
        "reasoning_tokens": sum(count.reasoning or 0 for count in counts),
        "cost": sum(usage["cost"] for usage in by_member),
        "calls": sum(usage["calls"] for usage in by_member),
    }


def equal_replies(result: Result) -> bool:
    """Return whether a member gave three or more replies, all identical to the byte."""
    if result.decision is None:
        return False
    texts: dict[int, Counter[str]] = {}
    for line in result.decision.trail:
        if isinstance(line.outcome, Sample) and line.outcome.reply is not None:
            texts.setdefault(line.draw.member, Counter())[line.outcome.reply.text] += 1
    return any(len(said) == 1 and said.total() >= _EQUAL for said in texts.values())


def _notes(asked: Asked, result: Result, samples: Sequence[Sample]) -> list[str]:
    notes = []
    if len(samples) > 1 and asked.body.get("temperature") == 0:
        notes.append("temperature 0: the samples of a member are nearly the same")
    elif equal_replies(result):
        notes.append("a member's replies are all the same: a cache, a seed or temperature 0")
    return notes
