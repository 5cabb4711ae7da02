"""What both drivers share: from what a member returned, or raised, to an outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from bestofinf.answers.base import Answer
from bestofinf.engine import VotingEngine
from bestofinf.errors import SamplingError, UsageError, shown
from bestofinf.policy import FailurePolicy, is_fatal
from bestofinf.records import Decision, Draw, Failure, Outcome, Sample, Usage

NO_USAGE = Usage()

Observer: TypeAlias = Callable[[VotingEngine, Draw, Outcome], None]
"""Called after each outcome has been told, in order of arrival; for progress."""


def extracted(sample: Sample, answer: Answer | None) -> Sample:
    """Return the sample with the answer taken from its reply, if that is still to be done."""
    if answer is None or sample.answer is not None or sample.reply is None:
        return sample
    value, note = answer.vote(sample.reply, tokens=sample.tokens)
    return replace(sample, answer=value, note=note or sample.note)


def failed(error: BaseException, seconds: float, usage: Usage = NO_USAGE) -> Failure:
    """Return the failure that stands for an exception of a member.

    Args:
        error: What was raised, by the member or by what reads its reply.
        seconds: Time until then.
        usage: What has been paid for it all the same.
    """
    return Failure(error, usage, seconds=seconds, fatal=is_fatal(error))


def with_tries(sample: Sample, failures: int) -> Sample:
    """Return the sample with the requests that failed before it counted as calls."""
    if not failures:
        return sample
    return replace(sample, usage=sample.usage + Usage(calls=failures))


def given_up(calls: int = 1) -> Failure:
    """Return the failure of a draw that the driver gave up after the vote had ended.

    Args:
        calls: Requests sent for it.
    """
    error = SamplingError("given up: the vote had ended")
    return Failure(error, Usage(calls=calls), cancelled=True)


def needs_preparation(answer: Answer | None) -> bool:
    """Return whether an answer type has anything to find out before answers are compared."""
    return answer is not None and type(answer).prepare is not Answer.prepare


def conclude(
    engine: VotingEngine,
    policy: FailurePolicy,
    *,
    overdue: bool,
    trying: Iterable[Sequence[BaseException]] = (),
) -> Decision:
    """Return the decision, or raise what the policy says about a deadline that passed.

    Args:
        engine: Whose vote is done.
        policy: What happens at the deadline.
        overdue: Whether the deadline ended the vote.
        trying: What went wrong so far in draws that were still under way.
    """
    if not overdue:
        return engine.decision()
    late = [
        TimeoutError(f"deadline of {policy.deadline:g} s"),
        *engine.causes,
        *(errors[-1] for errors in trying if errors),
    ]
    if policy.on_deadline == "raise":
        raise SamplingError(
            f"no decision within the deadline of {policy.deadline:g} s "
            f"({engine.tally.n_votes} votes counted)",
            late,
        )
    try:
        return engine.decision()
    except SamplingError as error:
        raise SamplingError(str(error), late) from None


def check_concurrency(concurrency: int) -> None:
    """Refuse a number of slots that cannot work."""
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise UsageError(
            f"concurrency must be a whole number of at least 1, got {shown(concurrency)}"
        )
