"""What somebody else may change for one question: never to ask more than the ensemble itself would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bestofinf.ensemble.fields import EnsembleFields
from bestofinf.errors import UsageError, is_number, shown, whole
from bestofinf.rules import MaxCost, MaxSamples, MaxTokens, parse_rule
from bestofinf.rules.budgets import MaxSeconds

_BUDGETS = (MaxSamples, MaxTokens, MaxCost, MaxSeconds)
_LONGEST_RULE = 200


def tightened(ensemble: EnsembleFields, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a call that somebody wants, within those of the ensemble.

    Another rule keeps the budgets of the ensemble's own; a larger number of samples or a later
    deadline than its own becomes its own.

    Args:
        ensemble: Whose settings are the limits.
        wanted: May have ``rule``, ``max_samples`` and ``deadline``.

    Raises:
        UsageError: If a value is wrong, or another setting is wanted.
    """
    settings: dict[str, Any] = {}
    for name, value in wanted.items():
        if name == "rule":
            settings[name] = _rule(ensemble, value)
        elif name == "max_samples":
            whole(name, value)
            settings[name] = min(value, ensemble.max_samples)
        elif name == "deadline":
            if not is_number(value) or not 0 < value < float("inf"):
                raise UsageError(f"deadline must be seconds above 0, got {shown(value)}")
            own = ensemble.deadline
            settings[name] = float(value) if own is None else min(float(value), own)
        else:
            raise UsageError(f"{name} cannot be changed; rule, max_samples and deadline can")
    return settings


def _rule(ensemble: EnsembleFields, wanted: Any) -> str:
    if not isinstance(wanted, str) or not 0 < len(wanted) <= _LONGEST_RULE:
        raise UsageError(f"rule must be the text of a rule, got {shown(wanted)}")
    parse_rule(wanted)  # alone: joined, it might mean something else
    own = ensemble.plan().rule.parts()
    return "|".join([wanted, *(str(part) for part in own if isinstance(part, _BUDGETS))])
