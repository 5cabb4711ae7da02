"""The ensemble behind LlamaIndex's engines, agents and programs: the majority's answer comes out.

Members give a wrong answer first and in a third of all cases.
"""

from __future__ import annotations

import itertools
import json

import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import BatchEvalRunner, CorrectnessEvaluator
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import TextNode
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, PrivateAttr

from llamaindex_bestofinf import AdaptiveEnsembleLLM, CitationTieBreaker, EnsembleSampleEvent
from support.llm_members import ScriptedLLM, tool_call

# LlamaIndex' own warnings: agents look at deprecated attributes of their pydantic base, and ask a
# context within a step whether it runs.
agents = pytest.mark.filterwarnings(
    "ignore:is_running called from within a step:DeprecationWarning",
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)

QUESTION = "What is the capital of France?"
MODES = [
    ResponseMode.COMPACT,
    ResponseMode.REFINE,
    ResponseMode.TREE_SUMMARIZE,
    ResponseMode.SIMPLE_SUMMARIZE,
    ResponseMode.ACCUMULATE,
]


class City(BaseModel):
    """A city."""

    name: str


def geographer(wrong=("Lyon",), right="Paris"):
    """Say the right city two times of three, the first time a wrong one."""
    cities = itertools.cycle([*wrong, right, right])

    def say(messages, tools):
        asked = "\n".join(m.content or "" for m in messages)
        if "standalone question" in asked.lower():
            return f"The answer is: {QUESTION}"
        city = next(cities)
        if "City" in tools:
            return tool_call("City", name=city)
        if "schema" in asked:
            return json.dumps({"name": city})
        return f"The answer is {city}."

    return say


def ensemble(say=None, **settings):
    settings.setdefault("rule", "thorough")
    say = say or geographer()
    return AdaptiveEnsembleLLM([ScriptedLLM(say), ScriptedLLM(say, model="other")], **settings)


@pytest.fixture
def index():
    nodes = [
        TextNode(text="The capital of France is Paris."),
        TextNode(text="Lyon is a city in France."),
    ]
    return VectorStoreIndex(nodes, embed_model=MockEmbedding(4))


# -- query engines ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_query_engines_answer_with_the_majority(index, mode):
    engine = index.as_query_engine(llm=ensemble(), response_mode=mode)
    response = str(engine.query(QUESTION))
    assert "Paris" in response
    assert "Lyon" not in response


@pytest.mark.parametrize("mode", MODES)
async def test_query_engines_answer_asynchronously(index, mode):
    engine = index.as_query_engine(llm=ensemble(), response_mode=mode)
    assert "Lyon" not in str(await engine.aquery(QUESTION))


@pytest.mark.parametrize("mode", [ResponseMode.COMPACT, ResponseMode.TREE_SUMMARIZE])
async def test_query_engines_stream(index, mode):
    engine = index.as_query_engine(llm=ensemble(), response_mode=mode, streaming=True)
    assert "".join(engine.query(QUESTION).response_gen) == "The answer is Paris."
    streamed = await engine.aquery(QUESTION)
    assert "".join([t async for t in streamed.async_response_gen()]) == "The answer is Paris."


def test_structured_query_engines_vote_on_the_object(index):
    engine = index.as_query_engine(llm=ensemble(), output_cls=City)
    assert engine.query(QUESTION).response == City(name="Paris")


