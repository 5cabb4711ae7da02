"""Settings: members, weights, consensus, serialisation, and what is refused."""

from __future__ import annotations

import copy
import json
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
from bestofinf import Explore, Member, MissingExtraError, NoConsensusError, UsageError
from bestofinf.rules import AheadBy, FixedSamples
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from langchain_bestofinf.tiny import TinyChat
from support.chat_members import NoTools, Scripted, Tree, calling


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Fit:
    """Fitted weights, as far as an ensemble needs them."""

    def __init__(self):
        self.weights = {"a": 0.75, "b": 0.25}


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
    assert model.member_names == ["gpt-5-mini", "sum", "sum#2", "mine"]
    assert list(model.weight_by_member.values()) == [1.0, 1.0, 2.0, 0.5]


@pytest.mark.parametrize("weights", [{"a": 0.75, "b": 0.25}, [0.75, 0.25], Fit()])
def test_weights_come_by_name_in_order_or_from_a_fit(weights):
    model = two(weights=weights)
    assert model.weight_by_member == {"a": 0.75, "b": 0.25}
    assert model.invoke("x").text == "1"


def test_a_member_without_weight_is_not_asked():
    model = two(weights={"b": 1.0})
    assert trace(model.invoke("x"))["votes"] == {"2": 4}


def test_a_copy_with_weights_leaves_the_first_as_it_was():
    model = two()
    heavy = model.with_weights({"b": 1.0})
    assert heavy.invoke("x").text == "2"
    assert model.weight_by_member == {"a": 1.0, "b": 1.0}


def test_weights_are_read_again_without_building_the_chain_anew(tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"weights": {"a": 1.0, "b": 0.0}}))
    model = two(weights=str(path))
    chain = model.bind_tools([add]) | RunnableLambda(lambda message: message.text)
    assert chain.invoke("x") == "1"
    path.write_text(json.dumps({"weights": {"a": 0.0, "b": 1.0}}))
    assert chain.invoke("x") == "1"
    model.reload()
    assert chain.invoke("x") == "2"
    model.reload({"a": 1.0})
    assert chain.invoke("x") == "1"
    with pytest.raises(UsageError, match="no member"):
        model.reload({"c": 1.0})
    with pytest.raises(UsageError, match="weight"):
        model.reload({"a": 0.0})
    assert chain.invoke("x") == "1"


def test_there_must_be_a_file_to_read_again():
    with pytest.raises(UsageError, match="no file of weights"):
        two().reload()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), ("{", "cannot be read"), ("{}", "no weights")],
)
def test_a_bad_file_of_weights_is_named(tmp_path, content, message):
    path = tmp_path / "weights.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=f"weights.json .*{message.split()[-1]}"):
        two(weights=path)


def test_weights_can_be_fitted():
    from bestofinf.evaluation import EvaluationSet, Question, Samples

    def question(n, right):
        answers = {name: Samples(("yes" if name in right else "no",) * 4) for name in "ab"}
        return Question(str(n), answers, gold="yes")

    recorded = EvaluationSet([question(n, "a" if n % 3 else "ab") for n in range(12)])
    fitted = two().fit(recorded, objective="single")
    assert fitted.weight_by_member == {"a": 1.0, "b": 0.0}


# -- consensus --------------------------------------------------------------------------------


def torn(**settings):
    member = Scripted(replies=["1", "2"], model_name="m")
    return AdaptiveEnsembleChat([member], **{"rule": FixedSamples(4), "concurrency": 1, **settings})


def essays(**settings):
    text = "A long reply of many words that is certainly not an answer to be voted on, at all."
    return AdaptiveEnsembleChat([Scripted(replies=[text])], **settings)


def test_low_confidence_is_refused():
    assert trace(torn().invoke("x"))["confidence"] < 0.9
    with pytest.raises(NoConsensusError, match="no consensus: confidence 0"):
        torn(min_confidence=0.9).invoke("x")
    with pytest.raises(NoConsensusError, match=r"at least 0\.95 wanted"):
        torn().invoke("x", min_confidence=0.95)


async def test_replies_that_cannot_be_voted_on_are_refused_on_demand():
    assert trace(essays().invoke("x"))["answer"] is None
    with pytest.raises(NoConsensusError, match="no reply could be voted on"):
        essays(abstain=True).invoke("x")
    with pytest.raises(NoConsensusError, match="no reply could be voted on"):
        await essays(abstain=True).ainvoke("x")


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
    assert message.usage_metadata["total_tokens"] == 5 * 8
    assert tree.roots[0].child_runs[-1].tags == ["bestofinf:escalation"]
    assert tree.open == 0


def test_with_consensus_the_stronger_model_is_not_asked():
    higher = Scripted(replies=["3"])
    model = AdaptiveEnsembleChat([Scripted(replies=["4"])], rule=AheadBy(3), escalate_to=higher)
    assert model.invoke("x", min_confidence=0.5).text == "4"
    assert higher.calls == 0


def test_the_stronger_model_is_asked_where_all_members_fail():
    higher = Scripted(replies=["3"])
    model = AdaptiveEnsembleChat([Scripted(replies=[ValueError("no")])], escalate_to=higher)
    message = model.invoke("x")
    assert message.text == "3"
    assert "ValueError: no" in trace(message)["reason"]


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


