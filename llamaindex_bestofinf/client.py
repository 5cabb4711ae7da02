"""The `Client` for LlamaIndex, which asks LLMs and reads their responses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.llms.llm import LLM
from llama_index_instrumentation.dispatcher import active_instrument_tags

from bestofinf.ensemble import Flow, Reading, Step, arun, run
from bestofinf.records import Draw, Member
from llamaindex_bestofinf.events import CALL_TAG, MEMBER_TAG, SAMPLE_TAG
from llamaindex_bestofinf.members import Clients
from llamaindex_bestofinf.messages import reading_of


class Question(ABC):
    """A question for the members: a chat, a completion, tools or a structured prediction."""

    @abstractmethod
    def called(self, member: Member[LLM]) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return the blocking method that asks a member, and its arguments.

        Lists and mappings are new ones for each member, because members and agents change them.
        """

    @abstractmethod
    def shown(self) -> str | Sequence[ChatMessage]:
        """Return the question as it is reported."""

    @abstractmethod
    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call as they are reported."""

    def asked(self, member: Member[LLM], model: LLM) -> Flow[Any]:
        """Ask a member once, and return its output."""
        name, given, options = self.called(member)
        return (
            yield Step(
                lambda: getattr(model, name)(*given, **options),
                lambda: getattr(model, f"a{name}")(*given, **options),
            )
        )

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Reading:
        """Return the response of a member as a reply with its usage."""
        return reading_of(output)

    def text(self) -> str:
        """Return the question as text: messages one after the other."""
        shown = self.shown()
        if isinstance(shown, str):
            return shown
        return "\n".join(f"{message.role.value}: {message.content or ''}" for message in shown)


_INSTRUCTIONS = (MessageRole.SYSTEM, MessageRole.DEVELOPER)

Prepare = Callable[[Member[LLM]], list[ChatMessage]]
"""Gives a member's own list of the messages."""


def _instructed(messages: list[ChatMessage], system: str | None) -> list[ChatMessage]:
    """Return messages with a member's own instructions, unless they begin with some."""
    if system is None or (messages[:1] and messages[0].role in _INSTRUCTIONS):
        return messages
    return [ChatMessage(role=MessageRole.SYSTEM, content=system), *messages]


@dataclass(frozen=True)
class ChatQuestion(Question):
    """A chat.

    Attributes:
        messages: The messages that the ensemble was given.
        prepare: Returns the list of messages for a member.
        kwargs: Arguments for every call.
    """

    messages: Sequence[ChatMessage]
    prepare: Prepare
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def called(self, member: Member[LLM]) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return how a member chats."""
        messages = _instructed(self.prepare(member), member.system)
        return "chat", (messages,), {**self.kwargs, **member.options}

    def shown(self) -> Sequence[ChatMessage]:
        """Return the messages."""
        return self.messages

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call."""
        return self.kwargs


@dataclass(frozen=True)
class CompletionQuestion(Question):
    """A prompt to complete.

    Attributes:
        prompt: The prompt that the ensemble was given.
        prepare: Returns the prompt for a member, and whether it is in the member's own format.
        kwargs: Arguments for every call.
    """

    prompt: str
    prepare: Callable[[Member[LLM]], tuple[str, bool]]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def called(self, member: Member[LLM]) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return how a member completes the prompt."""
        prompt, formatted = self.prepare(member)
        if member.system is not None and not formatted:
            prompt = f"{member.system}\n\n{prompt}"
        options = {"formatted": formatted, **self.kwargs, **member.options}
        return "complete", (prompt,), options

    def shown(self) -> str:
        """Return the prompt."""
        return self.prompt

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call."""
        return self.kwargs


class Request(NamedTuple):
    """One request: the question, and the member of the vote."""

    question: Question
    place: int | None


