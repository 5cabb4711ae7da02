"""Settings that the chat model and the wrapper of chains have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

from langchain_core.load.serializable import Serializable
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, field_serializer

from bestofinf.answers import Answer
from bestofinf.errors import UsageError, shown
from bestofinf.health import Health
from bestofinf.plan import VotePlan, read_weights, weighted
from bestofinf.policy import is_transient
from bestofinf.prices import priced
from bestofinf.records import Member
from bestofinf.scorers import Scorer
from bestofinf.settings import (
    CALL_SETTINGS,
    AbstainLimit,
    Kept,
    current_unvotable,
    fitted,
    limited,
    one_line,
    read_explore,
    weights_file,
)
from bestofinf.slots import Slots
from bestofinf.unvotable import Unvotable
from langchain_bestofinf.callbacks import SampleCallbacks
from langchain_bestofinf.members import model_name
from langchain_bestofinf.scorers import resolve_scorer
from langchain_bestofinf.serializing import written_member

_PLANNED = (
    "rule",
    "answer",
    "selector",
    "max_samples",
    "concurrency",
    "launch",
    "order",
    "schedule",
    "seed",
    "abstain_limit",
    "breaker",
    "quorum",
    "warm_up",
    "retries",
    "retry_on",
    "longest_wait",
    "timeout",
    "deadline",
    "on_deadline",
)
NAMESPACE = "bestofinf"
"""Key of the settings in a configuration's ``configurable``."""


class _Weights:
    """The weights in use: one object for an ensemble and all that is bound to it."""

    def __init__(self, value: Any) -> None:
        self.value = value


