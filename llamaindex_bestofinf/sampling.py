"""One vote's samples: members are asked, and what they say becomes samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation.dispatcher import active_instrument_tags

from bestofinf.alike import Alike
from bestofinf.records import Draw, Member, Reply, Sample
from bestofinf.scorers import Scorer
from bestofinf.scorers.base import ascored, scored
from bestofinf.slots import Slots
from llamaindex_bestofinf.events import CALL_TAG, MEMBER_TAG, SAMPLE_TAG
from llamaindex_bestofinf.members import Clients
from llamaindex_bestofinf.messages import reply_of, usage_of


class Question(Protocol):
    """What every member is asked, in one of the forms that an LLM can be asked in."""

    def ask(self, member: Member[LLM], model: LLM) -> Any:
        """Ask a member once, and wait."""

    async def aask(self, member: Member[LLM], model: LLM) -> Any:
        """Ask a member once, in the running loop."""

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Sample:
        """Return what a member gave as a sample."""

    def text(self) -> str:
        """Return the question as text, for scorers."""

    def shown(self) -> str | Sequence[ChatMessage]:
        """Return the question as it is reported."""

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call as they are reported."""


def read_response(
    member: Member[LLM], response: ChatResponse | CompletionResponse, calls: Any = None
) -> Sample:
    """Return a member's response as a sample without an answer."""
    usage = usage_of(response, member)
    return Sample(
        None, reply=reply_of(response, calls), usage=usage, tokens=usage.output_tokens or None
    )


def text_of(messages: Sequence[ChatMessage]) -> str:
    """Return messages as text, one after the other."""
    return "\n".join(f"{message.role.value}: {message.content or ''}" for message in messages)


Prepare = Callable[[Member[LLM]], list[ChatMessage]]
"""Gives a member's own list of the messages: members and agents write into lists."""


@dataclass(frozen=True)
class ChatQuestion:
    """A chat.

    Attributes:
        messages: As given to the ensemble.
        prepare: Gives each member its own list.
        kwargs: Arguments for every call.
    """

    messages: Sequence[ChatMessage]
    prepare: Prepare
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def ask(self, member: Member[LLM], model: LLM) -> ChatResponse:
        """Ask a member once, and wait."""
        return model.chat(self.prepare(member), **{**self.kwargs, **member.call_kwargs})

    async def aask(self, member: Member[LLM], model: LLM) -> ChatResponse:
        """Ask a member once, in the running loop."""
        return await model.achat(self.prepare(member), **{**self.kwargs, **member.call_kwargs})

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Sample:
        """Return what a member gave as a sample."""
        return read_response(member, output)

    def text(self) -> str:
        """Return the question as text."""
        return text_of(self.messages)

    def shown(self) -> Sequence[ChatMessage]:
        """Return the messages."""
        return self.messages

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call."""
        return self.kwargs


@dataclass(frozen=True)
class CompletionQuestion:
    """A prompt to complete.

    Attributes:
        prompt: As given to the ensemble.
        prepare: Gives each member its prompt, and whether that is in the member's own format.
        kwargs: Arguments for every call.
    """

    prompt: str
    prepare: Callable[[Member[LLM]], tuple[str, bool]]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def ask(self, member: Member[LLM], model: LLM) -> CompletionResponse:
        """Ask a member once, and wait."""
        prompt, formatted = self.prepare(member)
        kwargs = {**self.kwargs, **member.call_kwargs}
        return model.complete(prompt, formatted=formatted, **kwargs)

    async def aask(self, member: Member[LLM], model: LLM) -> CompletionResponse:
        """Ask a member once, in the running loop."""
        prompt, formatted = self.prepare(member)
        kwargs = {**self.kwargs, **member.call_kwargs}
        return await model.acomplete(prompt, formatted=formatted, **kwargs)

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Sample:
        """Return what a member gave as a sample."""
        return read_response(member, output)

    def text(self) -> str:
        """Return the prompt."""
        return self.prompt

    def shown(self) -> str:
        """Return the prompt."""
        return self.prompt

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call."""
        return self.kwargs


