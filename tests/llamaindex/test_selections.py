"""Routers and planners: the vote is on where a question goes, whatever is said about it."""

from __future__ import annotations

import itertools
import json

import pytest
from llama_index.core.base.base_selector import SingleSelection
from llama_index.core.prompts import PromptTemplate
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.question_gen.types import SubQuestionList
from llama_index.core.schema import QueryBundle
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import ToolMetadata

from bestofinf.records import Reply, ToolCall
from llamaindex_bestofinf import AdaptiveEnsembleLLM, StepAnswer
from support.llm_members import ScriptedLLM, tool_call


def chosen(*places, reasons=None):
    """Return what members say: a selection each, with a reason of its own."""
    reasons = reasons or (f"reason {n}" for n in range(1000))
    return [json.dumps([{"choice": place, "reason": next(reasons)}]) for place in places]


ROUTES = [ToolMetadata(description="sums", name="a"), ToolMetadata(description="cities", name="b")]


@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```", "Sure!\n```\n{}\n```\n"])
def test_a_router_votes_on_what_is_selected_and_not_on_the_reasons(fence):
    said = [fence.format(text) for text in chosen(1, 2, 2, 2)]
    llm = AdaptiveEnsembleLLM([ScriptedLLM(said)], rule="fixed:n=4", concurrency=1)
    found = LLMSingleSelector.from_defaults(llm=llm).select(ROUTES, "Where is Rome?")
    assert found.inds == [1]
    assert llm.last_trace()["votes"] == {'{"selected": [2]}': 3, '{"selected": [1]}': 1}


def test_several_selected_have_no_order():
    said = [
        json.dumps([{"choice": a, "reason": f"{a}"}, {"choice": b, "reason": "x"}])
        for a, b in [(1, 2), (2, 1)]
    ]
    llm = AdaptiveEnsembleLLM([ScriptedLLM(said)], rule="fixed:n=2", concurrency=1)
    assert sorted(LLMMultiSelector.from_defaults(llm=llm).select(ROUTES, "x").inds) == [0, 1]
    assert llm.last_trace()["votes"] == {'{"selected": [1, 2]}': 2}


def test_selections_by_tool_calls_and_as_objects_are_read_alike():
    reasons = itertools.count()

    def say(messages, tools):
        return tool_call("SingleSelection", index=1, reason=f"because {next(reasons)}")

    llm = AdaptiveEnsembleLLM([ScriptedLLM(say)], rule="thorough")
    assert PydanticSingleSelector.from_defaults(llm=llm).select(ROUTES, "x").inds == [0]
    assert llm.last_trace()["votes"].keys() == {'{"selected": [1]}'}
    found = llm.structured_predict(SingleSelection, PromptTemplate("Where?"))
    assert found.index == 1
    assert llm.last_trace()["votes"].keys() == {'{"selected": [1]}'}
    assert llm.last_trace()["n_samples"] < 10


@pytest.mark.parametrize(
    "text",
    [
        '[{"choice": "1", "reason": "r"}]',
        '[{"choice": true, "reason": "r"}]',
        '[{"choice": 1, "reason": "r", "more": 2}]',
        '[{"choice": 1, "reason": "r"}, 5]',
    ],
)
def test_what_is_no_selection_votes_as_the_object_it_is(text):
    answer, _ = StepAnswer().vote(Reply(text=text))
    assert answer is not None
    assert "selected" not in answer


def test_the_choice_and_the_reason_in_a_sentence_are_no_selection():
    said = "The choice is yours, and the reason is that nobody else wants to make it for you today."
    assert StepAnswer().vote(Reply(text=said)) == (None, "free text")
    calls = (ToolCall("SingleSelection", {"index": 1, "reason": "r"}), ToolCall("add", {"a": 1}))
    assert "selected" not in StepAnswer().vote(Reply(tool_calls=calls))[0]
    assert "selected" not in StepAnswer().vote(Reply(tool_calls=calls[1:]))[0]
    broken = (ToolCall("SingleSelection", {"index": "one"}),)
    assert "selected" not in StepAnswer().vote(Reply(tool_calls=broken))[0]


# -- sub-questions ------------------------------------------------------------------------------


numbers = itertools.count()


def questions(*tools):
    """Return a plan in words that no other has."""
    items = [{"sub_question": f"question {next(numbers)}?", "tool_name": t} for t in tools]
    return f"```json\n{json.dumps({'items': items})}\n```"


def test_planners_vote_on_the_tools_that_are_asked():
    said = [questions("a"), questions("a", "b"), questions("b", "a"), questions("a", "b")]
    llm = AdaptiveEnsembleLLM([ScriptedLLM(said)], rule="fixed:n=4", concurrency=1)
    found = LLMQuestionGenerator.from_defaults(llm=llm).generate(ROUTES, QueryBundle("x"))
    assert [question.tool_name for question in found] == ["a", "b"]
    assert llm.last_trace()["votes"] == {'{"asked": ["a", "b"]}': 3, '{"asked": ["a"]}': 1}


def test_plans_as_objects_are_read_alike():
    def say(messages, tools):
        items = [{"sub_question": f"question {next(numbers)}?", "tool_name": "a"}]
        return tool_call("SubQuestionList", items=items)

    llm = AdaptiveEnsembleLLM([ScriptedLLM(say)], rule="thorough")
    assert llm.structured_predict(SubQuestionList, PromptTemplate("Plan.")).items
    assert llm.last_trace()["votes"].keys() == {'{"asked": ["a"]}'}
    call = ToolCall("SubQuestionList", {"items": [{"sub_question": "?", "tool_name": "b"}]})
    assert StepAnswer().vote(Reply(tool_calls=(call,))) == ('{"asked": ["b"]}', "")


@pytest.mark.parametrize(
    "text",
    [
        '{"items": []}',
        '[{"sub_question": "?", "tool_name": 3}]',
        '{"items": [{"sub_question": "?", "tool_name": "a", "why": "x"}]}',
        '{"sub_question": "?"}',
    ],
)
def test_what_is_no_plan_votes_as_the_object_it_is(text):
    answer, _ = StepAnswer().vote(Reply(text=f"```json\n{text}\n```"))
    assert answer is not None
    assert "asked" not in answer
