"""Settings of an ensemble as users give them: checked, divided and turned into a plan.

`fields.EnsembleFields` declares the settings; these functions derive from their values how one call
votes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias, TypeVar
from uuid import uuid4

from bestofinf.ensemble.acceptance import CONSENSUS, Acceptance
from bestofinf.ensemble.groups import DEFAULTS, GROUPS, ungrouped
from bestofinf.ensemble.plan import KNOBS, VotePlan
from bestofinf.ensemble.unvotable import SEVERAL, Unvotable
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation import Explore
from bestofinf.records import Member
from bestofinf.voting.confidence import ConfidenceCalibration
from bestofinf.voting.selectors import BestScore

M = TypeVar("M")

AbstainLimit: TypeAlias = int | Literal["auto"] | None
"""Replies without an answer after which a vote ends, as in `VoteSettings`."""

CALL_SETTINGS = KNOBS | CONSENSUS
"""Settings that may be given with a single call."""


class Ensemble(Protocol):
    """The attributes of an ensemble that the functions of this module use."""

    abstain_limit: AbstainLimit
    min_confidence: float
    coverage: float | None
    explore: Any

    @property
    def gives_objects(self) -> bool:
        """Whether replies are objects of a schema, and abstain if they cannot be read."""

    def plan(self, **changes: Any) -> VotePlan[Any]:
        """Return how it votes, with some settings changed."""

    def unvotable(self, **given: Any) -> Unvotable:
        """Return the policy for unvotable replies, with this call's overrides applied."""


def changed_settings(given: Mapping[str, Any], allowed: Collection[str]) -> Mapping[str, Any]:
    """Return changed settings, with groups replaced by their keywords.

    Args:
        given: The changes; keywords that are not of a group stay as they are.
        allowed: Keywords that may be changed. Others in a group must have their default values.

    Raises:
        UsageError: If a group cannot be read, or holds a setting that may not be changed.
    """
    if not (given.keys() & GROUPS.keys() or "abstain" in given):
        return given
    flat = ungrouped(given)
    for name in flat.keys() - given.keys() - set(allowed):
        if flat.pop(name) != DEFAULTS[name]:
            raise UsageError(f"{name} cannot be changed here: give it to the ensemble itself")
    return flat


def split_settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide the arguments of a call.

    Returns:
        The settings of the ensemble, and the arguments for the members.

    Raises:
        UsageError: If a group of settings among them cannot be read, or holds a setting that is
            the same for all calls.
    """
    if not given:
        return {}, {}
    flat = changed_settings(given, CALL_SETTINGS)
    settings: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in flat.items():
        (settings if name in CALL_SETTINGS else rest)[name] = value
    return settings, rest


def call_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a single call, with groups replaced by their keywords.

    Raises:
        UsageError: If one of them is unknown, or a group cannot be read.
    """
    settings, unknown = split_settings(given)
    if unknown:
        raise UsageError(
            f"unknown setting {min(unknown)!r}; there are {', '.join(sorted(CALL_SETTINGS))}"
        )
    return settings


def plan_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a call that belong to the plan and not to `Acceptance`."""
    return {name: value for name, value in settings.items() if name not in CONSENSUS}


Resolution: TypeAlias = tuple[VotePlan[Any], Acceptance]
"""How one call votes, and the conditions of its decision."""


def resolve_call(
    ensemble: Ensemble, settings: Mapping[str, Any], key: object, higher: Member[Any] | None
) -> Resolution:
    """Return how one call votes, and the conditions of its decision.

    Args:
        ensemble: The ensemble with its settings.
        settings: Settings that were given with the call.
        key: Identifier of the call, which decides whether it explores; None chooses at random.
        higher: The member to escalate to; None for none.

    Raises:
        UsageError: If a setting is out of its range, or the calibration does not fit.
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
    coverage = wanted.get("coverage", ensemble.coverage)
    if coverage is not None and (plan.calibrated or plan.calibration is None):
        least = max(least, check_calibration(plan, coverage))
    return plan, Acceptance(least, higher, unvotable)


