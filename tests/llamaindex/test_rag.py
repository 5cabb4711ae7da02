"""What the parts of a RAG pipeline cost with the LLMs that `RagEnsemble` gives them."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import (
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    GuidelineEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import KeywordExtractor, TitleExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import FunctionTool, QueryEngineTool

from bestofinf import UsageError
from bestofinf.voting.settings import WAITING
from llamaindex_bestofinf import AdaptiveEnsembleLLM, RagEnsemble
from support.llm_members import ScriptedLLM, tool_call

# LlamaIndex leaves the loops of its blocking methods open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

QUESTION = "How long may a member keep a book?"
WORDINGS = ["21 days.", "A member may keep it for three weeks.", "It is 21 days [2].", "3 weeks"]
STATEMENTS = [
    "A member may keep it for 21 days.",
    "Members have 21 days for it.",
    "It is due after 21 days.",
    "You may keep it for 21 days.",
    "21 days.",
]
TITLES = [f"On {a} and {b}" for a in ("books", "loans", "fines") for b in ("time", "cards", "days")]
NOTES = [f"it says so in part {n} of the rules" for n in range(50)]
WHY = "Why was the library closed?"
REASONS = [
    "The cellar was full of water.",
    "Because of a flood.",
    "Rain had come in.",
    "It was under water after the storm.",
]


@pytest.fixture(autouse=True)
def nothing_else_is_asked(monkeypatch):
    """Components that look for the model of the settings, whether they need one or not."""
    monkeypatch.setattr(Settings, "_llm", MockLLM())


def saying(texts, seed=0, **settings):
    source = random.Random(seed)
    return ScriptedLLM(lambda messages, tools: source.choice(texts), **settings)


def index():
    nodes = [Document(text=f"Rule {i}: a book is due after three weeks.") for i in range(4)]
    return VectorStoreIndex.from_documents(nodes, embed_model=MockEmbedding(4))


@pytest.mark.parametrize("mode", ["compact", "tree_summarize", "simple_summarize"])
def test_an_answer_costs_a_few_requests(mode):
    member = saying(WORDINGS)
    rag = RagEnsemble(member)
    answer = index().as_query_engine(llm=rag.answers, response_mode=mode).query(QUESTION)
    assert str(answer) in WORDINGS
    assert member.counts["started"] <= 5


def test_a_long_answer_costs_one_request():
    text = (
        "A member may keep a book for three weeks from the day on which it was lent by the library."
    )
    member = saying([text, text.replace("three weeks", "21 days")])
    engine = index().as_query_engine(llm=RagEnsemble(member).answers)
    engine.query("Give a detailed answer: how long may a member keep a book?")
    assert member.counts["started"] == 1


def test_titles_and_keywords_cost_what_they_cost_without_an_ensemble():
    def asked(llm):
        extractors = [
            TitleExtractor(nodes=1, num_workers=1, llm=llm, show_progress=False),
            KeywordExtractor(num_workers=1, llm=llm, show_progress=False),
        ]
        IngestionPipeline(transformations=extractors).run(documents=[Document(text="A rule.")])

    bare, plain, voting = saying(TITLES), saying(TITLES), saying(TITLES)
    asked(bare)
    asked(RagEnsemble(voting, plain=plain).plain)
    assert plain.counts["started"] == bare.counts["started"] >= 2
    assert voting.counts["started"] == 0


def test_the_heaviest_member_is_the_plain_one_where_none_is_named():
    light, heavy = ScriptedLLM(model="light"), ScriptedLLM(model="heavy")
    assert RagEnsemble([(light, 0.3), (heavy, 0.7)]).plain is heavy
    with pytest.raises(UsageError, match="plain must be a LlamaIndex LLM"):
        RagEnsemble(light, plain="gpt")


def test_an_ensemble_may_be_given():
    llm = AdaptiveEnsembleLLM(ScriptedLLM(), rule="thorough")
    rag = RagEnsemble(llm)
    assert rag.answers is llm
    assert rag.scores.rule == "fast"
    assert RagEnsemble(llm, max_samples=9).answers.max_samples == 9


EVALUATORS = [
    (FaithfulnessEvaluator, ["YES", "YES, it is.", "Yes"], ["NO", "No."], {"contexts": ["a"]}),
    (RelevancyEvaluator, ["YES", "YES.", "Yes"], ["NO"], {"contexts": ["a"]}),
    (CorrectnessEvaluator, ["4.0\nIt is right", "4\nWell put", "4.0\nGood"], ["2.0\nPoor"], {"reference": "x"}),
    (GuidelineEvaluator, [json.dumps({"passing": True, "feedback": n}) for n in NOTES], ['{"passing": false, "feedback": "it does not say so"}'], {"contexts": ["a"]}),
    (PairwiseComparisonEvaluator, ["The first one [[A]]", "A it is. [[A]]", "[[A]]"], ["The other one. [[B]]"], {"second_response": "r", "reference": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "right", "wrong", "given"), EVALUATORS, ids=lambda v: getattr(v, "__name__", ""))  # fmt: skip
async def test_evaluators_vote_on_the_verdict_alone(kind, right, wrong, given):
    replies, passed = 0, 0
    for seed in range(12):
        source = random.Random(seed)

        def say(messages, tools, source=source):
            return source.choice(right if source.random() < 0.75 else wrong)

        member = ScriptedLLM(say)
        settings = {"enforce_consensus": False} if kind is PairwiseComparisonEvaluator else {}
        evaluator = kind(llm=RagEnsemble(member, concurrency=1).scores, **settings)
        found = await evaluator.aevaluate(query="q", response="r", **given)
        passed += found.score == (4.0 if kind is CorrectnessEvaluator else 1.0)
        replies += member.counts["started"]
    assert replies / 12 <= 9
    assert passed >= 10


def test_a_judge_joins_the_wordings_that_their_words_do_not():
    member, judge = saying(REASONS), ScriptedLLM("1", model="judge")
    without = saying(REASONS)
    index().as_query_engine(llm=RagEnsemble(without, concurrency=1).answers).query(WHY)
    rag = RagEnsemble(member, judge=judge, judge_price=(1.0, 0.0), concurrency=1)
    index().as_query_engine(llm=rag.answers).query(WHY)
    assert member.counts["started"] + judge.counts["started"] <= 6
    assert member.counts["started"] < without.counts["started"]
    assert judge.counts["started"] <= 3
    assert rag.answers.last_trace()["usage_by_member"]["scripted"]["cost"] > 0


def test_sub_questions_cost_what_their_answers_do():
    asked = '```json\n{"items": [{"sub_question": "%s?", "tool_name": "a"}, {"sub_question": "B?", "tool_name": "a"}]}\n```'
    source = random.Random(1)

    def say(messages, tools):
        if "sub-question" in "".join(m.content or "" for m in messages).lower().split("context")[0]:
            return asked % source.choice("XYZ")
        return source.choice(STATEMENTS)

    member = ScriptedLLM(say)
    rag = RagEnsemble(member)
    tool = QueryEngineTool.from_defaults(
        index().as_query_engine(llm=rag.answers), name="a", description="a"
    )
    engine = SubQuestionQueryEngine.from_defaults(
        [tool],
        question_gen=LLMQuestionGenerator.from_defaults(llm=rag.plain),
        response_synthesizer=get_response_synthesizer(llm=rag.answers),
        use_async=False,
        verbose=False,
    )
    engine.query(QUESTION)
    assert member.counts["started"] <= 40


@pytest.mark.parametrize(
    ("settings", "launching"),
    [
        ({}, ("thrifty", WAITING)),
        ({"launch": "eager"}, ("eager", WAITING)),
        ({"waiting": 2.0}, (None, 2.0)),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_scores_waste_no_request_unless_the_user_cannot_wait(settings, launching, whole):
    if whole:
        rag = RagEnsemble(AdaptiveEnsembleLLM([ScriptedLLM()], **settings))
    else:
        rag = RagEnsemble(ScriptedLLM(), **settings)
    assert (rag.scores.launch, rag.scores.waiting) == launching
    assert rag.answers.launch == settings.get("launch")


def test_a_router_votes_on_the_choice():
    choices = [json.dumps([{"choice": 2, "reason": note}]) for note in NOTES]
    source = random.Random(2)

    def say(messages, tools):
        text = "".join(m.content or "" for m in messages)
        return source.choice(choices if "Some choices are given" in text else WORDINGS)

    member = ScriptedLLM(say)
    rag = RagEnsemble(member)
    tools = [
        QueryEngineTool.from_defaults(
            index().as_query_engine(llm=rag.answers), name=n, description=n
        )
        for n in "ab"
    ]
    selector = LLMSingleSelector.from_defaults(llm=rag.answers)
    RouterQueryEngine(selector=selector, query_engine_tools=tools).query(QUESTION)
    assert member.counts["started"] <= 8


@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)
@pytest.mark.parametrize("argument", ["query", "input"])
async def test_the_first_step_of_an_agent_with_a_search_tool(argument):
    source, asked = random.Random(3), []
    queries = ["library loan time", "how long may I keep a book", "loan period", "book due date"]

    def say(messages, tools):
        if messages[-1].role.value == "user":
            asked.append(1)
            return tool_call("search", **{argument: source.choice(queries)})
        return source.choice(WORDINGS)

    ran = []

    def search(query: str) -> str:
        """Search the rules."""
        ran.append(query)
        return "Three weeks."

    def answer(input: str) -> str:
        """Search the rules."""
        return search(input)

    function = search if argument == "query" else answer
    tools = [FunctionTool.from_defaults(function, name="search")]
    result = await FunctionAgent(tools=tools, llm=RagEnsemble(ScriptedLLM(say)).answers).run(
        QUESTION
    )
    assert str(result) in WORDINGS
    assert len(ran) == 1
    assert len(asked) <= 4


def test_a_stream_of_an_answer_is_the_winners_text():
    rag = RagEnsemble(saying(WORDINGS))
    stream = index().as_query_engine(llm=rag.answers, streaming=True).query(QUESTION)
    assert "".join(stream.response_gen) in WORDINGS


def test_it_shows_no_key():
    assert "sk-secret" not in repr(RagEnsemble(ScriptedLLM()))
    assert "scripted" in repr(RagEnsemble(ScriptedLLM()))
    assert RagEnsemble(ScriptedLLM()).plain.chat([ChatMessage("?")]).message.content == "8"


PAGE = Path(__file__).parents[2] / "docs" / "rag.md"
BLOCKS = re.findall(r"^```python[^\n]*\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)


@pytest.mark.parametrize("block", BLOCKS, ids=["pipeline", "meaning", "endpoint"])
def test_the_page_runs_and_prints_what_it_says(block, capsys, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", MockLLM())
    exec(compile(block, str(PAGE), "exec"), {"__name__": "page"})
    assert capsys.readouterr().out.splitlines() == re.findall(r"^#> (.*)$", block, re.M)
