"""Tools that providers carry out themselves are for their own models."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from bestofinf.errors import UsageError
from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted, calling


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return city


SEARCH = {"type": "web_search_preview"}
DATED = {"type": "web_search_20250305", "name": "web_search"}
GOOGLE: dict[str, Any] = {"google_search": {}}


class Of(Scripted):
    """A model of a provider, that keeps the tools it is given."""

    provider: str

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return {**super()._get_ls_params(stop, **kwargs), "ls_provider": self.provider}

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=tools, **kwargs)


def member(provider: str) -> Of:
    return Of(replies=[calling("weather", city="Rome")], provider=provider, model_name=provider)


def given(model: Of) -> list[Any]:
    return model.kwargs_seen[0]["tools"]  # type: ignore[no-any-return]


def test_each_member_gets_what_is_built_into_its_own_provider() -> None:
    members = [member("openai"), member("anthropic"), member("google_genai"), member("groq")]
    model = AdaptiveEnsembleChat(members, rule="fixed:n=4")
    message = model.bind_tools([SEARCH, DATED, GOOGLE, weather]).invoke("x")
    assert isinstance(message, AIMessage)
    assert message.tool_calls[0]["args"] == {"city": "Rome"}
    assert [given(one) for one in members] == [
        [SEARCH, weather],
        [DATED, weather],
        [GOOGLE, weather],
        [weather],
    ]


def test_models_of_one_provider_get_all_tools() -> None:
    members = [member("groq"), member("groq")]
    AdaptiveEnsembleChat(members, rule="fixed:n=2").bind_tools([SEARCH, weather]).invoke("x")
    assert given(members[1]) == [SEARCH, weather]


def test_a_tool_of_no_member_and_a_member_without_tools_are_refused_at_binding() -> None:
    model = AdaptiveEnsembleChat([member("openai"), member("groq")])
    with pytest.raises(UsageError, match="no member has the built-in tool 'google_search'"):
        model.bind_tools([GOOGLE, weather])
    with pytest.raises(UsageError, match=r"'groq' of groq has none of the tools.*web_search"):
        model.bind_tools([SEARCH])
