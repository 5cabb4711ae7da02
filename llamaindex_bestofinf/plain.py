"""Calls of plain models in LlamaIndex, each recorded once although it runs several methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    TextBlock,
    ToolCallBlock,
)

from bestofinf.evaluation.recording.collector import OpenRuns, Prompt, Recorder, question_facts
from llamaindex_bestofinf.events import CALL_TAG, MEMBER_TAG, SAMPLE_TAG
from llamaindex_bestofinf.messages import TRACE_KEY, reply_of, tokens_of
from llamaindex_bestofinf.spans import SpanParents


@dataclass(frozen=True, slots=True)
class _Run:
    call: str
    span: str
    member: str
    draw: int = 0


class PlainCalls:
    """Turns the starts and ends of model calls into records.

    A call of ``chat`` often calls ``achat``, ``chat`` and ``complete`` of the same model, each
    with its own start and end. Only the outermost call is recorded, whose span is within no
    other call's span. A stream may begin its inner call after the outer span has ended; such an
    inner call is the blocking form of an asynchronous method that is streaming.

    Args:
        recorder: Records the calls.
        parents: Knows the parent of each span.
        samples: Whether to record the samples of ensembles too, for handlers that get no events of
            the ensembles themselves.
        alone: Whether to record calls of models outside of ensembles.
    """

    def __init__(
        self,
        recorder: Recorder,
        parents: SpanParents,
        *,
        samples: bool = False,
        alone: bool = True,
    ) -> None:
        self._recorder = recorder
        self._parents = parents
        self._samples = samples
        self._alone = alone
        self._runs: OpenRuns[str, _Run] = OpenRuns()  # by span
        self._inner: OpenRuns[str, str] = OpenRuns()  # spans of inner calls of a stream

    def start(
        self,
        span: str | None,
        call: str,
        prompt: Any,
        *,
        payload: Mapping[str, Any],
        tools: Sequence[Any] = (),
        tags: Mapping[str, Any],
    ) -> None:
        """A model is asked.

        Args:
            span: The span of the method called.
            call: Identifier for the call, if it is recorded.
            prompt: A text, or chat messages.
            payload: The model's description of itself.
            tools: The offered tools.
            tags: LlamaIndex's current instrumentation tags.
        """
        span = span or call
        sampled = CALL_TAG in tags
        if sampled:
            if not self._samples or SAMPLE_TAG not in tags:
                return  # what is asked beside the samples is no vote: a choice, an escalation
            call = str(tags[CALL_TAG])
        elif not self._alone:
            return
        run = _Run(call, span, _member(payload, tags), int(tags.get(SAMPLE_TAG, 0)))
        with self._runs.lock:
            around = list(self._parents.ancestors(span))
            if any(outer in self._runs or outer in self._inner for outer in around):
                return
            if any(self._streams_through(run, span) for run in self._runs):
                self._inner.put(span, span)
                return
            self._runs.put(span, run)
        self._recorder.call(
            call,
            prompt=partial(prompt_of, prompt),
            tools=tools,
            kind="ensemble" if sampled else "model",
            fixed=not sampled,
            details={"tags": dict(tags)},
            **question_facts(tags),
        )

    def _streams_through(self, run: _Run, span: str) -> bool:
        if self._parents.is_open(run.span):
            return False
        outer, inner = _method(run.span), _method(span)
        return outer[0] == inner[0] and outer[1] == f"a{inner[1]}"

    def end(self, span: str | None, call: str, response: Any) -> None:
        """A model has answered."""
        run = self._pop(span or call)
        if run is None:
            return
        if not isinstance(response, ChatResponse | CompletionResponse):
            self._recorder.abandon(run.call)
            return
        if TRACE_KEY in response.additional_kwargs:
            self._recorder.forget(run.call)  # an ensemble, which reports its call itself
            return
        tokens, input_tokens = tokens_of(response)
        self._recorder.sample(
            run.call,
            run.draw,
            member=run.member,
            reply=reply_of(response),
            tokens=tokens,
            input_tokens=input_tokens,
        )
        self._recorder.end(run.call)

    def fail(self, span: str | None, call: str, error: str | BaseException) -> None:
        """A model's call has failed."""
        run = self._pop(span or call)
        if run is not None:
            self._recorder.sample(run.call, run.draw, member=run.member, error=error)
            self._recorder.abandon(run.call)

    def is_ensemble(self, span: str | None) -> None:
        """Discard the calls of this span and of those around it, because they are an ensemble's."""
        for outer in self._parents.ancestors(span):
            run = self._pop(outer)
            if run is not None:
                self._recorder.forget(run.call)

    def _pop(self, span: str) -> _Run | None:
        self._inner.pop(span)
        return self._runs.pop(span)


def _member(payload: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
    names = (tags.get(MEMBER_TAG), payload.get("model_name"), payload.get("class_name"))
    # Models that have no name of their own say "unknown".
    return next((str(name) for name in names if name and name != "unknown"), "model")


def prompt_of(prompt: Any) -> Prompt:
    """Return a prompt in the form of which a hash is made: a text, or messages."""
    if isinstance(prompt, str):
        return prompt
    return [
        _message(message) if isinstance(message, ChatMessage) else dict(message)
        for message in prompt
    ]


def _arguments(block: ToolCallBlock) -> Mapping[str, Any]:
    given = block.tool_kwargs
    return given if isinstance(given, Mapping) else {"arguments": given}


def _message(message: ChatMessage) -> dict[str, Any]:
    blocks: list[Any] = []
    calls = []
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            calls.append({"name": block.tool_name, "args": _arguments(block)})
        elif isinstance(block, TextBlock):
            blocks.append({"type": "text", "text": block.text})
        else:
            blocks.append(block.model_dump(mode="json", exclude_none=True))
    texts = [block["text"] for block in blocks if block.keys() == {"type", "text"}]
    return {
        "role": message.role.value,
        "content": "\n".join(texts) if len(texts) == len(blocks) else blocks,
        "tool_calls": calls,
    }


def _method(span: str) -> tuple[str, str]:
    """Return class and method of a span's id, ``Class.method-<uuid>``."""
    owner, _, rest = span.partition(".")
    return owner, rest.partition("-")[0]
