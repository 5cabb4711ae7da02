"""A vote plan: all settings of an ensemble in one immutable value, checked once.

Both adapters take the same keywords, make a plan of them, and let the plan build an engine for
every call.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from bestofinf.answers import resolve_answer
from bestofinf.answers.base import Answer
from bestofinf.drivers.common import check_concurrency
from bestofinf.engine import VoteSettings, VotingEngine
from bestofinf.errors import UsageError, is_number, shown
from bestofinf.policy import FailurePolicy
from bestofinf.records import Member
from bestofinf.rules import parse_rule
from bestofinf.rules.base import AllOf, AnyOf, StopRule
from bestofinf.rules.budgets import MaxCost, MaxSamples
from bestofinf.rules.optscale import OptScale
from bestofinf.selectors import BestScore, Selector, resolve_selector
from bestofinf.tally import Usual

M = TypeVar("M")


@runtime_checkable
class FittedWeights(Protocol):
    """A result of fitting weights: weight by member name."""

    @property
    def weights(self) -> Mapping[str, float]:
        """Weight by member name."""


Weights: TypeAlias = Mapping[str, float] | Sequence[float] | FittedWeights | None

_VOTE_SETTINGS = frozenset(f.name for f in fields(VoteSettings))
_POLICY = frozenset(f.name for f in fields(FailurePolicy))
_OWN = frozenset({"rule", "answer", "selector", "max_samples", "concurrency"})

KNOBS = _OWN | _VOTE_SETTINGS | _POLICY
"""Settings that may be changed for a single call."""


@dataclass(frozen=True)
class VotePlan(Generic[M]):
    """How an ensemble votes.

    Attributes:
        members: The members with their final weights and unique names.
        rule: The stopping rule, without the limit on samples.
        answer: How replies become votes.
        selector: Who wins in the end; None for the leader of the vote.
        max_samples: Most samples for one question.
        concurrency: Most draws in flight for one question.
        settings: How the vote is run.
        policy: What happens when draws fail.
    """

    members: tuple[Member[M], ...]
    rule: StopRule
    answer: Answer
    selector: Selector | None = None
    max_samples: int = 64
    concurrency: int = 8
    settings: VoteSettings = field(default_factory=VoteSettings)
    policy: FailurePolicy = field(default_factory=FailurePolicy)

    def __post_init__(self) -> None:
        check_concurrency(self.concurrency)
        self.engine()  # refuses what cannot work now, not at the first call
        if _limits_cost(self.rule) and not any(any(m.price) for m in self.members):
            raise UsageError(
                "max-cost would never stop: no member has a price; give prices, or "
                "Member(price=(input, output))"
            )

    @classmethod
    def make(
        cls,
        members: Sequence[Member[M]],
        *,
        weights: Weights = None,
        rule: str | StopRule = "balanced",
        answer: Any = "auto",
        selector: Selector | str | None = None,
        max_samples: int = 64,
        concurrency: int = 8,
        **settings: Any,
    ) -> VotePlan[M]:
        """Return the plan for settings as users give them.

        Args:
            members: At least one member, each with a name.
            weights: Replaces the members' own weights: by name (members not named get 0), in
                order, or from a fit.
            rule: A rule, a preset's name, or a rule as written on the command line.
            answer: An answer type, its name, or a function from text to answer.
            selector: A selector or its name. None: the best score where the rule looks at
                scores, else the leader of the vote.
            max_samples: Most samples for one question, at least 1.
            concurrency: Most draws in flight for one question, at least 1.
            settings: Fields of `VoteSettings` and `FailurePolicy`.

        Raises:
            UsageError: If anything is out of range or unknown.
        """
        unknown = settings.keys() - KNOBS
        if unknown:
            raise UsageError(
                f"unknown setting {min(unknown)!r}; there are {', '.join(sorted(KNOBS))}"
            )
        stop = parse_rule(rule) if isinstance(rule, str) else rule
        chosen = _selector(selector, stop)
        return cls(
            members=weighted(unique_names(members), weights),
            rule=stop,
            answer=resolve_answer(answer),
            selector=chosen,
            max_samples=max_samples,
            concurrency=concurrency,
            settings=VoteSettings(**_pick(settings, _VOTE_SETTINGS)),
            policy=FailurePolicy(**_pick(settings, _POLICY)),
        )

    def change(self, **knobs: Any) -> VotePlan[M]:
        """Return the plan with some settings changed; see `KNOBS`."""
        if not knobs:
            return self
        unknown = knobs.keys() - KNOBS
        if unknown:
            raise UsageError(
                f"unknown setting {min(unknown)!r}; there are {', '.join(sorted(KNOBS))}"
            )
        own = _pick(knobs, _OWN)
        if isinstance(own.get("rule"), str):
            own["rule"] = parse_rule(own["rule"])
        if "selector" in own:
            own["selector"] = _selector(own["selector"], own.get("rule", self.rule))
        if "answer" in own:
            own["answer"] = resolve_answer(own["answer"])
        return replace(
            self,
            settings=replace(self.settings, **_pick(knobs, _VOTE_SETTINGS)),
            policy=replace(self.policy, **_pick(knobs, _POLICY)),
            **own,
        )

    @cached_property
    def _limited(self) -> StopRule:
        # Made once: a batch has an engine for every question.
        if not isinstance(self.rule, StopRule):
            raise UsageError(f"rule must be a StopRule or its name, got {shown(self.rule)}")
        return self.rule | MaxSamples(self.max_samples)

    def engine(
        self, *, left_out: Collection[int] = (), usual: Sequence[Usual] | None = None
    ) -> VotingEngine:
        """Return a fresh engine for one question.

        Args:
            left_out: Positions of members not to ask; see `Health`. All are asked where that would
                leave nobody.
            usual: What replies usually are, per member; see `Health`.
        """
        if all(place in left_out for place, member in enumerate(self.members) if member.weight):
            left_out = ()
        return VotingEngine(
            self._limited,
            self.members,
            answer=self.answer,
            selector=self.selector,
            settings=self.settings,
            left_out=left_out,
            usual=usual,
        )


def _limits_cost(rule: StopRule) -> bool:
    if isinstance(rule, AnyOf | AllOf):
        return any(_limits_cost(part) for part in rule.rules)
    return isinstance(rule, MaxCost)


def _selector(selector: Selector | str | None, rule: StopRule) -> Selector | None:
    if selector is not None:
        return resolve_selector(selector)
    parts = rule.rules if isinstance(rule, AnyOf | AllOf) else (rule,)
    return next((BestScore(part.calibrated) for part in parts if isinstance(part, OptScale)), None)


def _pick(settings: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in names}


def unique_names(members: Sequence[Member[M]]) -> tuple[Member[M], ...]:
    """Return the members with names that differ: repeated names get ``#2``, ``#3``, ..."""
    if not members:
        raise UsageError("an ensemble needs at least one member, got none")
    seen: dict[str, int] = {}
    named = []
    for place, member in enumerate(members):
        name = member.name or f"member-{place}"
        seen[name] = seen.get(name, 0) + 1
        named.append(replace(member, name=name if seen[name] == 1 else f"{name}#{seen[name]}"))
    return tuple(named)


