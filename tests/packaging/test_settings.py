"""One vocabulary: both adapters take the same settings, declared and described once."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

if not all(find_spec(name) for name in ("langchain_core", "llama_index")):
    pytest.skip("needs the extras of both adapters", allow_module_level=True)

from bestofinf import Failures, Learning, UsageError
from bestofinf.ensemble import EnsembleFields
from bestofinf.ensemble.groups import DEFAULTS, GROUPS
from bestofinf.ensemble.plan import KNOBS
from bestofinf.ensemble.settings import CALL_SETTINGS
from bestofinf.policy import FailurePolicy
from bestofinf.voting.settings import VoteSettings
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from langchain_bestofinf.settings import EnsembleSettings as LangChainSettings
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.settings import EnsembleSettings as LlamaIndexSettings

# What has a meaning in one framework alone.
LANGCHAIN = {"sample_callbacks", "trace", "usage"}
LLAMAINDEX = {"sync_strategy", "tool_policy", "stream_progress", "history_filter", "trace"}

BASE = {"name"}  # of LangChain's own classes


def fields(kind):
    return {n: f for n, f in kind.model_fields.items() if n not in BASE}


def described(kind):
    """Return what the docstring says of each attribute, in one line."""
    text = kind.__doc__.partition("Attributes:")[2]
    found = re.findall(r"^ +(\w+): (.*(?:\n +.*)*?)(?=\n +\w+: |\n\n|\s*\Z)", text, re.M)
    return {name: " ".join(words.split()) for name, words in found}


def test_the_adapters_have_the_same_settings_but_for_their_framework():
    assert fields(LangChainSettings).keys() - LANGCHAIN == fields(EnsembleFields).keys()
    assert fields(LlamaIndexSettings).keys() - LLAMAINDEX == fields(EnsembleFields).keys()


def test_settings_have_the_same_defaults_everywhere():
    for kind in (LangChainSettings, AdaptiveEnsembleChat, AdaptiveEnsemble, AdaptiveEnsembleLLM):
        for name, field in fields(EnsembleFields).items():
            assert kind.model_fields[name].default == field.default, name


def test_the_core_has_the_same_defaults():
    for values in (VoteSettings(), FailurePolicy()):
        for name, field in fields(EnsembleFields).items():
            if hasattr(values, name) and name != "seed":  # None there, as in LangChain's models
                assert field.default == getattr(values, name), name


def test_whatever_may_change_with_a_call_is_a_setting():
    assert fields(EnsembleFields).keys() >= CALL_SETTINGS >= KNOBS


def test_every_setting_is_described_once():
    assert described(EnsembleFields).keys() == fields(EnsembleFields).keys()
    assert described(LangChainSettings).keys() == LANGCHAIN
    assert described(LlamaIndexSettings).keys() == LLAMAINDEX


def test_every_group_names_its_settings_and_their_defaults():
    told = described(EnsembleFields)
    for group, names in GROUPS.items():
        for name in names:
            assert told[name].startswith(f"({group}) "), name
            if name != "seed":
                assert fields(EnsembleFields)[name].default == DEFAULTS[name], name
    grouped = {name for names in GROUPS.values() for name in names}
    assert not any(told[name].startswith("(") for name in told.keys() - grouped)


def ensembles():
    from support.chat_members import Scripted
    from support.llm_members import ScriptedLLM

    reply = "The answer is 4."
    return [
        lambda **settings: AdaptiveEnsembleChat([Scripted(replies=[reply])], **settings),
        lambda **settings: AdaptiveEnsembleLLM([ScriptedLLM([reply])], **settings),
    ]


@pytest.mark.parametrize("make", ensembles(), ids=["langchain", "llamaindex"])
def test_a_group_is_the_same_as_its_keywords(make):
    one = make(
        failures=Failures(retries=5, breaker=3, cooldown=1.0),
        launching=VoteSettings(launch="eager", seed=3),
        otherwise={"on_unvotable": "medoid", "min_confidence": 0.2},
        learning=Learning(explore=0.5),
    )
    other = make(
        retries=5,
        breaker=3,
        cooldown=1.0,
        launch="eager",
        seed=3,
        on_unvotable="medoid",
        min_confidence=0.2,
        explore=0.5,
    )
    assert one.plan().settings == other.plan().settings
    assert one.plan().policy == other.plan().policy
    assert one.unvotable() == other.unvotable()
    assert one.failures == Failures(retries=5, breaker=3, cooldown=1.0)
    assert one.launching == other.launching == other.plan().settings
    assert (one.otherwise, one.learning) == (other.otherwise, other.learning)


@pytest.mark.parametrize("make", ensembles(), ids=["langchain", "llamaindex"])
def test_a_group_beside_its_keyword_and_a_setting_that_is_none_are_refused(make):
    with pytest.raises(UsageError, match="retries belongs to failures, and both were given"):
        make(failures=Failures(), retries=3)
    with pytest.raises(UsageError, match="no setting abstain: give on_unvotable='error'"):
        make(abstain=True)


def test_a_group_may_come_with_a_call_and_never_reaches_a_member():
    from support.chat_members import Scripted
    from support.llm_members import ScriptedLLM

    chat = AdaptiveEnsembleChat([Scripted(replies=["The answer is 4."])], rule="fixed:n=3")
    told = chat.invoke("2 + 2?", launching={"order": "arrival"}).response_metadata["bestofinf"]
    assert told["n_samples"] == 3
    member = ScriptedLLM(["The answer is 4."])
    llm = AdaptiveEnsembleLLM([member], rule="fixed:n=3")
    assert llm.complete("2 + 2?", failures=Failures(retries=0)).text == "The answer is 4."
    assert not any(kwargs for kwargs in member.kwargs)
    assert llm.with_settings(failures=Failures(retries=0)).plan().policy.retries == 0
