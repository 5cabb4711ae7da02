"""Structured output: every member makes its object in its own best way; the objects are voted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

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

from bestofinf.errors import SamplingError
from bestofinf.records import Member, Reply, Sample
from llamaindex_bestofinf.calls import NoObjectError
from llamaindex_bestofinf.messages import TRACE_KEY
from llamaindex_bestofinf.reporting import EndpointReport
from llamaindex_bestofinf.sampling import text_of
from llamaindex_bestofinf.usage import USAGE_TAG, usage_book


@dataclass(frozen=True)
class StructuredQuestion:
    """A request for an object of a class.

    Attributes:
        output_cls: The class.
        prompt: The prompt as a template.
        llm_kwargs: Arguments for every call.
        prompt_args: What is put into the template.
        ensemble: For prompts that look at the model they are for.
    """

    output_cls: type[BaseModel]
    prompt: BasePromptTemplate
    llm_kwargs: Mapping[str, Any] = field(default_factory=dict)
    prompt_args: Mapping[str, Any] = field(default_factory=dict)
    ensemble: LLM | None = None

    def ask(self, member: Member[LLM], model: LLM) -> tuple[BaseModel, tuple[int, int]]:
        """Ask a member once, and wait."""
        key = self._open()
        try:
            return model.structured_predict(**self._arguments(member)), usage_book().close(key)
        except (ValueError, TypeError, AssertionError) as error:
            raise self._no_object(member, error) from error
        finally:
            usage_book().close(key)

    async def aask(self, member: Member[LLM], model: LLM) -> tuple[BaseModel, tuple[int, int]]:
        """Ask a member once, in the running loop."""
        key = self._open()
        try:
            found = await model.astructured_predict(**self._arguments(member))
            return found, usage_book().close(key)
        except (ValueError, TypeError, AssertionError) as error:
            raise self._no_object(member, error) from error
        finally:
            usage_book().close(key)

    def read(self, member: Member[LLM], model: LLM, output: Any) -> Sample:
        """Return an object as a sample."""
        found, (read, written) = output
        if not isinstance(found, BaseModel):
            raise self._no_object(member, f"it gave {type(found).__name__}")
        return Sample(
            None,
            reply=Reply(text=found.model_dump_json(), parsed=found, native=found),
            usage=member.charge(read, written),
            tokens=written or None,
        )

    def text(self) -> str:
        """Return the question as text."""
        return text_of(self.shown())

    def shown(self) -> Sequence[ChatMessage]:
        """Return the messages of the prompt."""
        return self.prompt.format_messages(llm=self.ensemble, **self.prompt_args)

    def options(self) -> Mapping[str, Any]:
        """Return the arguments of every call."""
        return self.llm_kwargs

    def _arguments(self, member: Member[LLM]) -> dict[str, Any]:
        # Programs put their parser into the prompt, and take arguments out of the mapping.
        return {
            **self.prompt_args,
            "output_cls": self.output_cls,
            "prompt": self.prompt.model_copy(),
            "llm_kwargs": {**self.llm_kwargs, **member.call_kwargs},
        }

    def _open(self) -> str:
        key = uuid4().hex
        usage_book().open(key)
        active_instrument_tags.set({**active_instrument_tags.get(), USAGE_TAG: key})
        return key

    def _no_object(self, member: Member[LLM], why: Any) -> NoObjectError:
        return NoObjectError(f"no {self.output_cls.__name__} from member {member.name!r}: {why}")


def object_of(reply: Reply, output_cls: type[BaseModel]) -> BaseModel:
    """Return the object of the winning reply, which may be composed of several.

    Raises:
        SamplingError: If it has none of the class.
    """
    if isinstance(reply.parsed, output_cls):
        return reply.parsed
    try:
        return output_cls.model_validate(reply.parsed)
    except ValueError as error:
        raise SamplingError(f"the winning reply is no {output_cls.__name__}: {error}") from error


class EnsembleStructuredLLM(StructuredLLM):
    """An ensemble whose every answer is an object of one class, with the decision beside it."""

    # Not decorated as its base is: tokens are counted with the members.

    @classmethod
    def class_name(cls) -> str:
        """Return the name used in serialized form."""
        return "EnsembleStructuredLLM"

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the object that answers a chat."""
        report = EndpointReport(self, messages, kwargs)
        found, told = self._ensemble.predict_with_trace(
            self.output_cls, _template(messages), kwargs
        )
        response = _response(found, told)
        report.end(response)
        return response

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the object that answers a chat."""
        report = EndpointReport(self, messages, kwargs)
        found, told = await self._ensemble.apredict_with_trace(
            self.output_cls, _template(messages), kwargs
        )
        response = _response(found, told)
        report.end(response)
        return response

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Vote, then give the object as the only piece of the stream."""
        response = self.chat(messages, **kwargs)
        yield response.model_copy(update={"delta": response.message.content})

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Vote, then give the object as the only piece of the stream."""

        async def pieces() -> ChatResponseAsyncGen:
            response = await self.achat(messages, **kwargs)
            yield response.model_copy(update={"delta": response.message.content})

        return pieces()

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


def _response(found: BaseModel, told: Mapping[str, Any]) -> ChatResponse:
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=found.model_dump_json()),
        raw=found,
        additional_kwargs={TRACE_KEY: told},
    )
