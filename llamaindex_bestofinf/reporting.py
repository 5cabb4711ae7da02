"""What an ensemble tells LlamaIndex's instrumentation about a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionInProgressEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.span import active_span_id
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import Dispatcher
from llama_index_instrumentation.event_handlers import NullEventHandler

from bestofinf.engine import VotingEngine
from bestofinf.plan import VotePlan
from bestofinf.records import Decision, Draw, Outcome, Sample
from llamaindex_bestofinf.events import EnsembleEndEvent, EnsembleSampleEvent, EnsembleStartEvent
from llamaindex_bestofinf.usage import UsageBook

dispatcher = get_dispatcher(__name__)


def is_heard() -> bool:
    """Return whether anybody listens to events; making them takes longer than a vote."""
    current: Dispatcher | None = dispatcher
    while current is not None:
        if any(not isinstance(h, NullEventHandler | UsageBook) for h in current.event_handlers):
            return True
        current = current.parent if current.propagate else None
    return False


class CallReport:
    """Tells of one call: its beginning, each draw, and its end.

    Draws are told as soon as it is known whether they count. The ensemble's own end of a chat or
    completion carries no usage, since the members' ends do.

    Args:
        call_id: Identifier of the call.
        kind: The method called.
        plan: How the ensemble votes.
    """

    def __init__(self, call_id: str, kind: str, plan: VotePlan[LLM]) -> None:
        self._call_id = call_id
        self._kind = kind
        self._plan = plan
        self._span = active_span_id.get()
        self._waiting: dict[int, tuple[Draw, Outcome]] = {}
        self._next = 0
        self._counted = 0
        self._over = False
        self.heard = is_heard()

    def start(self, prompt: str | Sequence[ChatMessage], tools: Sequence[Any]) -> None:
        """The ensemble is asked."""
        if self.heard:
            shown = prompt if isinstance(prompt, str) else list(prompt)
            self._tell(
                EnsembleStartEvent(
                    call_id=self._call_id,
                    kind=self._kind,
                    prompt=shown,
                    tools=list(tools),
                    span_id=self._span,
                )
            )

    def observe(self, engine: VotingEngine, draw: Draw, outcome: Outcome) -> None:
        """A draw has come back."""
        if not self.heard:
            return
        if self._over:
            self._sample(draw, outcome, counted=False)
            return
        self._waiting[draw.index] = (draw, outcome)
        if engine.settings.order == "arrival":
            return  # whether a draw came in time is known at the end
        while self._next in self._waiting:
            told, came = self._waiting[self._next]
            if isinstance(came, Sample):
                if self._counted >= engine.tally.n_samples:
                    return
                self._counted += 1
            elif engine.done:
                return
            self._sample(told, came, counted=True)
            del self._waiting[self._next]
            self._next += 1

    def end(self, decision: Decision | None, told: Mapping[str, Any]) -> None:
        """The ensemble has decided, or failed."""
        if not self.heard:
            return
        self._over = True
        counted = {t.draw.index for t in decision.trail if t.counted} if decision else set()
        for index, (draw, outcome) in sorted(self._waiting.items()):
            self._sample(draw, outcome, counted=index in counted)
        self._waiting.clear()
        self._tell(
            EnsembleEndEvent(
                call_id=self._call_id, kind=self._kind, trace=dict(told), span_id=self._span
            )
        )

    def _sample(self, draw: Draw, outcome: Outcome, *, counted: bool) -> None:
        member = self._plan.members[draw.member]
        facts: dict[str, Any] = {"error": None}
        if isinstance(outcome, Sample):
            usage = outcome.usage
            known = bool(usage.input_tokens or usage.output_tokens)
            facts |= {
                "answer": _plain(outcome.answer),
                "text": outcome.reply.text if outcome.reply is not None else None,
                "tokens": outcome.tokens,
                "input_tokens": usage.input_tokens if known else None,
                "cost": usage.cost if known else None,
                "score": outcome.score,
            }
        else:
            facts["error"] = f"{type(outcome.error).__name__}: {outcome.error}"
        self._tell(
            EnsembleSampleEvent(
                call_id=self._call_id,
                index=draw.index,
                member=member.name,
                kind=self._kind,
                seconds=outcome.seconds,
                counted=counted,
                weight=member.weight,
                span_id=self._span,
                **facts,
            )
        )

    def _tell(self, event: Any) -> None:
        dispatcher.event(event)


class EndpointReport:
    """Tells of a chat or a completion as any LLM does.

    Args:
        model: The ensemble.
        prompt: What it was asked.
        options: The arguments of the call.
    """

    def __init__(
        self, model: LLM, prompt: str | Sequence[ChatMessage], options: Mapping[str, Any]
    ) -> None:
        self._span = active_span_id.get()
        shown: Any = prompt if isinstance(prompt, str) else list(prompt)
        self._prompt: Any = shown
        self._chat = not isinstance(prompt, str)
        self.heard = is_heard()
        if self.heard:
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
        """A piece of a stream goes out."""
        if self.heard:
            kind: Any = LLMChatInProgressEvent if self._chat else LLMCompletionInProgressEvent
            dispatcher.event(kind(response=response, span_id=self._span, **self._asked))

    def end(self, response: Any) -> None:
        """The response goes out."""
        if self.heard:
            kind: Any = LLMChatEndEvent if self._chat else LLMCompletionEndEvent
            dispatcher.event(kind(response=response, span_id=self._span, **self._asked))

    @property
    def _asked(self) -> dict[str, Any]:
        return {"messages": self._prompt} if self._chat else {"prompt": self._prompt}


def _plain(answer: Any) -> Any:
    return answer if isinstance(answer, str | int | float | None) else str(answer)
