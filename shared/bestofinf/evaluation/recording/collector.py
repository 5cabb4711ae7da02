"""What every collector has in common: its options, its recorder, and the runs that are open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from bestofinf._concurrency.forks import reset_after_fork
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation.identity import Prompt
from bestofinf.evaluation.recording.privacy import Keep
from bestofinf.evaluation.recording.recorder import Recorder
from bestofinf.evaluation.recording.stats import RecorderStats
from bestofinf.evaluation.recording.writer import WhenFull
from bestofinf.evaluation.store.store import EvaluationStore

__all__ = ["Collector", "OpenRuns", "Prompt", "Recorder", "rule_text"]

K = TypeVar("K")
R = TypeVar("R")

MAX_RUNS = 20_000
"""Maximum number of open runs; beyond it the oldest is forgotten."""


class Collector:
    """Records the calls that a framework reports to an evaluation store.

    Args:
        store: A store, its address (a path or a URL), or a recorder to share.
        plain_calls: Record calls of models outside of ensembles, too.
        keep: What is stored: "answers" (hashes, answers and counts), "questions", "replies" or "all"; see
            `Keep`.
        redact: Function from text to text, applied to every text before it is stored.
        answer: Answer type for the replies of plain model calls.
        capacity: Maximum number of calls that wait to be written; more are refused and counted.
        when_full: "refuse", or "wait" to block the caller until there is room.
        rescue: Folder for calls that cannot be stored before the end of the program;
            ``bestofinf import`` brings the files in later. None loses such calls.
    """

    def __init__(
        self,
        store: EvaluationStore | Recorder | str | Path,
        *,
        plain_calls: bool = True,
        keep: Keep = "questions",
        redact: Callable[[str], str] | None = None,
        answer: Any = "auto",
        capacity: int = 20_000,
        when_full: WhenFull = "refuse",
        rescue: str | Path | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(store, Recorder):
            store = Recorder(
                store,
                keep=keep,
                redact=redact,
                answer=answer,
                capacity=capacity,
                when_full=when_full,
                rescue=rescue,
            )
        self._recorder = store
        self._plain_calls = plain_calls
        self._prepare()

    def _prepare(self) -> None:
        """Prepare to receive events; called once `recorder` exists."""

    @property
    def recorder(self) -> Recorder:
        """The recorder that writes the calls; it also takes labels."""
        return self._recorder

    @property
    def stats(self) -> RecorderStats:
        """Counts of the calls so far; ``refused`` and ``errors`` should be 0."""
        return self._recorder.stats

    def feedback(
        self,
        message: Any,
        *,
        correct: bool | None = None,
        gold: str | int | float | None = None,
        source: str = "application",
    ) -> str:
        """Keep what a user said of an answer, also of a moment ago.

        It is kept as feedback, which weights learn from and which no accuracy is estimated from:
        users do not speak of a random sample of answers.

        Args:
            message: The answer as it was handed out (a message, a response, or its trace), or the
                id of the call, ``call_id`` in the trace.
            correct: Whether the answer is right (thumbs up or down).
            gold: The right answer; instead of `correct`.
            source: Who says so.

        Returns:
            The id of the question.

        Raises:
            UsageError: If not exactly one of `correct` and `gold` is given, or the message names
                no call that was recorded here.
            StoreError: If the store fails.
        """
        if (correct is None) == (gold is None):
            raise UsageError("give either correct=True, correct=False or gold=...")
        call = call_id_of(message)
        if gold is None:
            return self._recorder.verdict(call, bool(correct), source=source)
        return self._recorder.label(call, gold, source=source, provenance="feedback")

    def flush(self, timeout: float | None = 30.0) -> None:
        """Wait until every ended call is in the store.

        Raises:
            StoreError: If it could not be written in time.
        """
        self._recorder.flush(timeout)

    def close(self, timeout: float | None = 30.0) -> None:
        """Write what is left; the end of the program does the same.

        Raises:
            StoreError: If not everything could be written in time.
        """
        self._recorder.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def call_id_of(message: Any) -> str:
    """Return the id of the call that a message, a response or a trace came from.

    Args:
        message: A call's id; a trace; or an object that has one under ``"bestofinf"`` in its
            ``response_metadata`` or ``additional_kwargs``. Without a trace, the id of a message
            that is that of its run.

    Raises:
        UsageError: If it has no call id.
    """
    if isinstance(message, str) and message:
        return message
    places = [message, *(getattr(message, name, None) for name in _CARRIERS)]
    for place in places:
        if not isinstance(place, Mapping):
            continue
        trace = place.get("bestofinf", place)
        if isinstance(trace, Mapping) and isinstance(trace.get("call_id"), str):
            return str(trace["call_id"])
    own = getattr(message, "id", None)
    if isinstance(own, str) and "run--" in own:
        return own.partition("run--")[2]
    raise UsageError(
        f"no call_id in {shown(message)}: wanted a call's id, or an answer of an ensemble whose "
        "trace is not off"
    )


_CARRIERS = ("response_metadata", "additional_kwargs")


class OpenRuns(Generic[K, R]):
    """Runs that have begun and not ended, by their ids. A forked process starts with none.

    Attributes:
        lock: Held for each change; hold it for several that belong together.
    """

    lock: threading.RLock

    def __init__(self) -> None:
        self._begin_anew()
        reset_after_fork(self._begin_anew)

    def _begin_anew(self) -> None:
        self.lock = threading.RLock()
        self._runs: dict[K, R] = {}

    def put(self, run_id: K, run: R) -> None:
        """Remember a run that begins."""
        with self.lock:
            self._runs[run_id] = run
            if len(self._runs) > MAX_RUNS:
                self._runs.pop(next(iter(self._runs)))

    def pop(self, run_id: K) -> R | None:
        """Forget a run that ends, and return it; None if it is not known."""
        with self.lock:
            return self._runs.pop(run_id, None)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._runs

    def __iter__(self) -> Iterator[R]:
        with self.lock:
            return iter([*self._runs.values()])


def question_facts(tags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the id and the data set of a question that the tags of its call name."""
    question = tags.get("question_id")
    return {
        "question_id": None if question is None else str(question),
        "dataset": str(tags.get("dataset") or ""),
    }


def rule_text(rule: Any, max_samples: Any) -> str:
    """Return the rule of a call as written on the command line; "" if it is not known."""
    if not isinstance(rule, str):
        from bestofinf.rules import StopRule  # imports scipy, which recording does not need

        if not isinstance(rule, StopRule):
            return ""
    return f"{rule}|max-samples:n={max_samples}" if isinstance(max_samples, int) else str(rule)
