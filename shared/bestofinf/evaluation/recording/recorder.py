"""The recorder, to which the collectors of all frameworks report.

Theory of operation
-------------------
The life of a call::

    call ──────────> open ──┬── end, trace, abandon ─────────────┐
    sample, text ──> open   ├── too many open, or closed ────────┼──> Writer ──> store
                            └── forget ──> dropped               │
    sample of a call that is not open ───────────────────────────┘

1. An open call is only in `OpenCalls`, and every report that ends it removes it first. So each call
   is written once, and a second report of its end does nothing.
2. A call goes to the writer as one record and is stored whole or not at all. Late samples follow
   in records of their own, which the store adds to the call.
3. Reporting is fast and never raises because of the store: it changes dictionaries and appends to
   a queue. Answers are taken and texts redacted in the writer's thread. Errors there are counted,
   logged, and shown by `stats`.
4. Only `label`, `verdict`, `delete`, `flush` and `close` wait for the store.
5. A forked child starts with no open call, an empty queue and new locks: the parent writes what was
   reported before the fork.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf.answers import resolve_answer
from bestofinf.border import as_amount, as_count, as_fraction, as_logprob, as_name, error_text
from bestofinf.errors import UsageError
from bestofinf.evaluation.identity import Prompt, answer_text, id_of_hash, prompt_hash, short_id
from bestofinf.evaluation.recording.open_calls import OpenCall, OpenCalls
from bestofinf.evaluation.recording.preparation import Preparation
from bestofinf.evaluation.recording.privacy import Keep, Privacy
from bestofinf.evaluation.recording.stats import RecorderStats
from bestofinf.evaluation.recording.traces import ending_of, samples_of
from bestofinf.evaluation.recording.writer import WhenFull, Writer
from bestofinf.evaluation.rows import CallRecord, CallRow, Provenance, QuestionRow, SampleRow
from bestofinf.evaluation.store.store import EvaluationStore
from bestofinf.records import LogprobKind, Reply

logger = logging.getLogger(__name__)


class Recorder:
    """Records calls and their samples in an evaluation store, without slowing the caller.

    Args:
        store: A store, or its address, which is opened in the background.
        keep: What is stored: "answers" (hashes, answers and counts), "questions", "replies" or "all": `Keep`.
        redact: Function from text to text, applied to every text before it is stored.
        answer: Answer type for the replies of plain model calls.
        capacity: Maximum number of calls that wait to be written.
        max_bytes: Approximate maximum of the memory that they take.
        max_open: Maximum number of open calls; beyond it the oldest is written unfinished.
        when_full: If the queue is full, "refuse" counts and drops new calls, "wait" blocks the caller.
        rescue: Folder for calls that cannot be stored before the end of the program;
            ``bestofinf import`` brings the files in later. None loses such calls.
        clock: Gives the time in seconds since 1970.
    """

    def __init__(
        self,
        store: EvaluationStore | str | Path,
        *,
        keep: Keep = "questions",
        redact: Callable[[str], str] | None = None,
        answer: Any = "auto",
        capacity: int = 20_000,
        max_bytes: int = 64 * 2**20,
        max_open: int = 10_000,
        when_full: WhenFull = "refuse",
        rescue: str | Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if max_open < 1:
            raise UsageError(f"max_open must be at least 1, got {max_open!r}")
        self._own_store = not isinstance(store, EvaluationStore)
        if not isinstance(store, EvaluationStore):
            store = EvaluationStore(store, connect=False)
        self._store = store
        self._privacy = Privacy(keep, redact)
        self._privacy.tell_of_questions(store.name)
        self._clock = clock
        self._open = OpenCalls(max_open)
        self._unfinished = self._errors = 0
        self._reset()
        reset_after_fork(self._reset)
        self._writer = Writer(
            self._store,
            prepare=Preparation(resolve_answer(answer), self._privacy),
            before_close=self._put_open,
            capacity=capacity,
            max_bytes=max_bytes,
            when_full=when_full,
            rescue=rescue,
        )

    def _reset(self) -> None:
        self._lock = threading.Lock()  # protects the two counts

    @property
    def store(self) -> EvaluationStore:
        """The store that calls are written to."""
        return self._store

    @property
    def wants_replies(self) -> bool:
        """Whether texts of replies are stored; if not, collectors need not report them."""
        return self._privacy.replies

    @property
    def stats(self) -> RecorderStats:
        """Counts of the calls so far."""
        with self._lock:
            return RecorderStats(
                open=len(self._open),
                unfinished=self._unfinished,
                errors=self._errors,
                **asdict(self._writer.stats),
            )

    # -- reports ------------------------------------------------------------------------------

    def call(
        self,
        call_id: str,
        *,
        prompt: Prompt | Callable[[], Prompt],
        tools: Sequence[Any] = (),
        question_id: str | None = None,
        kind: str = "ensemble",
        dataset: str = "",
        fixed: bool = False,
        rule: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Report that a call begins. A call that is open already is left as it is.

        If a prompt cannot be read, that is logged, and the call is a question of its own, because its
        replies are paid for.

        Args:
            call_id: Identifier of the call, unique in the store.
            prompt: The prompt of the question, or a function that returns it.
            tools: Tools offered to the model; they are part of the question.
            question_id: The user's own id of the question; cut, with its hash, if it is too long. By
                default derived from the prompt.
            kind: "ensemble" or "model".
            dataset: Name of the collection the question comes from.
            fixed: True if the number of samples does not depend on the answers.
            rule: The stopping rule as text.
            details: Tags and metadata; stored only with ``keep="all"``.

        Returns:
            The id of the question, to label it by.
        """
        now = self._clock()
        question_id = short_id(question_id) if question_id else None
        question = QuestionRow(
            question_id or id_of_hash(prompt_hash(call_id)), dataset=dataset, created_at=now
        )
        told = None
        with self.guard():
            question = self._privacy.question(
                prompt, tools=tools, id=question_id, dataset=dataset, now=now
            )
            told = self._privacy.details(details)
        call = CallRow(
            id=call_id,
            question_id=question.id,
            kind=kind,
            fixed=fixed,
            rule=rule,
            started_at=now,
            details=told,
        )
        self._put(self._open.begin(question, call))
        return question.id

    def sample(
        self,
        call_id: str,
        draw: int,
        *,
        member: str,
        answer: Any = None,
        reply: Reply | None = None,
        text: str | None = None,
        tokens: object = None,
        input_tokens: object = None,
        cost: object = None,
        seconds: object = None,
        score: object = None,
        weight: object = None,
        error: str | BaseException | None = None,
        counted: bool = True,
        logprob: object = None,
        logprob_tokens: object = None,
        logprob_kind: LogprobKind | None = None,
        said: str | None = None,
    ) -> None:
        """Report the outcome of one draw. A sample that comes after the end of its call is added to it.

        Numbers may come from outside: those that are invalid or out of range count as unknown.

        Args:
            call_id: Identifier of the call.
            draw: Index of the draw in the call, from 0.
            member: Name of the member.
            answer: The vote, of any JSON type; None abstains.
            reply: The reply; if given, the answer is taken from it in the background.
            text: The reply's text, if it is to be stored.
            tokens: Number of generated tokens.
            input_tokens: Number of tokens read.
            cost: Cost in money.
            seconds: Time in seconds from request to reply.
            score: A verifier's score in [0, 1].
            weight: The member's weight.
            error: Why the draw returned no sample; None if it returned one.
            counted: Whether it took part in the decision.
            logprob: Log-probability of the whole reply; that of `reply` by default.
            logprob_tokens: Number of tokens that it is the sum over.
            logprob_kind: Which probabilities they are, if that is known.
            said: Digest of a reply with log-probabilities; see `SampleRow`.
        """
        if reply is not None and text is None:
            text = reply.text
        if reply is not None and logprob is None:
            logprob, logprob_tokens = reply.logprob, len(reply.logprobs or ()) or None
            logprob_kind = logprob_kind or reply.logprob_kind
            said = reply.likelihood.said if reply.likelihood else said
        row = SampleRow(
            call_id=call_id,
            draw=draw,
            member=as_name(member),
            answer=answer_text(answer),
            text=text if self._privacy.replies else None,
            tokens=as_count(tokens),
            input_tokens=as_count(input_tokens),
            cost=as_amount(cost),
            seconds=as_amount(seconds),
            score=as_fraction(score),
            weight=as_amount(weight),
            error=None if error is None else error_text(error),
            counted=counted,
            logprob=as_logprob(logprob),
            logprob_tokens=as_count(logprob_tokens),
            logprob_kind=logprob_kind,
            said=said,
        )
        if reply is not None:
            reply = replace(reply, native=None)
        if self._open.sample(row, reply):
            return
        unread = ((draw, reply),) if reply is not None else ()
        self._writer.put(CallRecord(None, None, (row,), unread=unread))

    def text(self, call_id: str, draw: int, text: str) -> None:
        """Report the reply's text of a draw whose sample is reported separately."""
        if self._privacy.replies:
            self._open.text(call_id, draw, text)

    def end(
        self,
        call_id: str,
        *,
        answer: Any = None,
        confidence: object = None,
        reason: str | None = None,
        rule: str | None = None,
        winner_member: str | None = None,
        seconds: object = None,
        fixed: bool | None = None,
    ) -> None:
        """Report that a call has ended and what was decided. Unknown calls are ignored."""
        call = self._open.pop(call_id)
        if call is None:
            return
        call.call = replace(
            call.call,
            answer=answer_text(answer),
            confidence=as_fraction(confidence),
            reason=reason,
            rule=call.call.rule if rule is None else rule,
            winner_member=None if winner_member is None else as_name(winner_member),
            seconds=as_amount(seconds),
            fixed=call.call.fixed if fixed is None else fixed,
        )
        self._put(call)

    def trace(self, call_id: str, trace: Mapping[str, Any]) -> None:
        """Report the end of an ensemble's call by the JSON form of its decision.

        Args:
            call_id: Identifier of the call.
            trace: The trace, as made by `bestofinf.ensemble.trace.trace`. Its "samples" are recorded
                unless they were reported one by one. If "fixed" is true, or the reason begins with
                "fixed", the number of samples did not depend on the answers. "rule" is the rule as
                written on the command line.
        """
        for facts in samples_of(trace, known=self._open.reported(call_id)):
            self.sample(call_id, **facts)
        self.end(call_id, **ending_of(trace))

    def abandon(self, call_id: str) -> None:
        """Report that a call will not end: it failed, or was cancelled. Its samples are kept."""
        self._put(self._open.pop(call_id))

    def forget(self, call_id: str) -> None:
        """Drop a call that is reported in another way. Nothing of it is stored."""
        self._open.pop(call_id)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Count and log errors raised inside the context instead of raising them to the application."""
        try:
            yield
        except Exception:
            with self._lock:
                self._errors += 1
            logger.exception("A report to the recorder was not understood")

    def _put(self, call: OpenCall | None) -> None:
        if call is None:
            return
        if not call.samples and call.call.kind != "ensemble":
            with self._lock:
                self._unfinished += 1
            return
        self._writer.put(call.record())

    # -- labels, and the end ------------------------------------------------------------------

    def label(
        self,
        key: str,
        gold: str | int | float | None,
        *,
        source: str = "",
        provenance: Provenance | None = None,
        score: float | None = None,
    ) -> str:
        """Label a question or a call, even a recent one. See `EvaluationStore.label`."""
        self.flush()
        # An empty text stays one, which the store refuses: only None takes labels back.
        said = self._privacy.clean(answer_text(gold) if gold != "" else "")
        return self._store.label(key, said, source=source, provenance=provenance, score=score)

    def verdict(
        self, key: str, correct: bool, *, answer: str | int | float | None = None, source: str = ""
    ) -> str:
        """Give a thumbs up or down, even on a recent call.

        See `EvaluationStore.verdict`.
        """
        self.flush()
        judged = self._privacy.clean(answer_text(answer))
        return self._store.verdict(key, correct, answer=judged, source=source)

    def delete(self, key: str) -> str:
        """Delete a question with everything recorded of it. See `EvaluationStore.delete`."""
        self.flush()
        return self._store.delete(key)

    def flush(self, timeout: float | None = 30.0) -> None:
        """Wait until every ended call is in the store. See `Writer.flush`."""
        self._writer.flush(timeout)

    def close(self, timeout: float | None = 30.0) -> None:
        """Write everything reported, open calls unfinished, and end the thread.

        The end of the program does the same.

        Raises:
            StoreError: If not everything could be written in time.
        """
        try:
            self._writer.close(timeout)
        finally:
            if self._own_store:
                self._store.close()

    def _put_open(self) -> None:
        for call in self._open.clear():
            self._put(call)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
