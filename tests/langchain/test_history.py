"""A history shown to a member has what it can read, whoever wrote it."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted

SEARCHED = [
    {"type": "text", "text": "I look it up."},
    {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {"query": "Rome"}},
    {"type": "web_search_tool_result", "tool_use_id": "1", "content": []},
    {"type": "text", "text": "Sunny.", "citations": [{"url": "https://example.org"}]},
    {"type": "tool_use", "id": "2", "name": "weather", "input": {}},
]
CALLED = [
    {"type": "web_search_call", "id": "1", "status": "completed"},
    {"type": "reasoning", "id": "rs_1"},
    {"type": "text", "text": "Sunny."},
]
CALL = {"name": "weather", "args": {}, "id": "2", "type": "tool_call"}


class Of(Scripted):
    """A model of a provider."""

    provider: str

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return {**super()._get_ls_params(stop, **kwargs), "ls_provider": self.provider}

    @property
    def saw(self) -> list[Any]:
        return self._book["messages"][-1]  # type: ignore[no-any-return]


def member(provider: str) -> Of:
    return Of(replies=["Sunny."], provider=provider, model_name=provider)


def wrote(content: Any, provider: str | None = None, **about: Any) -> AIMessage:
    metadata = {"model_provider": provider} if provider else {}
    return AIMessage(content, response_metadata=metadata, **about)


def asked(history: list[Any], *providers: str, **settings: Any) -> list[Of]:
    members = [member(provider) for provider in providers]
    AdaptiveEnsembleChat(members, rule=f"fixed:n={len(members)}", **settings).invoke(history)
    return members


def test_what_built_in_tools_left_is_shown_to_their_own_provider_alone() -> None:
    message = wrote(SEARCHED, "anthropic", tool_calls=[CALL])
    history = [HumanMessage("q"), message, ToolMessage("21", tool_call_id="2")]
    own, other = asked(history, "anthropic", "openai")
    assert own.saw == history
    first, last, call = other.saw[1].content
    assert (first["text"], last) == ("I look it up.", {"type": "text", "text": "Sunny."})
    assert call["type"] == "tool_use"
    assert other.saw[1].tool_calls == [CALL]
    assert other.saw[2] == history[2]


def test_they_are_known_where_nobody_says_who_wrote_them() -> None:
    own, other = asked([wrote(CALLED), HumanMessage("q")], "azure", "google_genai")
    assert own.saw[0].content == CALLED
    assert other.saw[0].content == CALLED[1:]


def test_standard_content_of_built_in_tools_goes_by_the_provider_that_is_named() -> None:
    standard = [{"type": "server_tool_call", "id": "1", "name": "web_search", "args": {}}]
    history = [wrote(standard, "anthropic"), HumanMessage("q")]
    own, other = asked(history, "anthropic", "openai")
    assert own.saw == history
    assert other.saw == history[1:]  # nothing of it is left


def test_models_of_one_provider_see_a_history_as_it_is() -> None:
    history = [wrote(SEARCHED, "anthropic"), HumanMessage("q")]
    for one in asked(history, "openai", "azure"):
        assert one.saw == history


def test_a_filter_of_ones_own_decides_for_each_member() -> None:
    def last(messages: list[Any], member: Any) -> list[Any]:
        return messages[-1:] if member.name == "openai" else messages

    history = [wrote(SEARCHED, "anthropic"), HumanMessage("q")]
    own, other = asked(history, "anthropic", "openai", history_filter=last)
    assert (len(own.saw), len(other.saw)) == (2, 1)
