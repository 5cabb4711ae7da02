"""Known pitfalls of LLMs that wrap LLMs in LlamaIndex, each with the test that it is avoided.

Tested elsewhere: late samples of threads (3) and tokens counted once (5, 17) in `test_server`;
streams that add up (15) and messages that belong to the caller (9) in the conformance kit; the
decision beside a structured object (16) in `test_engines`.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import json
import pickle
from pathlib import Path

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.callbacks.token_counting import get_tokens_from_response
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMCompletionEndEvent
from llama_index.core.llms import MockLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel

import llamaindex_bestofinf
from bestofinf import Member, SamplingError
from llamaindex_bestofinf import (
    AdaptiveEnsembleLLM,
    EvaluationCollector,
    StepAnswer,
)
from llamaindex_bestofinf.spans import SpanParents
from llamaindex_bestofinf.testing.endpoints import called
from llamaindex_bestofinf.tiny import TinyLLM
from support.backends import EchoBackend
from support.clients import openai_like
from support.llm_members import IN, OUT, ScriptedLLM, tool_call
from support.recorded import MadeBackend

HELLO = [ChatMessage("What is 6 times 7?")]
RIGHT = "The answer is 42."


def ensemble(*members, **settings):
    settings.setdefault("rule", "fixed:n=4")
    return AdaptiveEnsembleLLM(list(members), **settings)


def like(server, **settings):
    return OpenAILike(
        **{
            "api_base": server.url,
            "api_key": "sk-secret",
            "model": "alpha",
            "is_chat_model": True,
            "is_function_calling_model": True,
            "max_retries": 0,
            **settings,
        }
    )


# 1. Asynchronous clients are bound to an event loop. LlamaIndex' client leaves its connections to
# the garbage collector.
@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore:.*was never awaited:RuntimeWarning"
)
@pytest.mark.parametrize("factory", [False, True])
def test_01_one_ensemble_works_in_several_event_loops(serve, factory):
    server = serve(MadeBackend(1))
    model = like(server)
    member = Member(model, factory=(lambda: like(server)) if factory else None)
    llm = ensemble(member, retries=0)
    messages = [ChatMessage(server.backend.prompts[0])]

    async def several(llm):
        return await asyncio.gather(*(llm.achat(messages) for _ in range(3)))

    for _ in range(3):
        for response in asyncio.run(several(llm)):
            assert response.additional_kwargs["bestofinf"]["n_failed"] == 0
        assert llm.chat(messages).additional_kwargs["bestofinf"]["n_failed"] == 0
    assert len(llm._kept.clients._by_loop) == 1  # closed loops are forgotten
    del llm, model, member
    gc.collect()


# 2. LlamaIndex' way from blocking code into an event loop hides errors.
async def test_02_a_members_own_runtime_error_is_told_as_it_is():
    for strategy in ("threads", "loop"):
        llm = ensemble(ScriptedLLM([RuntimeError("its own")]), sync_strategy=strategy)
        with pytest.raises(SamplingError, match="RuntimeError: its own"):
            llm.chat(HELLO)
    sources = Path(llamaindex_bestofinf.__file__).parent.glob("*.py")
    assert not [path for path in sources if "asyncio_run" in path.read_text()]


# 4. Threads have no context of their own accord.
request_id = contextvars.ContextVar("request_id", default="")


@pytest.mark.parametrize("strategy", ["threads", "loop"])
def test_04_threads_and_loops_see_the_callers_context(strategy):
    seen = []

    def say(messages, tools):
        seen.append(request_id.get())
        return RIGHT

    parents, spans = SpanParents(), []
    enter = parents.span_enter
    object.__setattr__(
        parents,
        "span_enter",
        lambda id_, *a, parent_id=None, **k: (
            spans.append((id_, parent_id)),
            enter(id_, *a, parent_id=parent_id, **k),
        ),
    )
    root = get_dispatcher()
    root.add_span_handler(parents)
    token = request_id.set("r7")
    try:
        ensemble(ScriptedLLM(say), sync_strategy=strategy).chat(HELLO)
    finally:
        request_id.reset(token)
        root.span_handlers = [h for h in root.span_handlers if h is not parents]
    assert seen == ["r7"] * 4
    (own,) = [span for span, _ in spans if span.startswith("AdaptiveEnsembleLLM.")]
    inner = [parent for span, parent in spans if span.startswith("ScriptedLLM.")]
    assert inner == [own] * 4


# 5, 6. Applications read the winner's usage, and counters do not count it a second time.
async def test_06_the_raw_response_is_the_winners_and_events_are_without_its_usage():
    class Ends(BaseEventHandler):
        def handle(self, event, **kwargs):
            if isinstance(event, LLMChatEndEvent | LLMCompletionEndEvent):
                ends.append(event)

    ends, root = [], get_dispatcher()
    handler = Ends()
    root.add_event_handler(handler)
    llm = ensemble(ScriptedLLM([RIGHT]))
    try:
        for endpoint in ("chat", "astream_chat", "complete", "astream_complete"):
            ends.clear()
            asked = "?" if "complete" in endpoint else HELLO
            response = (await called(llm, endpoint, asked)).last
            assert response.raw["usage"] == {"prompt_tokens": IN, "completion_tokens": OUT}
            assert response.additional_kwargs["prompt_tokens"] == IN
            own = ends[-1].response
            assert get_tokens_from_response(own) == (0, 0)
            assert own.raw["winner"]["usage"]
    finally:
        root.event_handlers = [h for h in root.event_handlers if h is not handler]


# 7. Integrations append to the history that they are given.
def test_07_every_member_call_gets_a_list_of_its_own():
    member = ScriptedLLM([tool_call("add", a=1, b=2)])
    history = []
    ensemble(member).chat_with_tools([], "What is 1 and 2?", chat_history=history)
    assert history == []
    assert [len(messages) for messages in member.seen] == [1] * 4


class City(BaseModel):
    """A city."""

    name: str


# 8. Programs take arguments out of the mapping that they are given.
def test_08_every_member_call_gets_arguments_of_its_own():
    member = ScriptedLLM([tool_call("City", name="Paris")])
    kwargs = {"tool_choice": "any", "top_p": 0.5}
    ensemble(member).structured_predict(City, PromptTemplate("Which?"), llm_kwargs=kwargs)
    assert kwargs == {"tool_choice": "any", "top_p": 0.5}
    assert all(found["top_p"] == 0.5 for found in member.kwargs)


# 9. Agents write into the message that wins.
def test_09_the_trace_survives_changes_of_the_message():
    response = ensemble(ScriptedLLM([RIGHT])).chat(HELLO)
    response.message.blocks = [TextBlock(text="changed")]
    assert response.additional_kwargs["bestofinf"]["answer"] == "42"
    assert response.raw["choices"]


# 10. What stands in a message is sent to the provider with the next request.
@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)
async def test_10_messages_hold_nothing_that_a_provider_refuses(serve):
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    server = serve(EchoBackend())  # it refuses unknown keys
    async with openai_like(server, "echo") as model:
        agent = FunctionAgent(tools=[add], llm=ensemble(model, model, rule="fixed:n=3"))
        assert str(await agent.run("what is 4 and 4?")) == "The tool says: 8"
    assert server.counts.refused == 0


class Thinking(ScriptedLLM):
    """A provider with signed reasoning and extra keys in its messages."""


# 11. A provider refuses what another one left in the history.
def test_11_members_of_other_classes_get_portable_messages():
    thought = ChatMessage(
        role=MessageRole.ASSISTANT,
        blocks=[ThinkingBlock(content="hm"), TextBlock(text=RIGHT)],
        additional_kwargs={"signature": "s"},
    )
    signed, other = Thinking([thought], model="a"), ScriptedLLM([RIGHT], model="b")
    llm = ensemble(signed, other, weights=[0.6, 0.4])
    message = llm.chat(HELLO).message
    assert message.additional_kwargs == {"signature": "s"}
    llm.chat([*HELLO, message, *HELLO])
    own, foreign = signed.seen[-1][1], other.seen[-1][1]
    assert own == message
    assert [block.block_type for block in foreign.blocks] == ["text"]
    assert foreign.additional_kwargs == {}

    last = ensemble(signed, other, history_filter=lambda messages, member: messages[-1:])
    last.chat([*HELLO, message, *HELLO])
    assert len(signed.seen[-1]) == len(other.seen[-1]) == 1


# 12. Every provider has its own form of tool calls.
class Shouting(ScriptedLLM):
    def get_tool_calls_from_response(self, response, error_on_no_tool_call=True, **kwargs):
        found = super().get_tool_calls_from_response(response, error_on_no_tool_call)
        return [
            ToolSelection(tool_id="x", tool_name=c.tool_name.lower(), tool_kwargs=c.tool_kwargs)
            for c in found
        ]


def test_12_tool_calls_are_read_by_the_member_that_made_them():
    members = [
        ScriptedLLM([tool_call("sub", a=1)], model="a"),
        Shouting([tool_call("ADD", a=1)], model="b"),
    ]
    llm = ensemble(*members, weights=[0.1, 0.9])
    response = llm.chat_with_tools([], "?")
    (selection,) = llm.get_tool_calls_from_response(response)
    assert selection.tool_name == "add"
    plain = ensemble(ScriptedLLM([RIGHT])).chat(HELLO)
    assert llm.get_tool_calls_from_response(plain, error_on_no_tool_call=False) == []
    text_only = ensemble(TinyLLM())
    assert text_only.get_tool_calls_from_response(plain, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="no member can call tools"):
        text_only.get_tool_calls_from_response(plain)


# 13. A prompt is said to be in the model's format when it is in the ensemble's.
async def test_13_every_text_model_gets_its_own_template():
    def member(mark):
        return ScriptedLLM(
            [RIGHT], model=mark, chats=False, tools=False,
            completion_to_prompt=lambda prompt: f"{mark}{prompt}",
            system_prompt=f"system {mark}",
        )  # fmt: skip

    first, second = member("<1>"), member("<2>")
    llm = ensemble(first, second)
    template = PromptTemplate("{text}")
    for endpoint in ("predict", "apredict", "stream", "astream"):
        await called(llm, endpoint, template, text="hi")
        assert first.seen[-1][0].content == "system <1>\n\n<1>hi"
        assert second.seen[-1][0].content == "system <2>\n\n<2>hi"
    llm.complete("hi")
    assert first.seen[-1][0].content == "<1>hi"
    llm.complete("hi", formatted=True)
    assert first.seen[-1][0].content == "hi"

    own = ensemble(first, second, completion_to_prompt=lambda prompt: f"[{prompt}]")
    own.complete("hi")
    assert first.seen[-1][0].content == "[hi]"
    own.predict(template, text="hi")
    assert second.seen[-1][0].content == "[hi]"


# 18. Dumps of LLMs hold their keys.
def test_18_no_dump_of_an_ensemble_holds_a_key(serve):
    llm = ensemble(like(serve(EchoBackend())))
    written = [
        llm.to_json(),
        json.dumps(llm.to_payload()),
        json.dumps(llm.as_structured_llm(City).to_dict(), default=str),
        str(llm.model_dump()),
    ]
    assert not [text for text in written if "sk-secret" in text]
    again = AdaptiveEnsembleLLM.from_json(llm.to_json(), members=llm.members)
    assert again.rule == "fixed:n=4"


# 19. A client that was used has locks.
def test_19_an_ensemble_can_be_copied_and_pickled_after_use(serve):
    server = serve(EchoBackend())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        model = like(server, reuse_client=False)
        llm = ensemble(model)
        asked = llm.complete("hi")
        again = pickle.loads(pickle.dumps(llm))
        for other in (again, llm.model_copy(), copy.copy(llm)):
            assert other.complete("hi").text == asked.text


# 20. Handlers that raise are silent.
class Raising(BaseEventHandler):
    @classmethod
    def class_name(cls):
        return "Raising"

    def handle(self, event, **kwargs):
        raise ValueError("broken handler")


@pytest.mark.blocks("it closes the collector")
async def test_20_broken_handlers_do_not_disturb_and_the_collector_counts_its_own(tmp_path):
    root, handler = get_dispatcher(), Raising()
    root.add_event_handler(handler)
    try:
        with EvaluationCollector(str(tmp_path / "a.db")) as collector:
            response = await ensemble(ScriptedLLM([RIGHT])).achat(HELLO)
            assert response.additional_kwargs["bestofinf"]["n_failed"] == 0
            assert collector.stats.errors == 0
            with collector.recorder.guard():
                raise ValueError("not understood")
            assert collector.stats.errors == 1
    finally:
        root.event_handlers = [h for h in root.event_handlers if h is not handler]


# 23. Chat models must not get flattened messages because of one that is none.
def test_23_chat_models_keep_roles_beside_a_text_model():
    chat = ScriptedLLM([RIGHT], model="chat")
    text = ScriptedLLM([RIGHT], model="text", chats=False, tools=False)
    llm = ensemble(chat, text)
    assert llm.metadata.is_chat_model
    system = ChatMessage(role=MessageRole.SYSTEM, content="Be exact.")
    llm.chat([system, *HELLO])
    assert [m.role for m in chat.seen[-1]] == [MessageRole.SYSTEM, MessageRole.USER]


# 24. Models for tests are all called "unknown".
def test_24_members_have_names_of_their_own():
    assert ensemble(MockLLM(), MockLLM()).member_names == ["MockLLM", "MockLLM#2"]
    assert ensemble(ScriptedLLM(model="a"), Member(ScriptedLLM(), name="b")).member_names == [
        "a",
        "b",
    ]


# 25. LlamaIndex' programs add the system prompt in blocking calls and not in asynchronous ones.
async def test_25_structured_calls_are_the_members_own_in_both_ways():
    for endpoint in ("structured_predict", "astructured_predict"):
        seen = []
        for wrap in (False, True):
            member = ScriptedLLM([tool_call("City", name="Paris")], system_prompt="Be exact.")
            llm = ensemble(member, rule="fixed:n=1") if wrap else member
            await called(llm, endpoint, City, PromptTemplate("Which?"))
            seen.append([(m.role, m.content) for m in member.seen[-1]])
        assert seen[0] == seen[1]
        own = ensemble(ScriptedLLM([tool_call("City", name="Paris")]), system_prompt="Be kind.")
        await called(own, endpoint, City, PromptTemplate("Which?"))
        first = own._members[0].model.seen[-1][0]
        assert (first.role, first.content) == (MessageRole.SYSTEM, "Be kind.")


# Votes in the forms of agents.


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Thought: a\nAction: add\nAction Input: {'a': 1}", "", False),
        (
            'Thought: x\nAction: add\nAction Input: {"a": 1, "b": 2}',
            'Thought: y, at length\nAction: add\nAction Input: {"b": 2, "a": 1}',
            True,
        ),
        (
            'Thought: x\nAction: add\nAction Input: {"a": 1}',
            'Thought: x\nAction: add\nAction Input: {"a": 2}',
            False,
        ),
        ("Thought: I know.\nAnswer: The answer is 42.", "Thought: Well.\nAnswer: 42", True),
    ],
)
def test_steps_are_compared_by_what_they_do(first, second, same):
    answer = StepAnswer()
    a, b = _vote(answer, first), _vote(answer, second)
    assert (a is not None and a == b) == same


def _vote(answer, text):
    from bestofinf import Reply

    return answer.vote(Reply(text=text))[0]


def test_parallel_tool_calls_vote_as_a_set():
    def calls(*numbers):
        blocks = [
            ToolCallBlock(tool_call_id=f"{n}", tool_name="f", tool_kwargs={"n": n}) for n in numbers
        ]
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)

    member = ScriptedLLM([calls(1, 2), calls(2, 1), calls(3)])
    tools = [FunctionTool.from_defaults(lambda n: n, name="f")]
    llm = ensemble(member, rule="fixed:n=3")
    response = llm.chat_with_tools(tools, "?", allow_parallel_tool_calls=True)
    assert {s.tool_kwargs["n"] for s in llm.get_tool_calls_from_response(response)} == {1, 2}
