r"""Rules as text, as on the command line and in settings.

``optimal:price=.0033|max-samples:n=64`` is `OptimalStopping(.0033) | MaxSamples(64)`. ``|`` joins
rules of which one must fire, ``&`` rules that must all fire; ``&`` binds closer, parentheses group.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, fields, replace
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from bestofinf.errors import UsageError, shown
from bestofinf.rules.base import StopRule
from bestofinf.rules.budgets import FixedSamples, MaxCost, MaxSamples, MaxSeconds, MaxTokens
from bestofinf.rules.certified import CertifiedMajority
from bestofinf.rules.consistency import AdaptiveConsistency, Doubling, PValue, UnanimousWindow
from bestofinf.rules.lead import AheadBy, FirstTo
from bestofinf.rules.mass import ProbabilityMass
from bestofinf.rules.optimal import PRESETS, OptimalStopping
from bestofinf.rules.optscale import OptScale
from bestofinf.rules.posterior import BestOfInfinity

RULES: dict[str, type[StopRule]] = {
    rule.name: rule
    for rule in (
        OptimalStopping,
        BestOfInfinity,
        AheadBy,
        FirstTo,
        AdaptiveConsistency,
        UnanimousWindow,
        CertifiedMajority,
        ProbabilityMass,
        OptScale,
        PValue,
        Doubling,
        FixedSamples,
        MaxSamples,
        MaxTokens,
        MaxCost,
        MaxSeconds,
    )
}
"""Rule classes by name."""

FRUGAL = "frugal"
"""Name of the preset below `fast`: `FirstTo` with two votes."""

_TOKEN = re.compile(r"\s*([|&()]|[^|&()]+)")


def parse_rule(text: str) -> StopRule:
    """Return the rule that a text describes; ``str(rule)`` is its inverse.

    Args:
        text: ``NAME[:key=value,...]``, joined by ``|`` or ``&``. NAME is one of `RULES` or a
            preset: frugal (`FirstTo`), or fast, balanced, thorough, exhaustive of
            `OptimalStopping`.

    Raises:
        UsageError: If a name or a key is unknown, or a value is wrong; in one line.

    >>> str(parse_rule("balanced | max-samples:n=64"))
    'optimal|max-samples:n=64'
    """
    tokens = [t.strip() for t in _TOKEN.findall(text) if t.strip()]
    rule, rest = _any_of(tokens, text)
    if rest:
        raise UsageError(f"rule {text!r}: unexpected {rest[0]!r}")
    return rule


def _any_of(tokens: list[str], text: str) -> tuple[StopRule, list[str]]:
    rule, tokens = _all_of(tokens, text)
    while tokens and tokens[0] == "|":
        other, tokens = _all_of(tokens[1:], text)
        rule = rule | other
    return rule, tokens


def _all_of(tokens: list[str], text: str) -> tuple[StopRule, list[str]]:
    rule, tokens = _one(tokens, text)
    while tokens and tokens[0] == "&":
        other, tokens = _one(tokens[1:], text)
        rule = rule & other
    return rule, tokens


def _one(tokens: list[str], text: str) -> tuple[StopRule, list[str]]:
    if tokens and tokens[0] == "(":
        rule, tokens = _any_of(tokens[1:], text)
        if not tokens or tokens[0] != ")":
            raise UsageError(f"rule {text!r}: a parenthesis is not closed")
        return rule, tokens[1:]
    if not tokens or tokens[0] in "|&()":
        raise UsageError(
            f"rule {text!r}: a rule is missing{f' before {tokens[0]!r}' if tokens else ''}"
        )
    return _single(tokens[0]), tokens[1:]


def _single(text: str) -> StopRule:
    name, _, settings = (part.strip() for part in text.partition(":"))
    kind = OptimalStopping if name in PRESETS else FirstTo if name == FRUGAL else RULES.get(name)
    if kind is None:
        raise UsageError(
            f"unknown rule {shown(name)}: choose from {', '.join([*RULES, FRUGAL, *PRESETS])}"
        )
    hints = get_type_hints(kind)
    allowed = {
        f.name: f
        for f in fields(kind)  # type: ignore[arg-type]
        if hints[f.name] in _PLAIN or _choices(hints[f.name])
    }
    given: dict[str, Any] = {}
    for setting in filter(None, settings.split(",")):
        key, equals, value = (part.strip() for part in setting.partition("="))
        if key not in allowed or not equals:
            raise UsageError(
                f"rule {name!r} has no setting {setting.strip()!r}: "
                f"write {', '.join(f'{k}=VALUE' for k in allowed)}"
            )
        given[key] = _value(value, hints[key], f"rule {name!r}: {key}")
    missing = [k for k, f in allowed.items() if f.default is MISSING and k not in given]
    if missing:
        raise UsageError(f"rule {name!r} needs {', '.join(f'{k}=VALUE' for k in missing)}")
    try:
        if name in PRESETS:
            return replace(OptimalStopping(PRESETS[name]), **given)
        return kind(**given)
    except UsageError as error:
        raise UsageError(f"rule {name!r}: {error}") from None


_PLAIN = (bool, int, float, str)  # how a setting can be written; the first that matches


def _choices(kind: Any) -> list[Any]:
    """Return the values of a literal type, or the plain types of a union, else nothing."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [part for part in get_args(kind) if part in _PLAIN]


def _value(text: str, kind: Any, what: str) -> Any:
    if NoneType in get_args(kind):
        if text == "None":
            return None
        options = [option for option in get_args(kind) if option is not NoneType]
        return _value(text, options[0], what) if len(options) == 1 else text
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise UsageError(f"{what} must be one of {', '.join(get_args(kind))}, got {text!r}")
        return text
    if kind not in _PLAIN:
        kind = _choices(kind)[0]
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise UsageError(f"{what} must be true or false, got {text!r}")
        return text.lower() == "true"
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            noun = "a whole number" if kind is int else "a number"
            raise UsageError(f"{what} must be {noun}, got {text!r}") from None
    return text
