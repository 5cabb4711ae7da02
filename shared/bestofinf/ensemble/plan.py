"""A vote plan: all settings of an ensemble in one immutable value, checked once.

All ensembles take the same keywords and make a plan of them, which builds an engine for every call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Generic

from bestofinf import answers
from bestofinf._arrays import load
from bestofinf.answers.base import Answer
from bestofinf.ensemble.agreement import gives_up, in_words
from bestofinf.ensemble.members import M, Weights, unique_names, weighted
from bestofinf.errors import UsageError, shown, whole
from bestofinf.policy import FailurePolicy
from bestofinf.records import Member, Usual
from bestofinf.rules import parse_rule
from bestofinf.rules.base import StopRule
from bestofinf.rules.budgets import FixedSamples, MaxCost, MaxSamples
from bestofinf.rules.optscale import OptScale
from bestofinf.rules.replies import need_whole_replies
from bestofinf.voting.confidence import ConfidenceCalibration
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.selectors import BestScore, Selector, resolve_selector
from bestofinf.voting.settings import VoteSettings

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
        selector: Chooses the winner; None for the leader of the vote.
        max_samples: Maximum number of samples for one question.
        concurrency: Maximum number of draws in flight for one question.
        settings: How the vote is run.
        policy: What happens when draws fail.
        calibration: Probability that a decision is right, learned from labels. If it was learned
            for another rule, other weights or another `max_samples`, it is not applied.

    Raises:
        UsageError: If a value is out of its range, the rule needs whole replies and the answer
            type does not, or the rule limits the cost and no member has a price.
    """

    members: tuple[Member[M], ...]
    rule: StopRule
    answer: Answer
    selector: Selector | None = None
    max_samples: int = 64
    concurrency: int = 8
    settings: VoteSettings = field(default_factory=VoteSettings)
    policy: FailurePolicy = field(default_factory=FailurePolicy)
    calibration: ConfidenceCalibration | None = None

    def __post_init__(self) -> None:
        load()  # imports numpy now, because the first call may be in an event loop
        whole("concurrency", self.concurrency, 1)
        self.engine()  # raises errors in the settings now, not at the first call
        need_whole_replies(self.rule, whole=self.answer.whole, answer=type(self.answer).__name__)
        limits_cost = any(isinstance(part, MaxCost) for part in self.rule.parts())
        if limits_cost and not any(any(m.price) for m in self.members):
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
        calibration: ConfidenceCalibration | None = None,
        **settings: Any,
    ) -> VotePlan[M]:
        """Return the plan for settings as users give them.

        Args:
            members: At least one member, each with a name.
            weights: Replaces the members' own weights: by name (members not named get 0), in
                order, or from a fit.
            rule: A rule, a preset's name, or a rule as written on the command line.
            answer: An answer type, its name, or a function from text to answer.
            selector: A selector or its name. None takes the best score if the rule is on scores
                (`OptScale`), else the leader of the vote.
            max_samples: Maximum number of samples for one question, at least 1.
            concurrency: Maximum number of draws in flight for one question, at least 1.
            calibration: Probability that a decision is right, learned from labels.
            settings: Fields of `VoteSettings` and `FailurePolicy`.

        Raises:
            UsageError: If anything is out of range or unknown.
        """
        unknown = settings.keys() - KNOBS
        if unknown:
            raise UsageError(
                f"unknown setting {min(unknown)!r}; there are {', '.join(sorted(KNOBS))}"
            )
        stop = _rule(rule)
        chosen, kind = _selector(selector, stop), answers.resolve_answer(answer)
        # Loads its tables now, which would block the event loop of an asynchronous call.
        kind.for_question("What is that?")
        return cls(
            members=weighted(unique_names(members), weights),
            rule=stop,
            answer=kind,
            selector=chosen,
            max_samples=max_samples,
            concurrency=concurrency,
            settings=VoteSettings(**_pick(settings, _VOTE_SETTINGS)),
            policy=FailurePolicy(**_pick(settings, _POLICY)),
            calibration=calibration,
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
        if "rule" in own:
            own["rule"] = _rule(own["rule"])
        if "selector" in own:
            own["selector"] = _selector(own["selector"], own.get("rule", self.rule))
        if "answer" in own:
            own["answer"] = answers.resolve_answer(own["answer"])
        settings = _pick(knobs, _VOTE_SETTINGS)
        if "waiting" in settings:
            settings.setdefault("launch", None)  # a launch would override the new waiting
        return replace(
            self,
            settings=replace(self.settings, **settings),
            policy=replace(self.policy, **_pick(knobs, _POLICY)),
            **own,
        )

    @cached_property
    def written(self) -> str:
        """The rule as it is written on the command line."""
        return str(self.rule)

    @cached_property
    def calibrated(self) -> bool:
        """Whether the calibration was learned for the rule, weights and limit of this plan."""
        return self.calibration is not None and self.calibration.fits(
            rule=str(self.rule),
            max_samples=self.max_samples,
            weights={member.name: member.weight for member in self.members},
        )

    @cached_property
    def _limited(self) -> StopRule:
        # Made once: a batch has an engine for every question.
        return _rule(self.rule) | MaxSamples(self.max_samples)

    @cached_property
    def _gives_up(self) -> bool:
        return gives_up(self.rule)

    @cached_property
    def slots(self) -> int:
        """Maximum number of draws in flight that a vote can need: one if it is on one sample."""
        if not self.settings.least_chance:  # keeps all slots busy, needed or not
            return self.concurrency
        fixed = self.rule.n if isinstance(self.rule, FixedSamples) else self.max_samples
        return min(self.concurrency, self.max_samples, fixed)

    def engine(
        self,
        *,
        answer: Answer | None = None,
        left_out: Collection[int] = (),
        usual: Sequence[Usual] | None = None,
    ) -> VotingEngine:
        """Return a new engine for one question.

        Args:
            answer: The answer type bound to the question; None takes that of the plan.
            left_out: Positions of members not to ask; see `Health`. It is ignored if no member with
                a weight would be left.
            usual: Usual lengths and costs of replies, by member; see `Health`.
        """
        asked = (place for place, member in enumerate(self.members) if member.weight)
        if left_out and all(place in left_out for place in asked):
            left_out = ()
        kind = answer or self.answer
        return VotingEngine(
            in_words(self._limited, kind) if self._gives_up else self._limited,
            self.members,
            answer=kind,
            selector=self.selector,
            settings=self.settings,
            left_out=left_out,
            usual=usual,
            calibration=self.calibration if self.calibrated else None,
        )


def _rule(rule: object) -> StopRule:
    if isinstance(rule, str):
        return parse_rule(rule)
    if not isinstance(rule, StopRule):
        raise UsageError(f"rule must be a StopRule or its name, got {shown(rule)}")
    return rule


def _selector(selector: Selector | str | None, rule: StopRule) -> Selector | None:
    if selector is not None:
        return resolve_selector(selector)
    scored = (part for part in rule.parts() if isinstance(part, OptScale))
    return next((BestScore(part.calibrated) for part in scored), None)


def _pick(settings: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in names}
