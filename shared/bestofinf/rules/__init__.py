"""Stopping rules: from a tally alone, whether to stop and why."""

from bestofinf.errors import UsageError
from bestofinf.rules.base import StopRule
from bestofinf.rules.lead import AheadBy


def parse_rule(text: str) -> StopRule:
    """Return the rule that a text names."""
    if text != "balanced":
        raise UsageError(f"unknown rule {text!r}")
    return AheadBy(3)
