"""Settings in groups: values that stand for several keywords of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from bestofinf.errors import UsageError, shown, whole
from bestofinf.policy import FailurePolicy
from bestofinf.voting.settings import VoteSettings


@dataclass(frozen=True, slots=True)
class Failures(FailurePolicy):
    """What an ensemble does when members fail: the setting ``failures``.

    Attributes:
        breaker: Number of failures in a row after which a member is left out of the vote, at
            least 1.
        cooldown: Seconds for which it is then left out of later questions too; 0 for none.
        quorum: Minimum number of votes for a decision, at least 1.

    The other attributes are those of `FailurePolicy`.
    """

    breaker: int = 5
    cooldown: float = 30.0
    quorum: int = 1

    def __post_init__(self) -> None:
        FailurePolicy.__post_init__(self)
        whole("breaker", self.breaker, 1)
        whole("quorum", self.quorum, 1)


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What an ensemble does if there is no vote, or only a weak one: the setting ``otherwise``.

    Attributes:
        on_unvotable: What to return if no reply could be voted on.
        abstain_limit: Number of replies without an answer after which the vote ends.
        min_confidence: Minimum confidence of a vote, in [0, 1].
        coverage: Share of the questions to answer, those with the highest calibrated confidence.
        escalate_to: Model to ask instead of raising an error.
    """

    on_unvotable: Any = "first"
    abstain_limit: int | Literal["auto"] | None = "auto"
    min_confidence: float = 0.0
    coverage: float | None = None
    escalate_to: Any = None


@dataclass(frozen=True, slots=True)
class Learning:
    """What an ensemble records to learn from: the setting ``learning``.

    Attributes:
        explore: Share of the calls that draw a fixed number of samples of every member.
        prices: Money for one token by member or model name.
        calibration: Probability that a decision is right, learned from labels.
    """

    explore: Any = 0.0
    prices: Any = None
    calibration: Any = None


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "failures": _names(Failures),
        "launching": ("waiting", "launch", "order", "schedule", "seed", "warm_up"),
        "otherwise": _names(Otherwise),
        "learning": _names(Learning),
    }
)
"""The keywords that each group stands for."""

_KINDS: Mapping[str, type] = {
    "failures": FailurePolicy,
    "launching": VoteSettings,
    "otherwise": Otherwise,
    "learning": Learning,
}
_MADE = (Failures(), VoteSettings(), Otherwise(), Learning())

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {name: getattr(value, name) for value in _MADE for name in _names(type(value))}
)
"""Default values of all keywords that belong to a group."""


def ungrouped(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by keyword, with every group replaced by its keywords.

    A group is given as its value (`Failures` or `FailurePolicy`, `VoteSettings`, `Otherwise`,
    `Learning`), as a mapping of its keywords, or as None for nothing.

    Raises:
        UsageError: If a group is of another kind, is given together with one of its keywords, or
            has an unknown keyword; or if ``abstain`` is given, which does not exist.
    """
    if "abstain" in given:
        raise UsageError(
            "there is no setting abstain: give on_unvotable='error' to raise an error if no reply "
            "could be voted on"
        )
    flat = {name: value for name, value in given.items() if name not in GROUPS}
    for group in GROUPS.keys() & given.keys():
        held = _held(group, given[group])
        both = [name for name in GROUPS[group] if name in flat]
        if both and given[group] is not None:
            raise UsageError(
                f"{both[0]} belongs to {group}, and both were given: put it into {group}, or give "
                f"the keywords of {group} one by one"
            )
        flat |= held
    return flat


def _held(group: str, value: Any) -> dict[str, Any]:
    """Return the settings of a group, by keyword."""
    names, kind = GROUPS[group], _KINDS[group]
    if value is None:
        return {}
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in names]
        if unknown:
            raise UsageError(f"{group} has no {unknown[0]!r}; it has {', '.join(names)}")
        return dict(value)
    if not isinstance(value, kind):
        raise UsageError(
            f"{group} must be given as {kind.__name__}(...) or as a mapping of "
            f"{', '.join(names)}, got {shown(value)}"
        )
    found = {name: getattr(value, name) for name in _names(type(value))}
    for name in found.keys() - set(names):
        if found[name] != DEFAULTS[name]:
            home = next(other for other in GROUPS if name in GROUPS[other])
            raise UsageError(f"{name} belongs to {home}: give it there and not in {group}")
    return {name: found[name] for name in names if name in found}
