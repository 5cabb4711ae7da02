"""Stopping rules: from a tally alone, whether to stop and why."""

from bestofinf.errors import UsageError
from bestofinf.rules.base import StopRule, Verdict
from bestofinf.rules.budgets import FixedSamples, MaxCost, MaxSamples, MaxSeconds, MaxTokens
from bestofinf.rules.lead import AheadBy

__all__ = [
    "AheadBy",
    "FixedSamples",
    "MaxCost",
    "MaxSamples",
    "MaxSeconds",
    "MaxTokens",
    "StopRule",
    "Verdict",
    "parse_rule",
]


def parse_rule(text: str) -> StopRule:
    """Return the rule that a text names."""
    if text != "balanced":
        raise UsageError(f"unknown rule {text!r}")
    return AheadBy(3)
