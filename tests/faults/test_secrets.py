"""The members' keys are in nothing that an ensemble shows, writes, stores or raises."""

import logging
import pickle
import sqlite3
import traceback
from contextlib import AsyncExitStack, closing

import pytest
from langchain_core.load import dumps

from bestofinf.border import hide_secrets
from bestofinf.errors import SamplingError, UsageError
from bestofinf.records import Member
from bestofinf.voting.engine import VotingEngine
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from langchain_bestofinf import EvaluationCollector as ChatCollector
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf import EvaluationCollector as LLMCollector
from support.backends import FunctionBackend, ScriptedBackend
from support.chat_members import Tree
from support.clients import chat_openai, openai_like
from support.reply import Served
from support.request import RefusedRequest

KEY = "sk-proj-SENTINEL0123456789abcdef"
LONG_KEY = "Bearer " + KEY


def chat_client(**settings):
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="m", api_key=KEY, base_url="http://127.0.0.1:9/v1", **settings)


def llm_client():
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(model="m", api_key=KEY, api_base="http://127.0.0.1:9/v1")


def dumped(store):
    with closing(sqlite3.connect(store)) as connection:
        return "\n".join(connection.iterdump())


@pytest.fixture(scope="module")
def clients():
    chat, llm = chat_client(), llm_client()
    assert KEY in repr(llm), "a client that hides its key itself would prove nothing"
    assert KEY in llm.model_dump_json()
    yield chat, llm
    chat.root_client.close()


def test_an_ensemble_shows_and_writes_no_key(clients):
    chat, llm = clients
    member = Member(llm, name="m", call_kwargs={"extra_headers": {"Authorization": LONG_KEY}})
    chats = AdaptiveEnsembleChat(
        members=[Member(chat, call_kwargs={"extra_headers": {"A": "b"}})], escalate_to=chat
    )
    llms = AdaptiveEnsembleLLM([member], escalate_to=llm)
    chain = AdaptiveEnsemble(chat)
    shown = [repr(x) + str(x) for x in (chats, llms, chain, member)]
    shown += [repr(x.plan()) + repr(x.plan().engine()) for x in (chats, llms, chain)]
    shown += [repr(x.model_dump()) + x.model_dump_json() for x in (chats, llms, chain)]
    shown += [repr(chats._identifying_params), chats._get_llm_string(), dumps(chats), dumps(chain)]
    shown += [llms.to_json(), repr(llms.to_dict()), repr(llms.to_payload())]
    shown += [repr(llms.metadata), repr(chats.bind_tools([])), repr(chats | chat)]
    for text in shown[:-1]:
        assert KEY not in text


def refused(make):
    """Return all that a traceback of the refusal would show."""
    with pytest.raises(UsageError) as caught:
        make()
    return "".join(traceback.format_exception(caught.value))


WRONG = [
    "rule",
    "answer",
    "selector",
    "weights",
    "prices",
    "seed",
    "quorum",
    "deadline",
    "launch",
    "min_confidence",
    "retries",
]


@pytest.mark.parametrize("name", WRONG)
def test_a_client_in_the_wrong_place_is_refused_without_its_key(clients, name):
    chat, llm = clients
    # A model of the same framework is a scorer: it judges.
    wrong = chat if name == "scorer" else llm
    assert KEY not in refused(lambda: AdaptiveEnsembleLLM([llm], **{name: wrong}))
    assert KEY not in refused(lambda: AdaptiveEnsembleLLM([llm]).with_settings(**{name: llm}))
    assert KEY not in refused(lambda: AdaptiveEnsembleChat([chat], **{name: llm}))


@pytest.mark.parametrize(
    "given", [lambda c: {"m": c}, lambda c: [[c]], lambda c: [(c, c)], lambda c: [{}]]
)
def test_members_given_in_the_wrong_form_are_refused_without_their_keys(clients, given):
    chat, llm = clients
    assert KEY not in refused(lambda: AdaptiveEnsembleLLM(members=given(llm)))
    assert KEY not in refused(lambda: AdaptiveEnsembleChat(members=given(llm)))
    assert KEY not in refused(lambda: VotingEngine(llm))
    assert KEY not in refused(lambda: Member(llm, weight=chat))


