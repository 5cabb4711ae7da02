"""What stands around a model finds the errors of an ensemble to be those of its members."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, SummarizationMiddleware
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelRateLimitError,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from bestofinf.errors import SamplingError
from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted


class Small(Scripted):
    """Refuses what is longer than its window."""

    window: int = 1000

    def _begin(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> Any:
        found = super()._begin(messages, kwargs)
        if sum(len(message.text) for message in messages) > self.window:
            return ContextOverflowError("too long"), 0.0
        return found


def test_fallbacks_by_the_class_of_the_error_take_over() -> None:
    ensemble = AdaptiveEnsembleChat([Small(replies=["a"]), Small(replies=["a"])])
    spare = Scripted(replies=["spare"])
    model = ensemble.with_fallbacks([spare], exceptions_to_handle=(ContextOverflowError,))
    assert model.invoke("x" * 2000).content == "spare"
    assert model.invoke("x").content == "a"
    other = ensemble.with_fallbacks([spare], exceptions_to_handle=(ModelRateLimitError,))
    with pytest.raises(ContextOverflowError) as caught:
        other.invoke("x" * 2000)
    assert isinstance(caught.value, SamplingError)
    assert len(caught.value.causes) == 2


def test_retries_by_the_class_of_the_error_go_on() -> None:
    script = [ModelRateLimitError("slow"), ModelRateLimitError("slow"), "4"]
    model = AdaptiveEnsembleChat([Scripted(replies=script)], rule="fixed:n=1", retries=0)
    retried = model.with_retry(retry_if_exception_type=(ModelRateLimitError,), stop_after_attempt=9)
    assert retried.invoke("2+2?").content == "4"


def test_middleware_that_retries_what_is_retryable_does_and_leaves_the_rest() -> None:
    for error, most in ((ModelRateLimitError("slow"), 4), (ModelAuthenticationError("key"), 1)):
        member = Scripted(replies=[error])
        ensemble = AdaptiveEnsembleChat([member], rule="fixed:n=1", retries=0)
        retry = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")
        with pytest.raises(type(error)):
            create_agent(ensemble, [], middleware=[retry]).invoke({"messages": [("user", "q")]})
        assert member.calls <= most


def test_a_summary_that_is_too_long_is_made_of_less() -> None:
    history: list[BaseMessage] = [
        (HumanMessage if place % 2 == 0 else AIMessage)("x" * 2000) for place in range(8)
    ]
    asked = []
    for wrap in (
        lambda member: member,
        lambda member: AdaptiveEnsembleChat([member], rule="fixed:n=1"),
    ):
        member = Small(replies=["summary"], window=11_000)
        summary = SummarizationMiddleware(
            wrap(member), trigger=("messages", 6), keep=("messages", 2)
        )
        agent = create_agent(Scripted(replies=["4"]), [], middleware=[summary])
        state = agent.invoke({"messages": [*history, HumanMessage("2+2?")]})
        asked.append(
            (state["messages"][-1].content, "summary" in state["messages"][0].text, member.calls)
        )
    assert asked[0] == asked[1]
