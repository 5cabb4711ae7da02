"""Answers by execution: what a reply asks for is carried out, and the outcome is the vote.

Two right queries, or two right programs, are hardly ever spelt alike. What they do is.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TypeAlias

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf.answers.base import Abstain, Answer, Resolved, bound
from bestofinf.border import answer_fault, error_text
from bestofinf.errors import UsageError, whole
from bestofinf.records import AnswerValue, Reply, Sample, Usage

Found: TypeAlias = AnswerValue | tuple[AnswerValue, Usage] | None
"""The outcome of an execution, perhaps with what it has cost; None abstains."""

GRACE = 0.25
"""Seconds that an execution has beyond its limit to say itself that it has ended."""


class ExecutedAnswer(Answer):
    """Votes on the results of executing replies.

    Give it a function, or subclass it and write `execute`::

        ExecutedAnswer(lambda code: passed_tests(code), take=last_code_block)

    The reply of the winning class with the shortest text is handed out. One text is carried out
    once a vote, however many replies say it.

    Args:
        run: Carries out what was taken from a reply and returns its outcome, a value that can be
            hashed; None, or raising `Abstain`, abstains. Blocking; called in a thread. Any other
            exception abstains with its message.
        take: Returns what is to be carried out from the text of a reply, or None. By default the
            whole text.
        timeout: Seconds for one execution; one that takes longer abstains. A thread cannot be
            ended from outside: `run` should end by itself.
        at_once: Most executions at a time, over all votes; those that are late are not counted.

    Raises:
        UsageError: If a number is out of its range.
    """

    expected = True
    executes = True

    def __init__(
        self,
        run: Callable[[str], Found] | None = None,
        *,
        take: Callable[[str], str | None] | None = None,
        timeout: float = 5.0,
        at_once: int = 4,
    ) -> None:
        if not timeout > 0:
            raise UsageError(f"timeout must be seconds above 0, got {timeout!r}")
        if run is None and type(self).execute is ExecutedAnswer.execute:
            raise UsageError(
                "say what to carry out: a function `run`, or a subclass with `execute`"
            )
        self._run = run
        self._take = take
        self.timeout = timeout
        whole("at_once", at_once)
        self._slots = _Slots(at_once)
        self._known: dict[str, Future[Resolved]] | None = None

    def for_question(self, text: str) -> ExecutedAnswer:
        """Return a copy that carries out one text once, for one question."""
        return bound(self, _known={})

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return what is to be carried out, as text."""
        return self._take(reply.text) if self._take is not None else reply.text.strip() or None

    def execute(self, program: str) -> Found:
        """Carry out what was extracted; see the argument `run`."""
        assert self._run is not None
        return self._run(program)

    async def resolve(self, value: AnswerValue) -> Resolved:
        """Carry out an extracted text in a thread, or wait for the vote that does so already."""
        program = str(value)
        mine: Future[Resolved] = Future()
        known = {} if self._known is None else self._known
        first = known.setdefault(program, mine)  # one step, whichever thread asks
        if first is mine:
            self._start(program, mine)
        found = await asyncio.shield(asyncio.wrap_future(first))
        return found if first is mine else Resolved(found.answer, found.note)

    def _start(self, program: str, told: Future[Resolved]) -> None:
        thread = threading.Thread(
            target=self._executed, args=(program, told), name="bestofinf-run", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the process may have no more threads
            _tell(told, _failed(error))

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the sample with the shortest reply; the first of several."""
        return min(samples, key=lambda sample: len(sample.reply.text) if sample.reply else 0)

    def _executed(self, program: str, told: Future[Resolved]) -> None:
        """Carry out a program within the limit and tell what came of it, from a thread."""
        free = self._slots.acquire()

        def give_up() -> None:
            # Its thread cannot be ended. Kept by it, the slots would soon be used up, and what waits
            # for one would wait for ever.
            free()
            _tell(told, Resolved(None, f"took longer than {self.timeout:g} s"))

        start = time.monotonic()
        late = threading.Timer(self.timeout + GRACE, give_up)
        late.daemon = True
        late.start()
        try:
            found = self.execute(program)
        except Abstain as abstention:
            result = Resolved(None, abstention.reason)
        except BaseException as error:  # of another's code, in a thread of its own
            result = _failed(error)
        else:
            result = _result(found)
        late.cancel()
        free()
        seconds = time.monotonic() - start
        note = result.note or f"ran {seconds:.3f} s"
        _tell(told, Resolved(result.answer, note, result.usage, seconds))


def _failed(error: BaseException) -> Resolved:
    return Resolved(None, f"could not be carried out: {error_text(error)}"[:300])


def _result(found: Found) -> Resolved:
    usage = Usage()
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Usage):
        found, usage = found
    if found is None:
        return Resolved(None, "came to nothing", usage)
    fault = answer_fault(found)
    if fault is not None:
        if inspect.iscoroutine(found):
            found.close()  # `run` is a coroutine function, and a blocking one was wanted
        return Resolved(None, f"its outcome, a {type(found).__name__}, {fault}", usage)
    return Resolved(found, usage=usage)


class _Slots:
    """Slots for executions, shared by the copies of an answer type; all are free after a fork."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._begin()
        reset_after_fork(self._begin)

    def _begin(self) -> None:
        self._free = threading.Semaphore(self._number)

    def acquire(self) -> Callable[[], None]:
        """Wait for a slot, and return the function that frees it; further calls do nothing."""
        free = self._free
        free.acquire()
        held = threading.Lock()

        def release() -> None:
            if held.acquire(blocking=False):
                free.release()

        return release


def _tell(told: Future[Resolved], result: Resolved) -> None:
    """Tell a result where none was told: the limit or the execution, whichever ends first."""
    with suppress(InvalidStateError):
        told.set_result(result)
