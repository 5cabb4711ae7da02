"""The conformance kit: passed by the ensemble and by plain members, failed by broken ones."""

from __future__ import annotations

import gc

import pytest
from llama_index.llms.openai_like import OpenAILike

from bestofinf import Member
from bestofinf.testing import IdentityLaw, LLMConformance
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.backends import EchoBackend
from support.llm_members import ScriptedLLM, adder
from support.server import LoopbackServer


class TestPlainMember(LLMConformance):
    secrets = ("sk-secret",)

    def make_llm(self):
        return _Tidy(adder)


class _Tidy(ScriptedLLM):
    def _prepare_chat_with_tools(self, tools, chat_history=None, **kwargs):
        history = list(chat_history or [])
        return super()._prepare_chat_with_tools(tools, chat_history=history, **kwargs)


class TestEnsemble(LLMConformance):
    secrets = ("sk-secret",)

    def make_llm(self):
        return AdaptiveEnsembleLLM([ScriptedLLM(adder), (ScriptedLLM(adder, model="b"), 0.5)])

    def make_slow_llm(self):
        self.slow = ScriptedLLM(adder, seconds=30)
        return AdaptiveEnsembleLLM([self.slow], launch="eager")

    def in_flight(self):
        return self.slow.in_flight


class TestEnsembleInAPrivateLoop(LLMConformance):
    def make_llm(self):
        return AdaptiveEnsembleLLM([ScriptedLLM(adder)], sync_strategy="loop")


class TestEnsembleOfTextModels(LLMConformance):
    def make_llm(self):
        members = [ScriptedLLM(adder, tools=False, chats=False), ScriptedLLM(adder, tools=False)]
        return AdaptiveEnsembleLLM(members)


class TestMixedEnsemble(LLMConformance):
    def make_llm(self):
        members = [Member(ScriptedLLM(adder), name="a"), ScriptedLLM(adder, tools=False)]
        return AdaptiveEnsembleLLM(members, tool_policy="capable_only")


class TestWithProgress(LLMConformance):
    def make_llm(self):
        return AdaptiveEnsembleLLM([ScriptedLLM(adder)], stream_progress=True)


class TestEnsembleOfOne(IdentityLaw):
    def make_llm(self):
        return AdaptiveEnsembleLLM([self.make_reference()], max_samples=1)

    def make_reference(self):
        return ScriptedLLM(adder, system_prompt="Be exact.")


class TestEnsembleOfOneTextModel(IdentityLaw):
    def make_llm(self):
        return AdaptiveEnsembleLLM([self.make_reference()], max_samples=1)

    def make_reference(self):
        def echo(messages, tools):
            text = "\n".join(f"{m.role.value}={m.content}" for m in messages)
            return '{"result": 8}' if "schema" in text else text

        return ScriptedLLM(
            echo,
            tools=False,
            chats=False,
            system_prompt="Be exact.",
            completion_to_prompt=lambda prompt: f"[INST]{prompt}[/INST]",
        )


@pytest.fixture(scope="module")
def server():
    gc.collect()
    gc.freeze()  # so that what is collected after each test is that of the test
    with LoopbackServer(EchoBackend()) as server:
        yield server
    gc.unfreeze()


@pytest.mark.usefixtures("_served")
# LlamaIndex' client leaves its connections to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
class _Served:
    @pytest.fixture
    def _served(self, server, monkeypatch):
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        type(self).url = server.url
        yield
        gc.collect()

    def client(self):
        return OpenAILike(
            api_base=self.url,
            api_key="sk-secret",
            model="echo",
            is_chat_model=True,
            is_function_calling_model=True,
            max_retries=0,
        )


class TestClient(_Served, LLMConformance):
    several_loops = False
    secrets = ("sk-secret",)

    def make_llm(self):
        return self.client()

    @pytest.mark.xfail(
        reason="the client's class appends to the caller's history",
        raises=AssertionError,
        strict=True,
    )
    @pytest.mark.parametrize("endpoint", ["chat_with_tools", "achat_with_tools"])
    def test_the_callers_history_does_not_grow(self, endpoint):
        super().test_the_callers_history_does_not_grow(endpoint)


class TestEnsembleOfClients(_Served, LLMConformance):
    secrets = ("sk-secret",)

    def make_llm(self):
        return AdaptiveEnsembleLLM([self.client(), self.client()], rule="fixed:n=3")


class TestEnsembleOfOneClient(_Served, IdentityLaw):
    def make_llm(self):
        return AdaptiveEnsembleLLM([self.client()], max_samples=1)

    def make_reference(self):
        return self.client()


class _Forgetful(ScriptedLLM):
    """Leaves the last word out of its streams' deltas."""

    def stream_chat(self, messages, **kwargs):
        first, last = super().stream_chat(messages, **kwargs)
        yield first
        yield last.model_copy(update={"delta": ""})


class _Broken(LLMConformance):
    def make_llm(self):
        return _Forgetful(adder)


def test_the_kit_finds_a_stream_that_does_not_add_up():
    with pytest.raises(AssertionError):
        _Broken().test_deltas_add_up_and_pieces_have_the_text_so_far("stream_chat")


class _Sticky(ScriptedLLM):
    """Writes into the caller's messages."""

    def chat(self, messages, **kwargs):
        messages.append(messages[0])
        return super().chat(messages, **kwargs)


class _Writing(LLMConformance):
    def make_llm(self):
        return _Sticky(adder)


def test_the_kit_finds_an_llm_that_writes_into_messages():
    with pytest.raises(AssertionError):
        _Writing().test_the_callers_messages_are_left_alone("chat")


class _Growing(LLMConformance):
    def make_llm(self):
        return ScriptedLLM(adder)


def test_the_kit_finds_an_llm_that_appends_to_the_callers_history():
    with pytest.raises(AssertionError):
        _Growing().test_the_callers_history_does_not_grow("chat_with_tools")


def test_a_case_without_an_llm_says_what_to_give():
    with pytest.raises(NotImplementedError, match="make_llm"):
        LLMConformance().test_a_copy_works()
    with pytest.raises(NotImplementedError, match="make_reference"):
        TestIncomplete().test_metadata_lets_frameworks_treat_both_alike()


class TestIncomplete(IdentityLaw):
    __test__ = False

    def make_llm(self):
        return ScriptedLLM(adder)
