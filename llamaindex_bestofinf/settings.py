"""Settings of the ensemble, checked once; the same keywords as in the other adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal, Self

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.llm import LLM
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_serializer

from bestofinf.alike import warn_of_fixed
from bestofinf.errors import UsageError
from bestofinf.evaluation import Explore
from bestofinf.health import Health
from bestofinf.plan import VotePlan, read_weights, weighted
from bestofinf.policy import is_transient
from bestofinf.prices import priced
from bestofinf.records import Member
from bestofinf.scorers import Scorer
from bestofinf.settings import (
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
from llamaindex_bestofinf.answers import named_answer
from llamaindex_bestofinf.history import Origins
from llamaindex_bestofinf.members import Clients, checked_llm, model_name, resolve_members

HistoryFilter = Callable[[Sequence[ChatMessage], Member[LLM]], Sequence[ChatMessage]]
"""From the messages of a call to those that one member gets."""

_PLANNED = (
    "rule",
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


class Standing:
    """What an ensemble keeps between calls. Copies made by pickle begin anew.

    Attributes:
        health: Which members keep failing.
        slots: Limits on requests in flight.
        clients: The object to ask in each event loop.
        origins: Which member wrote which message of a history.
        weights: The weights in use.
        last: The decision of the call that ended last.
        key: Stands for the ensemble where nothing may keep it alive.
    """

    def __init__(
        self, members: tuple[Member[LLM], ...], weights: Any, breaker: int, cooldown: float
    ) -> None:
        self._made_of = (members, weights, breaker, cooldown)
        self.health = Health(len(members), breaker=breaker, cooldown=cooldown)
        self.slots = Slots(members)
        self.clients = Clients(members)
        self.origins = Origins()
        self.weights = weights
        self.last: dict[str, Any] | None = None
        self.key = object()

    def __reduce__(self) -> tuple[Any, ...]:
        return Standing, self._made_of

    def __deepcopy__(self, memo: Any) -> Standing:
        return Standing(*self._made_of)

    def weighing(self, weights: Any) -> Standing:
        """Return the same with other weights."""
        other = object.__new__(Standing)
        other.__dict__.update(self.__dict__, weights=weights)
        other._made_of = (self._made_of[0], weights, *self._made_of[2:])
        return other


class EnsembleSettings(BaseModel):
    """How an ensemble votes.

    Attributes:
        members: Who is asked: one LLM, or a list of LLMs, pairs of an LLM and its weight, or `bestofinf.Member` objects.
            Not in dumps, which would hold their keys.
        weights: Weight by member name, in order, from a fit, or the path of a file that
            ``bestofinf fit --out`` wrote; None takes the members' own.
        prices: Money for one token by member or model name, for `MaxCost` and the usage in
            decisions: pairs (input, output), or LiteLLM's table; see `bestofinf.prices`.
        rule: When to stop: a preset (``fast``, ``balanced``, ``thorough``, ``exhaustive``), a
            rule, or a rule as written on the command line.
        answer: How replies become votes: a name, an answer type, or a function of the text.
            ``auto`` also reads steps of ReAct agents; ``citations`` votes on cited sources.
        selector: Who wins in the end; None for the leader of the vote.
        max_samples: Most samples for one question.
        concurrency: Most requests in flight for one question.
        launch: ``thrifty`` wastes no request; ``eager`` is faster and asks some in vain.
        order: ``draw`` counts votes in order of launch, ``arrival`` as they come.
        schedule: Which member is asked next.
        seed: Start of random schedules. Never sent to a model: equal seeds give equal samples.
        abstain_limit: Replies without an answer after which the vote ends; see `on_unvotable`.
            ``auto`` is 2; up to 8 where every reply should have an answer, 8 where it takes several
            replies to say which is given; no limit where replies are chosen by their scores. None:
            no limit.
        breaker: Failures in a row after which a member is left out.
        cooldown: Seconds for which it is then left out of later questions too; 0 for none.
        quorum: Least number of votes.
        warm_up: Samples to wait for before the others start, so that providers cache the prompt.
        retries: Further tries of a request after a transient error. Clients have retries of
            their own: set those to 0 or 1.
        retry_on: Which errors are transient.
        longest_wait: Most seconds between two tries.
        timeout: Most seconds for one request, waiting for the member's turn included.
        deadline: Most seconds for one question.
        on_deadline: ``raise``, or decide on the ``partial`` vote.
        scorer: Scores replies, for rules on scores: a scorer, a LlamaIndex evaluator, or a
            function.
        on_unvotable: What to give where no reply could be voted on: the ``first`` reply; the
            ``medoid``, which is the one nearest to the others in its words; the one that the
            heaviest member, asked once more, is made to ``choose``; or an ``error``
            (`NoConsensusError`). An LLM in this place is the one that chooses; so is a
            `bestofinf.answers.UniversalSelfConsistency`.
        abstain: The same as ``on_unvotable="error"``.
        min_confidence: Raise `NoConsensusError` where the confidence of a vote is lower. With this
            or `escalate_to` the first of replies that could not be voted on is no answer, either.
        escalate_to: Ask this LLM instead of raising.
        explore: Share of the calls that draw a fixed number of samples of every member, so that an
            evaluation set learns without the bias of stopping; an `Explore` says how many.
        sync_strategy: Blocking calls ask members in ``threads``, through their blocking methods;
            what the vote no longer needs runs to its end there. ``loop`` asks them in an event
            loop of the library's own, where it is cancelled.
        tool_policy: ``all`` members must call tools for the ensemble to be a model that calls
            tools; with ``capable_only`` the others sit out of such calls.
        stream_progress: Streams begin with the state of the vote, as ``thinking_delta``.
        history_filter: Makes, of the messages of a call, those that one member gets. None makes
            messages of other members portable where members are of several classes.
    """

    members: list[Any] = Field(exclude=True)
    weights: Any = Field(default=None, exclude=True)
    prices: Any = Field(default=None, exclude=True)
    rule: Any = "balanced"
    answer: Any = "auto"
    selector: Any = Field(default=None, exclude=True)
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
    scorer: Any = Field(default=None, exclude=True)
    on_unvotable: Any = "first"
    abstain: bool = False
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    escalate_to: Any = Field(default=None, exclude=True)
    explore: Any = 0.0
    sync_strategy: Literal["threads", "loop"] = "threads"
    tool_policy: Literal["all", "capable_only"] = "all"
    stream_progress: bool = False
    history_filter: Any = Field(default=None, exclude=True)

    # A misspelt setting must not pass unnoticed.
    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    _members: tuple[Member[LLM], ...] = PrivateAttr(default=())
    _standing: Standing = PrivateAttr(default_factory=lambda: Standing((), None, 1, 0.0))
    _scorer: Scorer | None = PrivateAttr(default=None)
    _higher: tuple[str, LLM] | None = PrivateAttr(default=None)
    _planned: Kept[VotePlan[LLM]] = PrivateAttr(default_factory=Kept)
    _unvotable: Kept[Unvotable] = PrivateAttr(default_factory=Kept)

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        if members is not None:
            kwargs["members"] = members
        if isinstance(kwargs.get("members"), LLM | Member):
            kwargs["members"] = [kwargs["members"]]
        try:
            super().__init__(**kwargs)
        except ValidationError as error:
            raise UsageError(one_line(error.errors(include_url=False))) from error
        self._members = priced(resolve_members(self.members), self.prices, model_name)
        self._standing = Standing(
            self._members, read_weights(self.weights), self.breaker, self.cooldown
        )
        if self.scorer is not None:
            from llamaindex_bestofinf.scorers import resolve_scorer

            self._scorer = resolve_scorer(self.scorer)
        if self.escalate_to is not None:
            model = checked_llm(self.escalate_to, "escalate_to")
            self._higher = (model_name(model), model)
        self._check()
        warn_of_fixed(self._members, self.max_samples)

    def _check(self) -> None:
        """Refuse what cannot work now, not at the first call."""
        read_explore(self.explore)
        self.plan()

    @field_serializer("rule", "answer")
    def _written(self, value: Any) -> Any:
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

    # -- the plan -----------------------------------------------------------------------------

    def plan(self, **changes: Any) -> VotePlan[LLM]:
        """Return how this ensemble votes, with some settings changed."""
        given = self.__dict__
        weights, several = self._standing.weights, self.unvotable().several

        def make() -> VotePlan[LLM]:
            settings = {name: given[name] for name in _PLANNED}
            settings["seed"] = self.seed or 0
            settings["answer"] = named_answer(self.answer)
            plan = VotePlan.make(self._members, weights=weights, **settings)
            return limited(plan, self.abstain_limit, several=several)

        own = (weights, self.answer, several)
        plan = self._planned.get((*own, *[given[name] for name in _PLANNED]), make)
        if "answer" in changes:
            changes["answer"] = named_answer(changes["answer"])
        plan = plan.change(**changes)
        if "abstain_limit" in changes:
            return plan
        return limited(plan, self.abstain_limit, several=several)  # for another selector

    @property
    def gives_objects(self) -> bool:
        """False: what is no object of the class asked for fails here, and is asked for again."""
        return False

    def unvotable(self, **given: Any) -> Unvotable:
        """Return what is given where no reply could be voted on, with what came with a call."""
        return current_unvotable(
            self._unvotable, self.on_unvotable, self.abstain, given, self._chooser
        )

    def _chooser(self, given: Any) -> Member[LLM]:
        return priced(resolve_members([given]), self.prices, model_name)[0]

    def with_settings(self, **changes: Any) -> Self:
        """Return a copy with other settings, for components that pass no arguments on.

        The copy shares the members, their health and their limits with this ensemble.

        Raises:
            UsageError: If a setting is unknown or out of its range.
        """
        fixed = changes.keys() & {"members", "weights", "prices", "scorer", "escalate_to"}
        unknown = changes.keys() - EnsembleSettings.model_fields.keys()
        if fixed or unknown:
            raise UsageError(
                f"{min(fixed or unknown)!r} is no setting that a copy may change"
                + (": use with_weights" if "weights" in fixed else "")
            )
        try:
            # Checked as in the constructor, but without anew resolving members.
            self.__pydantic_validator__.validate_python(
                {**{name: self.__dict__[name] for name in type(self).model_fields}, **changes},
                self_instance=self.model_copy(),
            )
        except ValidationError as error:
            raise UsageError(one_line(error.errors(include_url=False))) from error
        copy = self.model_copy(update=changes)
        copy._planned, copy._unvotable = Kept(), Kept()
        copy._check()
        return copy

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
        copy._standing = self._standing.weighing(read_weights(weights))
        copy._planned = Kept()
        copy.plan()
        return copy

    def reload(self, weights: Any = None) -> None:
        """Put other weights in force here and in all copies made by `with_settings`.

        Engines and agents that hold the ensemble need not be built again; votes under way end
        with the weights they began with.

        Args:
            weights: As in the constructor; None reads the weights' file again.

        Raises:
            UsageError: If they do not fit the members; the old ones stay in force.
        """
        if weights is None:
            weights = weights_file(self.weights)
        found = read_weights(weights)
        weighted(self.plan().members, found)
        before, self._standing.weights = self._standing.weights, found
        try:
            self.plan()
        except UsageError:
            self._standing.weights = before
            raise
        self.weights = weights

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
