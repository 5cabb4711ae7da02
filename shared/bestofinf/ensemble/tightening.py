"""Settings that a client may choose for one question, within the limits of the ensemble."""

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
    """Return the settings of a call that a client wants, limited to those of the ensemble.

    The budgets of the ensemble's rule are joined to another rule. A larger number of samples or a
    later deadline than the ensemble's is replaced by the ensemble's.

    Args:
        ensemble: The ensemble whose settings are the limits.
        wanted: May have ``rule`` (a text), ``max_samples`` (a whole number of at least 1) and
            ``deadline`` (seconds above 0).

    Raises:
        UsageError: If a value is wrong, or there is another setting.
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
        raise UsageError(
            f"rule must be the text of a rule, of at most {_LONGEST_RULE} characters, "
            f"got {shown(wanted)}"
        )
    parse_rule(wanted)  # by itself: joined with others, a wrong text might be right
    own = ensemble.plan().rule.parts()
    return "|".join([wanted, *(str(part) for part in own if isinstance(part, _BUDGETS))])