def test_settings_take_an_ensemble_as_the_llm(index, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", None)
    Settings.llm = ensemble()
    assert "Paris" in str(index.as_query_engine().query(QUESTION))


def test_citations_vote_or_break_ties(index):
    said = ["Lyon, see [2].", "Paris, see [1].", "Paris [1].", "It is Paris [1]."]
    llm = ensemble(itertools.cycle(said), answer="citations")
    engine = CitationQueryEngine.from_args(index, llm=llm)
    assert "Paris" in str(engine.query(QUESTION))
    assert llm.last_trace()["answer"] == "[1]"

    # Two against two in words, but both that say Paris cite the same source.
    said = ["Answer: Lyon [2]", "Answer: Paris [1]", "Answer: Lyon [3]", "Answer: Paris [1]"]
    city = lambda text: text.split()[1]  # noqa: E731
    llm = ensemble(iter(said), answer=city, selector=CitationTieBreaker(), rule="fixed:n=4")
    assert str(llm.complete("?")) == "Answer: Paris [1]"


# -- chat engines -----------------------------------------------------------------------------


def chat_engine(kind, llm, index):
    # The default memory keeps a connection to a database that nobody closes.
    memory = ChatMemoryBuffer.from_defaults()
    if kind is SimpleChatEngine:
        return SimpleChatEngine.from_defaults(llm=llm, memory=memory)
    if kind is CondenseQuestionChatEngine:
        engine = index.as_query_engine(llm=llm)
        return CondenseQuestionChatEngine.from_defaults(engine, llm=llm, memory=memory)
    return kind.from_defaults(index.as_retriever(), llm=llm, memory=memory)


@pytest.mark.parametrize(
    "kind",
    [
        SimpleChatEngine,
        ContextChatEngine,
        CondenseQuestionChatEngine,
        CondensePlusContextChatEngine,
    ],
)
async def test_chat_engines_answer_and_remember(index, kind):
    engine = chat_engine(kind, ensemble(), index)
    replies = [str(engine.chat(QUESTION)), str(await engine.achat(QUESTION))]
    streamed = engine.stream_chat(QUESTION)
    replies.append("".join(streamed.response_gen))
    if kind is not CondenseQuestionChatEngine:  # wants another kind of query engine to stream
        asynchronous = await engine.astream_chat(QUESTION)
        replies.append("".join([t async for t in asynchronous.async_response_gen()]))
    assert set(replies) == {"The answer is Paris."}
    written = [m.content for m in engine.chat_history if m.role == MessageRole.ASSISTANT]
    assert written == replies


# -- agents -----------------------------------------------------------------------------------


def calculator(executed):
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        executed.append((a, b))
        return a + b

    return FunctionTool.from_defaults(add)


def caller():
    """Call the tool, with wrong arguments a third of the time; then say what it gave."""
    numbers = itertools.cycle([5, 4, 4])

    def say(messages, tools):
        last = messages[-1]
        if last.role == MessageRole.TOOL:
            return f"The answer is {last.content}."
        return tool_call("add", a=4, b=next(numbers))

    return say


@agents
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_function_agent_runs_the_tool_once_after_the_vote(streaming):
    executed = []
    llm = ensemble(caller())
    agent = FunctionAgent(tools=[calculator(executed)], llm=llm, streaming=streaming)
    response = await agent.run("What is 4 and 4?")
    assert executed == [(4, 4)]
    assert str(response) == "The answer is 8."


@agents
async def test_progress_is_shown_as_thinking():
    llm = ensemble(caller(), stream_progress=True)
    handler = FunctionAgent(tools=[calculator([])], llm=llm).run("What is 4 and 4?")
    streamed = [e async for e in handler.stream_events() if isinstance(e, AgentStream)]
    thoughts = [event.thinking_delta for event in streamed if event.thinking_delta]
    assert any("samples:" in thought for thought in thoughts)
    assert str(await handler) == "The answer is 8."
    assert "".join(event.delta for event in streamed) == "The answer is 8."


def thinker():
    numbers = itertools.cycle([5, 4, 4])

    def say(messages, tools):
        if "Observation:" in (messages[-1].content or ""):
            return "Thought: I can answer without using any more tools.\nAnswer: It is 8"
        args = {"a": 4, "b": next(numbers)}
        why = f"Thought: I try {next(numbers)}."
        return f"{why}\nAction: add\nAction Input: {json.dumps(args)}"

    return say


@agents
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_react_agent_votes_on_action_and_parsed_input(streaming):
    executed = []
    llm = ensemble(thinker())
    agent = ReActAgent(tools=[calculator(executed)], llm=llm, streaming=streaming)
    response = await agent.run("What is 4 and 4?")
    assert executed == [(4, 4)]
    assert str(response) == "It is 8"


@agents
async def test_a_workflow_chooses_the_agent_by_what_the_members_can_do():
    text_only = ScriptedLLM(thinker(), tools=False)
    for member, kind in ((ScriptedLLM(caller()), FunctionAgent), (text_only, ReActAgent)):
        executed = []
        llm = AdaptiveEnsembleLLM([member], rule="thorough")
        flow = AgentWorkflow.from_tools_or_functions([calculator(executed)], llm=llm)
        (agent,) = flow.agents.values()
        assert type(agent) is kind
        assert "8" in str(await flow.run("What is 4 and 4?"))
        assert executed == [(4, 4)]


# The memory is none of what a context writes.
@pytest.mark.filterwarnings("ignore:.*unserializable key. memory")
@agents
async def test_agents_hand_over_and_their_context_survives_json():
    targets = itertools.cycle(["nobody", "adder", "adder"])

    def reception(messages, tools):
        return tool_call("handoff", to_agent=next(targets), reason="numbers")

    executed = []
    front = FunctionAgent(
        name="front", description="Receives", llm=ensemble(reception), tools=[],
        can_handoff_to=["adder"],
    )  # fmt: skip
    back = FunctionAgent(
        name="adder", description="Adds", llm=ensemble(say_after_tool()),
        tools=[calculator(executed)],
    )  # fmt: skip
    flow = AgentWorkflow(agents=[front, back], root_agent="front")
    context = Context(flow)
    handler = flow.run("What is 4 and 4?", ctx=context)
    results = [e async for e in handler.stream_events() if isinstance(e, ToolCallResult)]
    response = await handler
    assert [r.tool_name for r in results] == ["handoff", "add"]
    assert executed == [(4, 4)]
    assert str(response) == "The answer is 8."

    written = json.dumps(context.to_dict())
    assert "usage_by_member" not in written  # the trace does not leak
    again = Context.from_dict(flow, json.loads(written))
    assert "8" in str(await flow.run("And again?", ctx=again))


def say_after_tool():
    inner = caller()

    def say(messages, tools):
        added = messages[-1].role == MessageRole.TOOL and messages[-1].content == "8"
        return (
            "The answer is 8."
            if added
            else inner([m for m in messages if m.role != MessageRole.TOOL] or messages, tools)
        )

    return say


@agents
async def test_an_agent_gives_a_structured_result():
    def say(messages, tools):
        if "Total" in tools:
            return tool_call("Total", value=8)
        if any("schema" in (m.content or "") for m in messages):
            return '{"value": 8}'
        return say_after(messages, tools)

    class Total(BaseModel):
        """A total."""

        value: int

    say_after = caller()
    agent = FunctionAgent(tools=[calculator([])], llm=ensemble(say), output_cls=Total)
    response = await agent.run("What is 4 and 4?")
    assert response.get_pydantic_model(Total) == Total(value=8)


@agents
async def test_a_code_agent_runs_the_code_that_most_wrote():
    codes = itertools.cycle(["print(9)", "print(8)", "print(8)"])

    def say(messages, tools):
        if "8\n" in (messages[-1].content or ""):
            return "The answer is 8."
        return f"<execute>\n{next(codes)}\n</execute>"

    ran = []

    def execute(code: str) -> str:
        ran.append(code.strip())
        return "8\n" if "8" in code else "9\n"

    code_of = lambda text: text.strip()  # noqa: E731
    llm = ensemble(say, answer=code_of)
    agent = CodeActAgent(code_execute_fn=execute, llm=llm)
    assert "8" in str(await agent.run("What is 4 and 4?"))
    assert ran == ["print(8)"]


@agents
async def test_predict_and_call_runs_the_tool_that_most_call():
    for say, tools in ((caller(), True), (thinker(), False)):
        executed = []
        llm = AdaptiveEnsembleLLM([ScriptedLLM(say, tools=tools)], rule="thorough")
        add = calculator(executed)
        assert llm.predict_and_call([add], "What is 4 and 4?").response == "8"
        assert (await llm.apredict_and_call([add], "What is 4 and 4?")).response == "8"
        assert executed == [(4, 4), (4, 4)]


# -- structured output ------------------------------------------------------------------------


async def test_structured_predictions_of_mixed_members_are_voted_on():
    say = geographer()
    llm = AdaptiveEnsembleLLM(
        [ScriptedLLM(say), ScriptedLLM(say, tools=False, model="text")], rule="fixed:n=9"
    )
    template = PromptTemplate("{question}")
    paris = City(name="Paris")
    assert llm.structured_predict(City, template, question=QUESTION) == paris
    assert llm.last_trace()["votes"] == {'{"name":"Paris"}': 6, '{"name":"Lyon"}': 3}
    assert await llm.astructured_predict(City, template, question=QUESTION) == paris
    assert list(llm.stream_structured_predict(City, template, question=QUESTION)) == [paris]
    stream = await llm.astream_structured_predict(City, template, question=QUESTION)
    assert [item async for item in stream] == [paris]
    # Programs put their parser into the template: the caller's has none.
    assert template.output_parser is None


async def test_a_structured_ensemble_tells_its_decision():
    llm = ensemble().as_structured_llm(City)
    messages = [ChatMessage(QUESTION)]
    responses = [llm.chat(messages), await llm.achat(messages), *llm.stream_chat(messages)]
    responses += [r async for r in await llm.astream_chat(messages)]
    for response in responses:
        assert response.raw == City(name="Paris")
        assert response.additional_kwargs["bestofinf"]["answer"] == '{"name":"Paris"}'
    for response in (llm.complete(QUESTION), await llm.acomplete(QUESTION)):
        assert response.text == '{"name":"Paris"}'
        assert response.additional_kwargs["bestofinf"]["n_samples"] > 1


# -- evaluators and workflows -----------------------------------------------------------------


@pytest.mark.filterwarnings(r"ignore:asyncio_module\(\) is deprecated:DeprecationWarning")
async def test_evaluators_run_in_batches():
    scores = itertools.cycle(["4.0\nGood.", "2.0\nBad.", "4.0\nFine."])
    first_line = lambda text: text.split("\n")[0]  # noqa: E731
    evaluator = CorrectnessEvaluator(llm=ensemble(scores, answer=first_line))
    runner = BatchEvalRunner({"correctness": evaluator}, workers=2)
    results = await runner.aevaluate_response_strs(
        queries=[QUESTION] * 3, response_strs=["Paris"] * 3, reference=["Paris"] * 3
    )
    assert [result.score for result in results["correctness"]] == [4.0] * 3


class Progress(Event):
    answer: str


class ToStream(BaseEventHandler):
    _context: Context = PrivateAttr()

    def __init__(self, context):
        super().__init__()
        self._context = context

    def handle(self, event, **kwargs):
        if isinstance(event, EnsembleSampleEvent):
            self._context.write_event_to_stream(Progress(answer=str(event.answer)))


class Asking(Workflow):
    @step
    async def ask(self, ctx: Context, event: StartEvent) -> StopEvent:
        root, handler = get_dispatcher(), ToStream(ctx)
        root.add_event_handler(handler)
        try:
            response = await event.llm.achat([ChatMessage(QUESTION)])
        finally:
            root.event_handlers = [h for h in root.event_handlers if h is not handler]
        return StopEvent(result=response)


async def test_a_workflow_streams_the_samples():
    handler = Asking().run(llm=ensemble())
    shown = [e.answer async for e in handler.stream_events() if isinstance(e, Progress)]
    response = await handler
    trace = response.additional_kwargs["bestofinf"]
    assert shown == [sample["answer"] for sample in trace["samples"]]
    assert response.message.content == "The answer is Paris."


@agents
async def test_an_identity_ensemble_changes_nothing_for_an_agent():
    for kind, say, tools in ((FunctionAgent, caller, True), (ReActAgent, thinker, False)):
        outputs = []
        for wrap in (False, True):
            member = ScriptedLLM(say(), tools=tools)
            llm = AdaptiveEnsembleLLM([member], max_samples=1) if wrap else member
            executed = []
            handler = kind(tools=[calculator(executed)], llm=llm).run("What is 4 and 4?")
            ended = [e async for e in handler.stream_events() if isinstance(e, AgentOutput)]
            calls = [[(c.tool_name, c.tool_kwargs) for c in e.tool_calls] for e in ended]
            outputs.append((str(await handler), executed, calls))
        assert outputs[0] == outputs[1]