def test_a_member_that_keeps_failing_is_left_out_of_the_next_votes():
    bad = Scripted(replies=[ValueError("no")], model_name="bad")
    good = Scripted(replies=["4"], model_name="good")
    model = AdaptiveEnsembleChat([bad, good], rule=FixedSamples(6), breaker=2, concurrency=1)
    model.invoke("x")
    calls = bad.calls
    model.invoke("x")
    assert bad.calls == calls == 2


def test_prices_make_costs():
    member = Member(Scripted(replies=["4"]), price=(1.0, 10.0), name="m")
    told = trace(AdaptiveEnsembleChat([member], rule=FixedSamples(2)).invoke("x"))
    assert told["usage_by_member"]["m"]["cost"] == 2 * (5 + 30)


async def test_replies_are_scored():
    def score(prompt, reply):
        assert "Human: x" in prompt
        return 0.25 if reply.text == "1" else 0.75

    model = torn(scorer=score)
    for message in (model.invoke("x"), await model.ainvoke("x")):
        assert [s["score"] for s in trace(message)["samples"]] == [0.25, 0.75] * 2


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
        assert again._slots.limited(0)


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
    with pytest.raises(UsageError, match="no single model"):
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
        (lambda: AdaptiveEnsembleChat([]), "at least one member"),
        (lambda: AdaptiveEnsembleChat(), "members: Field required"),
        (lambda: AdaptiveEnsembleChat("openai:gpt-5"), "members: .*list"),
        (lambda: AdaptiveEnsembleChat([3]), "must be a chat model.*got a int"),
        (lambda: AdaptiveEnsembleChat([RunnableLambda(len)]), "wrap other chains"),
        (lambda: AdaptiveEnsembleChat([{"model": Scripted(replies=["4"]), "wait": 1}]), "wait"),
        (lambda: AdaptiveEnsembleChat(["nobody:x"]), "member 'nobody:x': .*nobody"),
        (lambda: two(max_sample=3), "max_sample: Extra inputs"),
        (lambda: two(max_samples=0), "max_samples|at least 1"),
        (lambda: two(max_samples="many"), "max_samples: .*got 'many'"),
        (lambda: two(concurrency=0), "concurrency"),
        (lambda: two(rule="nonsense"), "nonsense"),
        (lambda: two(rule=7), "rule"),
        (lambda: two(answer="nonsense"), "nonsense"),
        (lambda: two(launch="never"), "launch"),
        (lambda: two(schedule="never"), "schedule"),
        (lambda: two(weights={"c": 1.0}), "no member"),
        (lambda: two(weights=[1.0]), "2 members but 1 weights"),
        (lambda: two(weights=[-1.0, 1.0]), "at least 0"),
        (lambda: two(weights=[0.0, 0.0]), "weight"),
        (lambda: two(min_confidence=2), "min_confidence"),
        (lambda: two(timeout=-1), "timeout"),
        (lambda: two(scorer=3), "scorer|score"),
        (lambda: two(escalate_to=3), "chat model"),
        (
            lambda: two().bind_tools([add], tool_choice="add", max_samples=0).invoke("x"),
            "at least 1",
        ),
        (lambda: two().invoke("x", rule="nonsense"), "nonsense"),
        (lambda: two().invoke("x", min_confidence=-1), "min_confidence"),
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


def test_members_by_name_need_langchain(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    monkeypatch.setitem(sys.modules, "langchain", None)
    with pytest.raises(MissingExtraError, match=r"'openai:gpt-5'.* pip install langchain$"):
        AdaptiveEnsembleChat(["openai:gpt-5"])


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


def test_a_share_of_the_calls_explores_with_a_fixed_number_of_samples():
    members = [TinyChat(model="sum", seed=1), TinyChat(model="sum", seed=1)]
    always = AdaptiveEnsembleChat(members, explore=Explore(share=1.0, samples=5))
    told = always.invoke("What is 12 + 30 + 41?").response_metadata["bestofinf"]
    assert told["n_samples"] == 10
    own = always.invoke("What is 12 + 30 + 41?", rule="fixed:n=2").response_metadata["bestofinf"]
    assert own["n_samples"] == 2
    never = AdaptiveEnsembleChat(members, rule="fixed:n=3").invoke("What is 12 + 30 + 41?")
    assert never.response_metadata["bestofinf"]["n_samples"] == 3
    for share in (1.5, -0.1, "often", True, None):
        with pytest.raises(UsageError, match="share"):
            AdaptiveEnsembleChat(members, explore=share)


def test_exploring_calls_go_on_whatever_is_said():
    replies = ["a text that is no answer and goes on for more words than that", "The answer is 4."]
    model = AdaptiveEnsembleChat([Scripted(replies=replies)], explore=Explore(1.0, samples=6))
    told = model.invoke("x").response_metadata["bestofinf"]
    assert (told["n_samples"], told["n_abstained"]) == (6, 3)


def test_one_member_need_not_stand_in_a_list():
    member = Scripted(replies=["4"], model_name="only")
    for model in (AdaptiveEnsembleChat(member), AdaptiveEnsembleChat(members=Member(member))):
        assert model.member_names == ["only"]
        assert model.invoke("x").text == "4"
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
