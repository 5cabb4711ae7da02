"""An LLM that decides each answer by a vote of its members."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM, ToolSelection
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.tools.types import BaseTool
from pydantic import BaseModel
from typing_extensions import override

from bestofinf.ensemble import (
    Flow,
    Item,
    Result,
    Source,
    Step,
    Stream,
    arun,
    astream,
    awatched,
    private_loop,
    run,
    split_settings,
    stream,
    watched,
)
from bestofinf.errors import UsageError
from llamaindex_bestofinf.calls import EnsembleCall
from llamaindex_bestofinf.members import has_tools
from llamaindex_bestofinf.messages import TRACE_KEY
from llamaindex_bestofinf.model import EnsembleModel
from llamaindex_bestofinf.streaming import handed_out, only
from llamaindex_bestofinf.structured import EnsembleStructuredLLM
from llamaindex_bestofinf.tools import REQUEST, ToolRequest, described

T = TypeVar("T")


class AdaptiveEnsembleLLM(EnsembleModel):
    """An LLM that asks its members, lets their answers vote, and returns a winning reply.

    Use it in place of any LLM: in ``Settings.llm``, query and chat engines, agents, workflows
    and structured programs. The message is the winning member's own. The trace of the vote is
    in ``response.additional_kwargs["bestofinf"]``.

    ```python
    llm = AdaptiveEnsembleLLM([OpenAI("gpt-5-mini"), (Anthropic(...), 0.5)])
    response = llm.complete("What is 17 * 23?")
    response.additional_kwargs["bestofinf"]["confidence"]
    ```

    Single settings can be changed for a call: ``llm.chat(messages, max_samples=5)``; for
    components that pass no arguments on, ``llm.with_settings(max_samples=5)`` gives a copy.

    The attributes are those of `EnsembleSettings` and of LlamaIndex's LLMs. A rate limiter of the
    ensemble counts one request for a whole vote, so set rate limiters on the members.
    """

    @classmethod
    def class_name(cls) -> str:
        """Return the name used in serialized form."""
        return "AdaptiveEnsembleLLM"

    # -- chats and completions ----------------------------------------------------------------

    @override
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the reply to a chat."""
        return run(self._answer(self._chat_call("chat", messages, kwargs), self._chat_response))

    @override
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Vote on the reply to a chat."""
        call = self._chat_call("achat", messages, kwargs)
        return await arun(self._answer(call, self._chat_response))

    @override
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Vote, then replay the winning reply as deltas that add up to it."""
        call = self._chat_call("stream_chat", messages, kwargs)
        return self._stream(call, self._chat_response)

    @override
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Vote, then replay the winning reply as deltas that add up to it."""
        call = self._chat_call("astream_chat", messages, kwargs)
        return self._astream(call, self._chat_response)

    @override
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Vote on the completion of a prompt."""
        call = self._completion_call("complete", prompt, formatted, kwargs)
        return run(self._answer(call, self._completion_response))

    @override
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Vote on the completion of a prompt."""
        call = self._completion_call("acomplete", prompt, formatted, kwargs)
        return await arun(self._answer(call, self._completion_response))

    @override
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Vote, then replay the winning completion as deltas that add up to it."""
        call = self._completion_call("stream_complete", prompt, formatted, kwargs)
        return self._stream(call, self._completion_response)

    @override
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Vote, then replay the winning completion as deltas that add up to it."""
        call = self._completion_call("astream_complete", prompt, formatted, kwargs)
        return self._astream(call, self._completion_response)

    def _answer(self, call: EnsembleCall, respond: Callable[[Result], T]) -> Flow[T]:
        """Vote, and make the response of the result."""
        report: Any = self._report(call.call.question)
        yield from self._limited()
        response = respond((yield Step(partial(self._decide, call), call.arun)))
        report.end(response)
        return response

    def _stream(
        self, call: EnsembleCall, respond: Callable[[Result], T], handed: Any = handed_out
    ) -> Generator[T, None, None]:
        return stream(self._chunks(call, respond, handed, copy_context()))

    def _astream(
        self, call: EnsembleCall, respond: Callable[[Result], T], handed: Any = handed_out
    ) -> AsyncGenerator[T, None]:
        return astream(self._chunks(call, respond, handed, copy_context()))

    def _chunks(
        self, call: EnsembleCall, respond: Callable[[Result], T], handed: Any, context: Context
    ) -> Stream[T]:
        """Vote, and hand out the chunks of the response."""
        progress = self.stream_progress
        items = Source[str | Result](
            lambda: watched(lambda watch: self._decide(call, watch), context, progress=progress),
            lambda: awatched(call.arun, context, progress=progress),
        )
        report = context.run(self._report, call.call.question)
        yield from self._limited()
        with report:
            try:
                while (item := (yield items.next())) is not None:
                    for chunk in handed(report, item, respond):
                        yield Item(chunk)
            finally:
                yield items.close()

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
            m.name: m.model for m in self._members if has_tools(m.model)
        }
        reader = capable.get(told.get("winner_member"), next(iter(capable.values()), None))
        if reader is not None:
            return cast("FunctionCallingLLM", reader).get_tool_calls_from_response(
                response, error_on_no_tool_call=error_on_no_tool_call, **kwargs
            )
        if error_on_no_tool_call:
            raise UsageError("no member can call tools: give members that can")
        return []

    @override
    def predict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> Any:
        """Vote on the tool calls, and run them."""
        if self.metadata.is_function_calling_model:
            return super().predict_and_call(tools, *args, **kwargs)
        # LlamaIndex runs agents that write text in an event loop, which fails if one is running.
        return private_loop().run(self.apredict_and_call(tools, *args, **kwargs))

    @override
    async def apredict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> Any:
        """Vote on the tool calls, and run them."""
        if not self.metadata.is_function_calling_model:
            # LlamaIndex gives its agent None for both, which the agent refuses.
            # Brings all of LlamaIndex' agents.
            from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

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
        """Vote on an object of a class; every member makes it in the best way that it supports.

        As LlamaIndex' own programs do, it returns a text if no member made an object.
        """
        found = self.predict_with_trace(output_cls, prompt, llm_kwargs, **prompt_args)[0]
        return cast("BaseModel", found)

    @override
    async def astructured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> BaseModel:
        """Do as `structured_predict`, in the running loop."""
        found, _ = await self.apredict_with_trace(output_cls, prompt, llm_kwargs, **prompt_args)
        return cast("BaseModel", found)

    @override
    def stream_structured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[BaseModel, None, None]:
        """Vote, then give the object as the only item: a part of it could be revoked."""
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        return self._stream(call, lambda result: self._object(result, output_cls)[0], only)

    @override
    async def astream_structured_predict(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[BaseModel, None]:
        """Vote, then give the object as the only item: a part of it could be revoked."""
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        return self._astream(call, lambda result: self._object(result, output_cls)[0], only)

    def predict_with_trace(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Do as `structured_predict`, and return the decision beside the object."""
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        return run(self._answer(call, lambda result: self._object(result, output_cls)))

    async def apredict_with_trace(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """Do as `astructured_predict`, and return the decision beside the object."""
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        return await arun(self._answer(call, lambda result: self._object(result, output_cls)))

    @override
    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """Return an LLM whose answers are objects of a class, with the decision in the response."""
        return EnsembleStructuredLLM(llm=self, output_cls=output_cls, **kwargs)
