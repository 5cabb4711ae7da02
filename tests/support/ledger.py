"""The server's book: what was asked, what was served, how each request ended. Exact, thread-safe."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from support.faults import Fault
from support.reply import Served
from support.request import Json

KEPT_BODIES = 1000


class Outcome(StrEnum):
    """How a request ended. Every request that was started has exactly one outcome."""

    FINISHED = "finished"  # a valid reply was sent to its end
    DISCONNECTED = "disconnected"  # the client closed the connection before the end
    FAULTED = "faulted"  # an injected fault took the place of a valid reply
    REFUSED = "refused"  # the request was not acceptable: 400, 401, 404
    BROKEN = "broken"  # the back end raised
    CUT = "cut"  # the server was stopped before the end


@dataclass(slots=True)
class Entry:
    """One request in the book.

    Attributes:
        number: Place in the order of arrival, from 0.
        model: As asked for; empty when the request could not be read.
        stream: Whether a stream was asked for.
        outcome: None while in flight.
        fault: What was injected, harmful or not.
        status: HTTP status that was sent; None when nothing was.
        choices: What the back end gave for it, after ``max_tokens`` and ``stop``; also when the
            client left before the end or a fault spoiled it.
        prompt_tokens: Tokens in, as billed for a complete reply.
        completion_tokens: Tokens out, as billed for a complete reply.
        seconds: From arrival to the end.
    """

    number: int
    model: str = ""
    stream: bool = False
    outcome: Outcome | None = None
    fault: Fault | None = None
    status: int | None = None
    choices: Sequence[Served] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = field(default_factory=time.perf_counter)

    @property
    def question(self) -> str:
        return self.choices[0].question if self.choices else ""


@dataclass(frozen=True, slots=True)
class Counts:
    """The sums of the book at one moment.

    ``started`` is the sum of the six outcomes and ``in_flight``. Tokens are those of complete
    replies, as billed; what a client did not wait for is not in them.
    """

    started: int
    finished: int
    disconnected: int
    faulted: int
    refused: int
    broken: int
    cut: int
    in_flight: int
    peak_in_flight: int
    choices: int
    prompt_tokens: int
    completion_tokens: int
    started_by_model: Mapping[str, int]
    finished_by_model: Mapping[str, int]
    tokens_by_model: Mapping[str, int]
    faults: Mapping[str, int]

    def as_json(self) -> Json:
        return asdict(self)


class Ledger:
    """Keeps the book.

    Args:
        record: Whether entries and bodies are kept, which takes memory with every request. The
            sums and the tally of answers always are.
    """

    def __init__(self, *, record: bool = True) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._number = 0
        self.clear()

    def clear(self) -> None:
        """Begin a new book. Requests still in flight are left out of it."""
        with self._lock:
            self.entries: list[Entry] = []
            self.bodies: deque[Json] = deque(maxlen=KEPT_BODIES)
            self._first = self._number
            self._in_flight = self._peak = 0
            self._sums: Counter[str] = Counter()
            self._started: Counter[str] = Counter()
            self._finished: Counter[str] = Counter()
            self._tokens: Counter[str] = Counter()
            self._faults: Counter[str] = Counter()
            self._tally: dict[str, Counter[str | None]] = {}

    def start(self) -> Entry:
        """Open the entry of a request that has just arrived."""
        with self._lock:
            entry = Entry(self._number)
            self._number += 1
            self._sums["started"] += 1
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
            if self._record:
                self.entries.append(entry)
            return entry

    def asked(self, entry: Entry, body: Json) -> None:
        """Note what the request asks for."""
        with self._lock:
            entry.model = body["model"]
            entry.stream = bool(body.get("stream"))
            self._started[entry.model] += 1
            if self._record:
                self.bodies.append(body)

    def end(self, entry: Entry, outcome: Outcome, usage: Mapping[str, int] | None = None) -> None:
        """Close an entry.

        Args:
            entry: As given by `start`.
            outcome: How it ended.
            usage: Tokens that the reply is billed with; None where no complete reply was sent.
        """
        with self._lock:
            entry.outcome = outcome
            entry.seconds = time.perf_counter() - entry.seconds
            if usage is not None:
                entry.prompt_tokens = usage["prompt_tokens"]
                entry.completion_tokens = usage["completion_tokens"]
            if entry.number < self._first:
                return
            self._in_flight -= 1
            self._sums[outcome] += 1
            self._sums["prompt_tokens"] += entry.prompt_tokens
            self._sums["completion_tokens"] += entry.completion_tokens
            self._tokens[entry.model] += entry.completion_tokens
            if entry.fault is not None:
                self._faults[entry.fault] += 1
            if outcome is Outcome.FINISHED:
                self._sums["choices"] += len(entry.choices)
                self._finished[entry.model] += 1
                for served in entry.choices:
                    if served.question:
                        self._tally.setdefault(served.question, Counter())[served.answer] += 1

    def counts(self) -> Counts:
        """Return the sums of this moment, consistent with each other."""
        with self._lock:
            sums = self._sums
            return Counts(
                started=sums["started"],
                **{str(outcome): sums[outcome] for outcome in Outcome},
                in_flight=self._in_flight,
                peak_in_flight=self._peak,
                choices=sums["choices"],
                prompt_tokens=sums["prompt_tokens"],
                completion_tokens=sums["completion_tokens"],
                started_by_model=dict(self._started),
                finished_by_model=dict(self._finished),
                tokens_by_model=dict(self._tokens),
                faults={str(fault): times for fault, times in self._faults.items()},
            )

    def tally(self) -> dict[str, Counter[str | None]]:
        """Return how often each answer was served to the end, by question; None: no answer."""
        with self._lock:
            return {question: Counter(answers) for question, answers in self._tally.items()}

    def served(self, question: str | None = None, *, model: str | None = None) -> list[Served]:
        """Return the choices of all finished requests, in order of arrival.

        Args:
            question: Only those to this question.
            model: Only those of this model.
        """
        with self._lock:
            return [
                served
                for entry in self.entries
                if entry.outcome is Outcome.FINISHED and model in (None, entry.model)
                for served in entry.choices
                if question in (None, served.question)
            ]
