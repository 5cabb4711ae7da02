"""The settings of an ensemble as pydantic fields, declared and checked once for every adapter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from operator import itemgetter
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_serializer

from bestofinf import answers
from bestofinf.ensemble.groups import Failures, Learning, Otherwise, ungrouped
from bestofinf.ensemble.loading import Loaded, read_weights
from bestofinf.ensemble.members import weighted
from bestofinf.ensemble.plan import VotePlan
from bestofinf.ensemble.prices import priced
from bestofinf.ensemble.private import PrivateAttributes
from bestofinf.ensemble.settings import (
    AbstainLimit,
    Resolution,
    check_calibration,
    fitted,
    limited,
    one_line,
    read_calibration,
    read_explore,
    resolve_call,
    weights_file,
)
from bestofinf.ensemble.state import Cached, EnsembleState
from bestofinf.ensemble.unvotable import Unvotable
from bestofinf.errors import UsageError, is_transient
from bestofinf.evaluation import Explore
from bestofinf.records import Member
from bestofinf.scorers import Scorer
from bestofinf.voting.settings import WAITING, VoteSettings

T = TypeVar("T")

_PLANNED = (
    *("rule", "answer", "selector", "max_samples", "concurrency", "waiting", "launch", "order"),
    *("schedule", "seed", "abstain_limit", "breaker", "quorum", "warm_up", "retries", "retry_on"),
    *("longest_wait", "timeout", "deadline", "on_deadline"),
)
_JUDGED = ("thoughts", "calibration", "on_unvotable", "min_confidence", "coverage")
_USUAL = itemgetter(*_PLANNED, *_JUDGED)  # what a call without settings of its own is made of


class EnsembleFields(PrivateAttributes, Loaded, BaseModel):
    """How an ensemble votes; the same keywords in every adapter.

    The first settings say who votes, and on what. The others form four groups, named in
    parentheses. A group may also be given as one value or mapping instead of its keywords:
    ``failures=Failures(retries=0)``. Giving a group together with one of its keywords is a
    `UsageError`.

    Attributes:
        members: The members: a list of models, pairs of a model and its weight, `Member` objects,
            or mappings with ``model`` and the fields of a `Member`. Dumps leave them out, because
            they contain keys.
        weights: Weights by member name, in order of the members, from a fit, or the path of a file
            with them (of a fit, or ``ensemble.toml``); None takes those of the members.
        rule: When to stop: a preset (``frugal``, ``fast``, ``balanced``, ``thorough``,
            ``exhaustive``), a rule, or a rule as written on the command line.
        answer: How replies become votes: a name, an answer type, or a function of the text.
        thoughts: Further tags around thoughts, which never vote: ``plan`` for ``<plan>``.
        strip_thoughts: Return the text without its thoughts; otherwise it is unchanged.
        scorer: Scores replies, for rules on scores: a scorer, a model that judges, an evaluator of
            the framework, or a function.
        selector: Chooses the winner, by name or as an object; None for the leader of the vote.
        max_samples: Maximum number of samples for one question.
        concurrency: Maximum number of requests in flight for one question.

        retries: (failures) Further tries of a request after a transient error. Clients have
            retries of their own: set those to 0 or 1.
        retry_on: (failures) Returns whether an error is transient.
        longest_wait: (failures) Maximum pause between two tries, in seconds.
        timeout: (failures) Seconds for one request, with the wait for a free slot of the member.
        deadline: (failures) Time limit for one question, in seconds.
        on_deadline: (failures) ``raise``, or decide on the ``partial`` vote.
        breaker: (failures) Number of failures in a row after which a member is left out.
        cooldown: (failures) Seconds for which it is then left out of later questions too; or 0.
        quorum: (failures) Minimum number of votes for a decision.

        waiting: (launching) Price of a second of waiting in seconds of generation; 0 wastes none.
        launch: (launching) ``thrifty`` for a `waiting` of 0, ``eager`` for infinity.
        order: (launching) ``draw`` counts votes in draw order, ``arrival`` in order of arrival.
        schedule: (launching) Which member is asked next; ``auto`` takes the rule's own schedule.
        seed: (launching) Seed of random schedules. Never sent to a model.
        warm_up: (launching) Samples to wait for before the others start, for prompt caches.

        on_unvotable: (otherwise) What to return if no reply could be voted on: the ``first`` reply;
            the ``medoid``, which is the one nearest to the others in its words; the one that the
            member with the largest weight chooses in one more request (``choose``); one with the
            meaning that wins a ``vote``, for which that member compares meanings; or an ``error``.
            Or a model or a `bestofinf.answers.UniversalSelfConsistency`, which chooses, or a
            `MeaningVote`.
        abstain_limit: (otherwise) Number of replies without an answer after which the vote ends.
            ``auto``: 1 after free text, else 3; up to 8 if every reply should have an answer; 8 if
            `on_unvotable` needs several replies; no limit if scores select. None: no limit.
        min_confidence: (otherwise) Raise `NoConsensusError` if the confidence of a vote is lower.
            With this or `escalate_to`, a first reply that could not be voted on is rejected too.
        coverage: (otherwise) Answer this fraction of the questions, those with the highest
            confidence by `calibration`.
        escalate_to: (otherwise) Ask this model instead of raising an error.

        explore: (learning) Fraction of the calls that draw a fixed number of samples from every
            member, so that recorded answers are free of early-stopping bias; an `Explore` says
            how many.
        prices: (learning) Money for one token by member or model name, for `MaxCost` and the usage
            in decisions: pairs (input, output), or LiteLLM's table (`bestofinf.ensemble.prices`).
        calibration: (learning) A `ConfidenceCalibration` or its JSON form, by which the confidence
            is the probability that a decision is right.
    """

    members: list[Any] = Field(exclude=True)
    weights: Any = Field(default=None, exclude=True)
    rule: Any = "balanced"
    answer: Any = "auto"
    thoughts: tuple[str, ...] = ()
    strip_thoughts: bool = False
    scorer: Any = Field(default=None, exclude=True)
    selector: Any = Field(default=None, exclude=True)
    max_samples: int = 64
    concurrency: int = 8

    retries: int = 2
    retry_on: Callable[[BaseException], bool] = Field(default=is_transient, exclude=True)
    longest_wait: float = 30.0
    timeout: float | None = None
    deadline: float | None = None
    on_deadline: Literal["raise", "partial"] = "raise"
    breaker: int = 5
    cooldown: float = 30.0
    quorum: int = 1

    waiting: float = WAITING
    launch: Literal["thrifty", "eager"] | None = None
    order: Literal["draw", "arrival"] = "draw"
    schedule: str = "auto"
    seed: int | None = None
    warm_up: int = 0

    on_unvotable: Any = "first"
    abstain_limit: AbstainLimit = "auto"
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    coverage: float | None = None
    escalate_to: Any = Field(default=None, exclude=True)

    explore: Any = 0.0
    prices: Any = Field(default=None, exclude=True)
    calibration: Any = Field(default=None, exclude=True)

    # A misspelt setting must not pass unnoticed.
    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    _single_member: ClassVar[tuple[type, ...]] = (Member,)
    """Types that may be given as `members` without a list around one."""

    _members: tuple[Member[Any], ...] = PrivateAttr(default=())
    _state: EnsembleState = PrivateAttr(default_factory=lambda: EnsembleState(()))
    _scorer: Scorer | None = PrivateAttr(default=None)
    _higher: Member[Any] | None = PrivateAttr(default=None)
    _auto: answers.Answer | None = PrivateAttr(default=None)  # that of "auto", if more is known
    _planned: Cached[VotePlan[Any]] = PrivateAttr(default_factory=Cached)
    _unvotable: Cached[Unvotable] = PrivateAttr(default_factory=Cached)
    _usual: Cached[Resolution] = PrivateAttr(default_factory=Cached)

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        if members is not None:
            kwargs["members"] = members
        if isinstance(kwargs.get("members"), self._single_member):
            kwargs["members"] = [kwargs["members"]]
        try:
            super().__init__(**ungrouped(kwargs))
        except ValidationError as error:
            raise UsageError(one_line(error.errors(include_url=False))) from error
        self._members = self._priced(self._read_members(self.members))
        self._state = EnsembleState(
            self._members,
            read_weights(self.weights),
            breaker=self.breaker,
            cooldown=self.cooldown,
        )
        self._scorer = self._read_scorer(self.scorer) if self.scorer is not None else None
        if self.escalate_to is not None:
            self._higher = self._read_higher(self.escalate_to)
        self._check()

    def _check(self) -> None:
        """Refuse what cannot work now, not at the first call."""
        read_explore(self.explore)
        check_calibration(self.plan(), self.coverage)

    # -- what an adapter gives: `docs/adapters.md` -------------------------------------------
    @abstractmethod
    def _read_members(self, given: Any) -> tuple[Member[Any], ...]:
        """Return the members that were given, with models and unique names."""

    @abstractmethod
    def _model_name(self, model: Any) -> str:
        """Return the name of a member's model, as in tables of prices."""

    @abstractmethod
    def _read_scorer(self, given: Any) -> Scorer | None:
        """Return a scorer from what was given."""

    @abstractmethod
    def _read_higher(self, given: Any) -> Member[Any]:
        """Return the member to escalate to, from what was given."""

    def _read_chooser(self, given: Any) -> Member[Any]:
        """Return a model that chooses among replies, from what was given."""
        return self._read_members([given])[0]

    def _read_answer(self, given: Any) -> Any:
        """Return the answer type of a name, if it has another meaning here."""
        return self._auto if self._auto is not None and given == "auto" else given

    def _priced(self, members: tuple[Member[Any], ...]) -> tuple[Member[Any], ...]:
        return priced(members, self.prices, self._model_name)

    # -- how it is written --------------------------------------------------------------------

    @field_serializer("rule", "answer")
    def _as_text(self, value: Any) -> Any:
        return value if isinstance(value, str) else str(value)

    @field_serializer("on_unvotable")
    def _unvotable_written(self, value: Any) -> str:
        return str(self.unvotable())

    @field_serializer("explore")
    def _explore_written(self, value: Any) -> Any:
        return asdict(value) if isinstance(value, Explore) else value

    def __repr_args__(self) -> Any:
        """Show members by name: clients write their keys into their own representations."""
        yield "members", self.member_names
        hidden = ("members", "escalate_to", "scorer", "on_unvotable")
        if self.on_unvotable != "first":
            yield "on_unvotable", str(self.unvotable())
        yield from (pair for pair in super().__repr_args__() if pair[0] not in hidden)

    # -- groups -------------------------------------------------------------------------------

    @property
    def failures(self) -> Failures:
        """What happens when members fail."""
        return self._group(Failures)

    @property
    def launching(self) -> VoteSettings:
        """How draws are launched and counted."""
        return self.plan().settings

    @property
    def otherwise(self) -> Otherwise:
        """What happens without a vote, or if its confidence is too low."""
        return self._group(Otherwise)

    @property
    def learning(self) -> Learning:
        """What the ensemble records for later evaluation."""
        return self._group(Learning)

    def _group(self, kind: type[T]) -> T:
        return kind(**{name: getattr(self, name) for name in kind.__match_args__})  # type: ignore[attr-defined]

    # -- the plan -----------------------------------------------------------------------------

    def plan(self, **changes: Any) -> VotePlan[Any]:
        """Return how this ensemble votes, with some settings changed."""
        given, weights = self.__dict__, self._state.weights
        several = self.unvotable().several or self.gives_objects

        def make() -> VotePlan[Any]:
            settings = {name: given[name] for name in _PLANNED}
            settings["seed"] = self.seed or 0
            settings["answer"] = self._thoughtless(self.answer)
            settings["calibration"] = read_calibration(self.calibration)
            plan = VotePlan.make(self._members, weights=weights, **settings)
            return limited(plan, self.abstain_limit, several=several)

        own = (weights, self._auto, self.thoughts, several, self.calibration)
        plan = self._planned.get((*own, *[given[name] for name in _PLANNED]), make)
        if "answer" in changes:
            changes["answer"] = self._thoughtless(changes["answer"])
        plan = plan.change(**changes)
        if "abstain_limit" in changes:
            return plan
        return limited(plan, self.abstain_limit, several=several)  # for another selector

    def _resolve_call(self, given: Mapping[str, Any], key: object) -> Resolution:
        """Return how one call votes, and what its decision must have; see `resolve_call`."""
        if given or self.explore:
            return resolve_call(self, given, key, self._higher)
        own = (self._state.weights, self._auto, self.gives_objects, *_USUAL(self.__dict__))
        return self._usual.get(own, lambda: resolve_call(self, {}, key, self._higher))

    def _thoughtless(self, given: Any) -> Any:
        """Return an answer type that also removes thoughts in the user's own tags."""
        kind, own = self._read_answer(given), self.thoughts
        return answers.resolve_answer(kind).with_thoughts(*own) if own else kind

    def shown(self, text: str) -> str:
        """Return a reply's text as it is returned: without thoughts if `strip_thoughts` is set."""
        if not self.strip_thoughts:
            return text
        return answers.strip_thoughts(text, thoughts=(*answers.THOUGHTS, *self.thoughts))

    @property
    def gives_objects(self) -> bool:
        """Whether replies are objects of a schema, and abstain if they cannot be read."""
        return False

    def unvotable(self, **given: Any) -> Unvotable:
        """Return the policy for unvotable replies, with this call's overrides applied."""
        if "on_unvotable" in given:
            return Unvotable.of(given["on_unvotable"], self._chooser)
        own = self.on_unvotable
        return self._unvotable.get((own,), lambda: Unvotable.of(own, self._chooser))

    def _chooser(self, given: Any) -> Member[Any]:
        return self._priced((self._read_chooser(given),))[0]

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
        copy._state = self._state.weighing(read_weights(weights))
        copy._renew()
        copy.plan()
        return copy

    def reload(self, weights: Any = None) -> None:
        """Change the weights of this ensemble and of all copies that share its state.

        Such copies are made by bindings and by `with_settings`. Chains, engines and agents that use
        the ensemble need not be rebuilt. Votes in progress end with the weights they began with.

        Args:
            weights: As in the constructor; None reads the weights' file again.

        Raises:
            UsageError: If they do not fit the members, or there is no file; then nothing changes.
        """
        if weights is None:
            weights = weights_file(self.weights)
        found = read_weights(weights)
        weighted(self.plan().members, found)
        before, self._state.weights = self._state.weights, found
        try:
            self.plan()
        except UsageError:
            self._state.weights = before
            raise
        self.weights = weights
        self._forget_description()

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

    def _renew(self) -> None:
        """Give a copy its own caches of everything that is derived from its settings."""
        self._planned, self._unvotable, self._usual = Cached(), Cached(), Cached()
        self._forget_description()

    def _forget_description(self) -> None:
        """Drop the framework's cached description of the ensemble; an adapter overrides this."""
