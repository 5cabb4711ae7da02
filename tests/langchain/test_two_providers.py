"""Members of two providers, by the providers' own clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest

if not all(find_spec(name) for name in ("langchain_openai", "langchain_anthropic")):
    pytest.skip("needs both clients", allow_module_level=True)

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_anthropic import ChatAnthropic
from langchain_anthropic.middleware import AnthropicPromptCachingMiddleware
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from bestofinf import Member
from langchain_bestofinf import AdaptiveEnsembleChat, ForMembers
from support.providers import Providers, providers

SEARCH = {"type": "web_search_preview"}
OPENAI, ANTHROPIC = "/v1/responses", "/v1/messages"


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"It is sunny in {city}."


@pytest.fixture
def served() -> Iterator[Providers]:
    with providers(("weather", {"city": "Rome"})) as running:
        yield running


def gpt(served: Providers) -> ChatOpenAI:
    return ChatOpenAI(model="gpt-made", api_key="none", base_url=f"{served.url}/v1")  # type: ignore[arg-type]


def claude(served: Providers) -> ChatAnthropic:
    return ChatAnthropic(model="claude-made", api_key="none", base_url=served.url, max_tokens=99)  # type: ignore[call-arg, arg-type]


def test_no_foreign_member_sees_a_built_in_tool_or_what_it_left(served: Providers) -> None:
    model = AdaptiveEnsembleChat([gpt(served), claude(served)], rule="fixed:n=2")
    bound = model.bind_tools([SEARCH, weather])
    history: list[Any] = [HumanMessage("What is the weather in Rome?")]
    for _ in range(2):
        message = bound.invoke(history)
        history.append(message)
        history += [
            ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
            for call in message.tool_calls
        ]
    first = history[1]
    assert [(call["name"], call["args"]) for call in first.tool_calls] == [
        ("weather", {"city": "Rome"})
    ]
    assert first.response_metadata["bestofinf"]["n_failed"] == 0
    assert "Sunny." in str(history[-1].text)
    own, foreign = served.bodies[OPENAI], served.bodies[ANTHROPIC]
    assert len(own) == len(foreign) == 2
    assert all(SEARCH in body["tools"] for body in own)
    assert all([one["name"] for one in body["tools"]] == ["weather"] for body in foreign)
    assert "web_search" not in json.dumps(foreign)
    # Whoever has won: the member that did search is shown its search again.
    assert ("web_search_call" in json.dumps(own[1]["input"])) == (
        first.response_metadata["bestofinf"]["winner_member"] == "gpt-made"
    )


def cached(served: Providers, members: list[Any], middleware: Any) -> list[bool]:
    model = AdaptiveEnsembleChat(members, rule=f"fixed:n={len(members)}")
    agent = create_agent(model, [weather], system_prompt="Be brief.", middleware=[middleware])
    agent.invoke({"messages": [("user", "What is the weather in Rome?")]})
    bodies = [body for bodies in served.bodies.values() for body in bodies]
    return ["cache_control" in json.dumps(body) for body in bodies]


def test_prompt_caching_is_on_for_an_ensemble_of_nothing_but_claude(served: Providers) -> None:
    middleware = ForMembers(AnthropicPromptCachingMiddleware(unsupported_model_behavior="raise"))
    assert middleware.name == "AnthropicPromptCachingMiddleware"
    assert cached(served, [claude(served), claude(served)], middleware) == [True] * 4


def test_middleware_sees_the_ensemble_where_members_are_of_several_classes(
    served: Providers,
) -> None:
    middleware = ForMembers(AnthropicPromptCachingMiddleware(unsupported_model_behavior="ignore"))
    mixed = [gpt(served), claude(served)]
    for one in mixed:
        one.__dict__["use_responses_api"] = True
    assert not any(cached(served, mixed, middleware))


def test_a_member_may_have_prompt_caching_beside_those_of_other_providers(
    served: Providers,
) -> None:
    caching = Member(claude(served), call_kwargs={"cache_control": {"type": "ephemeral"}})
    other = ChatOpenAI(
        model="gpt-made",
        api_key="none",
        base_url=f"{served.url}/v1",
        use_responses_api=True,  # type: ignore[arg-type]
    )
    model = AdaptiveEnsembleChat([other, caching], rule="fixed:n=2")
    create_agent(model, [weather]).invoke({"messages": [("user", "What is the weather in Rome?")]})
    told = {
        path: ["cache_control" in json.dumps(body) for body in bodies]
        for path, bodies in served.bodies.items()
    }
    assert told == {OPENAI: [False, False], ANTHROPIC: [True, True]}


async def test_a_model_that_middleware_chooses_itself_is_kept(served: Providers) -> None:
    other = claude(served)

    class Choosing(AgentMiddleware):  # type: ignore[type-arg]
        async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
            assert isinstance(request.model, ChatAnthropic)
            return await handler(request.override(model=other))

    model = AdaptiveEnsembleChat([claude(served), claude(served)], rule="fixed:n=2")
    agent = create_agent(model, [], middleware=[ForMembers(Choosing())])
    served.call = None
    await agent.ainvoke({"messages": [("user", "x")]})
    assert len(served.bodies[ANTHROPIC]) == 1
