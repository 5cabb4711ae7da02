"""Rerankers: the vote is on the order of the documents, whatever the relevances are."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from llama_index.core import Settings
from llama_index.core.indices.utils import default_parse_choice_select_answer_fn
from llama_index.core.postprocessor import LLMRerank, StructuredLLMRerank
from llama_index.core.postprocessor.structured_llm_rerank import DocumentRelevanceList
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import BaseModel

from bestofinf.records import Reply, ToolCall
from llamaindex_bestofinf import AdaptiveEnsembleLLM, RagEnsemble, StepAnswer
from support.llm_members import ScriptedLLM, tool_call
from support.pace import keeps_pace

NODES = [NodeWithScore(node=TextNode(text=f"text {n}"), score=0.5) for n in range(1, 7)]


def lines(*places):
    return "\n".join(f"Doc: {number}, Relevance: {relevance}" for number, relevance in places)


def listed(*places):
    return {"documents": [{"document_number": n, "relevance": r} for n, r in places]}


def reranked(reranker, **settings):
    """Return the numbers and scores that a reranker makes of its nodes."""
    nodes = reranker(**settings).postprocess_nodes(NODES, query_str="Which?")
    return [(int(found.node.text.split()[1]), found.score) for found in nodes]


def vote(text, **fields):
    return StepAnswer().vote(Reply(text=text, **fields))[0]


# -- what votes ---------------------------------------------------------------------------------


def test_a_reranker_votes_on_the_order_and_keeps_the_scores_of_a_winner():
    said = [
        lines((1, 9), (3, 8)),
        lines((3, 9), (1, 6), (5, 2)),
        lines((3, 8), (1, 7), (5, 1)),
        lines((1, 5), (5, 4), (3, 7)),
    ]
    llm = AdaptiveEnsembleLLM([ScriptedLLM(said)], rule="fixed:n=4", concurrency=1)
    assert reranked(LLMRerank, llm=llm, top_n=2) == [(3, 9.0), (1, 6.0)]
    votes = llm.last_trace()["votes"]
    assert votes == {'{"ranked": [3, 1, 5]}': 3, '{"ranked": [1, 3]}': 1}


def test_so_does_one_that_asks_for_an_object():
    said = itertools.cycle([((2, 4), (6, 7)), ((2, 7), (6, 4)), ((6, 9), (2, 1))])

    def say(messages, tools):
        return tool_call("DocumentRelevanceList", **listed(*next(said)))

    llm = AdaptiveEnsembleLLM([ScriptedLLM(say)], rule="fixed:n=3", concurrency=1)
    assert reranked(StructuredLLMRerank, llm=llm) == [(6, 7), (2, 4)]
    assert llm.last_trace()["votes"] == {'{"ranked": [6, 2]}': 2, '{"ranked": [2, 6]}': 1}


@pytest.mark.parametrize("places", [((3, 9), (6, 5)), ((3, 9), (6, 6), (1, 3), (4, 1))])
@pytest.mark.parametrize("reranker", [LLMRerank, StructuredLLMRerank])
@pytest.mark.parametrize("in_settings", [False, True])
def test_one_order_costs_a_handful_of_requests(monkeypatch, places, reranker, in_settings):
    source = random.Random(4)

    def say(messages, tools):
        noisy = [(number, relevance + source.choice([-1, 0, 1])) for number, relevance in places]
        if reranker is LLMRerank:
            return lines(*noisy)
        return tool_call("DocumentRelevanceList", **listed(*noisy))

    member = ScriptedLLM(say)
    llm = AdaptiveEnsembleLLM([member]) if in_settings else RagEnsemble(member).answers
    monkeypatch.setattr(Settings, "_llm", llm)
    found = reranked(reranker, **({} if in_settings else {"llm": llm}))
    assert [number for number, _ in found] == [number for number, _ in places]
    assert member.counts["started"] <= 5
    assert llm.last_trace()["votes"].keys() == {json.dumps({"ranked": [n for n, _ in places]})}


def test_documents_of_equal_relevance_are_in_the_order_in_which_rerankers_leave_them():
    apart = [((2, 5), (4, 5), (1, 8)), ((4, 5), (2, 5), (1, 8))]
    keys = []
    for places in apart:
        llm = AdaptiveEnsembleLLM([ScriptedLLM(lines(*places))], rule="fixed:n=1")
        keys.append(json.dumps({"ranked": [n for n, _ in reranked(LLMRerank, llm=llm)]}))
        assert vote(lines(*places)) == vote("", parsed=listed(*places)) == keys[-1]
    assert keys == ['{"ranked": [1, 2, 4]}', '{"ranked": [1, 4, 2]}']
    assert vote(lines((1, 8), (2, 6), (4, 5))) == keys[0]


# -- what is read -------------------------------------------------------------------------------


READ = [
    lines((5, 3)),
    "- Doc: 5, Relevance: 3\n- Doc: 2, Relevance: 6\n",
    "**Doc: 7, Relevance: 4**\n**Doc**: 2, **Relevance**: 6",
    "Here they are:\n\nDocument: 5, Relevance: 3\nDocument: 12, Relevance score: 10/10\n",
    "```\ndoc: 5, relevance: 3\n```",
    "1. Doc: 5 , Relevance: 3\r\n2. Doc: 6 , Relevance: 2.9\r\n",
    "Doc: 5, Relevance: 3\nIt has the date, the place and the time.\n\nDoc: 4, Relevance: 9\nAll.",
    "Doc: 5, Relevance: 3 (high)\nDoc: 5, Relevance: 2\nDoc 6, Relevance: 9",
    "Doc: 5, Relevance: 3\nDoc: **6**, Relevance: 9\nDoc: 7, Relevance: 1, for a reason",
]


@pytest.mark.parametrize("text", READ)
def test_lines_are_read_as_rerankers_read_them(text):
    numbers, relevances = default_parse_choice_select_answer_fn(text, 99)
    places = sorted(zip(numbers, relevances, strict=True), key=lambda place: -place[1])
    assert vote(text) == json.dumps({"ranked": [number for number, _ in places]})


@pytest.mark.parametrize(
    "text",
    [
        "x: 3, y: 4",
        "Doctors: 3, Relevance: 4",
        "Doc: 3, Pages: 4",
        "Doc 3, Relevance 4",
        "Doc: three, Relevance: four",
        "Doc: 3, Relevance: high",
        "Doc: 3, high",
        "**Doc:** 3, **Relevance:** 4",  # LLMRerank takes nothing of it
        lines((3, 4)) + "\nRow: 5, column: 6",  # LLMRerank would take it for document 5
        lines((3, 4)) + "\nThis line shows the form.\nIt has a label.\nThere may be others.",
        "The doctor comes at 10: 30, Relevance: 7",
        "None of them.",
        lines((10**9, 4)),
        lines(*[(1, 1)] * 10_001),
    ],
)
def test_what_is_no_ranking_votes_as_the_text_it_is(text):
    assert "ranked" not in str(vote(text))


def test_a_ranking_that_was_cut_off_or_is_a_refusal_does_not_vote():
    assert vote(lines((3, 4), (5, 2)), finish_reason="length") is None
    assert vote(lines((3, 4), (5, 2)), refusal=True) is None


def test_objects_calls_and_json_are_read_alike():
    found, key = listed((2, 5), (1, 9)), '{"ranked": [1, 2]}'
    assert vote("", parsed=DocumentRelevanceList(**found)) == key
    assert vote("", tool_calls=(ToolCall("DocumentRelevanceList", found),)) == key
    assert vote(f"Sure:\n```json\n{json.dumps(found)}\n```") == key


def test_other_objects_and_calls_vote_as_what_they_are():
    class Found(BaseModel):
        documents: list[dict[str, int | str]]

    class More(BaseModel):
        documents: list[dict[str, int]]
        pages: int

    first, second = listed((2, 5)), listed((2, 6))
    call = ToolCall("DocumentRelevanceList", first)
    for calls in ((ToolCall("file_away", first),), (call, call)):
        assert "ranked" not in vote("", tool_calls=calls)
    more = More(pages=3, **first), More(pages=3, **second)
    assert vote("", parsed=more[0]) != vote("", parsed=more[1])
    with_reason = {"documents": [{**first["documents"][0], "reason": "r"}]}
    for parsed in (Found(**with_reason), with_reason, {"documents": ["2"]}, {"documents": []}):
        assert vote("", parsed=parsed).startswith('{"documents":[')
    in_words = {"documents": [{"document_number": "2", "relevance": 5}]}
    assert "ranked" not in vote(json.dumps(in_words))
    assert "ranked" not in str(vote('{"documents": [{"document_number": 2, "relev'))


@pytest.mark.parametrize(
    "piece",
    ["Doc: 1, Relevance: 2\n", "Doc: ", ",", ":", "9", "*", f"Doc: 1, Relevance: {'9' * 400}\n"],
)
def test_twice_the_text_is_read_in_twice_the_time(piece):
    answer = StepAnswer()
    assert keeps_pace(lambda n: answer.vote(Reply(text=piece * n)), 5_000, step=4, notable=0.2)
