"""Metrics in Prometheus' format, in a registry of their own."""

from __future__ import annotations

import re
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from bestofinf.ensemble import Result
from bestofinf.records import Failure, Member, Outcome, Sample
from bestofinf.serve.recording import Journal
from bestofinf.wire import TokenCounts

TYPE = "text/plain; version=0.0.4; charset=utf-8"
_WORD = re.compile(r"[a-z-]{1,30}")
_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640)
_SAMPLES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._known: dict[tuple[Counter, tuple[str, ...]], Counter] = {}

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"bestofinf_{name}", told, labels, registry=self.registry)

        self.requests = counter("requests", "Requests answered.", "model", "code")
        self.left = counter("left", "Requests whose client left before the answer.", "model")
        self._samples = counter("samples", "Samples asked of members.", "model", "member", "fate")
        self._tokens = counter("tokens", "Tokens of samples.", "model", "member", "kind")
        self._cost = counter(
            "cost", "Money, in the unit of the members' prices.", "model", "member"
        )
        self._equal = counter("equal_replies", "Votes with a member that never varied.", "model")
        self._votes = counter("votes", "Votes decided.", "model", "reason")
        self.in_flight = Gauge(
            "bestofinf_in_flight", "Completions in flight.", registry=self.registry
        )
        self.seconds = Histogram(
            "bestofinf_seconds",
            "Seconds from request to answer.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._per_vote = Histogram(
            "bestofinf_samples_per_vote",
            "Samples that a vote took.",
            ("model",),
            buckets=_SAMPLES,
            registry=self.registry,
        )
        self.reloads = counter("reloads", "Times the file was read again.", "outcome")

    def watch(self, journal: Journal) -> None:
        """Add the recorder's counts."""
        self.registry.register(_Recording(journal))

    def text(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self.registry)

    def sampled(self, model: str, member: str, outcome: Outcome) -> None:
        """Count the outcome of one draw."""
        if isinstance(outcome, Failure):
            fate = "cancelled" if outcome.cancelled else "failed"
        else:
            fate = "abstained" if outcome.answer is None else "voted"
        self._one(self._samples, model, member, fate).inc()
        if isinstance(outcome, Sample):
            usage = outcome.usage
            self._took(model, member, usage.input_tokens, usage.output_tokens, usage.cost)

    def decided(self, model: str, result: Result, *, equal: bool) -> None:
        """Count a decision."""
        told = result.told
        self._per_vote.labels(model).observe(told["n_samples"])
        self._votes.labels(model, _rule_of(told["reason"])).inc()
        if equal:
            self._equal.labels(model).inc()

    def passed(self, model: str, member: Member[Any], tokens: TokenCounts, seconds: float) -> None:
        """Count a reply that was passed on."""
        usage = member.charge(tokens.input, tokens.output)
        self._one(self._samples, model, member.name, "passed").inc()
        self._took(model, member.name, usage.input_tokens, usage.output_tokens, usage.cost)

    def failed_member(self, model: str, member: str) -> None:
        """Count a failure of a member that was asked alone."""
        self._samples.labels(model, member, "failed").inc()

    def _took(self, model: str, member: str, read: int, written: int, cost: float) -> None:
        self._one(self._tokens, model, member, "input").inc(read)
        self._one(self._tokens, model, member, "output").inc(written)
        if cost:
            self._one(self._cost, model, member).inc(cost)

    def _one(self, counter: Counter, *labels: str) -> Counter:
        """Return the counter of these labels, cached because prometheus_client looks it up under a lock."""
        known = self._known.get((counter, labels))
        if known is None:
            known = self._known[counter, labels] = counter.labels(*labels)
        return known


def _rule_of(reason: object) -> str:
    """Return the name of the rule that ended a vote: the reason without its values."""
    found = _WORD.match(str(reason))
    return found[0] if found else "other"


class _Recording:
    """The recorder's counts, read at each scrape."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def collect(self) -> Any:
        """Yield them."""
        recorder = self._journal.recorder
        counts = GaugeMetricFamily("bestofinf_recorded", "Calls by state.", labels=["state"])
        if recorder is not None:
            stats = recorder.stats
            for name in ("open", "pending", "written", "refused", "rejected", "lost", "errors"):
                counts.add_metric([name], getattr(stats, name))
            counts.add_metric(["unstored"], self._journal.unstored)
        yield counts
