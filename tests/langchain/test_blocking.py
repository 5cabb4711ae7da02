"""Asynchronous calls do not block the event loop, as servers of graphs refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel, field_validator

from bestofinf.answers.wording import lexicon
from bestofinf.evaluation import read_files
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from support.chat_members import Scripted


class City(BaseModel):
    """A city."""

    city: str

    @field_validator("city")
    @classmethod
    def known(cls, city: str) -> str:
        return city.title()


REPLY = AIMessage("", tool_calls=[{"name": "City", "args": {"city": "rome"}, "id": "1"}])


@pytest.fixture(autouse=True)
def nothing_blocks() -> Iterator[None]:
    with blockbuster_ctx():
        yield


@pytest.fixture
def model() -> AdaptiveEnsembleChat:
    members = [Scripted(replies=[REPLY]), Scripted(replies=[REPLY])]
    return AdaptiveEnsembleChat(members, rule="fixed:n=3")


async def test_structured_output_does_not(model: AdaptiveEnsembleChat) -> None:
    chain: Any = model.with_structured_output(City)
    assert await chain.ainvoke("x") == City(city="Rome")
    assert [found async for found in chain.astream("x")][-1] == City(city="Rome")
    assert (await chain.abatch(["x"] * 3))[2] == City(city="Rome")
    raw: Any = model.with_structured_output(City, include_raw=True)
    assert (await raw.ainvoke("x"))["parsed"] == City(city="Rome")


async def test_calls_streams_and_batches_do_not(model: AdaptiveEnsembleChat) -> None:
    assert (await model.ainvoke("x")).tool_calls
    assert [chunk async for chunk in model.astream("x")]
    assert [event async for event in model.astream_events("x", version="v2")]
    assert await model.abatch(["x"] * 2, budget=4, rule="exhaustive")


async def test_a_chain_that_remembers_does_not() -> None:
    agent = create_agent(Scripted(replies=["4"]), [], checkpointer=InMemorySaver())
    vote = AdaptiveEnsemble(agent | (lambda state: state["messages"][-1].content), rule="fixed:n=3")
    config: Any = {"configurable": {"thread_id": "1"}}
    assert await vote.ainvoke({"messages": [("user", "2+2?")]}, config) == "4"
    assert len((await agent.aget_state(config)).values["messages"]) == 2


async def test_an_ensemble_may_be_made_in_a_loop_before_anything_was_read() -> None:
    lexicon._locales.cache_clear()
    with blockbuster_ctx():
        assert lexicon._locales()
        model = AdaptiveEnsembleChat([Scripted(replies=["30 days."])], rule="fixed:n=2")
        await model.ainvoke("How long is the return window?")


async def test_what_blocks_is_found_in_every_async_test(tmp_path: Path) -> None:
    with pytest.raises(BlockingError):
        read_files([tmp_path])
