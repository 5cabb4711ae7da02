"""Calls that have begun and not ended, gathered in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf.evaluation.rows import CallRecord, CallRow, QuestionRow, SampleRow
from bestofinf.records import Reply


@dataclass(slots=True)
class OpenCall:
    """A call that has not ended.

    Attributes:
        question: Its question.
        call: The call, as far as it is known.
        samples: The reported samples, by draw.
        replies: Replies whose answer has not been taken yet, by draw.
        texts: Texts reported separately from their samples, by draw.
    """

    question: QuestionRow
    call: CallRow
    samples: dict[int, SampleRow] = field(default_factory=dict)
    replies: dict[int, Reply] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)

    def record(self) -> CallRecord:
        """Return the call as one record to write, with its samples in draw order."""
        samples = (
            replace(row, text=self.texts[draw]) if draw in self.texts else row
            for draw, row in sorted(self.samples.items())
        )
        unread = tuple(self.replies.items())
        return CallRecord(self.question, self.call, tuple(samples), unread=unread)


class OpenCalls:
    """The open calls of one recorder, at most `limit`; safe to use from several threads.

    A forked child starts with none, because the parent writes those that were open.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reset()
        reset_after_fork(self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, OpenCall] = {}

    def __len__(self) -> int:
        """Return how many calls are open."""
        return len(self._calls)

    def begin(self, question: QuestionRow, call: CallRow) -> OpenCall | None:
        """Add a call unless it is open already; if there are too many, remove and return the oldest."""
        with self._lock:
            self._calls.setdefault(call.id, OpenCall(question, call))
            if len(self._calls) <= self._limit:
                return None
            return self._calls.pop(next(iter(self._calls)))

    def sample(self, row: SampleRow, reply: Reply | None) -> bool:
        """Add a sample to its call; return False if the call is not open."""
        with self._lock:
            call = self._calls.get(row.call_id)
            if call is None:
                return False
            call.samples[row.draw] = row
            if reply is not None:
                call.replies[row.draw] = reply
            return True

    def text(self, call_id: str, draw: int, text: str) -> None:
        """Add the text of a draw's reply, if its call is open."""
        with self._lock:
            call = self._calls.get(call_id)
            if call is not None:
                call.texts[draw] = text

    def reported(self, call_id: str) -> frozenset[int]:
        """Return the draws of a call for which samples were reported."""
        with self._lock:
            call = self._calls.get(call_id)
            return frozenset(call.samples) if call is not None else frozenset()

    def pop(self, call_id: str) -> OpenCall | None:
        """Remove a call and return it; None if it is not open."""
        with self._lock:
            return self._calls.pop(call_id, None)

    def clear(self) -> list[OpenCall]:
        """Remove all calls and return them, the oldest first."""
        with self._lock:
            left, self._calls = list(self._calls.values()), {}
        return left
