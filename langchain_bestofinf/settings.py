"""Settings that the chat model and the wrapper of chains have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Self
from uuid import uuid4

from langchain_core.load.serializable import Serializable
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError

from bestofinf.answers import Answer
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation import Explore
from bestofinf.health import Health
from bestofinf.plan import KNOBS, VotePlan, read_weights, weighted
from bestofinf.policy import is_transient
from bestofinf.prices import priced
from bestofinf.records import Member
from bestofinf.scorers import Scorer
from bestofinf.slots import Slots
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
CALL_SETTINGS = KNOBS | {"abstain", "min_confidence"}
"""Settings that may be given with a single call, in `bind` and in configurations."""

NAMESPACE = "bestofinf"
"""Key of the settings in a configuration's ``configurable``."""


class _Weights:
    """The weights in use: one object for an ensemble and all that is bound to it."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Planned:
    """The plan made last, and the settings that it was made of. Neither copied nor written."""

    def __init__(self) -> None:
        self.made: tuple[tuple[Any, ...], VotePlan[Any]] | None = None

    def __deepcopy__(self, memo: object) -> _Planned:
        return _Planned()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Planned, ()


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
        abstain_limit: Replies without an answer after which the first one is returned.
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
        abstain: Raise `NoConsensusError` where no reply could be voted on.
        min_confidence: Raise it also where the confidence is lower.
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
    abstain_limit: int = 2
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
    _explore: Explore = PrivateAttr(default_factory=lambda: Explore(0.0))
    _weights: _Weights = PrivateAttr(default_factory=lambda: _Weights(None))
    _slots: Slots = PrivateAttr(default_factory=lambda: Slots([]))
    _health: Health = PrivateAttr(default_factory=lambda: Health(0))
    _scorer: Scorer | None = PrivateAttr(default=None)
    _auto: Answer | None = PrivateAttr(default=None)  # what "auto" stands for, if more is known
    _planned: _Planned = PrivateAttr(default_factory=lambda: _Planned())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(*args, **kwargs)
        except ValidationError as error:
            raise UsageError(one_line(error)) from error
        self._members = priced(self._resolved(), self.prices, model_name)
        self._weights = _Weights(read_weights(self.weights))
        self._slots = Slots(self._members)
        self._scorer = resolve_scorer(self.scorer)
        self._explore = self.explore if isinstance(self.explore, Explore) else Explore(self.explore)
        self._health = Health(len(self._members), breaker=self.breaker, cooldown=self.cooldown)
        self.plan()  # refuses what cannot work now, not at the first call

    def _resolved(self) -> tuple[Member[Any], ...]:
        """Return the members, resolved from what was given."""
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
            **({} if weights is None else {"weights": self.weight_by_member}),
        }

    def __repr_args__(self) -> Any:
        """Show members by name: clients write their keys into their own representations."""
        yield "members", self.member_names
        hidden = ("members", "escalate_to", "scorer")
        yield from (pair for pair in super().__repr_args__() if pair[0] not in hidden)

    # -- the plan -----------------------------------------------------------------------------

    def plan(self, **changes: Any) -> VotePlan[Any]:
        """Return how this ensemble votes, with some settings changed."""
        given = self.__dict__
        current = (self._weights.value, self._auto, *[given[name] for name in _PLANNED])
        planned = self._planned.made
        if planned is None or any(a is not b for a, b in zip(planned[0], current, strict=True)):
            settings = {name: given[name] for name in _PLANNED}
            settings["seed"] = self.seed or 0
            if self._auto is not None and self.answer == "auto":
                settings["answer"] = self._auto
            plan = VotePlan.make(self._members, weights=current[0], **settings)
            planned = self._planned.made = (current, plan)
        return planned[1].change(**changes)

    def explored(self, settings: dict[str, Any], key: object) -> dict[str, Any]:
        """Return the settings of a call, made those of exploration if its turn has come.

        Args:
            settings: Given with the call; a rule among them stands.
            key: Identifier of the call; None chooses at random.
        """
        if not self._explore.share or "rule" in settings:
            return settings
        weights = self.weight_by_member.values()
        chosen = self._explore.settings(
            str(key or uuid4()), members=sum(weight > 0 for weight in weights)
        )
        return {**chosen, **settings}

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
        copy._planned = _Planned()
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
            weights = self.weights
            if not isinstance(weights, str | PathLike):
                raise UsageError("there is no file of weights to read again: give the weights")
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
        from bestofinf.weights import compare_weights, fit_weights

        options.setdefault("members", self.member_names)
        if objective is None:
            return self.with_weights(compare_weights(evaluation_set, **options).recommended)
        return self.with_weights(fit_weights(evaluation_set, objective, **options))


def split_settings(
    given: Mapping[str, Any], own: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide call arguments into settings of the ensemble and arguments for the members."""
    settings: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in given.items():
        (settings if name in CALL_SETTINGS or name in own else rest)[name] = value
    return settings, rest


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


def one_line(error: ValidationError) -> str:
    """Return what a validation error says about each field, in one line."""
    found = []
    for line in error.errors(include_url=False):
        place = ".".join(map(str, line["loc"]))
        given = (
            ""
            if line["type"] in ("missing", "extra_forbidden")
            else f", got {shown(line['input'])}"
        )
        found.append(f"{place}: {line['msg']}{given}")
    return "; ".join(found)
