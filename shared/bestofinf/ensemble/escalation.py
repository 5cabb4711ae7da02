"""Ask another model if a decision is not accepted, with the retries and time limits of a vote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bestofinf.border import BROKEN_OFF, error_text
from bestofinf.drivers import avote, vote
from bestofinf.ensemble.causes import of_kind
from bestofinf.ensemble.client import Flow, Step, arun, run
from bestofinf.errors import NoConsensusError, SamplingError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Decision, Member, Sample
from bestofinf.rules.budgets import FixedSamples
from bestofinf.voting.engine import VotingEngine


def escalated(
    ask: Callable[[], Flow[Sample]],
    higher: Member[Any],
    policy: FailurePolicy,
    cause: SamplingError,
) -> Flow[Sample]:
    """Ask another model once, in a vote of a single draw, and return its sample.

    It has the retries and time limits of a member, and once more the time that the vote had.

    Args:
        ask: Returns the flow that asks the model.
        higher: The model.
        policy: What happens when a request fails.
        cause: The reason for asking it.

    Raises:
        SamplingError: If it gives no reply, with the classes of the causes (`of_kind`): its errors,
            and those of `cause`.
    """
    limits = replace(policy, on_deadline="raise")

    async def aonce() -> Sample:
        return _whole(await arun(ask()))

    try:
        decision: Decision = yield Step(
            lambda: vote(_single(), lambda draw: _whole(run(ask())), concurrency=1, policy=limits),
            lambda: avote(_single(), lambda draw: aonce(), concurrency=1, policy=limits),
        )
    except SamplingError as error:
        raised = _failed(error, higher, cause)
        raise raised from (raised.causes[0] if raised.causes else error)
    return next(line.outcome for line in decision.trail if isinstance(line.outcome, Sample))


def _single() -> VotingEngine:
    return VotingEngine(FixedSamples(1), abstain_limit=None, breaker=1)


def _whole(sample: Sample) -> Sample:
    """Return the sample, unless its stream has ended before the reply was complete."""
    if sample.reply is not None and sample.reply.finish_reason == BROKEN_OFF:
        raise SamplingError("the reply broke off")
    return sample


def _failed(error: SamplingError, higher: Member[Any], cause: SamplingError) -> SamplingError:
    why = error_text(error.causes[-1] if error.causes else error)
    kind = NoConsensusError if isinstance(cause, NoConsensusError) else SamplingError
    message = f"{cause}; {higher.name}, which was asked instead, gave no reply ({why})"
    return of_kind(kind(message, (*error.causes, *cause.causes)))
