"""An LLM that asks its members until the answer is settled."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from contextvars import ContextVar, copy_context
from typing import Any, cast

from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser
from llama_index.core.base.llms.generic_utils import messages_to_prompt
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM, ToolSelection, default_completion_to_prompt
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate
from llama_index.core.tools.types import BaseTool
from pydantic import BaseModel
from typing_extensions import override

from bestofinf.consensus import Consensus
from bestofinf.drivers.common import Observer
from bestofinf.errors import UsageError
from bestofinf.records import Member
from llamaindex_bestofinf.calls import EnsembleCall, Result
from llamaindex_bestofinf.history import portable_history
from llamaindex_bestofinf.loops import private_loop
from llamaindex_bestofinf.members import calls_tools, common_metadata
from llamaindex_bestofinf.messages import TRACE_KEY, winning_chat, winning_completion
from llamaindex_bestofinf.prompts import MessagesFor, PromptFor, common_parser
from llamaindex_bestofinf.reporting import EndpointReport, dispatcher, is_heard
from llamaindex_bestofinf.sampling import ChatQuestion, CompletionQuestion, Question
from llamaindex_bestofinf.settings import EnsembleSettings, split_settings
from llamaindex_bestofinf.streaming import (
    awatched,
    replayed_chat,
    replayed_completion,
    watched,
)
from llamaindex_bestofinf.structured import EnsembleStructuredLLM, StructuredQuestion, object_of
from llamaindex_bestofinf.tools import (
    REQUEST,
    ToolRequest,
    ToolsQuestion,
    described,
    incapable_members,
)

_last_trace: ContextVar[dict[str, Any] | None] = ContextVar("bestofinf_last_trace", default=None)


class AdaptiveEnsembleLLM(EnsembleSettings, FunctionCallingLLM):
    """An LLM that asks its members until the answer is settled, and gives that answer.

    It stands wherever an LLM does: ``Settings.llm``, query and chat engines, agents, workflows
    and structured programs. The message is the winning member's own; how it won is in
    ``response.additional_kwargs["bestofinf"]``.

    ```python
    llm = AdaptiveEnsembleLLM([OpenAI("gpt-5-mini"), (Anthropic(...), 0.5)])
    response = llm.complete("What is 17 * 23?")
    response.additional_kwargs["bestofinf"]["confidence"]
    ```

    Single settings can be changed for a call: ``llm.chat(messages, max_samples=5)``; for
    components that pass no arguments on, ``llm.with_settings(max_samples=5)`` gives a copy.

    The attributes are those of `EnsembleSettings` and of LlamaIndex's LLMs. A rate limiter of the
    ensemble counts one request a vote: set limiters on members.
    """

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        EnsembleSettings.__init__(self, members, **kwargs)

    @classmethod
    def class_name(cls) -> str:
        """Return the name used in serialized form."""
        return "AdaptiveEnsembleLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """Describe the ensemble so that what suits the description suits every member."""
        return common_metadata(self._members, any_tools=self.tool_policy == "capable_only")

    def last_trace(self) -> dict[str, Any] | None:
        """Return the decision of the last call made in this task or thread, of any ensemble.

        For structured predictions, which give nothing but the object.
        """
        return _last_trace.get()

    # -- chats --------------------------------------------------------------------------------

    @override
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the reply to a chat."""
        call = self._chat_call("chat", messages, kwargs)
        report = self._opened(call)
        response = self._chat_response(self._decide(call))
        report.end(response)
        return response

    @override
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the reply to a chat."""
        call = self._chat_call("achat", messages, kwargs)
        report = await self._aopened(call)
        response = self._chat_response(await call.arun())
        report.end(response)
        return response

    @override
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Vote, then replay the winning reply as deltas that add up to it."""
        call = self._chat_call("stream_chat", messages, kwargs)
        context = copy_context()

        def chunks() -> ChatResponseGen:
            report = context.run(self._opened, call)
            for item in self._watched(call, context):
                if isinstance(item, str):
                    yield _reported(report, _chat_progress(item))
                    continue
                for chunk in replayed_chat(last := self._chat_response(item)):
                    yield _reported(report, chunk)
                report.end(last)

        return chunks()

    @override
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Vote, then replay the winning reply as deltas that add up to it."""
        call = self._chat_call("astream_chat", messages, kwargs)
        context = copy_context()

        async def chunks() -> ChatResponseAsyncGen:
            report = await self._aopened(call, context)
            async with aclosing(awatched(call, context, progress=self.stream_progress)) as items:
                async for item in items:
                    if isinstance(item, str):
                        yield _reported(report, _chat_progress(item))
                        continue
                    for chunk in replayed_chat(last := self._chat_response(item)):
                        yield _reported(report, chunk)
                    report.end(last)

        return chunks()

    # -- completions --------------------------------------------------------------------------

    @override
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Vote on the completion of a prompt."""
        call = self._completion_call("complete", prompt, formatted, kwargs)
        report = self._opened(call)
        response = self._completion_response(self._decide(call))
        report.end(response)
        return response

    @override
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Vote on the completion of a prompt."""
        call = self._completion_call("acomplete", prompt, formatted, kwargs)
        report = await self._aopened(call)
        response = self._completion_response(await call.arun())
        report.end(response)
        return response

    @override
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Vote, then replay the winning completion as deltas that add up to it."""
        call = self._completion_call("stream_complete", prompt, formatted, kwargs)
        context = copy_context()

        def chunks() -> CompletionResponseGen:
            report = context.run(self._opened, call)
            for item in self._watched(call, context):
                if isinstance(item, str):
                    yield _reported(report, _completion_progress(item))
                    continue
                for chunk in replayed_completion(last := self._completion_response(item)):
                    yield _reported(report, chunk)
                report.end(last)

        return chunks()

    @override
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Vote, then replay the winning completion as deltas that add up to it."""
        call = self._completion_call("astream_complete", prompt, formatted, kwargs)
        context = copy_context()

        async def chunks() -> CompletionResponseAsyncGen:
            report = await self._aopened(call, context)
            async with aclosing(awatched(call, context, progress=self.stream_progress)) as items:
                async for item in items:
                    if isinstance(item, str):
                        yield _reported(report, _completion_progress(item))
                        continue
                    for chunk in replayed_completion(last := self._completion_response(item)):
                        yield _reported(report, chunk)
                    report.end(last)

        return chunks()

    # -- tools --------------------------------------------------------------------------------

    @override
    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        settings, rest = split_settings(kwargs)
        messages = list(chat_history or [])
        if user_msg is not None:
            given = user_msg
            messages.append(
                ChatMessage(role=MessageRole.USER, content=given)
                if isinstance(given, str)
                else given
            )
        options = {
            "verbose": verbose,
            "allow_parallel_tool_calls": allow_parallel_tool_calls,
            "tool_required": tool_required,
            **rest,
        }
        return {
            "messages": messages,
            "tools": described(tools),
            REQUEST: ToolRequest(list(tools), options),
            **settings,
        }

    @override
    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """Return the tool calls of a response as the member that gave it reads them."""
        told = response.additional_kwargs.get(TRACE_KEY) or {}
        capable: dict[Any, LLM | None] = {
            m.name: m.model for m in self._members if calls_tools(m.model)
        }
        reader = capable.get(told.get("winner_member"), next(iter(capable.values()), None))
        if reader is not None:
            return cast("FunctionCallingLLM", reader).get_tool_calls_from_response(
                response, error_on_no_tool_call=error_on_no_tool_call, **kwargs
            )
        if error_on_no_tool_call:
            raise UsageError("no member can call tools, so there are no tool calls")
        return []

    @override
    def predict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> Any:
        """Vote on the tool calls, and run them."""
        if self.metadata.is_function_calling_model:
            return super().predict_and_call(tools, *args, **kwargs)
        # Text agents run in an event loop, and LlamaIndex's own way into one fails where another
        # is running.
        return private_loop().run(self.apredict_and_call(tools, *args, **kwargs))

    @override
    async def apredict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> Any:
        """Vote on the tool calls, and run them."""
        if not self.metadata.is_function_calling_model:
            # LlamaIndex gives its agent None for both, which the agent refuses.
            kwargs.setdefault("react_chat_formatter", ReActChatFormatter.from_defaults())
            kwargs.setdefault("output_parser", ReActOutputParser())
        return await super().apredict_and_call(tools, *args, **kwargs)

    # -- structured output --------------------------------------------------------------------

    @override
    def structured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> BaseModel:
        """Vote on an object of a class; every member makes it in its own best way."""
        found, _ = self.predict_with_trace(output_cls, prompt, llm_kwargs, **prompt_args)
        return found

    @override
    async def astructured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> BaseModel:
        """Vote on an object of a class; every member makes it in its own best way."""
        found, _ = await self.apredict_with_trace(output_cls, prompt, llm_kwargs, **prompt_args)
        return found

    @override
    def stream_structured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[BaseModel, None, None]:
        """Vote, then give the object as the only item: a part of it could be revoked."""
        yield self.predict_with_trace(output_cls, prompt, llm_kwargs, **prompt_args)[0]

    @override
    async def astream_structured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[BaseModel, None]:
        """Vote, then give the object as the only item: a part of it could be revoked."""

        async def items() -> AsyncGenerator[BaseModel, None]:
            found, _ = await self.apredict_with_trace(output_cls, prompt, llm_kwargs, **prompt_args)
            yield found

        return items()

    def predict_with_trace(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> tuple[BaseModel, dict[str, Any]]:
        """Do as `structured_predict`, and return the decision beside the object."""
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        if self.rate_limiter is not None:
            self.rate_limiter.acquire()
        return self._object(self._decide(call), output_cls)

    async def apredict_with_trace(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> tuple[BaseModel, dict[str, Any]]:
        """Do as `astructured_predict`, and return the decision beside the object."""
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        if self.rate_limiter is not None:
            await self.rate_limiter.async_acquire()
        return self._object(await call.arun(), output_cls)

    @override
    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """Return an LLM whose every answer is an object of a class, with the decision beside it."""
        return EnsembleStructuredLLM(llm=self, output_cls=output_cls, **kwargs)

    # -- prompts: every member writes its own -------------------------------------------------

    @override
    def _get_messages(self, prompt: BasePromptTemplate, **prompt_args: Any) -> list[ChatMessage]:
        messages = super()._get_messages(prompt, **prompt_args)
        if self._writes_prompts:
            return messages
        return MessagesFor(messages, lambda model: model._get_messages(prompt, **prompt_args))

    @override
    def _get_prompt(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        text = super()._get_prompt(prompt, **prompt_args)
        if self._writes_prompts:
            return text
        return PromptFor.made(text, lambda model: model._get_prompt(prompt, **prompt_args))

    @override
    def _extend_messages(self, messages: list[ChatMessage]) -> list[ChatMessage]:
        if self._writes_prompts:
            return super()._extend_messages(messages)
        return MessagesFor(messages, lambda model: model._extend_messages(list(messages)))

    @override
    def _parse_output(self, output: str) -> str:
        parser = self.output_parser or common_parser(self._members)
        return str(parser.parse(output)) if parser is not None else output

    @property
    def _writes_prompts(self) -> bool:
        """Whether the ensemble has a way of its own to write prompts."""
        own = self.system_prompt or self.output_parser or self.query_wrapper_prompt
        return (
            bool(own)
            or self.messages_to_prompt is not messages_to_prompt
            or self._formats_completions
        )

    @property
    def _formats_completions(self) -> bool:
        return self.completion_to_prompt is not default_completion_to_prompt

    # -- one call -----------------------------------------------------------------------------

    def _chat_call(
        self, kind: str, messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> EnsembleCall:
        request = kwargs.pop(REQUEST, None)
        settings, rest = split_settings(kwargs)
        prepare = self._prepared(messages)
        if request is None:
            return self._call(kind, ChatQuestion(messages, prepare, rest), settings)
        tools = rest.get("tools") or []
        call = self._call(kind, ToolsQuestion(messages, prepare, request, tools), settings)
        call.incapable = incapable_members(self._members, refuse=self.tool_policy == "all")
        call.tools = tools
        return call

    def _prepared(self, messages: Sequence[ChatMessage]) -> Any:
        """Return what gives each member its own list of the messages."""
        chosen, origins = self.history_filter, self._standing.origins
        mixed = self._is_mixed

        def prepare(member: Member[LLM]) -> list[ChatMessage]:
            own = messages.rendered(member.model) if isinstance(messages, MessagesFor) else messages
            if chosen is not None:
                return list(chosen(own, member))
            return portable_history(own, member.name, origins) if mixed else list(own)

        return prepare

    @property
    def _is_mixed(self) -> bool:
        return len({type(member.model) for member in self._members}) > 1

    def _completion_call(
        self, kind: str, prompt: str, formatted: bool, kwargs: dict[str, Any]
    ) -> EnsembleCall:
        settings, rest = split_settings(kwargs)
        if not formatted and self._formats_completions:
            prompt, formatted = cast("Any", self.completion_to_prompt)(prompt), True

        def prepare(member: Member[LLM]) -> tuple[str, bool]:
            if isinstance(prompt, PromptFor):
                return prompt.rendered(member.model), True
            return prompt, formatted

        return self._call(kind, CompletionQuestion(prompt, prepare, rest), settings)

    def _structured_call(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> EnsembleCall:
        settings, rest = split_settings(llm_kwargs or {})
        if self.system_prompt:
            system = ChatMessage(role=MessageRole.SYSTEM, content=self.system_prompt)
            messages = prompt.format_messages(llm=self, **prompt_args)
            prompt, prompt_args = ChatPromptTemplate(message_templates=[system, *messages]), {}
        if is_heard():
            dispatcher.event(
                LLMStructuredPredictStartEvent(
                    output_cls=output_cls, template=prompt, template_args=prompt_args
                )
            )
        question = StructuredQuestion(output_cls, prompt, rest, prompt_args, self)
        return self._call("structured", question, settings)

    def _call(self, kind: str, question: Question, settings: dict[str, Any]) -> EnsembleCall:
        abstain = settings.pop("abstain", self.abstain) or self.on_unvotable == "error"
        least = settings.pop("min_confidence", self.min_confidence)
        return EnsembleCall(
            kind=kind,
            plan=self.plan(**settings),
            question=question,
            consensus=Consensus.of(abstain, least, self._higher),
            standing=self._standing,
            manager=self.callback_manager,
            scorer=self._scorer,
            medoid=self.on_unvotable == "medoid",
        )

    def _decide(self, call: EnsembleCall, watch: Observer | None = None) -> Result:
        """Vote from blocking code."""
        if self.sync_strategy == "loop" and not (loop := private_loop()).is_here:
            return loop.run(call.arun(watch))
        return call.run(watch)

    def _watched(self, call: EnsembleCall, context: Any) -> Generator[str | Result, None, None]:
        return watched(
            lambda watch: self._decide(call, watch), context, progress=self.stream_progress
        )

    def _opened(self, call: EnsembleCall) -> EndpointReport:
        report = EndpointReport(self, call.question.shown(), call.question.options())
        if self.rate_limiter is not None:
            self.rate_limiter.acquire()
        return report

    async def _aopened(self, call: EnsembleCall, context: Any = None) -> EndpointReport:
        made = (self, call.question.shown(), call.question.options())
        report = EndpointReport(*made) if context is None else context.run(EndpointReport, *made)
        if self.rate_limiter is not None:
            await self.rate_limiter.async_acquire()
        return report

    # -- what is handed out -------------------------------------------------------------------

    def _chat_response(self, result: Result) -> ChatResponse:
        _last_trace.set(result.told)
        response = winning_chat(result.reply, result.told)
        winner = result.told.get("winner_member")
        if winner is not None and self._is_mixed:
            self._standing.origins.note(response.message, winner)
        return response

    def _completion_response(self, result: Result) -> CompletionResponse:
        _last_trace.set(result.told)
        return winning_completion(result.reply, result.told)

    def _object(
        self, result: Result, output_cls: type[BaseModel]
    ) -> tuple[BaseModel, dict[str, Any]]:
        _last_trace.set(result.told)
        found = object_of(result.reply, output_cls)
        if is_heard():
            dispatcher.event(LLMStructuredPredictEndEvent(output=found))
        return found, result.told


def _reported(report: EndpointReport, chunk: Any) -> Any:
    report.progress(chunk)
    return chunk


def _chat_progress(text: str) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, content="")
    return ChatResponse(message=message, delta="", additional_kwargs={"thinking_delta": text})


def _completion_progress(text: str) -> CompletionResponse:
    return CompletionResponse(text="", delta="", additional_kwargs={"thinking_delta": text})
