"""Settings of an ensemble as users give them: what both adapters do with them alike.

The adapters' own classes say which settings there are; they are models of the frameworks, and
differ in that. Here is what follows from the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar
from uuid import uuid4

from bestofinf.consensus import CONSENSUS, Consensus
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation import Explore
from bestofinf.plan import KNOBS, VotePlan
from bestofinf.records import Member
from bestofinf.selectors import BestScore
from bestofinf.unvotable import SEVERAL, Unvotable

H = TypeVar("H")
M = TypeVar("M")
T = TypeVar("T")

AbstainLimit: TypeAlias = int | Literal["auto"] | None
"""Replies without an answer after which a vote ends, as in `VoteSettings`."""

CALL_SETTINGS = KNOBS | CONSENSUS
"""Settings that may be given with a single call."""


class Ensemble(Protocol):
    """What the functions here have to know of an ensemble."""

    abstain_limit: AbstainLimit
    min_confidence: float
    explore: Any

    @property
    def gives_objects(self) -> bool:
        """Whether replies are objects of a schema, and abstain where they cannot be read."""

    def plan(self, **changes: Any) -> VotePlan[Any]:
        """Return how it votes, with some settings changed."""

    def unvotable(self, **given: Any) -> Unvotable:
        """Return what is given where no reply could be voted on, with what came with a call."""


class Kept(Generic[T]):
    """A value that is made again when something it was made of is another object.

    Neither copied nor written: a copy makes its own.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[Any, ...], T] | None = None

    def get(self, made_of: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return the value made of these."""
        made = self._made
        if made is None or any(a is not b for a, b in zip(made[0], made_of, strict=True)):
            made = self._made = (made_of, make())
        return made[1]

    def __deepcopy__(self, memo: object) -> Kept[T]:
        return Kept()

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, ()


def split_settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide call arguments into settings of the ensemble and arguments for the members."""
    settings: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in given.items():
        (settings if name in CALL_SETTINGS else rest)[name] = value
    return settings, rest


def plan_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a call's settings that are the plan's."""
    return {name: value for name, value in settings.items() if name not in CONSENSUS}


def demands(
    ensemble: Ensemble, settings: Mapping[str, Any], key: object, higher: H | None
) -> tuple[VotePlan[Any], Consensus[H]]:
    """Return how one call votes, and what its decision must have.

    Args:
        ensemble: Its own settings.
        settings: Given with the call.
        key: Identifier of the call, which decides whether it explores; None chooses at random.
        higher: Whom to escalate to.
    """
    wanted = {name: value for name, value in settings.items() if name in CONSENSUS}
    own = plan_settings(settings)
    unvotable = ensemble.unvotable(**wanted)
    knobs = explored(ensemble, own, key)
    plan = ensemble.plan(**knobs)
    if wanted and "abstain_limit" not in knobs:
        several = unvotable.several or ensemble.gives_objects
        plan = limited(plan, ensemble.abstain_limit, several=several)
    least = wanted.get("min_confidence", ensemble.min_confidence)
    return plan, Consensus(least, higher, unvotable)


def limited(plan: VotePlan[M], limit: AbstainLimit, *, several: bool) -> VotePlan[M]:
    """Return the plan with as many abstentions as it takes, where the limit is ``auto``.

    Args:
        plan: The plan; its own limit is ``auto`` or was set here.
        limit: The setting.
        several: Whether it takes several replies without an answer to go on, or that many may be
            a slip.
    """
    if limit != "auto":
        return plan
    by_score = isinstance(plan.selector, BestScore)  # replies without an answer may win
    wanted: AbstainLimit = SEVERAL if several and not by_score else "auto"
    return plan if plan.settings.abstain_limit == wanted else plan.change(abstain_limit=wanted)


def current_unvotable(
    kept: Kept[Unvotable],
    on_unvotable: Any,
    abstain: bool,
    given: Mapping[str, Any],
    model: Callable[[Any], Member[Any]],
) -> Unvotable:
    """Return what is given where no reply could be voted on.

    Args:
        kept: Where the value of the settings is kept.
        on_unvotable: The setting.
        abstain: The setting.
        given: What came with a call.
        model: Reads a model as users give it.
    """
    standing = kept.get(
        (on_unvotable, abstain), lambda: Unvotable.of(on_unvotable, model, abstain=abstain)
    )
    return standing.change(given, model)


def read_explore(given: Any) -> Explore:
    """Return how often to explore, from a share of the calls or an `Explore`.

    Raises:
        UsageError: If it is neither.
    """
    if isinstance(given, Explore):
        return given
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise UsageError(f"explore must be a share of the calls or an Explore, got {shown(given)}")
    return Explore(given)


def explored(ensemble: Ensemble, settings: dict[str, Any], key: object) -> dict[str, Any]:
    """Return the settings of a call, made those of exploration if its turn has come.

    Args:
        ensemble: Says how often, and how many samples.
        settings: Given with the call; a rule among them stands.
        key: Identifier of the call; None chooses at random.
    """
    explore = read_explore(ensemble.explore)
    if not explore.share or "rule" in settings:
        return settings
    members = sum(member.weight > 0 for member in ensemble.plan().members)
    return {**explore.settings(str(key or uuid4()), members=members), **settings}


def weights_file(weights: Any) -> str | PathLike[str]:
    """Return the file that weights stand in.

    Raises:
        UsageError: If they do not stand in one.
    """
    if isinstance(weights, str | PathLike):
        return weights
    raise UsageError("there is no file of weights to read again: give the weights")


def fitted(evaluation_set: Any, objective: str | None, names: Sequence[str], options: Any) -> Any:
    """Return weights fitted to an evaluation set.

    Args:
        evaluation_set: Recorded answers of members with these names.
        objective: What is optimised; None takes what cross-validation recommends.
        names: Names of the members.
        options: For `bestofinf.weights.fit_weights`, or without an objective for
            `compare_weights`.

    Raises:
        MissingExtraError: If the extra for weights is not installed.
        UsageError: If the evaluation set does not fit the members.
    """
    from bestofinf.weights import compare_weights, fit_weights

    options = {"members": list(names), **options}
    if objective is None:
        return compare_weights(evaluation_set, **options).recommended
    return fit_weights(evaluation_set, objective, **options)


def one_line(errors: Iterable[Mapping[str, Any]]) -> str:
    """Return what a validation of fields has found, in one line.

    Args:
        errors: In pydantic's form, as its ``ValidationError.errors()`` gives them.
    """
    found = []
    for line in errors:
        place = ".".join(map(str, line["loc"]))
        told = line["type"] not in ("missing", "extra_forbidden")
        found.append(f"{place}: {line['msg']}" + (f", got {shown(line['input'])}" if told else ""))
    return "; ".join(found)
