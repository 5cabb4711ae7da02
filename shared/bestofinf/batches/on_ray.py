"""Ask the members of a job on a Ray cluster.

Workers are actors: each asks the members its share of the questions, takes the answers and stores
every sample before it returns it. The pool stays in one process, so that the budget holds over all
workers and the next sample goes to the same question as in a run on one machine. Ray starts, places
and restarts the workers.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bestofinf._extras import require
from bestofinf.batches.executors import AskMember, LocalExecutor
from bestofinf.batches.files import JobQuestion
from bestofinf.batches.journal import Journal, RecordedFailure
from bestofinf.border import error_text
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import StoreError, UsageError
from bestofinf.records import Draw, Failure, Outcome

LOCAL = "local"
"""The address for a cluster on this machine that is started for the job."""

_DEATHS = 20  # maximum number of crashes of its worker that a draw survives
_KNOCK = 10.0  # seconds within which a cluster must answer


class Worker:
    """The code of an actor: it asks the members and has a journal of its own.

    Args:
        make: Returns the plan, the function that asks the members, and the journal.
        concurrency: Maximum number of requests in flight.
    """

    def __init__(
        self, make: Callable[[], tuple[VotePlan[Any], AskMember, Journal]], concurrency: int
    ) -> None:
        plan, ask, self._journal = make()
        self._crew = LocalExecutor(ask, plan, self._journal)

    async def outcome(self, question: JobQuestion, draw: Draw, again: bool) -> Outcome:
        """Return the outcome of a draw.

        Args:
            question: The question to ask.
            draw: The draw to carry out.
            again: Look in the journal first, because another worker may have died after storing it.
        """
        if again:
            known = await asyncio.to_thread(self._journal.load, [question])
            for stored, outcome in known[question.id].outcomes.items():
                if stored.index == draw.index:
                    return _sendable(outcome)
        return _sendable(await self._crew.outcome(question, draw))

    async def close(self) -> None:
        """Wait until the journal is written."""
        await self._journal.close()


def _sendable(outcome: Outcome) -> Outcome:
    """Return an outcome that can be pickled, which not every library's errors can be."""
    if not isinstance(outcome, Failure):
        return outcome
    error = outcome.error
    told = error if isinstance(error, RecordedFailure) else error_text(error)
    return replace(outcome, error=RecordedFailure(str(told)))


class RayExecutor:
    """Asks the members through workers on a Ray cluster.

    Args:
        make: Returns the plan, the function that asks the members, and the journal of a worker;
            Ray sends it to the worker.
        address: Address of the cluster; ``local`` starts one on this machine.
        workers: Number of workers.
        concurrency: Maximum number of requests in flight, over all workers.
        file_store: Whether the store is a file, which only workers on one machine can share.

    Raises:
        MissingExtraError: If Ray is not installed.
        UsageError: If there is no such cluster, or its machines cannot share the store.
    """

    def __init__(
        self,
        make: Callable[[], tuple[VotePlan[Any], AskMember, Journal]],
        *,
        address: str = LOCAL,
        workers: int = 2,
        concurrency: int = 64,
        file_store: bool = False,
    ) -> None:
        if workers < 1:
            raise UsageError(f"there must be at least one worker, got {workers}")
        self._ray: Any = require("ray", extra="ray", purpose="A job on Ray")
        self._own = not self._ray.is_initialized()
        if self._own:
            self._connect(address, workers)
        nodes = sum(node["Alive"] for node in self._ray.nodes())
        if file_store and nodes > 1:
            if self._own:
                self._ray.shutdown()
            raise UsageError(
                f"workers on {nodes} machines cannot share a file: give a store in PostgreSQL"
            )
        # Workers wait for requests more than they compute, so several may share a core.
        actor = self._ray.remote(Worker).options(
            max_restarts=-1, max_concurrency=max(concurrency, 1) + 8, num_cpus=0.5
        )
        self.workers = [actor.remote(make, concurrency) for _ in range(workers)]

    def _connect(self, address: str, workers: int) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
        if address == LOCAL:
            options |= {"num_cpus": max(1, (workers + 1) // 2), "_node_ip_address": "127.0.0.1"}
            self._ray.init(include_dashboard=False, **options)
            return
        _reachable(address)
        try:
            self._ray.init(address=address, **options)
        except (ConnectionError, ValueError) as error:
            raise UsageError(f"no Ray cluster at {address!r}: {error}") from error

    async def outcome(self, question: JobQuestion, draw: Draw) -> Outcome:
        """Let a worker ask; if it dies, its stored outcomes count and the rest is asked again."""
        errors = self._ray.exceptions
        # All samples of a question go to one worker, because servers cache its prompt.
        worker = self.workers[zlib.crc32(question.id.encode()) % len(self.workers)]
        for death in range(_DEATHS):
            try:
                return await worker.outcome.remote(question, draw, death > 0)  # type: ignore[no-any-return]
            except errors.RayTaskError as error:
                raise error.cause or StoreError(str(error)) from error
            except errors.RayActorError:
                await asyncio.sleep(min(0.1 * 2**death, 5.0))  # Ray starts another worker
        raise StoreError(f"the worker of question {question.id!r} has died {_DEATHS} times")

    async def close(self) -> None:
        """End the workers, and the cluster if it was started for the job."""
        try:
            await asyncio.gather(*(worker.close.remote() for worker in self.workers))
        except self._ray.exceptions.RayActorError:
            pass  # everything it has returned was stored before
        finally:
            for worker in self.workers:
                self._ray.kill(worker)
            if self._own:
                self._ray.shutdown()


def _reachable(address: str) -> None:
    """Raise an error if nobody answers at an address, because Ray would try for many minutes.

    Raises:
        UsageError: If nobody answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto" and the like are looked up by Ray
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster at {address!r}: {error.strerror or error}") from error