def leaky(request):
    raise RefusedRequest(f"Incorrect API key provided: {KEY}.", status=401, code="invalid_api_key")


@pytest.mark.parametrize("kind", ["chat", "llm"])
async def test_a_provider_that_tells_the_key_is_not_repeated(serve, kind, tmp_path, caplog):
    """Neither in the error, nor in traces of the vote, nor in stores; its own error stays."""
    caplog.set_level(logging.DEBUG)
    server = serve(FunctionBackend(leaky, models=("bad",)), api_key=KEY)
    store = f"sqlite:///{tmp_path}/store.db"
    async with AsyncExitStack() as stack:
        open_client = chat_openai if kind == "chat" else openai_like
        client = await stack.enter_async_context(open_client(server, "bad", api_key=KEY))
        if kind == "chat":
            tree = Tree()
            with ChatCollector(store, keep="all") as collector:
                model = AdaptiveEnsembleChat([client])
                with pytest.raises(SamplingError) as caught:
                    await model.ainvoke("x", {"callbacks": [collector, tree]})
        else:
            collector = LLMCollector(store, keep="all").attach()
            with pytest.raises(SamplingError) as caught:
                await AdaptiveEnsembleLLM([client]).acomplete("x")
            collector.detach()
            collector.close()
    assert "[hidden]" in str(caught.value)
    assert KEY not in str(caught.value)
    assert KEY in str(caught.value.causes[0]), "the provider's own error is handed on untouched"
    ours = [record for record in caplog.records if "bestofinf" in record.name]
    assert not any(KEY in record.getMessage() for record in ours)
    assert KEY not in dumped(tmp_path / "store.db")


async def test_a_decision_and_its_trace_hold_no_key(serve, tmp_path):
    replies = [Served("The answer is 4.")]
    server = serve(ScriptedBackend(replies, models=("a", "b"), cycle=True), api_key=KEY)
    store = f"sqlite:///{tmp_path}/store.db"
    async with AsyncExitStack() as stack:
        names = ("a", "b")
        chats = [
            await stack.enter_async_context(chat_openai(server, n, api_key=KEY)) for n in names
        ]
        llms = [await stack.enter_async_context(openai_like(server, n, api_key=KEY)) for n in names]
        tree = Tree()
        with ChatCollector(store, keep="all") as collector:
            message = await AdaptiveEnsembleChat(chats).ainvoke(
                "x", {"callbacks": [collector, tree]}
            )
        response = await AdaptiveEnsembleLLM(llms).acomplete("x")
    assert message.response_metadata["bestofinf"]["votes"]
    assert KEY not in message.model_dump_json()
    assert KEY not in repr(message)
    assert KEY not in response.model_dump_json()
    assert KEY not in dumped(tmp_path / "store.db")
    for root in tree.roots:
        assert KEY not in root.model_dump_json()


def test_errors_travel_between_processes_with_their_causes():
    error = SamplingError("no decision", [ValueError("a"), TimeoutError("b")])
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == "no decision"
    assert [str(cause) for cause in copy.causes] == ["a", "b"]


def test_the_key_of_a_member_is_known_whatever_its_form():
    """In its own fields, in headers, and in models within models; by no pattern would it be."""
    from langchain_openai import ChatOpenAI
    from llama_index.llms.openai_like import OpenAILike

    key, other, third = "0a1b2c3d4e5f60718293", "zyxwvutsrq9876543210", "header0key1word2abc"
    chat = ChatOpenAI(model="m", api_key=key, base_url="http://127.0.0.1:9/v1")
    llm = OpenAILike(model="m", api_key=other, api_base="http://127.0.0.1:9/v1")
    AdaptiveEnsembleChat([chat.bind(stop=["x"])])
    AdaptiveEnsembleLLM([Member(llm, call_kwargs={"extra_headers": {"Authorization": third}})])
    chat.root_client.close()
    told = hide_secrets(f"no such account: {key}, {other} or {third}")
    assert told == "no such account: [hidden], [hidden] or [hidden]"
