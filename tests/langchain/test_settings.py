"""Settings: members, weights, consensus, serialisation, and what is refused."""

from __future__ import annotations

import copy
import pickle
import sys
import warnings

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.load import dumpd, dumps, loads
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

import langchain_bestofinf
from bestofinf import Member, MissingExtraError, UsageError
from bestofinf.rules import AheadBy, FixedSamples
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from langchain_bestofinf.tiny import TinyChat
from support.chat_members import NoTools, Scripted, Tree, calling


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def two(**settings):
    a = Scripted(replies=["1"], model_name="a")
    b = Scripted(replies=["2"], model_name="b")
    return AdaptiveEnsembleChat([a, b], **{"rule": FixedSamples(4), **settings})


def trace(message):
    return message.response_metadata["bestofinf"]


# -- members and weights ----------------------------------------------------------------------


def test_members_are_models_names_or_members(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    model = AdaptiveEnsembleChat(
        members=[
            "openai:gpt-5-mini",
            TinyChat(model="sum"),
            Member(TinyChat(model="sum"), weight=2.0),
            Member("openai:gpt-5", name="mine", weight=0.5),
        ]
    )
    assert model.member_names == ["openai:gpt-5-mini", "sum", "sum#2", "mine"]
    assert list(model.weight_by_member.values()) == [1.0, 1.0, 2.0, 0.5]


def test_weights_are_read_again_without_building_the_chain_anew():
    model = two(weights={"a": 1.0})
    chain = model.bind_tools([add]) | RunnableLambda(lambda message: message.text)
    assert chain.invoke("x") == "1"
    model.reload({"b": 1.0})
    assert chain.invoke("x") == "2"


# -- consensus --------------------------------------------------------------------------------


def torn(**settings):
    member = Scripted(replies=["1", "2"], model_name="m")
    return AdaptiveEnsembleChat([member], **{"rule": FixedSamples(4), "concurrency": 1, **settings})


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_stronger_model_is_asked_where_there_is_no_consensus(asynchronous):
    tree, higher = Tree(), Scripted(replies=["3"], model_name="strong")
    model = torn(min_confidence=0.9, escalate_to=higher)
    config = {"callbacks": [tree]}
    message = await model.ainvoke("x", config) if asynchronous else model.invoke("x", config)
    assert message.text == "3"
    told = trace(message)
    assert (told["escalated"], told["winner_member"]) == (True, "strong")
    assert told["votes"] == {"1": 2, "2": 2}
    assert told["usage_by_member"]["strong"]["output_tokens"] == 3
    spent = told["usage_by_member"].values()
    assert sum(usage["input_tokens"] + usage["output_tokens"] for usage in spent) == 5 * 8
    assert tree.roots[0].child_runs[-1].tags == ["bestofinf:escalation"]
    assert tree.open == 0


def test_the_stronger_model_gets_tools_and_schemas_too():
    class Sum(BaseModel):
        """A sum."""

        total: int

    higher = Scripted(replies=[calling("Sum", total=3)])
    one, two_ = (calling("Sum", total=n) for n in (1, 2))
    member = Scripted(replies=[one, two_])
    model = AdaptiveEnsembleChat(
        [member], rule=FixedSamples(4), min_confidence=0.9, escalate_to=higher, concurrency=1
    )
    assert model.with_structured_output(Sum).invoke("x") == Sum(total=3)
    assert model.bind_tools([add]).invoke("x").tool_calls[0]["args"] == {"total": 3}
    assert all(kwargs["tools"] for kwargs in higher.kwargs_seen)


# -- limits -----------------------------------------------------------------------------------


async def test_a_members_limit_holds_over_all_votes():
    member = Scripted(replies=["4"], seconds=(0.01,))
    model = AdaptiveEnsembleChat([Member(member, concurrency=2)], rule=FixedSamples(4))
    await model.abatch(["x"] * 5)
    assert member.most_in_flight == 2
    model.batch(["x"] * 5)
    assert member.most_in_flight == 2


async def test_the_first_sample_may_warm_up_the_providers_cache():
    member = Scripted(replies=["4"], seconds=(0.01,))
    seen = []

    class Watched(Scripted):
        def _begin(self, messages, kwargs):
            seen.append(self._book["now"])
            return super()._begin(messages, kwargs)

    member = Watched(replies=["4"], seconds=(0.01,))
    await AdaptiveEnsembleChat([member], rule=FixedSamples(4), warm_up=1).ainvoke("x")
    assert seen == [0, 0, 1, 2]


# -- serialisation, profile, names ------------------------------------------------------------


def test_an_ensemble_is_written_and_read_again(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    model = AdaptiveEnsembleChat(
        members=[Member(ChatOpenAI(model="m"), weight=0.5, name="s", price=(1.0, 2.0))],
        weights={"s": 1.0},
        rule=AheadBy(4),
        answer="number",
        max_samples=9,
        seed=3,
    )
    kinds = [AdaptiveEnsembleChat, ChatOpenAI]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading is marked as beta by LangChain
        again = loads(
            dumps(model),
            allowed_objects=kinds,
            valid_namespaces=["langchain_bestofinf"],
            secrets_from_env=True,
        )
    assert again.asdict() == model.asdict()
    assert again.plan().members[0].price == (1.0, 2.0)
    assert again.plan().rule == AheadBy(4)


def test_an_ensemble_can_be_copied_and_sent_to_another_process():
    model = AdaptiveEnsembleChat(
        [Member(FakeListChatModel(responses=["4"]), concurrency=2)], rule=AheadBy(4), timeout=5.0
    )
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert again.asdict() == model.asdict()
        assert again.plan().members[0].concurrency == 2
        assert again._state.limits._limits == [2]


def test_a_profile_is_what_all_members_can_do():
    class Profiled(Scripted):
        def _resolve_model_profile(self):
            return {
                "a": {"tool_calling": True, "max_input_tokens": 100, "image_inputs": True},
                "b": {"tool_calling": False, "max_input_tokens": 50},
            }[self.model_name]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        members = [Profiled(replies=["4"], model_name=name) for name in "ab"]
        assert AdaptiveEnsembleChat(members).profile == {
            "tool_calling": False,
            "max_input_tokens": 50,
        }
    assert two().profile is None


def test_an_ensemble_has_no_single_model_name():
    model = two()
    assert not any(hasattr(model, name) for name in ("model", "model_name", "model_id"))
    assert model._get_ls_params()["ls_model_name"] == "a+b"
    with pytest.raises(UsageError, match="cannot be given with a call"):
        model.invoke("x", model="other")


def test_what_is_public_is_imported_when_used():
    assert set(langchain_bestofinf.__all__) <= set(dir(langchain_bestofinf))
    for name in langchain_bestofinf.__all__:
        assert getattr(langchain_bestofinf, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = langchain_bestofinf.nothing


# -- what is refused --------------------------------------------------------------------------


class Schema(BaseModel):
    """Something."""

    x: int


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AdaptiveEnsembleChat(), "members: Field required"),
        (lambda: AdaptiveEnsembleChat("openai:gpt-5"), "members: .*list"),
        (lambda: AdaptiveEnsembleChat([3]), "must be a chat model.*got a int"),
        (lambda: AdaptiveEnsembleChat([RunnableLambda(len)]), "wrap other chains"),
        (lambda: AdaptiveEnsembleChat([{"model": Scripted(replies=["4"]), "wait": 1}]), "wait"),
        (lambda: AdaptiveEnsembleChat(["nobody:x"]), "member 'nobody:x': .*nobody"),
        (lambda: two(max_samples="many"), "max_samples: .*got 'many'"),
        (lambda: two(concurrency=0), "concurrency"),
        (lambda: two(rule=7), "rule"),
        (lambda: two(schedule="never"), "schedule"),
        (lambda: two(weights=[0.0, 0.0]), "weight"),
        (lambda: two(timeout=-1), "timeout"),
        (lambda: two(escalate_to=3), "chat model"),
        (
            lambda: two().bind_tools([add], tool_choice="add", max_samples=0).invoke("x"),
            "at least 1",
        ),
        (lambda: two().invoke("x", {"configurable": {"bestofinf": 3}}), "configurable"),
        (lambda: two().invoke("x", {"configurable": {"bestofinf": {"no": 3}}}), "unknown setting"),
        (
            lambda: AdaptiveEnsembleChat(
                [Scripted(replies=["4"]), NoTools(replies=["4"], model_name="b")]
            ).bind_tools([add]),
            "member 'b' cannot bind tools",
        ),
        (
            lambda: AdaptiveEnsembleChat([NoTools(replies=["4"])]).with_structured_output(Schema),
            "member 'scripted' gives no structured output",
        ),
        (lambda: two().with_structured_output(3), "gives no structured output"),
        (
            lambda: AdaptiveEnsembleChat(
                [Scripted(replies=["4"]).with_retry()], samples_per_request=2
            ),
            "samples_per_request",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(make, message):
    with pytest.raises(UsageError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_what_needs_more_than_the_extra_installs_names_the_package(monkeypatch):
    for name in ("langchain", "langchain.chat_models", "langchain.agents"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"'openai:gpt-5'.* pip install langchain$"):
        AdaptiveEnsembleChat(["openai:gpt-5"])
    monkeypatch.delitem(sys.modules, "langchain_bestofinf.middleware", raising=False)
    with pytest.raises(MissingExtraError, match=r"ForMembers .* pip install langchain$"):
        langchain_bestofinf.__getattr__("ForMembers")


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    with pytest.raises(MissingExtraError, match=r"bestofinf\[langchain\]"):
        langchain_bestofinf.__getattr__("SampleCache")


def test_a_member_that_gives_no_message_fails_clearly():
    broken = Scripted(replies=["4"])
    model = AdaptiveEnsembleChat([broken], breaker=1)
    model._asked[0] = type(model._asked[0])(RunnableLambda(lambda _: 3))
    with pytest.raises(Exception, match="gives an AIMessage, this gave int"):
        model.invoke("x")


def test_a_binding_need_not_stand_in_a_list():
    member = Scripted(replies=["4"], model_name="only")
    assert AdaptiveEnsembleChat(member.bind(stop=["q"])).member_names == ["only"]


def test_members_may_be_pairs_with_their_weights():
    a, b = TinyChat(model="sum", seed=1), TinyChat(model="mul", seed=1)
    model = AdaptiveEnsembleChat([(a, 0.75), (b, 0.25)])
    assert model.weight_by_member == {"sum": 0.75, "mul": 0.25}
    assert dumpd(model)["kwargs"]["members"][0]["weight"] == 0.75
    chain = AdaptiveEnsemble([(a | StrOutputParser(), 0.75), (b | StrOutputParser(), 0.25)])
    assert list(chain.weight_by_member.values()) == [0.75, 0.25]
    with pytest.raises(UsageError, match="weight"):
        AdaptiveEnsembleChat([(a, "much")])


def test_tokens_of_tiny_members_are_characters():
    model = AdaptiveEnsembleChat([TinyChat(model="sum")])
    assert model.get_num_tokens("What?") == 5
