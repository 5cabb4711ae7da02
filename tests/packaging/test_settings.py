"""One vocabulary: both adapters take the same settings, by the same names."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

if not all(find_spec(name) for name in ("langchain_core", "llama_index")):
    pytest.skip("needs the extras of both adapters", allow_module_level=True)

from bestofinf.engine import VoteSettings
from bestofinf.plan import KNOBS
from bestofinf.policy import FailurePolicy
from bestofinf.settings import CALL_SETTINGS
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from langchain_bestofinf.settings import EnsembleSettings as LangChainSettings
from llamaindex_bestofinf.settings import EnsembleSettings as LlamaIndexSettings

# What has a meaning in one framework alone.
LANGCHAIN = {"sample_callbacks"}
LLAMAINDEX = {"sync_strategy", "tool_policy", "stream_progress", "history_filter"}

BASE = {"name"}  # of LangChain's own classes


def fields(kind):
    return {n: f for n, f in kind.model_fields.items() if n not in BASE}


def described(kind):
    """Return what the docstring says of each attribute, in one line."""
    text = kind.__doc__.partition("Attributes:")[2]
    found = re.findall(r"^        (\w+): (.*(?:\n            .*)*)", text, re.M)
    return {name: " ".join(words.split()) for name, words in found}


def test_the_adapters_have_the_same_settings_but_for_their_framework():
    one, other = fields(LangChainSettings).keys(), fields(LlamaIndexSettings).keys()
    assert one - LANGCHAIN == other - LLAMAINDEX


def test_settings_have_the_same_defaults_everywhere():
    other = fields(LlamaIndexSettings)
    for kind in (LangChainSettings, AdaptiveEnsembleChat, AdaptiveEnsemble):
        for name, field in fields(kind).items():
            if name in other:
                assert field.default == other[name].default, name


def test_the_core_has_the_same_defaults():
    for values in (VoteSettings(), FailurePolicy()):
        for name, field in fields(LangChainSettings).items():
            if hasattr(values, name) and name != "seed":  # None there, as in LangChain's models
                assert field.default == getattr(values, name), name


def test_whatever_may_change_with_a_call_is_a_setting():
    assert fields(LangChainSettings).keys() >= CALL_SETTINGS >= KNOBS


@pytest.mark.parametrize("kind", [LangChainSettings, LlamaIndexSettings])
def test_every_setting_is_described_and_nothing_else(kind):
    assert described(kind).keys() == fields(kind).keys()


def test_the_same_setting_is_described_in_the_same_words_at_the_beginning():
    one, other = described(LangChainSettings), described(LlamaIndexSettings)
    for name in one.keys() & other.keys() - {"escalate_to"}:
        assert re.findall(r"\w+", one[name])[:3] == re.findall(r"\w+", other[name])[:3], name
