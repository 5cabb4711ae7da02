"""What both drivers share: from what a member returned, or raised, to an outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from bestofinf.answers.base import Answer
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError, UsageError
from bestofinf.policy import FailurePolicy, is_fatal
from bestofinf.records import Decision, Draw, Failure, Outcome, Sample

Observer: TypeAlias = Callable[[VotingEngine, Draw, Outcome], None]
"""Called after each outcome has been told, in order of arrival; for progress."""


def extracted(sample: Sample, answer: Answer | None) -> Sample:
    """Return the sample with the answer taken from its reply, if that is still to be done."""
    if answer is None or sample.answer is not None or sample.reply is None:
        return sample
    value, note = answer.vote(sample.reply, tokens=sample.tokens)
    return replace(sample, answer=value, note=note or sample.note)


def failed(error: BaseException, seconds: float) -> Failure:
    """Return the failure that stands for an exception of a member."""
    return Failure(error, seconds=seconds, fatal=is_fatal(error))


def given_up(seconds: float | None = None) -> Failure:
    """Return the failure of a draw that the driver gave up after the vote had ended."""
    return Failure(SamplingError("given up: the vote had ended"), seconds=seconds, cancelled=True)


def needs_preparation(answer: Answer | None) -> bool:
    """Return whether an answer type has anything to find out before answers are compared."""
    return answer is not None and type(answer).prepare is not Answer.prepare


def conclude(engine: VotingEngine, policy: FailurePolicy, *, overdue: bool) -> Decision:
    """Return the decision, or raise what the policy says about a deadline that passed."""
    if overdue and policy.on_deadline == "raise":
        raise SamplingError(
            f"no decision within the deadline of {policy.deadline:g} s "
            f"({engine.tally.n_votes} votes counted)",
            (TimeoutError(f"deadline of {policy.deadline:g} s"), *engine.causes),
        )
    return engine.decision()


def check_concurrency(concurrency: int) -> None:
    """Refuse a number of slots that cannot work."""
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise UsageError(f"concurrency must be a whole number of at least 1, got {concurrency!r}")
