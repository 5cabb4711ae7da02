"""Streams: the vote is watched, then the winner is replayed as deltas that add up to it."""

from __future__ import annotations

import asyncio
import queue
import re
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future
from contextvars import Context

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)

from bestofinf.drivers.common import Observer
from bestofinf.engine import VotingEngine
from bestofinf.records import Draw, Outcome
from llamaindex_bestofinf.calls import EnsembleCall, Result

MOST_CHUNKS = 256
"""A text is replayed in at most this many pieces, as every piece carries the text so far."""

_WORD = re.compile(r"\s*\S+|\s+$")


def replayed_chat(response: ChatResponse) -> Iterator[ChatResponse]:
    """Yield a finished response as chunks whose deltas add up to its text.

    Every chunk has the text so far. The last one has the whole message, with its tool calls, and
    everything that describes it.
    """
    *pieces, last = _pieces(response.message.content or "")
    text = ""
    for piece in pieces:
        text += piece
        message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
        yield ChatResponse(message=message, delta=piece)
    yield response.model_copy(update={"delta": last})


def replayed_completion(response: CompletionResponse) -> Iterator[CompletionResponse]:
    """Yield a finished completion as chunks whose deltas add up to its text."""
    *pieces, last = _pieces(response.text)
    text = ""
    for piece in pieces:
        text += piece
        yield CompletionResponse(text=text, delta=piece)
    yield response.model_copy(update={"delta": last})


def progress_text(engine: VotingEngine) -> str:
    """Return the state of a vote in a line, as ``6 samples: 42=5, 40=1``."""
    tally = engine.tally
    votes = ", ".join(f"{a}={n}" for a, n in Counter(tally.history).most_common(5))
    told = f"{tally.n_samples} sample{'s' if tally.n_samples != 1 else ''}"
    return f"{told}: {votes}\n" if votes else f"{told}\n"


def progress_observer(send: Callable[[str], object]) -> Observer:
    """Return an observer that sends the state of a vote whenever it has changed."""
    last = ""

    def watch(engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        nonlocal last
        text = progress_text(engine)
        if text != last:
            send(text)
            last = text

    return watch


async def awatched(
    call: EnsembleCall, context: Context, *, progress: bool
) -> AsyncGenerator[str | Result, None]:
    """Yield the state of a vote whenever it changes, then its result.

    Closing the generator cancels the vote; it returns when nothing of it is left.
    """
    notes: asyncio.Queue[str | None] = asyncio.Queue()
    watch = progress_observer(notes.put_nowait)

    loop = asyncio.get_running_loop()
    task = loop.create_task(call.arun(watch if progress else None), context=context)
    if progress:
        task.add_done_callback(lambda _: notes.put_nowait(None))
    try:
        while progress and (note := await notes.get()) is not None:
            yield note
        yield await task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # it went to the caller, or the caller has gone


def watched(
    work: Callable[[Observer | None], Result], context: Context, *, progress: bool
) -> Generator[str | Result, None, None]:
    """Do the same from blocking code. A vote that is no longer watched runs to its end."""
    if not progress:
        yield context.run(work, None)
        return
    notes: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    future: Future[Result] = Future()
    watch = progress_observer(notes.put)

    def run() -> None:
        try:
            future.set_result(work(watch))
        except BaseException as error:
            future.set_exception(error)
        notes.put(None)

    threading.Thread(target=context.run, args=(run,), name="bestofinf-stream", daemon=True).start()
    while (note := notes.get()) is not None:
        yield note
    yield future.result()


def _pieces(text: str) -> list[str]:
    """Return a text in pieces that begin at words; at least one."""
    words = _WORD.findall(text) or [text]
    size = -(-len(words) // MOST_CHUNKS)
    return ["".join(words[i : i + size]) for i in range(0, len(words), size)]
