"""Make the completion for a request: by a vote, or by passing on the reply of a single member."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from bestofinf.ensemble import ChatClient, Endpoint, progress_event
from bestofinf.ensemble.chat import ChatModel
from bestofinf.errors import BestOfInfError
from bestofinf.records import Draw, Member, Outcome
from bestofinf.serve.asked import Asked
from bestofinf.serve.metrics import Metrics
from bestofinf.serve.recording import Entry, Journal
from bestofinf.serve.results import Finished, equal_replies, finished
from bestofinf.wire import DONE, EndpointError, LostReplyError, StreamedCompletion, endpoint_error
from bestofinf.wire.errors import error_in
from bestofinf.wire.replies import read_completion
from bestofinf.wire.requests import OWN_PART, wants_json
from bestofinf.wire.responses import chunks
from bestofinf.wire.values import Json, loads, mapping

Votes = Callable[[dict[str, int]], None]
"""Called with the votes so far after each vote."""


async def decided(
    asked: Asked, journal: Journal, metrics: Metrics, *, tell: Votes | None = None
) -> Finished:
    """Vote, and return the completion once its call is stored.

    Raises:
        SamplingError: If there is no decision.
    """
    call = asked.served.ensemble.call(asked.body, call_id=asked.call_id, **asked.settings)
    plan = call.plan
    entry = journal.entry(asked.call_id, plan.members)
    entry.begin(
        asked.request,
        kind=asked.served.kind,
        rule=f"{plan.rule}|max-samples:n={plan.max_samples}",
        fixed=False,
        owner=asked.owner,
        question=asked.question_id,
    )

    def observe(engine: Any, draw: Draw, outcome: Outcome) -> None:
        metrics.sampled(asked.served.name, plan.members[draw.member].name, outcome)
        if tell is not None:
            tell(progress_event(engine, call.names, draw, outcome)["votes"])

    call.observers = [*entry.observers, observe]
    try:
        result = await call.arun()
    except BaseException as error:
        entry.failed(error if isinstance(error, Exception) else None)
        raise
    entry.decided(result)
    metrics.decided(asked.served.name, result, equal=equal_replies(result))
    done = finished(asked, result)
    await journal.stored()
    return done


class Passing:
    """Passes on the reply of one member under the model name of this server.

    Args:
        asked: The request.
        member: The member.
        journal: Records the call.
        metrics: Counts the call.
    """

    def __init__(
        self, asked: Asked, member: Member[Any], journal: Journal, metrics: Metrics
    ) -> None:
        self._asked = asked
        self._member = member
        self._metrics = metrics
        self._journal = journal
        self._entry: Entry = journal.entry(asked.call_id, (member,))
        self._own = {"id": asked.call_id, "model": asked.served.name}

    async def whole(self) -> Finished:
        """Return the member's completion.

        Raises:
            EndpointError: If the member refuses.
            ConnectionError: If it cannot be reached, or the reply breaks off.
            TimeoutError: If it takes too long.
        """
        start = self._begin()
        try:
            async with aclosing(self._answer()) as events:
                body = await _completion(events)
            self._replied(body, time.monotonic() - start)
        except BaseException as error:
            self._failed(error)
            raise
        await self._journal.stored()
        return Finished({**body, **self._own})

    async def events(self) -> AsyncGenerator[Json | str, None]:
        """Yield the chunks of the member's stream as they come, then `DONE` if it said so.

        If the member's stream ends too early, this stream ends with an error as well. Raises the
        same errors as `whole`.
        """
        start, reply = self._begin(), StreamedCompletion()
        done = False
        try:
            async with aclosing(self._answer()) as events:
                async for data in events:
                    if data.strip() == DONE:
                        reply.add(data)
                        done = True
                        break
                    for chunk in _chunks(data):
                        reply.add_chunk(chunk)
                        if (shown := self._shown(chunk)) is not None:
                            yield {**shown, **self._own}
            self._replied(reply.body(), time.monotonic() - start)
        except BaseException as error:
            self._failed(error)
            raise
        await self._journal.stored()
        if done:
            yield DONE

    def _answer(self) -> AsyncGenerator[str, None]:
        endpoint: ChatModel = self._member.model
        body = ChatClient().request(self._asked.body, self._member, None)
        if body.get("stream"):  # the usage is always requested, for the store and the metrics
            body["stream_options"] = {
                **mapping(body.get("stream_options")),
                "include_usage": True,
            }
        assert isinstance(endpoint, Endpoint)
        return endpoint.forward(body)

    def _shown(self, chunk: Json) -> Json | None:
        """Return a chunk for the client: without the usage unless the client asked for it."""
        if self._asked.request.include_usage or "usage" not in chunk:
            return chunk
        if not chunk.get("choices"):
            return None
        return {name: value for name, value in chunk.items() if name != "usage"}

    def _begin(self) -> float:
        asked = self._asked
        self._entry.begin(
            asked.request,
            kind=asked.served.kind,
            rule="fixed:n=1",
            fixed=True,
            owner=asked.owner,
            question=asked.question_id,
        )
        return time.monotonic()

    def _replied(self, body: Any, seconds: float) -> None:
        found = read_completion(body, structured=wants_json(self._asked.request.body))
        self._entry.replied(found.replies[0], found.tokens, seconds)
        self._metrics.passed(self._asked.served.name, self._member, found.tokens, seconds)

    def _failed(self, error: BaseException) -> None:
        # A closed generator or a cancelled task means that the client has disconnected.
        self._entry.failed(error if isinstance(error, Exception) else None)
        if isinstance(error, BestOfInfError | OSError):
            self._metrics.failed_member(self._asked.served.name, self._member.name)


async def _completion(events: AsyncIterator[str]) -> Json:
    """Return a member's completion, also if it comes as a stream that was not requested."""
    reply = StreamedCompletion()
    async for data in events:
        found = _loaded(data) if data.strip() != DONE else None
        if found is not None and "choices" in found and not _is_chunk(found):
            return dict(found)
        reply.add(data)
    return reply.body()


def _chunks(data: str) -> Any:
    """Return the chunks of an event, or of a completion that came instead of a stream."""
    found = _loaded(data)
    if error_in(found):
        raise endpoint_error(None, found)
    if _is_chunk(found) or not found.get("choices"):
        return (found,)
    return chunks({k: v for k, v in found.items() if k != OWN_PART}, include_usage=True)


def _loaded(data: str) -> Json:
    try:
        found = loads(data)
    except ValueError as error:
        raise LostReplyError(f"a piece of the reply is no JSON: {data[:80]!r}") from error
    if not isinstance(found, dict):
        raise EndpointError("the server gave no completion")
    return found


def _is_chunk(found: Json) -> bool:
    choices = found.get("choices")
    first = mapping(choices[0]) if isinstance(choices, list) and choices else {}
    return "message" not in first and "text" not in first