class LlamaIndexClient:
    """Asks the members of one call.

    Every request has instrumentation tags with the ensemble's call, the draw and the member, by
    which handlers can recognise the events of members.

    Args:
        call_id: Identifier of the ensemble's call.
        members: The members, in the engine's order.
        clients: Returns the object to ask in the running event loop.
        manager: The ensemble's callback manager; it gets the requests that members do not report
            to the same handlers.
    """

    def __init__(
        self,
        call_id: str,
        members: Sequence[Member[LLM]],
        clients: Clients,
        manager: CallbackManager,
    ) -> None:
        self._members = members
        self._clients = clients
        self._manager = manager if manager.handlers else None
        self._tags = {**active_instrument_tags.get(), CALL_TAG: call_id}

    def request(self, question: Question, member: Member[LLM], draw: Draw | None) -> Request:
        """Return a request, with its tags set in the current context."""
        tags = {**self._tags, MEMBER_TAG: member.name}
        if draw is not None:
            tags[SAMPLE_TAG] = draw.index
        else:
            tags.pop(SAMPLE_TAG, None)  # the tag of an ensemble that surrounds this one
        active_instrument_tags.set(tags)
        return Request(question, draw.member if draw is not None else None)

    def send(self, member: Member[LLM], request: Request) -> Reading:
        """Ask the member, and read its response."""
        return run(self._sent(request.question, member, member.model))

    async def asend(self, member: Member[LLM], request: Request) -> Reading:
        """Ask the member in the running event loop, and read its response."""
        model = self._here(request.place, member)
        return await arun(self._sent(request.question, member, model))

    def _sent(self, question: Question, member: Member[LLM], model: LLM) -> Flow[Reading]:
        with self._event(member, question) as note:
            output = yield from question.asked(member, model)
            return note(question.read(member, model, output))

    def _event(self, member: Member[LLM], question: Question) -> AbstractContextManager[_Note]:
        """Report a request to the older callbacks of the ensemble that the member does not have."""
        if self._manager is None:
            return nullcontext(_unnoted)
        manager = _missing(self._manager, member.model.callback_manager)
        return nullcontext(_unnoted) if manager is None else _told(manager, member, question)

    def _here(self, place: int | None, member: Member[LLM]) -> LLM:
        """Return the object to ask for a member in the running loop, also for one that chooses."""
        if place is None:
            own = (i for i, m in enumerate(self._members) if m.model is member.model)
            place = next(own, None)
        return member.model if place is None else self._clients.here(place)

    def read(self, member: Member[LLM], output: Reading) -> Reading:
        """Return the reading, which `send` has made already, within the event of the request."""
        return output

    def choice(self, prompt: str) -> ChatQuestion:
        """Return a prompt as a chat, for a model that chooses among replies or compares them."""
        messages = [ChatMessage(prompt)]
        return ChatQuestion(messages, lambda member: list(messages))

    def text(self, question: Question) -> str:
        """Return the question as text."""
        return question.text()


_Note = Callable[[Reading], Reading]
"""Is to be given what a request has brought, and returns it."""


def _unnoted(reading: Reading) -> Reading:
    return reading


@contextmanager
def _told(manager: CallbackManager, member: Member[LLM], question: Question) -> Iterator[_Note]:
    """Report a request to older callbacks."""
    found: list[Reading] = []

    def note(reading: Reading) -> Reading:
        found.append(reading)
        return reading

    shown = question.shown()
    is_text = isinstance(shown, str)
    asked: dict[Any, Any] = {EventPayload.PROMPT if is_text else EventPayload.MESSAGES: shown}
    payload = {
        **asked,
        EventPayload.ADDITIONAL_KWARGS: dict(question.options()),
        EventPayload.SERIALIZED: member.model.to_payload(),
    }
    event = manager.on_event_start(CBEventType.LLM, payload=payload)
    try:
        yield note
    except BaseException as error:
        failed: dict[Any, Any] = {EventPayload.EXCEPTION: error}
        manager.on_event_end(CBEventType.LLM, payload=failed, event_id=event)
        raise
    said = EventPayload.COMPLETION if is_text else EventPayload.RESPONSE
    ended = {**asked, said: _counted(found[0])}
    manager.on_event_end(CBEventType.LLM, payload=ended, event_id=event)


def _missing(manager: CallbackManager, own: CallbackManager) -> CallbackManager | None:
    """Return a manager of the handlers that a member does not report to; None for none."""
    if not own.handlers:
        return manager
    missing = [h for h in manager.handlers if not any(h is other for other in own.handlers)]
    return CallbackManager(missing) if missing else None


def _counted(found: Reading) -> Any:
    """Return the member's response; for a structured object, a response with the usage."""
    native = found.reply.native
    if isinstance(native, ChatResponse | CompletionResponse):
        return native
    usage = {"prompt_tokens": found.input_tokens, "completion_tokens": found.output_tokens}
    message = ChatMessage(role="assistant", content=found.reply.text)
    return ChatResponse(message=message, raw={"usage": usage}, additional_kwargs=usage)
