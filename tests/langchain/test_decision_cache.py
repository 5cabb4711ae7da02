"""The cache of decisions: only an ensemble that asks and votes alike gets a decision from it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.runnables import ConfigurableField
from langchain_openai import ChatOpenAI

from bestofinf import Member
from bestofinf.answers import JsonAnswer, ToolCallsAnswer
from bestofinf.rules import AheadBy
from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted, calling


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def sub(a: int, b: int) -> int:
    """Subtract two numbers."""
    return a - b


@lru_cache  # making one is slow
def client(**settings: Any) -> ChatOpenAI:
    return ChatOpenAI(model="a", api_key="sk-1", base_url="http://127.0.0.1:1/v1", **settings)


def key(member: Any, stop: list[str] | None = None, given: Any = None, **settings: Any) -> str:
    return AdaptiveEnsembleChat([member], **settings)._get_llm_string(stop=stop, **(given or {}))


def choosable(member: Any = None) -> Any:
    field = ConfigurableField(id="llm")
    return (member or client()).configurable_alternatives(field, default_key="a", b=client(n=1))


ALIKE: dict[str, Callable[[], str]] = {
    "plain": lambda: key(client()),
    "temperature": lambda: key(client(temperature=0.2)),
    "other temperature": lambda: key(client(temperature=0.9)),
    "bound": lambda: key(client().bind(temperature=0.2)),
    "bound otherwise": lambda: key(client().bind(temperature=0.9)),
    "bound within": lambda: key(client().with_retry().bind(temperature=0.2)),
    "call_kwargs": lambda: key(Member(client(), call_kwargs={"temperature": 0.3})),
    "other call_kwargs": lambda: key(Member(client(), call_kwargs={"temperature": 0.4})),
    "secret": lambda: key(Member(client(), call_kwargs={"extra_headers": {"A": "secret"}})),
    "system": lambda: key(Member(client(), system="Be brief.")),
    "weight": lambda: key(Member(client(), weight=2.0)),
    "name": lambda: key(Member(client(), name="b")),
    "retry": lambda: key(client().with_retry(stop_after_attempt=2)),
    "fallback": lambda: key(client().with_fallbacks([client(temperature=1)])),
    "other fallback": lambda: key(client().with_fallbacks([client(temperature=0)])),
    "configurable": lambda: key(choosable()),
    "configured": lambda: key(choosable().with_config(configurable={"llm": "b"})),
    "two": lambda: AdaptiveEnsembleChat([client(), client()])._get_llm_string(),
    "nested": lambda: key(AdaptiveEnsembleChat([client()])),
    "nested otherwise": lambda: key(AdaptiveEnsembleChat([client()], rule="fast")),
    "rule": lambda: key(client(), rule="fast"),
    "rule object": lambda: key(client(), rule=AheadBy(3)),
    "answer": lambda: key(client(), answer="number"),
    "fields": lambda: key(client(), answer=JsonAnswer(fields=["a"])),
    "other fields": lambda: key(client(), answer=JsonAnswer(fields=["b"])),
    "calls": lambda: key(client(), answer=ToolCallsAnswer(ignore=["a"])),
    "thoughts": lambda: key(client(), thoughts=("plan",)),
    "strip_thoughts": lambda: key(client(), strip_thoughts=True),
    "usage": lambda: key(client(), usage="all"),
    "trace": lambda: key(client(), trace="off"),
    "output_version": lambda: key(client(), output_version="v1"),
    "escalate_to": lambda: key(client(), escalate_to=client(temperature=1)),
    "other escalate_to": lambda: key(client(), escalate_to=client(temperature=0)),
    "chooser": lambda: key(client(), on_unvotable=client(temperature=1)),
    "other chooser": lambda: key(client(), on_unvotable=client(temperature=0)),
    "judge": lambda: key(client(), scorer=client(temperature=1)),
    "samples": lambda: key(client(), max_samples=3),
    "number": lambda: key(client(), max_tokens=1),
    "tools": lambda: AdaptiveEnsembleChat([client()]).bind_tools([add]).bound._get_llm_string(),
    "tool": lambda: AdaptiveEnsembleChat([client()]).bind_tools([sub]).bound._get_llm_string(),
    "stop": lambda: key(client(), stop=["a"]),
    "given": lambda: key(client(), given={"temperature": 0.2}),
    "given otherwise": lambda: key(client(), given={"temperature": "0.2"}),
    "given answer": lambda: key(client(), given={"answer": JsonAnswer(fields=["a"])}),
}


def test_equal_ensembles_have_one_key_and_different_ones_have_two() -> None:
    keys = {name: make() for name, make in ALIKE.items()}
    assert {name: make() for name, make in ALIKE.items()} == keys
    shared = [(a, b) for a in keys for b in keys if a < b and keys[a] == keys[b]]
    assert not shared
    assert not [name for name, found in keys.items() if "secret" in found or "sk-1" in found]


def test_another_run_of_the_program_has_the_same_keys() -> None:
    code = "import test_decision_cache as t; print(*[make() for make in t.ALIKE.values()])"
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "7"}
    given: Any = {"capture_output": True, "text": True, "check": True, "env": environment}
    told = subprocess.run([sys.executable, "-c", code], **given).stdout.split()
    assert told == [make() for make in ALIKE.values()]


def asked(member: Any, cache: Any, config: Any = None, **settings: Any) -> str:
    model = AdaptiveEnsembleChat([member], cache=cache, rule="fixed:n=1", **settings)
    return str(model.invoke("x", config).content)


def said(text: str, name: str = "m") -> Scripted:
    return Scripted(replies=[text], model_name=name)


def test_a_decision_is_returned_to_an_equal_ensemble_only() -> None:
    cache = InMemoryCache()
    broken = Scripted(replies=[TimeoutError()], model_name="m")
    assert asked(said("1"), cache) == "1"
    assert asked(said("2"), cache) == "1", "an equal one"
    assert asked(said("3").bind(temperature=0.2), cache) == "3"
    assert asked(said("4").bind(temperature=0.9), cache) == "4"
    assert asked(Member(said("5"), call_kwargs={"temperature": 0.2}), cache) == "5"
    assert asked(broken.with_fallbacks([said("6", "z")]), cache) == "6"
    assert asked(said("7").with_retry(), cache) == "7"
    assert asked(said("8"), cache, usage="all") == "8"
    assert asked(said("9"), cache) == "1"
    assert asked(said("9").bind(temperature=0.9), cache) == "4"


def test_a_call_with_tools_is_not_returned_without_them() -> None:
    cache = InMemoryCache()
    member = Scripted(replies=[calling("add", a=1, b=2), "The answer is 3."])
    model = AdaptiveEnsembleChat([member], cache=cache, rule="fixed:n=1")
    for _ in range(2):
        assert model.bind_tools([add]).invoke("x").tool_calls
    assert model.invoke("x").text == "The answer is 3."
    bound = AdaptiveEnsembleChat([member.bind_tools([add])], cache=cache, rule="fixed:n=1")
    assert bound.invoke("x").tool_calls


def test_what_is_chosen_for_a_call_has_a_decision_of_its_own() -> None:
    cache = InMemoryCache()
    field = ConfigurableField(id="llm")
    member = said("a").configurable_alternatives(field, default_key="a", b=said("b"))
    for _ in range(2):
        assert asked(member, cache) == "a"
        assert asked(member, cache, {"configurable": {"llm": "b", "thread_id": "1"}}) == "b"


def test_functions_are_told_apart_even_where_one_is_no_more() -> None:
    def keeps(number: int) -> Any:
        return lambda messages, member: messages[-number:]

    keys = set()
    for number in range(1, 9):
        keys.add(key(client(), history_filter=keeps(number)))
        gc.collect()
    assert len(keys | {key(client())}) == 9
    one = keeps(1)
    assert key(client(), history_filter=one) == key(client(), history_filter=one)
    assert len({key(client(), answer=str.strip), key(client(), answer=str.lower)}) == 2


class Filter:
    """Filters by a number that it keeps to itself."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, messages: Any, member: Any) -> Any:
        return messages[-self._number :]

    def last(self, messages: Any, member: Any) -> Any:
        return messages[-1:]


