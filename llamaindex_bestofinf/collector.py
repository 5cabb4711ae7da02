"""Collectors that fill an evaluation store: for LlamaIndex's events, and its older callbacks."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.span import active_span_id
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base import BaseEvent
from llama_index_instrumentation.dispatcher import Dispatcher, active_instrument_tags
from llama_index_instrumentation.events.span import SpanDropEvent
from pydantic import PrivateAttr

from bestofinf.evaluation.recording.collector import Collector, Recorder, question_facts
from llamaindex_bestofinf.events import EnsembleEndEvent, EnsembleSampleEvent, EnsembleStartEvent
from llamaindex_bestofinf.plain import (
    PlainCalls,
    prompt_of,
)
from llamaindex_bestofinf.spans import SpanParents


class EvaluationCollector(Collector, BaseEventHandler):
    """Records ensemble calls and plain model calls to an evaluation store.

    Attach it once: ``EvaluationCollector("answers.db").attach()``. The question's id is that of the
    prompt, or ``question_id`` in LlamaIndex's instrumentation tags; ``dataset`` there is the name
    of the data set.

    The options are those of `bestofinf.evaluation.recording.collector.Collector`.
    """

    _recorder: Recorder = PrivateAttr()
    _plain_calls: bool = PrivateAttr(default=True)
    _parents: SpanParents = PrivateAttr(default_factory=SpanParents)
    _plain: PlainCalls | None = PrivateAttr(default=None)
    _attached: list[Dispatcher] = PrivateAttr(default_factory=list)

    def _prepare(self) -> None:
        self._plain = PlainCalls(self._recorder, self._parents) if self._plain_calls else None

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the handler."""
        return "EvaluationCollector"

    def attach(self, dispatcher: Dispatcher | None = None) -> Self:
        """Listen to a dispatcher; by default to the root, which gets all events."""
        dispatcher = dispatcher or get_dispatcher()
        dispatcher.add_event_handler(self)
        dispatcher.add_span_handler(self._parents)
        self._attached.append(dispatcher)
        return self

    def detach(self) -> None:
        """Stop listening. What was recorded is still written."""
        for dispatcher in self._attached:
            dispatcher.event_handlers = [h for h in dispatcher.event_handlers if h is not self]
            dispatcher.span_handlers = [
                h for h in dispatcher.span_handlers if h is not self._parents
            ]
        self._attached.clear()

    def close(self, timeout: float | None = 30.0) -> None:
        """Detach, and write what is left; the end of the program does the same.

        Raises:
            StoreError: If not everything could be written in time.
        """
        self.detach()
        super().close(timeout)

    def __enter__(self) -> Self:
        return self if self._attached else self.attach()

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """Record an event."""
        with self._recorder.guard():
            if isinstance(event, EnsembleSampleEvent):
                self._sample(event)
            elif isinstance(event, EnsembleStartEvent):
                self._start(event)
            elif isinstance(event, EnsembleEndEvent):
                self._recorder.trace(event.call_id, event.trace)
            elif self._plain is not None:
                _plain_event(self._plain, event)

    def _start(self, event: EnsembleStartEvent) -> None:
        if self._plain is not None:
            self._plain.is_ensemble(event.span_id)
        self._recorder.call(
            event.call_id,
            prompt=partial(prompt_of, event.prompt),
            tools=event.tools,
            details={"tags": dict(event.tags), "method": event.kind},
            **question_facts(event.tags),
        )

    def _sample(self, event: EnsembleSampleEvent) -> None:
        self._recorder.sample(
            event.call_id,
            event.index,
            member=event.member,
            answer=event.answer,
            text=event.text,
            tokens=event.tokens,
            input_tokens=event.input_tokens,
            cost=event.cost,
            seconds=event.seconds,
            score=event.score,
            weight=event.weight,
            error=event.error,
            counted=event.counted,
        )


class _Handler(BaseCallbackHandler):
    """Passes all events on to the collector."""

    def __init__(self) -> None:
        super().__init__(event_starts_to_ignore=[], event_ends_to_ignore=[])


class EvaluationCallbackHandler(Collector, _Handler):
    """Records calls for applications that use LlamaIndex's older callback manager.

    ``Settings.callback_manager = CallbackManager([EvaluationCallbackHandler("answers.db")])``.
    It sees no decisions: of an ensemble it records every sample, with the answer taken from the
    reply, but not which samples were counted. Use `EvaluationCollector` where you can.

    The options are those of `bestofinf.evaluation.recording.collector.Collector`.
    """

    def _prepare(self) -> None:
        self._parents = SpanParents()
        self._plain = PlainCalls(
            self.recorder, self._parents, samples=True, alone=self._plain_calls
        )
        # Only the instrumentation knows which call is within which.
        get_dispatcher().add_span_handler(self._parents)
        self._spans: dict[str, str | None] = {}

    def close(self, timeout: float | None = 30.0) -> None:
        """Write what is left; the end of the program does the same.

        Raises:
            StoreError: If not everything could be written in time.
        """
        root = get_dispatcher()
        root.span_handlers = [h for h in root.span_handlers if h is not self._parents]
        super().close(timeout)

    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        """Something begins; calls of models are recorded."""
        with self.recorder.guard():
            if event_type == CBEventType.LLM and payload is not None:
                self._start(payload, event_id)
        return event_id

    def _start(self, payload: dict[str, Any], event_id: str) -> None:
        span = active_span_id.get()
        self._spans[event_id] = span
        self._plain.start(
            span,
            event_id,
            payload.get(EventPayload.MESSAGES) or payload.get(EventPayload.PROMPT) or "",
            payload=payload.get(EventPayload.SERIALIZED) or {},
            tools=(payload.get(EventPayload.ADDITIONAL_KWARGS) or {}).get("tools") or (),
            tags=active_instrument_tags.get(),
        )

    def on_event_end(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        **kwargs: Any,
    ) -> None:
        """Something has ended."""
        with self.recorder.guard():
            if event_type != CBEventType.LLM:
                return
            span = self._spans.pop(event_id, None)
            payload = payload or {}
            error = payload.get(EventPayload.EXCEPTION)
            if error is not None:
                self._plain.fail(span, event_id, error)
            else:
                response = payload.get(EventPayload.RESPONSE, payload.get(EventPayload.COMPLETION))
                self._plain.end(span, event_id, response)

    def start_trace(self, trace_id: str | None = None) -> None:
        """Do nothing: calls are recorded one by one."""

    def end_trace(
        self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None
    ) -> None:
        """Do nothing: calls are recorded one by one."""


def _plain_event(plain: PlainCalls, event: BaseEvent) -> None:
    match event:
        case LLMChatStartEvent():
            plain.start(
                event.span_id,
                event.id_,
                event.messages,
                payload=event.model_dict,
                tools=event.additional_kwargs.get("tools") or (),
                tags=event.tags,
            )
        case LLMCompletionStartEvent():
            plain.start(
                event.span_id, event.id_, event.prompt, payload=event.model_dict, tags=event.tags
            )
        case LLMChatEndEvent() | LLMCompletionEndEvent():
            plain.end(event.span_id, event.id_, event.response)
        case ExceptionEvent():
            plain.fail(event.span_id, event.id_, event.exception)
        case SpanDropEvent():
            plain.fail(event.span_id, event.id_, f"Error: {event.err_str}")
