"""Record the calls of the server; a reply is sent once its call is in the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bestofinf.ensemble import Counted, Result
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.recording.recorder import Recorder
from bestofinf.records import Draw, Member, Outcome, Reply, Sample
from bestofinf.wire import ChatRequest, TokenCounts
from bestofinf.wire.errors import BadRequestError

logger = logging.getLogger(__name__)


class Entry:
    """Reports one call to the recorder; without a recorder it does nothing.

    Args:
        recorder: The recorder; None for none.
        call_id: Identifier of the call and of the completion.
        members: The members of the ensemble, in order.
    """

    def __init__(
        self, recorder: Recorder | None, call_id: str, members: tuple[Member[Any], ...]
    ) -> None:
        self._recorder = recorder
        self._call_id = call_id
        self._members = members
        self._counted = Counted(self._sample)
        self.observers = [] if recorder is None else [self._counted.observe]

    def begin(
        self,
        request: ChatRequest,
        *,
        kind: str,
        rule: str,
        fixed: bool,
        owner: str,
        question: str | None,
    ) -> None:
        """Record that a question is asked."""
        if self._recorder is None:
            return
        with self._recorder.guard():
            self._recorder.call(
                self._call_id,
                prompt=request.messages,
                tools=request.body.get("tools") or (),
                question_id=question or request.question_id,
                kind=kind,
                rule=rule,
                fixed=fixed,
                details={"model": request.model, "client": owner},
            )

    def decided(self, result: Result) -> None:
        """Record the end of a vote."""
        if self._recorder is not None:
            with self._recorder.guard():
                self._counted.end(result.decision)
                self._recorder.trace(self._call_id, result.told)

    def replied(self, reply: Reply, tokens: TokenCounts, seconds: float) -> None:
        """Record the reply of a member that was asked alone."""
        if self._recorder is None:
            return
        (member,) = self._members
        usage = member.charge(tokens.input, tokens.output)
        with self._recorder.guard():
            self._recorder.sample(
                self._call_id,
                0,
                member=member.name,
                reply=reply,
                tokens=tokens.output,
                input_tokens=tokens.input,
                cost=usage.cost if tokens.output is not None else None,
                seconds=seconds,
            )
            self._recorder.end(
                self._call_id, reason="fixed: 1 sample", winner_member=member.name, seconds=seconds
            )

    def failed(self, error: BaseException | None) -> None:
        """Record that there was no reply: the vote failed, or the client disconnected (None)."""
        if self._recorder is None:
            return
        with self._recorder.guard():
            self._counted.end(None)
            if error is None:
                self._recorder.abandon(self._call_id)
            else:
                # Only the kind of the error, because a provider's message may quote the prompt.
                self._recorder.end(self._call_id, reason=f"failed: {type(error).__name__}")

    def _sample(self, draw: Draw, outcome: Outcome, counted: bool) -> None:
        recorder, member = self._recorder, self._members[draw.member]
        if recorder is None:
            return
        facts: dict[str, Any] = {}
        if isinstance(outcome, Sample):
            usage, reply = outcome.usage, outcome.reply
            known = bool(usage.input_tokens or usage.output_tokens)
            facts = {
                "answer": outcome.answer,
                "text": reply.text if reply is not None else None,
                "tokens": outcome.tokens,
                "input_tokens": usage.input_tokens if known else None,
                "cost": usage.cost if known else None,
                "score": outcome.score,
            }
        else:
            facts["error"] = outcome.error
        with recorder.guard():
            recorder.sample(
                self._call_id,
                draw.index,
                member=member.name,
                seconds=outcome.seconds,
                counted=counted,
                weight=member.weight,
                **facts,
            )


class Journal:
    """Records calls, and waits for the store once for many concurrent calls.

    Args:
        recorder: The recorder; None for none.
        wait: Maximum seconds that a reply waits for the store; 0 for no wait.
    """

    def __init__(self, recorder: Recorder | None, wait: float) -> None:
        self.recorder = recorder
        self._wait = wait
        self._turn: asyncio.Future[bool] | None = None
        self._working: asyncio.Task[None] | None = None
        self.unstored = 0

    def entry(self, call_id: str, members: tuple[Member[Any], ...]) -> Entry:
        """Return the entry of a call."""
        return Entry(self.recorder, call_id, members)

    async def stored(self) -> None:
        """Wait until everything recorded so far is in the store, at most `wait` seconds.

        Calls that end at the same time are written together: one flush serves all calls that were
        recorded before it began.
        """
        if self.recorder is None or not self._wait:
            return
        if self._turn is None:
            self._turn = asyncio.get_running_loop().create_future()
            if self._working is None:
                self._working = asyncio.create_task(self._work())
        if not await asyncio.shield(self._turn):
            self.unstored += 1

    async def _work(self) -> None:
        try:
            while (turn := self._turn) is not None:
                self._turn = None
                done = await asyncio.to_thread(self._flushed)
                if not turn.done():
                    turn.set_result(done)
        finally:
            self._working = None

    def _flushed(self) -> bool:
        if self.recorder is None:
            return True
        try:
            self.recorder.flush(self._wait)
        except StoreError as error:
            logger.warning("a reply is sent before its call is in the store: %s", error)
            return False
        return True

    async def feedback(self, body: Any, source: str) -> str:
        """Label a call by a client's feedback; return the id of its question.

        Args:
            body: Mapping with ``id``, either ``correct`` or ``gold``, and optionally ``answer``.
            source: Name of the client.

        Raises:
            BadRequestError: If it cannot be read.
            LookupError: If there is no such call or question, or nothing is recorded.
            StoreError: If the store fails.
        """
        if not isinstance(body, Mapping) or not isinstance(body.get("id"), str):
            raise BadRequestError("id must be that of a completion, a call or a question", "id")
        right, gold = body.get("correct"), body.get("gold")
        if (right is None) == (gold is None):
            raise BadRequestError("give correct (true or false) or gold (the right answer)")
        if right is not None and not isinstance(right, bool):
            raise BadRequestError("correct must be true or false", "correct")
        answer = body.get("answer")
        for name, value in (("gold", gold), ("answer", answer)):
            if isinstance(value, bool) or not isinstance(value, str | int | float | None):
                raise BadRequestError(f"{name} must be a text or a number", name)
        if gold == "":
            raise BadRequestError("gold must not be empty: give the right answer", "gold")
        recorder = self.recorder
        if recorder is None:
            raise LookupError("nothing is recorded: give [serve] store")
        key = body["id"]
        await asyncio.to_thread(self._flushed)
        try:
            await asyncio.to_thread(recorder.store.find, key)
        except UsageError:
            raise LookupError(f"there is no call or question {key[:100]!r}") from None
        if right is None:
            return await asyncio.to_thread(
                recorder.label, key, gold, source=source, provenance="feedback"
            )
        return await asyncio.to_thread(recorder.verdict, key, right, answer=answer, source=source)

    async def call(self, call_id: str) -> dict[str, Any] | None:
        """Return the recorded call as plain JSON values; None if it is not in the store.

        Raises:
            StoreError: If the store fails.
        """
        recorder = self.recorder
        if recorder is None:
            return None
        await asyncio.to_thread(self._flushed)
        found = (await asyncio.to_thread(recorder.store.calls, [call_id])).get(call_id)
        if found is None:
            return None
        call, samples = found
        told = asdict(call)
        told.pop("details")
        rows = [asdict(sample) for sample in samples]
        for row in rows:
            row.pop("call_id")
        return {"object": "bestofinf.call", **told, "samples": rows}

    async def aclose(self) -> None:
        """Write the remaining calls."""
        if self.recorder is not None:
            try:
                await asyncio.to_thread(self.recorder.close)
            except StoreError as error:
                logger.error("not every call could be stored: %s", error)