def read_calibration(given: Any) -> ConfidenceCalibration | None:
    """Return the calibration of confidence from a value or its JSON form.

    Raises:
        UsageError: If it is neither.
    """
    if given is None or isinstance(given, ConfidenceCalibration):
        return given
    return ConfidenceCalibration.from_json(given)


def check_calibration(plan: VotePlan[Any], coverage: float | None) -> float:
    """Return the minimum confidence with which this share of the questions is answered.

    Args:
        plan: The plan, with its calibration.
        coverage: Share of the questions, in (0, 1]; None for all, which gives 0.

    Raises:
        UsageError: If the calibration was learned for another rule, other weights or another
            `max_samples`, or there is a share and no calibration.
    """
    learned = plan.calibration
    if learned is not None and not plan.calibrated:
        mine = {member.name: member.weight for member in plan.members if member.weight}
        raise UsageError(
            f"the calibration is of {_votes(learned.rule, learned.max_samples, learned.weights)}; "
            f"this ensemble votes by {_votes(str(plan.rule), plan.max_samples, mine)}: "
            "use the same settings, or learn a calibration for these"
        )
    if coverage is None:
        return 0.0
    if learned is None:
        raise UsageError(
            "coverage needs a calibration, which gives the minimum confidence: set calibration, or "
            "use min_confidence"
        )
    return learned.least_for(coverage)


def _votes(rule: str, max_samples: int, weights: Mapping[str, float]) -> str:
    shares = ", ".join(f"{name} {weight:.4g}" for name, weight in sorted(weights.items()))
    return f"{rule!r} with at most {max_samples} samples and the weights {shares}"


def limited(plan: VotePlan[M], limit: AbstainLimit, *, several: bool) -> VotePlan[M]:
    """Return the plan with the limit on abstentions that the setting ``auto`` stands for.

    Args:
        plan: The plan; its own limit is ``auto`` or comes from this function.
        limit: The setting. Any other value than ``auto`` leaves the plan unchanged.
        several: Whether several replies without an answer are needed, to choose one of them, or
            because the next reply may well have an answer. Then the limit is `SEVERAL`.
    """
    if limit != "auto":
        return plan
    by_score = isinstance(plan.selector, BestScore)  # a reply without an answer may win
    wanted: AbstainLimit = SEVERAL if several and not by_score else "auto"
    return plan if plan.settings.abstain_limit == wanted else plan.change(abstain_limit=wanted)


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
    """Return the settings of a call, with those of exploration added if this call explores.

    Args:
        ensemble: Its setting ``explore`` says how often, and how many samples.
        settings: Settings that were given with the call. With a rule among them, a call never
            explores.
        key: Identifier of the call, which decides whether it explores; None chooses at random.
    """
    explore = read_explore(ensemble.explore)
    if not explore.share or "rule" in settings:
        return settings
    members = sum(member.weight > 0 for member in ensemble.plan().members)
    return {**explore.settings(str(key or uuid4()), members=members), **settings}


def weights_file(weights: Any) -> str | PathLike[str]:
    """Return the path of the file that a setting ``weights`` names.

    Raises:
        UsageError: If it does not name a file.
    """
    if isinstance(weights, str | PathLike):
        return weights
    raise UsageError(
        "reload() without arguments reads the file of the weights again, but these weights are not "
        "from a file: give reload(weights)"
    )


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
    """Return errors of a validation as one line.

    Args:
        errors: The errors, as pydantic's ``ValidationError.errors()`` returns them.
    """
    found = []
    for line in errors:
        place = ".".join(map(str, line["loc"]))
        told = line["type"] not in ("missing", "extra_forbidden")
        found.append(f"{place}: {line['msg']}" + (f", got {shown(line['input'])}" if told else ""))
    return "; ".join(found)
