"""What both drivers share: they turn what a member returned or raised into an outcome."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from bestofinf.answers.base import Answer, ComparisonError
from bestofinf.border import answer_fault, error_text
from bestofinf.drivers.limits import RestingError
from bestofinf.drivers.nesting import is_control
from bestofinf.drivers.patience import Waits, waits
from bestofinf.drivers.wanted import GivenUpError, failing
from bestofinf.errors import (
    DeadlineError,
    ErrorKind,
    SamplingError,
    is_interrupt,
    kind_of,
    retry_after,
)
from bestofinf.policy import BRIEF, FailurePolicy, backoff, jittered
from bestofinf.records import AnswerValue, Decision, Draw, Failure, Outcome, Sample, Usage
from bestofinf.voting.engine import VotingEngine

NO_USAGE = Usage()

Observer: TypeAlias = Callable[[VotingEngine, Draw, Outcome], None]
"""Called after each outcome has been told to the engine, in order of arrival; for progress."""


class Tries:
    """The tries of one draw: their errors, and whether another try follows.

    Args:
        policy: Says how often a draw is tried.
        member: Position of the member.

    Attributes:
        failures: Errors of the requests that were sent.
    """

    def __init__(self, policy: FailurePolicy, member: int) -> None:
        self._policy = policy
        self.failures: list[BaseException] = []
        self._member = member
        self._waits = waits.get() or Waits(policy, lambda member, leaving: False)
        self._sent = self._waits.clock()  # when the latest request was sent, at the earliest
        self._too_long = 0.0  # seconds of a pause that the vote does not wait for

    def note(self, error: BaseException) -> None:
        """Record the error of a try."""
        if not isinstance(error, RestingError | GivenUpError):  # nothing was sent
            self.failures.append(error)
        failing.get()(error)

    def pause(self, error: BaseException) -> float | None:
        """Return the seconds to pause before the next try; None for no further try."""
        if isinstance(error, RestingError | GivenUpError) or is_interrupt(error):
            return None
        seconds = self._policy.pause_after(
            error,
            len(self.failures),
            longest=math.inf,
            endless=self._waits.endless(self._member),
        )
        return None if seconds is None else self._granted(error, seconds)

    def last_pause(self, error: BaseException) -> float:
        """Return the seconds to pause before the draw fails, after a refusal for too many requests.

        The pause helps because the replacing draw may go to the same member.
        """
        if self._too_long or isinstance(error, RestingError):
            return 0.0
        told, again = retry_after(error), self._backoff
        if kind_of(error) is not ErrorKind.BUSY:
            return 0.0
        if told is None and again > BRIEF:
            self._waits.leave(self._member)
            return 0.0
        return self._granted(error, jittered(again) if told is None else told) or 0.0

    def _granted(self, error: BaseException, seconds: float) -> float | None:
        """Return the seconds to pause after an error; None if the vote does not wait so long.

        Pauses are limited if the server names them, or if it refused the request as one too many and
        another member could be asked.
        """
        mine, stated = self._member, retry_after(error) is not None
        busy = kind_of(error) is ErrorKind.BUSY
        if not stated and not (busy and self._waits.others(mine)):
            return seconds
        seconds = self._waits.due(mine, seconds)
        if self._waits.grant(mine, seconds, stated=stated, sent=self._sent):
            self._sent = self._waits.clock() + seconds
            return seconds
        self._too_long = seconds
        return None

    def failed(self, error: BaseException, seconds: float, paid: Usage = NO_USAGE) -> Failure:
        """Return the failure that stands for the last error.

        Args:
            error: Raised by the member or by the code that reads its reply.
            seconds: Seconds since the draw began.
            paid: Cost of the draw although it failed.
        """
        usage = paid + Usage(calls=len(self.failures))
        if isinstance(error, GivenUpError):
            return Failure(error, usage, seconds, cancelled=True)
        failure, wait = failed(error, seconds, usage), self._barred(error)
        return replace(failure, fatal=True, wait=wait) if wait else failure

    def _barred(self, error: BaseException) -> float:
        """Return the seconds for which the member is not to be asked; 0 for no pause."""
        if isinstance(error, RestingError):
            return error.seconds
        kind, told = kind_of(error), retry_after(error)
        if kind is ErrorKind.QUESTION:
            return 0.0
        if self._too_long:
            return self._too_long
        if told is not None:
            return told if told > self._waits.most(self._member) else 0.0
        return self._backoff if kind is ErrorKind.BUSY and self._backoff > BRIEF else 0.0

    @property
    def _backoff(self) -> float:
        return backoff(len(self.failures), self._policy.longest_wait)


def extracted(sample: Sample, answer: Answer | None) -> Sample:
    """Return the sample with the answer taken from its reply, unless it has one already."""
    if answer is None or sample.answer is not None or sample.reply is None:
        return sample
    value, note = checked_answer(*answer.vote(sample.reply, tokens=sample.tokens))
    if sample.note:
        note = f"{note}; {sample.note}" if note else sample.note
    return sample.voting(value, note)


def checked_answer(value: AnswerValue | None, note: str) -> tuple[AnswerValue | None, str]:
    """Return an answer and its note; no answer, and why, if it is a value that cannot be a vote."""
    fault = answer_fault(value)
    if fault is None:
        return value, note
    if inspect.iscoroutine(value):
        value.close()  # it will not be awaited any more
    why = f"its answer, a {type(value).__name__}, {fault}"
    return None, f"{why}; {note}" if note else why


async def read(sample: Sample, answer: Answer | None) -> Sample:
    """Return the sample with the answer taken from its reply, and executed if its type does so."""
    found = extracted(sample, answer)
    if answer is None or found is sample or found.answer is None or not answer.executes:
        return found
    resolved = await answer.resolve(found.answer)
    value, note = checked_answer(resolved.answer, resolved.note)
    return replace(
        found,
        answer=value,
        usage=found.usage + resolved.usage,
        seconds=None if found.seconds is None else found.seconds + resolved.seconds,
        note="; ".join(filter(None, (note, found.note))),
    )


def failed(error: BaseException, seconds: float, usage: Usage = NO_USAGE) -> Failure:
    """Return the failure that stands for an exception.

    Args:
        error: Raised by the member or by the code that reads its reply.
        seconds: Seconds from the start of the draw to the error.
        usage: Cost of the draw although it failed.
    """
    kind = kind_of(error)
    return Failure(
        error,
        usage,
        seconds=seconds,
        fatal=kind in (ErrorKind.MEMBER, ErrorKind.QUESTION),
        refused=kind is ErrorKind.QUESTION,
    )


def with_cost(sample: Sample, further: Usage) -> Sample:
    """Return the sample with a further cost."""
    if further is NO_USAGE or (further == NO_USAGE and not further.unmetered):
        return sample
    return replace(sample, usage=sample.usage + further)


def uncompared(sample: Sample, error: BaseException) -> Sample:
    """Return the sample with a note that its answer was not compared with others, and the cost.

    It keeps its vote: the reply is paid for, and the failure is that of a judge, not of the member.

    Raises:
        BaseException: The error, if it is meant for the program.
    """
    if is_interrupt(error) or is_control(error):
        raise error
    spent = error.usage if isinstance(error, ComparisonError) else NO_USAGE
    told = str(error) if isinstance(error, ComparisonError) else error
    note = f"not compared with other answers: {error_text(told)}"
    return with_cost(replace(sample, note="; ".join(filter(None, (sample.note, note)))), spent)


def with_tries(sample: Sample, failures: int) -> Sample:
    """Return the sample with the failed requests before it added to its calls."""
    return with_cost(sample, Usage(calls=failures)) if failures else sample


def abandoned(calls: int = 1) -> Failure:
    """Return the failure of a draw that the driver cancelled after the vote had ended.

    Args:
        calls: Number of requests sent for it.
    """
    error = SamplingError("given up: the vote had ended")
    return Failure(error, Usage(calls=calls), cancelled=True)


def needs_preparation(answer: Answer | None) -> bool:
    """Return whether an answer type must do work, such as ask a judge, before it compares answers."""
    return answer is not None and type(answer).prepare is not Answer.prepare


def conclude(
    engine: VotingEngine,
    policy: FailurePolicy,
    *,
    overdue: bool,
    trying: Iterable[Sequence[BaseException]] = (),
) -> Decision:
    """Return the decision, or raise an error if the policy says so for a missed deadline.

    Args:
        engine: The engine, whose vote is done.
        policy: Says what happens at the deadline.
        overdue: Whether the deadline ended the vote.
        trying: Errors so far of the draws that were still in flight.
    """
    if not overdue:
        return engine.decision()
    late = [
        TimeoutError(f"deadline of {policy.deadline:g} s"),
        *engine.causes,
        *(errors[-1] for errors in trying if errors),
    ]
    if policy.on_deadline == "raise":
        raise DeadlineError(
            f"no decision within the deadline of {policy.deadline:g} s "
            f"({engine.tally.n_votes} votes counted)",
            late,
        )
    try:
        return engine.decision()
    except SamplingError as error:
        raise DeadlineError(str(error), late) from None
