"""Structured output: every member makes an object in the best way it supports; objects vote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, cast

from llama_index.core.base.llms.generic_utils import (
    achat_to_completion_decorator,
    chat_to_completion_decorator,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    MessageRole,
)
from llama_index.core.llms.llm import LLM
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate
from llama_index_instrumentation.dispatcher import active_instrument_tags
from pydantic import BaseModel

from bestofinf.ensemble import Flow, NoObjectError, Reading, Result, Step, arun, run
from bestofinf.errors import SamplingError
from bestofinf.records import Member, Reply
from llamaindex_bestofinf.client import Question
from llamaindex_bestofinf.messages import TRACE_KEY
from llamaindex_bestofinf.reporting import EndpointReport
from llamaindex_bestofinf.usage import USAGE_TAG, Counts, usage_book


@dataclass(frozen=True)
class StructuredQuestion(Question):
    """A request for an object of a class.

    Attributes:
        output_cls: The class.
        prompt: The prompt template.
        llm_kwargs: Arguments for every call.
        prompt_args: Values of the template's variables.
        ensemble: The ensemble, for prompts that depend on their model.
    """

    output_cls: type[BaseModel]
    prompt: BasePromptTemplate
    llm_kwargs: Mapping[str, Any] = field(default_factory=dict)
    prompt_args: Mapping[str, Any] = field(default_factory=dict)
    ensemble: LLM | None = None

    def called(self, member: Member[LLM]) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return how a member makes an object."""
        # Copies, because programs change the prompt and the mapping of arguments.
        given = {
            **self.prompt_args,
            "output_cls": self.output_cls,
            "prompt": self.prompt.model_copy(),
            "llm_kwargs": {**self.llm_kwargs, **member.options},
        }
        return "structured_predict", (), given

    def asked(self, member: Member[LLM], model: LLM) -> Flow[tuple[Any, Counts]]:
        """Ask a member once; return the object and the tokens read and generated."""
        with self._counting(member) as key:
            found = yield from super().asked(member, model)
            return found, usage_book().close(key)

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Reading:
        """Return an object as a reply with its usage; a text instead of it abstains."""
        found, (read, written) = output
        if isinstance(found, str):
            return Reading(Reply(native=found), read, written)
        if not isinstance(found, BaseModel):
            raise self._no_object(member, f"it gave {type(found).__name__}")
        reply = Reply(text=found.model_dump_json(), parsed=found, native=found)
        return Reading(reply, read, written)

    def shown(self) -> Sequence[ChatMessage]:
        """Return the messages of the prompt."""
        return self.prompt.format_messages(llm=self.ensemble, **self.prompt_args)

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call."""
        return self.llm_kwargs

    @contextmanager
    def _counting(self, member: Member[LLM]) -> Iterator[str]:
        """Count the tokens of the requests within, under a key."""
        key, book = token_hex(16), usage_book()
        book.open(key)
        active_instrument_tags.set({**active_instrument_tags.get(), USAGE_TAG: key})
        try:
            yield key
        except (ValueError, TypeError, AssertionError) as error:
            raise self._no_object(member, error, [error]) from error
        finally:
            book.close(key)

    def _no_object(
        self, member: Member[LLM], why: Any, causes: Sequence[BaseException] = ()
    ) -> NoObjectError:
        what = f"no {self.output_cls.__name__} from member {member.name!r}"
        return NoObjectError(f"{what}: {why}", causes)


def object_of(reply: Reply, output_cls: type[BaseModel]) -> BaseModel | str:
    """Return the object of the winning reply, which may be composed of several.

    If no member could make one, it is the text of the first reply, because LlamaIndex' programs
    return a text then and rerankers expect it.

    Raises:
        SamplingError: If the reply's object is not of the class.
    """
    if isinstance(reply.native, str):
        return reply.native
    if isinstance(reply.parsed, output_cls):
        return reply.parsed
    try:
        return output_cls.model_validate(reply.parsed)
    except ValueError as error:
        raise SamplingError(f"the winning reply is no {output_cls.__name__}: {error}") from error


class EnsembleStructuredLLM(StructuredLLM):
    """An ensemble whose answers are objects of one class, with the decision in the response."""

    # Without the decorators of its base class, because the members' events have the tokens.

    @classmethod
    def class_name(cls) -> str:
        """Return the name used in serialized form."""
        return "EnsembleStructuredLLM"

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the object that answers a chat."""
        return run(self._answer(messages, kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the object that answers a chat."""
        return await arun(self._answer(messages, kwargs))

    def _answer(
        self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> Flow[ChatResponse]:
        report = EndpointReport(self, messages, kwargs)
        asked, ensemble = (self.output_cls, _template(messages), kwargs), self._ensemble
        predicted = yield Step(
            lambda: ensemble.predict_with_trace(*asked),
            lambda: ensemble.apredict_with_trace(*asked),
        )
        response = self._response(*predicted)
        report.end(response)
        return response

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Vote, then yield the object as the only chunk of the stream."""
        call, respond, piece = self._streamed(messages, kwargs)
        return cast("ChatResponseGen", self._ensemble._stream(call, respond, piece))

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Vote, then yield the object as the only chunk of the stream."""
        call, respond, piece = self._streamed(messages, kwargs)
        return cast("ChatResponseAsyncGen", self._ensemble._astream(call, respond, piece))

    def _streamed(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Return the call for a stream, what makes its response, and what hands that out."""
        ensemble, report = self._ensemble, EndpointReport(self, messages, kwargs)
        call = ensemble._structured_call(self.output_cls, _template(messages), kwargs, {})

        def respond(result: Result) -> ChatResponse:
            return self._response(*ensemble._object(result, self.output_cls))

        def piece(within: Any, item: str | Result, respond: Any) -> Iterator[ChatResponse]:
            if not isinstance(item, str):
                response = respond(item)
                report.end(response)
                yield response.model_copy(update={"delta": response.message.content})

        return call, respond, piece

    def _response(self, found: Any, told: Mapping[str, Any]) -> ChatResponse:
        if not isinstance(found, BaseModel):
            raise NoObjectError(f"no member has made a {self.output_cls.__name__}")
        return ChatResponse(
            message=ChatMessage(role=MessageRole.ASSISTANT, content=found.model_dump_json()),
            raw=found,
            additional_kwargs={TRACE_KEY: told},
        )

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Vote on the object that completes a prompt."""
        return chat_to_completion_decorator(self.chat)(prompt, **kwargs)

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Vote on the object that completes a prompt."""
        return await achat_to_completion_decorator(self.achat)(prompt, **kwargs)

    @property
    def _ensemble(self) -> Any:
        return self.llm


def _template(messages: Sequence[ChatMessage]) -> ChatPromptTemplate:
    return ChatPromptTemplate(message_templates=list(messages))
