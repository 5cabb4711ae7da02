"""Tests that every LlamaIndex LLM should pass.

Subclass `LLMConformance`, override `make_llm`, and let pytest collect the class.
"""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any, ClassVar

import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionInProgressEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import LLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index_instrumentation.dispatcher import instrument_tags

from llamaindex_bestofinf.testing.case import Case, Sum, add, want_tools
from llamaindex_bestofinf.testing.endpoints import (
    CHATS,
    COMPLETIONS,
    PREDICTIONS,
    STRUCTURED,
    TOOL_CHATS,
    asked,
    called,
    listening,
    text_of,
)

STARTS = (LLMChatStartEvent, LLMCompletionStartEvent)
PIECES = (LLMChatInProgressEvent, LLMCompletionInProgressEvent)
ENDS = (LLMChatEndEvent, LLMCompletionEndEvent)
ENDPOINTS = (*CHATS, *COMPLETIONS)


class LLMConformance(Case):
    """Tests that every LlamaIndex LLM should pass.

    ```python
    class TestMyLLM(LLMConformance):
        def make_llm(self):
            return MyLLM(api_key="secret")
    ```

    Attributes:
        deterministic: The same question always gets the same reply, so that endpoints can be
            compared with each other.
        structured: The LLM can give a ``Sum`` for `object_prompt`.
        several_loops: One object works in several event loops in turn. Clients that keep
            connections often do not.
        secrets: Texts, such as keys, that must not be in events and payloads.
    """

    deterministic: ClassVar[bool] = True
    structured: ClassVar[bool] = True
    several_loops: ClassVar[bool] = True
    secrets: ClassVar[tuple[str, ...]] = ()

    def make_slow_llm(self) -> LLM:
        """Return an LLM that takes seconds to answer, for tests of cancellation."""
        pytest.skip("there is no make_slow_llm")

    def in_flight(self) -> int:
        """Return how many requests of the slow LLM are in flight at its server."""
        return 0

    # -- the class ----------------------------------------------------------------------------

    def test_it_is_an_llm_with_a_name_and_metadata(self) -> None:
        """The class descends from BaseLLM, and describes itself."""
        llm = self.make_llm()
        assert BaseLLM in type(llm).__mro__
        assert llm.class_name()
        assert llm.metadata.context_window > 0
        assert isinstance(llm.metadata.model_name, str)
        if llm.metadata.is_function_calling_model:
            assert isinstance(llm, FunctionCallingLLM)

    def test_its_description_can_be_written_and_holds_no_secret(self) -> None:
        """Payloads go to whoever observes."""
        written = json.dumps(self.make_llm().to_payload(), default=str)
        assert not [secret for secret in self.secrets if secret in written]

    def test_a_copy_works(self) -> None:
        """Frameworks copy LLMs to change a field."""
        found = self.call(self.make_llm().model_copy(), "chat")
        assert found.text or found.last.message.blocks

    # -- the eight endpoints ------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", ENDPOINTS)
    def test_every_endpoint_answers(self, endpoint: str) -> None:
        """There is a text, in responses of the right class."""
        found = self.call(self.make_llm(), endpoint)
        assert found.text
        assert found.streamed == ("stream" in endpoint)
        if endpoint in CHATS:
            assert found.last.message.role == MessageRole.ASSISTANT

    @pytest.mark.parametrize("endpoints", [CHATS, COMPLETIONS], ids=["chat", "complete"])
    def test_all_ways_to_ask_give_the_same_text(self, endpoints: tuple[str, ...]) -> None:
        """Blocking, asynchronous and streamed."""
        self._want_deterministic()
        texts = {name: self.call(self.make_llm(), name).text for name in endpoints}
        assert len(set(texts.values())) == 1, texts

    @pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if "stream" in e])
    def test_deltas_add_up_and_pieces_have_the_text_so_far(self, endpoint: str) -> None:
        """Chat engines rebuild the text from the deltas, agents take the last piece's message."""
        found = self.call(self.make_llm(), endpoint)
        assert found.deltas == found.text
        so_far = ""
        for response in found.responses:
            so_far += response.delta or ""
            assert text_of(response) == so_far

    @pytest.mark.parametrize("endpoint", PREDICTIONS)
    def test_predictions_are_what_chat_or_complete_says(self, endpoint: str) -> None:
        """Query engines ask by templates."""
        self._want_deterministic()
        llm = self.make_llm()
        template = PromptTemplate("{question}")
        found = self.run(called(llm, endpoint, template, question=self.prompt))
        plain = "chat" if llm.metadata.is_chat_model else "complete"
        assert "".join(found.responses) == self.call(self.make_llm(), plain).text

    @pytest.mark.parametrize("endpoint", CHATS)
    def test_the_callers_messages_are_left_alone(self, endpoint: str) -> None:
        """An LLM that writes into them changes the caller's history."""
        messages = asked(endpoint, self.prompt)
        before = copy.deepcopy(messages)
        self.run(called(self.make_llm(), endpoint, messages))
        assert messages == before

    def test_a_response_belongs_to_the_caller(self) -> None:
        """Agents write into messages they are given."""
        self._want_deterministic()
        llm = self.make_llm()
        first = self.call(llm, "chat")
        text = first.text
        first.last.message.blocks = []
        first.last.message.additional_kwargs["changed"] = True
        second = self.call(llm, "chat")
        assert second.text == text
        assert "changed" not in second.last.message.additional_kwargs

    # -- event loops --------------------------------------------------------------------------

    def test_blocking_calls_work_where_a_loop_is_running(self) -> None:
        """As in a notebook."""
        llm = self.make_llm()

        async def notebook() -> str:
            return text_of(llm.chat(asked("chat", self.prompt)))

        assert self.run(notebook())

    def test_one_object_works_in_several_loops_and_threads(self) -> None:
        """As with asyncio.run in a script, several times."""
        if not self.several_loops:
            pytest.skip("this LLM works in one event loop only")
        llm = self.make_llm()

        async def many() -> list[Any]:
            messages = asked("achat", self.prompt)
            return await asyncio.gather(*(llm.achat(messages) for _ in range(4)))

        for _ in range(3):
            assert all(text_of(response) for response in self.run(many()))
            assert self.call(llm, "chat").text

    # -- cancellation -------------------------------------------------------------------------

    def test_a_cancelled_call_ends_and_leaves_nothing_behind(self) -> None:
        """The task ends as cancelled, and so do the requests."""
        llm = self.make_slow_llm()

        async def cancelled() -> bool:
            task = asyncio.ensure_future(llm.achat(asked("achat", self.prompt)))
            await asyncio.sleep(0.2)
            assert not task.done()
            task.cancel()
            await asyncio.wait([task], timeout=5)
            await self._settled()
            return task.cancelled()

        assert self.run(cancelled())
        assert self.in_flight() == 0

    def test_a_stream_that_nobody_reads_on_can_be_closed(self) -> None:
        """Closing is no error and leaves nothing behind."""
        llm = self.make_slow_llm()

        async def closed() -> None:
            stream = await llm.astream_chat(asked("astream_chat", self.prompt))
            first: asyncio.Task[Any] = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0.2)
            first.cancel()
            await asyncio.wait([first], timeout=5)
            await stream.aclose()
            await self._settled()

        self.run(closed())
        assert self.in_flight() == 0

    async def _settled(self) -> None:
        for _ in range(200):
            if self.in_flight() == 0 and len(asyncio.all_tasks()) == 1:
                return
            await asyncio.sleep(0.01)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, f"tasks left behind: {left}"

    # -- events -------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", ENDPOINTS)
    def test_every_call_has_a_beginning_and_an_end(self, endpoint: str) -> None:
        """Both in one span, with the response that the caller gets; models within have others."""
        llm = self.make_llm()
        with listening() as events:
            found = self.call(llm, endpoint)
        started, *_ = events.of(*STARTS)
        span = started.span_id
        ends = [event for event in events.of(*ENDS) if event.span_id == span]
        assert span is not None
        assert len(ends) == 1
        assert text_of(ends[0].response) == found.text
        if found.streamed:
            pieces = [event for event in events.of(*PIECES) if event.span_id == span]
            assert [p.response.delta for p in pieces] == [r.delta for r in found.responses]

    def test_events_carry_the_callers_tags_and_can_be_written(self) -> None:
        """Tags tell events of one request from those of another."""
        llm = self.make_llm()
        with listening() as events, instrument_tags({"request": "7"}):
            self.call(llm, "achat")
        told = events.of(*STARTS, *ENDS)
        assert told
        for event in told:
            assert event.tags["request"] == "7"
            written = json.dumps(event.model_dump(), default=str)
            assert not [secret for secret in self.secrets if secret in written]

    # -- tools --------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", TOOL_CHATS)
    def test_a_tool_is_called(self, endpoint: str) -> None:
        """The call is read from the response, or from the last piece of a stream."""
        llm = self.make_llm()
        found = self.call_tools(llm, endpoint)
        (selection,) = want_tools(llm).get_tool_calls_from_response(found.last)
        assert selection.tool_name == "add"
        assert selection.tool_kwargs.keys() == {"a", "b"}

    @pytest.mark.parametrize("endpoint", TOOL_CHATS)
    def test_no_piece_of_a_stream_makes_reading_calls_fail(self, endpoint: str) -> None:
        """Agents read the calls of every piece."""
        llm = self.make_llm()
        for response in self.call_tools(llm, endpoint).responses:
            want_tools(llm).get_tool_calls_from_response(response, error_on_no_tool_call=False)

    def test_a_reply_without_calls_is_an_error_only_on_demand(self) -> None:
        """Agents ask for none; programs need one."""
        llm = want_tools(self.make_llm())
        response = self.call(llm, "chat").last
        assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
        with pytest.raises(ValueError, match=r".+"):
            llm.get_tool_calls_from_response(response, error_on_no_tool_call=True)

    @pytest.mark.parametrize("endpoint", ["chat_with_tools", "achat_with_tools"])
    def test_the_callers_history_does_not_grow(self, endpoint: str) -> None:
        """The message goes behind the history, not into the caller's list."""
        llm = want_tools(self.make_llm())
        history = [
            ChatMessage(role=MessageRole.USER, content="Hello."),
            ChatMessage(role=MessageRole.ASSISTANT, content="Hello."),
        ]
        tools = [FunctionTool.from_defaults(add)]
        self.run(called(llm, endpoint, tools, self.tool_prompt, chat_history=history))
        assert len(history) == 2

    # -- structured output --------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", STRUCTURED)
    def test_an_object_is_given(self, endpoint: str) -> None:
        """With the fields asked for, at least as the last item of a stream."""
        self._want_structured()
        found = self.call_structured(self.make_llm(), endpoint)
        Sum.model_validate(found.model_dump())

    @pytest.mark.parametrize("endpoint", ["chat", "achat"])
    def test_as_a_structured_llm_it_writes_the_object(self, endpoint: str) -> None:
        """The content is the object's JSON, and `raw` the object."""
        self._want_structured()
        llm = self.make_llm().as_structured_llm(Sum)
        found = self.run(called(llm, endpoint, asked(endpoint, self.object_prompt)))
        assert Sum.model_validate_json(found.text) == found.last.raw

    def _want_deterministic(self) -> None:
        if not self.deterministic:
            pytest.skip("this LLM does not give the same reply every time")

    def _want_structured(self) -> None:
        if not self.structured:
            pytest.skip("this LLM gives no objects")
