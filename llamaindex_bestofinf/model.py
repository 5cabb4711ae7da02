"""The ensemble as an LLM: how it describes itself, and what happens in one call."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from secrets import token_hex
from typing import Any, cast

from llama_index.core.base.llms.generic_utils import messages_to_prompt
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    TextBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM, default_completion_to_prompt
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate
from pydantic import BaseModel
from typing_extensions import override

from bestofinf.answers import tool_schemas
from bestofinf.ensemble import (
    Call,
    Flow,
    Result,
    Step,
    Watch,
    private_loop,
    shown_trace,
    split_settings,
)
from bestofinf.records import Member
from llamaindex_bestofinf.calls import EnsembleCall
from llamaindex_bestofinf.client import (
    ChatQuestion,
    CompletionQuestion,
    LlamaIndexClient,
    Question,
)
from llamaindex_bestofinf.history import portable_history
from llamaindex_bestofinf.members import common_metadata
from llamaindex_bestofinf.messages import winning_chat, winning_completion
from llamaindex_bestofinf.prompts import MessagesFor, PromptFor, common_parser
from llamaindex_bestofinf.reporting import EndpointReport, ObjectReport
from llamaindex_bestofinf.settings import EnsembleSettings, Kept
from llamaindex_bestofinf.structured import StructuredQuestion, object_of
from llamaindex_bestofinf.tools import REQUEST, ToolsQuestion, incapable_members

_last: ContextVar[tuple[object, dict[str, Any]] | None] = ContextVar("bestofinf_last", default=None)


class EnsembleModel(EnsembleSettings, FunctionCallingLLM):
    """Base of `AdaptiveEnsembleLLM`: everything but the endpoints."""

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        EnsembleSettings.__init__(self, members, **kwargs)

    @property
    def metadata(self) -> LLMMetadata:
        """Metadata with which requests suit every member; see `common_metadata`."""
        return common_metadata(self._members, any_tools=self.tool_policy == "capable_only")

    def last_trace(self) -> dict[str, Any] | None:
        """Return the trace of the last call of this ensemble or its copies.

        Use it for structured predictions, engines and agents, which do not return responses. It is
        the last call in this task or thread. If another ensemble was asked since then, or the call
        was made in a task of LlamaIndex's own, as in agents, it is the last call that has ended
        anywhere.
        """
        last = _last.get()
        return last[1] if last is not None and last[0] is self._kept.key else self._kept.last

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
        """Whether the ensemble itself has settings for writing prompts."""
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
        call.call.incapable = incapable_members(self._members, refuse=self.tool_policy == "all")
        call.tools, call.call.tools = tools, tool_schemas(tools)
        return call

    def _prepared(self, messages: Sequence[ChatMessage]) -> Any:
        """Return the function that makes the list of messages for a member."""
        chosen, kept = self.history_filter, self._kept

        def prepare(member: Member[LLM]) -> list[ChatMessage]:
            own = messages.rendered(member.model) if isinstance(messages, MessagesFor) else messages
            if chosen is not None:
                return list(chosen(own, member))
            return portable_history(own, member.name, kept.origins) if kept.mixed else list(own)

        return prepare

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
        question = StructuredQuestion(output_cls, prompt, rest, prompt_args, self)
        return self._call("structured", question, settings)

    def _call(self, kind: str, question: Question, settings: dict[str, Any]) -> EnsembleCall:
        call_id = token_hex(16)
        plan, acceptance = self._resolve_call(settings, call_id)
        manager = self.callback_manager
        client = LlamaIndexClient(call_id, plan.members, self._kept.clients, manager)
        call = Call(client, question, plan, acceptance, self._state, scorer=self._scorer)
        return EnsembleCall(kind, call, call_id, manager)

    def _decide(self, call: EnsembleCall, watch: Watch | None = None) -> Result:
        """Vote from blocking code."""
        if self.sync_strategy == "loop" and not (loop := private_loop()).is_here:
            return loop.run(call.arun(watch))
        return call.run(watch)

    def _limited(self) -> Flow[None]:
        """Wait for the rate limiter."""
        if (limiter := self.rate_limiter) is not None:
            yield Step(limiter.acquire, limiter.async_acquire)

    def _report(self, question: Question) -> EndpointReport | ObjectReport:
        if isinstance(question, StructuredQuestion):
            return ObjectReport(question.output_cls, question.prompt, question.prompt_args)
        return EndpointReport(self, question.shown(), question.options())

    # -- what is handed out -------------------------------------------------------------------

    def _keep(self, result: Result) -> Kept:
        kept = self._kept
        _last.set((kept.key, result.told))
        kept.last = result.told
        return kept

    def _chat_response(self, result: Result) -> ChatResponse:
        kept = self._keep(result)
        response = winning_chat(result.reply, shown_trace(result.told, self.trace))
        for block in response.message.blocks if self.strip_thoughts else ():
            if isinstance(block, TextBlock):
                block.text = self.shown(block.text)
        winner = result.told.get("winner_member")
        if winner is not None and kept.mixed:
            kept.origins.note(response.message, winner)
        return response

    def _completion_response(self, result: Result) -> CompletionResponse:
        self._keep(result)
        response = winning_completion(result.reply, shown_trace(result.told, self.trace))
        response.text = self.shown(response.text)
        return response

    def _object(self, result: Result, output_cls: type[BaseModel]) -> tuple[Any, dict[str, Any]]:
        self._keep(result)
        return object_of(result.reply, output_cls), result.told
