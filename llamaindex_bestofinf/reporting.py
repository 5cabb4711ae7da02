"""Reports calls of an ensemble to LlamaIndex's instrumentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionInProgressEvent,
    LLMCompletionStartEvent,
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.instrumentation.span import active_span_id
from llama_index.core.llms.llm import LLM
from llama_index.core.prompts import BasePromptTemplate
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import Dispatcher
from llama_index_instrumentation.event_handlers import NullEventHandler
from pydantic import BaseModel

from bestofinf.ensemble import Counted, Observer, Result, VotePlan, failed_trace, outcome_facts
from bestofinf.records import Decision, Draw, Outcome, Sample
from llamaindex_bestofinf.events import EnsembleEndEvent, EnsembleSampleEvent, EnsembleStartEvent
from llamaindex_bestofinf.messages import uncounted
from llamaindex_bestofinf.usage import UsageBook

dispatcher = get_dispatcher(__name__)


def is_heard() -> bool:
    """Return whether there is a handler of events; making them takes longer than a vote."""
    current: Dispatcher | None = dispatcher
    while current is not None:
        for handler in current.event_handlers:
            if not isinstance(handler, NullEventHandler | UsageBook):
                return True
        current = current.parent if current.propagate else None
    return False


class CallReport:
    """Reports one call: its beginning, each draw, and its end.

    Draws are reported as soon as it is known whether they count. The ensemble's own end of a chat
    or completion has no usage, because the members' ends have it. As a context manager it reports
    an exception.

    Args:
        call_id: Identifier of the call.
        kind: Name of the method that was called.
        plan: How the ensemble votes.
    """

    def __init__(self, call_id: str, kind: str, plan: VotePlan[LLM]) -> None:
        self._call_id = call_id
        self._kind = kind
        self._plan = plan
        self._span = active_span_id.get()
        self.heard = is_heard()
        self._counted = Counted(self._sample) if self.heard else None

    @property
    def observers(self) -> list[Observer]:
        """The observers that get every outcome as it arrives."""
        return [] if self._counted is None else [self._counted.observe]

    def start(self, prompt: str | Sequence[ChatMessage], tools: Sequence[Any]) -> None:
        """The ensemble is asked; call it only if the report is `heard`."""
        self._tell(
            EnsembleStartEvent(
                call_id=self._call_id,
                kind=self._kind,
                prompt=prompt if isinstance(prompt, str) else list(prompt),
                tools=list(tools),
                span_id=self._span,
            )
        )

    def end(self, result: Result) -> Result:
        """The ensemble has decided; return the result."""
        self._end(result.decision, result.told)
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None:
            self._end(None, failed_trace(error))

    def _end(self, decision: Decision | None, told: Mapping[str, Any]) -> None:
        if self._counted is not None:
            self._counted.end(decision)
            self._tell(
                EnsembleEndEvent(
                    call_id=self._call_id, kind=self._kind, trace=dict(told), span_id=self._span
                )
            )

    def _sample(self, draw: Draw, outcome: Outcome, counted: bool) -> None:
        member = self._plan.members[draw.member]
        reply = outcome.reply if isinstance(outcome, Sample) else None
        self._tell(
            EnsembleSampleEvent(
                call_id=self._call_id,
                index=draw.index,
                member=member.name,
                kind=self._kind,
                text=reply.text if reply is not None else None,
                counted=counted,
                weight=member.weight,
                span_id=self._span,
                **outcome_facts(outcome),
            )
        )

    def _tell(self, event: Any) -> None:
        dispatcher.event(event)


class _Report:
    """Reports a call with the events of any LLM.

    Around a stream it reports an error, or that the stream was closed early: the method that made
    the stream has returned before, and tracers wait for an end event of its span.
    """

    def __init__(self) -> None:
        self._span = active_span_id.get()
        self.heard = is_heard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None and self.heard:
            dispatcher.event(ExceptionEvent(exception=error, span_id=self._span))


class ObjectReport(_Report):
    """Reports a structured prediction.

    Args:
        output_cls: The class of the object.
        prompt: The prompt template.
        args: Values of the template's variables.
    """

    def __init__(
        self, output_cls: type[BaseModel], prompt: BasePromptTemplate, args: Mapping[str, Any]
    ) -> None:
        super().__init__()
        if self.heard:
            dispatcher.event(
                LLMStructuredPredictStartEvent(
                    output_cls=output_cls,
                    template=prompt,
                    template_args=dict(args),
                    span_id=self._span,
                )
            )

    def end(self, found: tuple[Any, Any]) -> None:
        """Report the object; a text that is returned in its place is not reported."""
        if self.heard and isinstance(found[0], BaseModel):
            dispatcher.event(LLMStructuredPredictEndEvent(output=found[0], span_id=self._span))

    def end_stream(self, found: Any) -> None:
        """Report the object as the end of a stream."""
        self.end((found, None))
        if self.heard:
            # For tracers the end of an object does not end a stream, so they would wait.
            text = found.model_dump_json() if isinstance(found, BaseModel) else str(found)
            told = CompletionResponse(text=text)
            dispatcher.event(LLMCompletionEndEvent(prompt="", response=told, span_id=self._span))


class EndpointReport(_Report):
    """Reports a chat or a completion.

    Args:
        model: The ensemble.
        prompt: The prompt or the messages.
        options: The arguments of the call.
    """

    def __init__(
        self, model: LLM, prompt: str | Sequence[ChatMessage], options: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self._chat = not isinstance(prompt, str)
        self.kind: Any = ChatResponse if self._chat else CompletionResponse
        if self.heard:
            shown: Any = list(prompt) if self._chat else prompt
            self._prompt = shown
            facts: dict[str, Any] = {
                "model_dict": model.to_payload(),
                "additional_kwargs": dict(options),
                "span_id": self._span,
            }
            dispatcher.event(
                LLMChatStartEvent(messages=shown, **facts)
                if self._chat
                else LLMCompletionStartEvent(prompt=shown, **facts)
            )

    def progress(self, response: Any) -> None:
        """Report a chunk of a stream."""
        self._tell(LLMChatInProgressEvent if self._chat else LLMCompletionInProgressEvent, response)

    def end(self, response: Any) -> None:
        """Report the response."""
        self._tell(LLMChatEndEvent if self._chat else LLMCompletionEndEvent, response)

    def _tell(self, kind: Any, response: Any) -> None:
        if self.heard:
            asked = {"messages" if self._chat else "prompt": self._prompt}
            told = uncounted(response)
            dispatcher.event(kind(response=told, span_id=self._span, **asked))
