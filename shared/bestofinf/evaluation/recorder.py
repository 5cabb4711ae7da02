"""The recorder: what every collector reports to, whatever framework it listens to.

A call is gathered in memory and put to the writer as one unit when it ends. Reporting is quick
and never raises for the store's troubles: they are counted, logged, and shown by `stats`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from bestofinf.answers import resolve_answer
from bestofinf.errors import UsageError
from bestofinf.evaluation.forks import reset_after_fork
from bestofinf.evaluation.identity import (
    Prompt,
    answer_text,
    id_of_hash,
    prompt_hash,
    prompt_text,
)
from bestofinf.evaluation.privacy import Keep, Privacy
from bestofinf.evaluation.rows import CallRecord, CallRow, QuestionRow, SampleRow
from bestofinf.evaluation.store import EvaluationStore
from bestofinf.evaluation.writer import WhenFull, Writer
from bestofinf.hiding import hide_secrets
from bestofinf.records import Reply

logger = logging.getLogger(__name__)

NO_REPLY = "NoReply: in flight at the decision"


@dataclass(frozen=True, slots=True)
class RecorderStats:
    """What became of the calls reported.

    Attributes:
        open: Calls that have begun and not ended.
        pending: Calls that wait to be written.
        written: Calls in the store.
        refused: Calls not taken because the queue was full.
        rejected: Calls that could not be prepared, or that the database would not take.
        lost: Calls that could be neither written before the recorder was closed, nor rescued.
        unfinished: Calls of plain models whose end was never reported.
        errors: Reports that could not be understood; each was logged.
        retries: Writes that failed and were tried again.
        last_error: What went wrong last; None while nothing did.
    """

    open: int
    pending: int
    written: int
    refused: int
    rejected: int
    lost: int
    unfinished: int
    errors: int
    retries: int
    last_error: str | None


@dataclass(slots=True)
class _OpenCall:
    question: QuestionRow
    call: CallRow
    samples: dict[int, SampleRow]
    replies: dict[int, Reply]
    texts: dict[int, str]


class Recorder:
    """Records calls and their samples to an evaluation store, without slowing the caller.

    Args:
        store: A store, or its address; it is opened in the background, so that an application
            starts even while its database does not.
        keep: What is stored: "answers" (hashes, answers and counts), "replies" or "all".
        redact: Applied to every text before it is stored.
        answer: How the answers of plain model calls are taken from replies.
        capacity: Most calls that may wait to be written.
        max_bytes: Most memory they may take, roughly.
        max_open: Most calls open at a time; beyond that the oldest is written as it is.
        when_full: "refuse" counts and drops new calls while the queue is full, "wait" holds the
            caller up.
        rescue: Folder for calls that cannot be stored before the end of the program;
            ``bestofinf import`` brings the files in later. None loses such calls.
        clock: Gives the time in seconds since 1970.
    """

    def __init__(
        self,
        store: EvaluationStore | str | Path,
        *,
        keep: Keep = "answers",
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
        self._answer = resolve_answer(answer)
        self._max_open = max_open
        self._clock = clock
        self._unfinished = self._errors = 0
        self._begin_anew()
        reset_after_fork(self._begin_anew)
        self._writer = Writer(
            self._store,
            prepare=self._prepare,
            before_close=self._put_open,
            capacity=capacity,
            max_bytes=max_bytes,
            when_full=when_full,
            rescue=rescue,
        )

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _OpenCall] = {}

    @property
    def store(self) -> EvaluationStore:
        """Where calls are written."""
        return self._store

    @property
    def wants_replies(self) -> bool:
        """Whether texts of replies are stored; collectors need not report them otherwise."""
        return self._privacy.replies

    @property
    def stats(self) -> RecorderStats:
        """What became of the calls so far."""
        writer = self._writer.stats
        with self._lock:
            return RecorderStats(
                open=len(self._open),
                pending=writer.pending,
                written=writer.written,
                refused=writer.refused,
                rejected=writer.rejected,
                lost=writer.lost,
                unfinished=self._unfinished,
                errors=self._errors,
                retries=writer.retries,
                last_error=writer.last_error,
            )

    # -- reports ------------------------------------------------------------------------------

    def call(
        self,
        call_id: str,
        *,
        prompt: Prompt,
        tools: Sequence[Any] = (),
        question_id: str | None = None,
        kind: str = "ensemble",
        dataset: str = "",
        fixed: bool = False,
        rule: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Report that a call begins. A call that is open already is left as it is.

        Args:
            call_id: Identifier of the call, unique in the store.
            prompt: What is asked.
            tools: Tools offered; part of the question.
            question_id: The user's own id of the question; by default made from the prompt.
            kind: "ensemble" or "model".
            dataset: Name of the collection the question comes from.
            fixed: True when the number of samples does not depend on the answers.
            rule: The stopping rule.
            details: Tags and metadata; stored with ``keep="all"`` alone.

        Returns:
            The id of the question, to label it by.
        """
        normal = prompt_text(prompt, tools)
        digest = prompt_hash(normal)
        now = self._clock()
        question = QuestionRow(
            id=question_id or id_of_hash(digest),
            prompt_hash=digest,
            prompt=normal if self._privacy.prompts else None,
            dataset=dataset,
            created_at=now,
        )
        call = CallRow(
            id=call_id,
            question_id=question.id,
            kind=kind,
            fixed=fixed,
            rule=rule,
            started_at=now,
            details=_json(details) if details and self._privacy.prompts else None,
        )
        oldest = None
        with self._lock:
            self._open.setdefault(call_id, _OpenCall(question, call, {}, {}, {}))
            if len(self._open) > self._max_open:
                oldest = self._open.pop(next(iter(self._open)))
        if oldest is not None:
            self._put(oldest)
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
        tokens: int | None = None,
        input_tokens: int | None = None,
        cost: float | None = None,
        seconds: float | None = None,
        score: float | None = None,
        weight: float | None = None,
        error: str | BaseException | None = None,
        counted: bool = True,
    ) -> None:
        """Report what came of one draw. A sample that comes after its call's end is added, too.

        Args:
            call_id: The call it belongs to.
            draw: Place in the call, from 0.
            member: Who was asked.
            answer: The vote, of any JSON type; None abstains.
            reply: Where given, the answer is taken from it in the background.
            text: The reply's text, where it is to be stored.
            tokens: Generated tokens.
            input_tokens: Tokens read.
            cost: Money.
            seconds: Time from request to reply.
            score: A verifier's score in [0, 1].
            weight: The member's weight.
            error: Why no sample came back.
            counted: Whether it took part in the decision.
        """
        if reply is not None and text is None:
            text = reply.text
        row = SampleRow(
            call_id=call_id,
            draw=draw,
            member=member,
            answer=answer_text(answer),
            text=text if self._privacy.replies else None,
            tokens=tokens,
            input_tokens=input_tokens,
            cost=cost,
            seconds=seconds,
            score=score if score == score else None,
            weight=weight,
            error=_error_text(error),
            counted=counted,
        )
        with self._lock:
            call = self._open.get(call_id)
            if call is not None:
                call.samples[draw] = row
                if reply is not None:
                    call.replies[draw] = replace(reply, native=None)
                return
        unread = ((draw, replace(reply, native=None)),) if reply is not None else ()
        self._writer.put(CallRecord(None, None, (row,), unread=unread))

    def text(self, call_id: str, draw: int, text: str) -> None:
        """Report the reply of a draw whose other facts are reported apart."""
        if self._privacy.replies:
            with self._lock:
                call = self._open.get(call_id)
                if call is not None:
                    call.texts[draw] = text

    def end(
        self,
        call_id: str,
        *,
        answer: Any = None,
        confidence: float | None = None,
        reason: str | None = None,
        rule: str | None = None,
        winner_member: str | None = None,
        seconds: float | None = None,
        fixed: bool | None = None,
    ) -> None:
        """Report that a call has ended and what was decided. Unknown calls are ignored."""
        with self._lock:
            call = self._open.pop(call_id, None)
        if call is None:
            return
        call.call = replace(
            call.call,
            answer=answer_text(answer),
            confidence=confidence,
            reason=reason,
            rule=call.call.rule if rule is None else rule,
            winner_member=winner_member,
            seconds=seconds,
            fixed=call.call.fixed if fixed is None else fixed,
        )
        self._put(call)

    def trace(self, call_id: str, trace: Mapping[str, Any]) -> None:
        """Report the end of an ensemble's call by the JSON form of its decision.

        Args:
            call_id: The call.
            trace: As made by `bestofinf.trace.trace`; what stands under "samples" is recorded
                where the samples were not reported one by one. "fixed" true says that their
                number did not depend on the answers; so does a reason that begins so. "rule"
                is the rule as written on the command line.
        """
        with self._lock:
            known = self._open.get(call_id)
            reported = set(known.samples) if known else set()
        for line in trace.get("samples") or ():
            if line["index"] not in reported:
                self._line(call_id, line)
        reason = str(trace.get("reason") or "")
        self.end(
            call_id,
            answer=trace.get("answer"),
            confidence=trace.get("confidence"),
            reason=reason,
            rule=str(trace["rule"]) if trace.get("rule") else None,
            winner_member=trace.get("winner_member"),
            seconds=trace.get("seconds"),
            fixed=bool(trace.get("fixed", reason.startswith("fixed"))),
        )

    def _line(self, call_id: str, line: Mapping[str, Any]) -> None:
        error = line.get("error")
        facts = ("answer", "tokens", "input_tokens", "cost", "seconds", "score", "note")
        if error is None and not line.get("counted") and all(line.get(f) is None for f in facts):
            error = NO_REPLY
        self.sample(
            call_id,
            line["index"],
            member=str(line.get("member", "")),
            answer=line.get("answer"),
            text=line.get("text"),
            tokens=line.get("tokens"),
            input_tokens=line.get("input_tokens"),
            cost=line.get("cost"),
            seconds=line.get("seconds"),
            score=line.get("score"),
            weight=line.get("weight"),
            error=error,
            counted=bool(line.get("counted")),
        )

    def abandon(self, call_id: str) -> None:
        """Report that a call will not end: it failed, or was cancelled. Its samples are kept."""
        with self._lock:
            call = self._open.pop(call_id, None)
        if call is not None:
            self._put(call)

    def forget(self, call_id: str) -> None:
        """Drop a call that turned out to be reported otherwise. Nothing of it is stored."""
        with self._lock:
            self._open.pop(call_id, None)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Keep what goes wrong inside away from the application: it is counted and logged."""
        try:
            yield
        except Exception:
            with self._lock:
                self._errors += 1
            logger.exception("A report to the recorder was not understood")

    def _put(self, call: _OpenCall) -> None:
        if not call.samples and call.call.kind != "ensemble":
            with self._lock:
                self._unfinished += 1
            return
        samples = (
            replace(row, text=call.texts[draw]) if draw in call.texts else row
            for draw, row in sorted(call.samples.items())
        )
        unread = tuple(call.replies.items())
        self._writer.put(CallRecord(call.question, call.call, tuple(samples), unread=unread))

    def _prepare(self, record: CallRecord) -> CallRecord:
        """Take the answers that are still to be taken, then drop what may not be stored."""
        if record.unread:
            replies = dict(record.unread)
            samples = tuple(
                self._read(row, replies[row.draw]) if row.draw in replies else row
                for row in record.samples
            )
            call = record.call
            if call is not None and call.kind == "model" and len(samples) == 1:
                call = replace(call, answer=samples[0].answer)
            record = replace(record, samples=samples, call=call, unread=())
        return self._privacy.apply(record)

    def _read(self, row: SampleRow, reply: Reply) -> SampleRow:
        # Before it is taken apart: a key without its punctuation would not be known as one.
        reply = replace(reply, text=hide_secrets(reply.text))
        try:
            return replace(row, answer=answer_text(self._answer.vote(reply)[0]))
        except Exception as error:  # the user's own code: its failure is the sample's
            return replace(row, error=_error_text(error))

    # -- labels, and the end ------------------------------------------------------------------

    def label(self, key: str, gold: str | int | float | None, *, source: str = "") -> str:
        """Label a question or a call, also one that was recorded a moment ago.

        See `EvaluationStore.label`.
        """
        self.flush()
        return self._store.label(key, self._privacy.clean(answer_text(gold)), source=source)

    def verdict(
        self, key: str, correct: bool, *, answer: str | int | float | None = None, source: str = ""
    ) -> str:
        """Give a thumbs up or down, also on a call of a moment ago.

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
        """Write all that was reported, open calls as they are, and end the thread.

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
        with self._lock:
            left, self._open = list(self._open.values()), {}
        for call in left:
            self._put(call)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _error_text(error: str | BaseException | None) -> str | None:
    if isinstance(error, BaseException):
        return f"{type(error).__name__}: {error}"
    return error
