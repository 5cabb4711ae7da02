"""The last decision of an ensemble, for whoever gets no response to look at."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.evaluation import FaithfulnessEvaluator

from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.llm_members import ScriptedLLM

# LlamaIndex' own warnings: agents look at deprecated attributes of their pydantic base.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince20",
    "ignore::pydantic.warnings.PydanticDeprecatedSince211",
)


def voter(*said):
    return AdaptiveEnsembleLLM([ScriptedLLM(said)], rule="fixed:n=2")


async def test_the_last_decision_is_that_of_the_ensemble_asked_also_within_agents():
    one, other = voter("The answer is 1."), voter("The answer is 2.")
    assert one.last_trace() is None
    one.complete("x")
    other.complete("x")
    assert one.last_trace()["answer"] == "1"
    assert other.with_settings(rule="fast").last_trace()["answer"] == "2"
    llm = voter("The answer is 3.")
    await FunctionAgent(tools=[], llm=llm).run("x")
    assert llm.last_trace()["answer"] == "3"
    FaithfulnessEvaluator(llm=llm).evaluate(query="q", response="r", contexts=["c"])
    assert llm.last_trace()["answer"] == "3"


async def test_calls_at_once_have_their_own_last_decision():
    async def asked(llm, said):
        found = await llm.achat([ChatMessage(said)])
        await asyncio.sleep(0.01)
        return found.additional_kwargs["bestofinf"]["call_id"] == llm.last_trace()["call_id"]

    llm = voter("The answer is 1.")
    assert all(await asyncio.gather(*(asked(llm, f"{n}") for n in range(5))))


def test_the_last_decision_keeps_no_ensemble_alive():
    llm = voter("The answer is 1.")
    llm.complete("x")
    member = weakref.ref(llm._members[0].model)
    del llm
    gc.collect()
    assert member() is None