class Sampler:
    """Asks the members of one vote.

    Every call is made under tags that name the ensemble's call, the draw and the member, so that
    whoever listens can tell the events of members.

    Args:
        members: The members, in the engine's order.
        question: What they are asked.
        call_id: Identifier of the ensemble's call.
        clients: Which object to ask in which loop.
        slots: Limits on requests in flight.
        manager: The ensemble's callback manager; told of members that have no handlers.
        scorer: Scores replies; None for no scores.
    """

    def __init__(
        self,
        members: Sequence[Member[LLM]],
        question: Question,
        call_id: str,
        *,
        clients: Clients,
        slots: Slots,
        manager: CallbackManager,
        scorer: Scorer | None = None,
    ) -> None:
        self._members = members
        self._question = question
        self._clients = clients
        self._slots = slots
        self._manager = manager if manager.handlers else None
        self._scorer = scorer
        self._tags = {**active_instrument_tags.get(), CALL_TAG: call_id}
        self._alike = Alike([member.name for member in members])

    async def asample(self, draw: Draw) -> Sample:
        """Ask the draw's member once, in the current task."""
        place = draw.member
        if self._slots.limited(place):
            async with self._slots.ataken(place):
                sample = await self._aask(draw, self._members[place])
        else:
            sample = await self._aask(draw, self._members[place])
        self._alike.note(place, sample)
        if self._scorer is None:
            return sample
        return await ascored(sample, self._scorer, self._question.text())

    def sample(self, draw: Draw) -> Sample:
        """Ask the draw's member once, in the current thread."""
        with self._slots.taken(draw.member):
            sample = self._ask(draw, self._members[draw.member])
        self._alike.note(draw.member, sample)
        if self._scorer is None:
            return sample
        return scored(sample, self._scorer, self._question.text())

    async def aescalate(self, name: str, model: LLM) -> Sample:
        """Ask the model above the ensemble, in the current task."""
        return await self._aask(None, Member(model, name=name))

    def escalate(self, name: str, model: LLM) -> Sample:
        """Ask the model above the ensemble, in the current context."""
        return self._ask(None, Member(model, name=name))

    async def achoose(self, chooser: Member[LLM], prompt: str) -> Sample:
        """Ask a model which of several replies to take, in the current task."""
        return await self._aask(None, chooser, _choice(prompt))

    def choose(self, chooser: Member[LLM], prompt: str) -> Sample:
        """Ask a model which of several replies to take, in the current context."""
        return self._ask(None, chooser, _choice(prompt))

    # Each draw runs in a context of its own, so that tags need not be taken back.

    async def _aask(
        self, draw: Draw | None, member: Member[LLM], question: Question | None = None
    ) -> Sample:
        question = question or self._question
        model = self._here(draw, member)
        self._tag(draw, member)
        event = self._begin(member, question)
        start = time.monotonic()
        try:
            output = await question.aask(member, model)
            sample = question.read(member, model, output)
        except BaseException as error:
            self._fail(event, error)
            raise
        self._end(event, sample, question)
        return replace(sample, seconds=time.monotonic() - start)

    def _ask(
        self, draw: Draw | None, member: Member[LLM], question: Question | None = None
    ) -> Sample:
        question = question or self._question
        self._tag(draw, member)
        event = self._begin(member, question)
        start = time.monotonic()
        try:
            output = question.ask(member, member.model)
            sample = question.read(member, member.model, output)
        except BaseException as error:
            self._fail(event, error)
            raise
        self._end(event, sample, question)
        return replace(sample, seconds=time.monotonic() - start)

    def _here(self, draw: Draw | None, member: Member[LLM]) -> LLM:
        """Return what to ask for a member in the running loop, also where it is to choose."""
        if draw is not None:
            return self._clients.here(draw.member)
        own = next((i for i, m in enumerate(self._members) if m.model is member.model), None)
        return member.model if own is None else self._clients.here(own)

    def _tag(self, draw: Draw | None, member: Member[LLM]) -> None:
        tags = {**self._tags, MEMBER_TAG: member.name}
        if draw is not None:
            tags[SAMPLE_TAG] = draw.index
        else:
            tags.pop(SAMPLE_TAG, None)  # that of an ensemble around this one
        active_instrument_tags.set(tags)

    # -- the older callbacks ------------------------------------------------------------------

    def _begin(self, member: Member[LLM], question: Question) -> str | None:
        """Report a sample of a member without handlers to those of the ensemble, once."""
        manager = self._manager
        if manager is None or member.model.callback_manager.handlers:
            return None
        shown = question.shown()
        key = EventPayload.PROMPT if isinstance(shown, str) else EventPayload.MESSAGES
        payload: dict[Any, Any] = {
            key: shown,
            EventPayload.ADDITIONAL_KWARGS: dict(question.options()),
            EventPayload.SERIALIZED: member.model.to_payload(),
        }
        return manager.on_event_start(CBEventType.LLM, payload=payload)

    def _end(self, event: str | None, sample: Sample, question: Question) -> None:
        if event is None or self._manager is None:
            return
        shown = question.shown()
        response = _counted(sample)
        payload: dict[Any, Any]
        if isinstance(shown, str):
            payload = {EventPayload.PROMPT: shown, EventPayload.COMPLETION: response}
        else:
            payload = {EventPayload.MESSAGES: shown, EventPayload.RESPONSE: response}
        self._manager.on_event_end(CBEventType.LLM, payload=payload, event_id=event)

    def _fail(self, event: str | None, error: BaseException) -> None:
        if event is not None and self._manager is not None:
            payload: dict[Any, Any] = {EventPayload.EXCEPTION: error}
            self._manager.on_event_end(CBEventType.LLM, payload=payload, event_id=event)


def _choice(prompt: str) -> ChatQuestion:
    messages = [ChatMessage(prompt)]
    return ChatQuestion(messages, lambda member: list(messages))


def _counted(sample: Sample) -> Any:
    """Return the member's response; for a structured object, one that has its usage."""
    reply = sample.reply or Reply()
    if isinstance(reply.native, ChatResponse | CompletionResponse):
        return reply.native
    usage = {
        "prompt_tokens": sample.usage.input_tokens,
        "completion_tokens": sample.usage.output_tokens,
    }
    message = ChatMessage(role="assistant", content=reply.text)
    return ChatResponse(message=message, raw={"usage": usage}, additional_kwargs=usage)