def weighted(members: Sequence[Member[M]], weights: Weights) -> tuple[Member[M], ...]:
    """Return the members with their weights replaced.

    Raises:
        UsageError: If a name is not a member's, or the number of weights is not the members'.
    """
    if weights is None:
        return tuple(members)
    if isinstance(weights, FittedWeights):
        weights = weights.weights
    if isinstance(weights, Mapping):
        names = [member.name for member in members]
        unknown = [name for name in weights if name not in names]
        if unknown:
            raise UsageError(
                f"weights name {unknown[0]!r}, which is no member; members are {', '.join(names)}"
            )
        wrong = [weight for weight in weights.values() if not is_number(weight)]
        if wrong:
            raise UsageError(f"weights must be numbers, got {shown(wrong[0])}")
        return tuple(replace(m, weight=float(weights.get(m.name, 0.0))) for m in members)
    if isinstance(weights, str) or not isinstance(weights, Sequence):
        raise UsageError(
            "weights must be a mapping by member name, a list in order of the members, or a fit, "
            f"got {shown(weights)}"
        )
    if not all(is_number(weight) for weight in weights):
        raise UsageError(f"weights must be numbers, got {shown(weights)}")
    if len(weights) != len(members):
        raise UsageError(f"{len(members)} members but {len(weights)} weights")
    return tuple(replace(m, weight=float(w)) for m, w in zip(members, weights, strict=True))


def read_weights(weights: Any) -> Any:
    """Return weights as they are, or from the file of a fit.

    Raises:
        UsageError: If the file cannot be read or holds no weights.
    """
    if not isinstance(weights, str | PathLike):
        return weights
    path = Path(weights)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"weights: {path} cannot be read: {error}") from error
    found = found.get("weights") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise UsageError(f"weights: {path} has no weights by member name")
    return found