@pytest.mark.parametrize("make", [Filter, lambda n: Filter(n).last])
def test_objects_of_other_classes_are_told_apart(make: Any) -> None:
    filters = [make(n) for n in range(4)]
    assert len({key(client(), history_filter=one) for one in filters}) == 4


def test_arguments_without_an_end_have_a_new_key_each_time() -> None:
    cycle: dict[str, Any] = {}
    cycle["itself"] = [cycle, cycle]
    member = Member(client(), call_kwargs=cycle)
    assert key(member) != key(member)


def test_what_an_ensemble_keeps_while_it_votes_changes_no_key() -> None:
    cache = InMemoryCache()
    member = Scripted(replies=[r"\boxed{x^2}"])
    model = AdaptiveEnsembleChat([member], cache=cache, answer="math", rule="fixed:n=2")
    kept = AdaptiveEnsembleChat([member], cache=cache, answer=ToolCallsAnswer(), rule="fixed:n=2")
    for _ in range(3):
        model.invoke("x")
        kept.invoke("x")
    assert member.calls == 4


def test_an_ensemble_around_gets_the_usage_of_all_samples() -> None:
    cache = InMemoryCache()
    inner = AdaptiveEnsembleChat([said("1")], cache=cache, rule="fixed:n=2")
    assert inner.invoke("x").usage_metadata["input_tokens"] == 5  # type: ignore[index]
    outer = AdaptiveEnsembleChat([inner], rule="fixed:n=1", usage="all")
    assert outer.invoke("x").usage_metadata["input_tokens"] == 10  # type: ignore[index]