class EnsembleSettings(Serializable):
    """How an ensemble votes; the same keywords in every adapter.

    Attributes:
        members: Who is asked.
        weights: Weight by member name, in order, from a fit, or the path of a file that
            ``bestofinf fit --out`` wrote; None takes the members' own.
        prices: Money for one token by member or model name, for `MaxCost` and the usage in
            decisions: pairs (input, output), or LiteLLM's table; see `bestofinf.prices`.
        rule: When to stop: a preset (``fast``, ``balanced``, ``thorough``, ``exhaustive``), a
            rule, or a rule as written on the command line.
        answer: How replies become votes: a name, an answer type, or a function of the text.
        selector: Who wins in the end, by name or as an object; None for the leader of the vote.
        max_samples: Most samples for one question.
        concurrency: Most requests in flight for one question.
        launch: ``thrifty`` wastes no request; ``eager`` is faster and asks some in vain.
        order: ``draw`` counts votes in order of launch, ``arrival`` as they come.
        schedule: Which member is asked next.
        seed: Start of random schedules. Never sent to a model: equal seeds give equal samples.
        abstain_limit: Replies without an answer after which the vote ends; see `on_unvotable`.
            ``auto`` is 2; up to 8 where every reply should have an answer, 8 with
            `with_structured_output` or where it takes several replies to say which is given; no
            limit where replies are chosen by their scores. None: no limit.
        breaker: Failures in a row after which a member is left out.
        cooldown: Seconds for which it is then left out of later questions too; 0 for none.
        quorum: Least number of votes.
        warm_up: Samples to wait for before the others start, so that providers cache the prompt.
        retries: Further tries of a request after a transient error.
        retry_on: Which errors are transient.
        longest_wait: Most seconds between two tries.
        timeout: Most seconds for one request, waiting for the member's turn included.
        deadline: Most seconds for one question.
        on_deadline: ``raise``, or decide on the ``partial`` vote.
        scorer: Scores replies, for rules on scores.
        on_unvotable: What to give where no reply could be voted on: the ``first`` reply; the
            ``medoid``, which is the one nearest to the others in its words; the one that the
            heaviest member, asked once more, is made to ``choose``; or an ``error``
            (`NoConsensusError`). A model in this place is the one that chooses; so is a
            `bestofinf.answers.UniversalSelfConsistency`.
        abstain: The same as ``on_unvotable="error"``.
        min_confidence: Raise `NoConsensusError` where the confidence of a vote is lower. With this
            or `escalate_to` the first of replies that could not be voted on is no answer, either.
        escalate_to: Ask this instead of raising.
        explore: Share of the calls that draw a fixed number of samples of every member, so that an
            evaluation set learns without the bias of stopping; an `Explore` says how many.
        sample_callbacks: Who sees the samples as child runs: ``tracers`` (and usage counters),
            ``all`` or ``none``.
    """

    members: list[Any] = Field(exclude=True)
    weights: Any = None
    prices: Any = None
    rule: Any = "balanced"
    answer: Any = "auto"
    selector: Any = None
    max_samples: int = 64
    concurrency: int = 8
    launch: Literal["thrifty", "eager"] = "thrifty"
    order: Literal["draw", "arrival"] = "draw"
    schedule: str = "greedy"
    seed: int | None = None
    abstain_limit: AbstainLimit = "auto"
    breaker: int = 5
    cooldown: float = 30.0
    quorum: int = 1
    warm_up: int = 0
    retries: int = 2
    retry_on: Callable[[BaseException], bool] = Field(default=is_transient, exclude=True)
    longest_wait: float = 30.0
    timeout: float | None = None
    deadline: float | None = None
    on_deadline: Literal["raise", "partial"] = "raise"
    scorer: Any = None
    on_unvotable: Any = "first"
    abstain: bool = False
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    escalate_to: Any = Field(default=None, exclude=True)
    explore: Any = 0.0
    sample_callbacks: SampleCallbacks = "tracers"

    # A misspelt setting must not pass unnoticed.
    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    _members: tuple[Member[Any], ...] = PrivateAttr(default=())
    _weights: _Weights = PrivateAttr(default_factory=lambda: _Weights(None))
    _slots: Slots = PrivateAttr(default_factory=lambda: Slots([]))
    _health: Health = PrivateAttr(default_factory=lambda: Health(0))
    _scorer: Scorer | None = PrivateAttr(default=None)
    _auto: Answer | None = PrivateAttr(default=None)  # what "auto" stands for, if more is known
    _objects: bool = PrivateAttr(default=False)
    _planned: Kept[VotePlan[Any]] = PrivateAttr(default_factory=Kept)
    _unvotable: Kept[Unvotable] = PrivateAttr(default_factory=Kept)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(*args, **kwargs)
        except ValidationError as error:
            raise UsageError(one_line(error.errors(include_url=False))) from error
        self._members = priced(self._resolved(), self.prices, model_name)
        self._weights = _Weights(read_weights(self.weights))
        self._slots = Slots(self._members)
        self._scorer = resolve_scorer(self.scorer)
        self._health = Health(len(self._members), breaker=self.breaker, cooldown=self.cooldown)
        read_explore(self.explore)
        self.plan()  # refuses what cannot work now, not at the first call

    @field_serializer("on_unvotable")
    def _unvotable_written(self, value: Any) -> str:
        return str(self.unvotable())

    def _resolved(self) -> tuple[Member[Any], ...]:
        """Return the members, resolved from what was given."""
        raise NotImplementedError

    def _chooser(self, given: Any) -> Member[Any]:
        """Return a model that chooses among replies, resolved from what was given."""
        raise NotImplementedError

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True: an ensemble is written with its members, which write themselves."""
        return True

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Fields in a form that can be written and read again."""
        weights = self._weights.value
        return {
            "members": [written_member(member) for member in self.members],
            "rule": self.rule if isinstance(self.rule, str) else str(self.rule),
            **({} if self.escalate_to is None else {"escalate_to": self.escalate_to}),
            "on_unvotable": written_member(self.on_unvotable),
            **({} if weights is None else {"weights": self.weight_by_member}),
        }

    def __repr_args__(self) -> Any:
        """Show members by name: clients write their keys into their own representations."""
        yield "members", self.member_names
        hidden = ("members", "escalate_to", "scorer", "on_unvotable")
        if self.on_unvotable != "first":
            yield "on_unvotable", str(self.unvotable())
        yield from (pair for pair in super().__repr_args__() if pair[0] not in hidden)

    # -- the plan -----------------------------------------------------------------------------

    def plan(self, **changes: Any) -> VotePlan[Any]:
        """Return how this ensemble votes, with some settings changed."""
        given = self.__dict__
        weights, several = self._weights.value, self.unvotable().several or self.gives_objects

        def make() -> VotePlan[Any]:
            settings = {name: given[name] for name in _PLANNED}
            settings["seed"] = self.seed or 0
            if self._auto is not None and self.answer == "auto":
                settings["answer"] = self._auto
            plan = VotePlan.make(self._members, weights=weights, **settings)
            return limited(plan, self.abstain_limit, several=several)

        own = (weights, self._auto, several)
        plan = self._planned.get((*own, *[given[name] for name in _PLANNED]), make)
        plan = plan.change(**changes)
        if "abstain_limit" in changes:
            return plan
        return limited(plan, self.abstain_limit, several=several)  # for another selector

    @property
    def gives_objects(self) -> bool:
        """Whether replies are objects of a schema, and abstain where they cannot be read."""
        return self._objects

    def unvotable(self, **given: Any) -> Unvotable:
        """Return what is given where no reply could be voted on, with what came with a call."""
        return current_unvotable(
            self._unvotable, self.on_unvotable, self.abstain, given, self._priced_chooser
        )

    def _priced_chooser(self, given: Any) -> Member[Any]:
        return priced([self._chooser(given)], self.prices, model_name)[0]

    @property
    def member_names(self) -> list[str]:
        """Names of the members, as in decisions and weights."""
        return [member.name for member in self._members]

    @property
    def weight_by_member(self) -> dict[str, float]:
        """Weight of each member in the vote."""
        return {member.name: member.weight for member in self.plan().members}

    # -- weights ------------------------------------------------------------------------------

    def with_weights(self, weights: Any) -> Self:
        """Return a copy with other weights.

        Raises:
            UsageError: If they do not fit the members.
        """
        copy = self.model_copy(update={"weights": weights})
        copy._weights = _Weights(read_weights(weights))
        copy._planned = Kept()
        copy.__dict__.pop("_serialized", None)
        copy.plan()
        return copy

    def reload(self, weights: Any = None) -> None:
        """Put other weights in force here and in all that is bound to this ensemble.

        Chains and agents that hold it need not be built again; votes under way end with the
        weights they began with.

        Args:
            weights: As in the constructor; None reads the weights' file again.

        Raises:
            UsageError: If they do not fit the members; the old ones stay in force.
        """
        if weights is None:
            weights = weights_file(self.weights)
        found = read_weights(weights)
        weighted(self.plan().members, found)
        before, self._weights.value = self._weights.value, found
        try:
            self.plan()
        except UsageError:
            self._weights.value = before
            raise
        self.weights = weights
        self.__dict__.pop("_serialized", None)

    def fit(self, evaluation_set: Any, *, objective: str | None = None, **options: Any) -> Self:
        """Return a copy whose weights are fitted to an evaluation set.

        Args:
            evaluation_set: Recorded answers of members with these names.
            objective: What is optimised; None takes what cross-validation recommends.
            options: For `bestofinf.weights.fit_weights`, or without an objective for
                `compare_weights`.

        Raises:
            MissingExtraError: If the extra for weights is not installed.
            UsageError: If the evaluation set does not fit the members.
        """
        return self.with_weights(fitted(evaluation_set, objective, self.member_names, options))


def configured(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings in a configuration.

    They stand in ``configurable``, as ``{"bestofinf": {"rule": "fast"}}`` or as
    ``{"bestofinf_rule": "fast"}``; plain names may be those of other steps.

    Raises:
        UsageError: If it is no mapping, or names an unknown setting.
    """
    given = (config or {}).get("configurable") or {}
    if not given:
        return {}
    found = given.get(NAMESPACE) or {}
    if not isinstance(found, Mapping):
        raise UsageError(
            f"configurable[{NAMESPACE!r}] must map settings to values, got {shown(found)}"
        )
    prefix = f"{NAMESPACE}_"
    single = {k[len(prefix) :]: v for k, v in given.items() if str(k).startswith(prefix)}
    found = {**found, **single}
    unknown = found.keys() - CALL_SETTINGS
    if unknown:
        raise UsageError(
            f"unknown setting {min(unknown)!r}; there are {', '.join(sorted(CALL_SETTINGS))}"
        )
    return found
