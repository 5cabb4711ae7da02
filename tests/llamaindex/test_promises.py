"""What LlamaIndex promises of any LLM, where an ensemble could break it."""

from __future__ import annotations

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.indices.property_graph import SchemaLLMPathExtractor
from llama_index.core.postprocessor import StructuredLLMRerank
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import BaseModel

from bestofinf.ensemble import NoObjectError
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from llamaindex_bestofinf.testing.endpoints import called
from support.llm_members import ScriptedLLM, adder

HELLO = [ChatMessage("What is 4 and 4?")]
NODES = [NodeWithScore(node=TextNode(text=t), score=1.0) for t in ("a", "b")]


def counter():
    handler = TokenCountingHandler(tokenizer=str.split)
    return handler, CallbackManager([handler])


class Wordy(ScriptedLLM):
    """What LlamaIndex' programs give where a reply cannot be parsed: the text."""

    def structured_predict(self, *args, **kwargs):
        return "no object"

    async def astructured_predict(self, *args, **kwargs):
        return "no object"


class Sum(BaseModel):
    """A sum."""

    result: int


@pytest.mark.parametrize("members", [1, 3])
async def test_a_reranker_keeps_its_nodes_where_no_member_makes_an_object(members):
    llm = AdaptiveEnsembleLLM([Wordy(model=str(i)) for i in range(members)])
    lenient = StructuredLLMRerank(llm=llm, raise_on_structured_prediction_failure=False)
    kept = [node.text for node in lenient.postprocess_nodes(NODES, QueryBundle("q"))]
    assert kept == ["a", "b"]
    found = await lenient.apostprocess_nodes(NODES, QueryBundle("q"))
    assert [node.text for node in found] == ["a", "b"]
    strict = StructuredLLMRerank(llm=llm)
    with pytest.raises(ValueError, match="no object"):
        strict.postprocess_nodes(NODES, QueryBundle("q"))
    with pytest.raises(NoObjectError, match="no member has made a Sum"):
        llm.as_structured_llm(Sum).chat(HELLO)


@pytest.mark.parametrize("members", [1, 3])
async def test_an_extractor_goes_on_where_no_member_makes_an_object(members):
    llm = AdaptiveEnsembleLLM([ScriptedLLM("no object", model=str(i)) for i in range(members)])
    with pytest.raises(ValueError, match="no Sum from member"):
        llm.structured_predict(Sum, PromptTemplate("What is 4 and 4?"))
    found = await SchemaLLMPathExtractor(llm).acall([TextNode(text="a"), TextNode(text="b")])
    assert [node.text for node in found] == ["a", "b"]


def test_an_object_wins_over_texts_in_its_place():
    members = [Wordy(model="a"), ScriptedLLM(adder, model="b")]
    llm = AdaptiveEnsembleLLM(members, rule="fixed:n=4")
    assert llm.structured_predict(Sum, PromptTemplate("What is 4 and 4?")) == Sum(result=8)


class Unmetered(ScriptedLLM):
    """A client that tells nobody of the requests of its structured predictions."""

    def structured_predict(self, *args, **kwargs):
        return Sum(result=8)


def test_tokens_that_nobody_tells_are_unknown():
    llm = AdaptiveEnsembleLLM([Unmetered()], rule="fixed:n=2 | max-tokens:n=100")
    llm.structured_predict(Sum, PromptTemplate("What is 4 and 4?"))
    told = llm.last_trace()
    assert told["usage_by_member"]["scripted"]["unmetered"] == 2
    assert [line["tokens"] for line in told["samples"]] == [None, None]
    assert "max-tokens cannot bind" in told["reason"]


ENDPOINTS = ["chat", "achat", "stream_chat", "astream_chat", "complete", "acomplete"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_every_callback_manager_hears_every_request_once(endpoint):
    (own, mine), (other, theirs), (both, _) = counter(), counter(), counter()
    mine.add_handler(both)
    theirs.add_handler(both)
    member = ScriptedLLM("The answer is 8.", callback_manager=theirs)
    llm = AdaptiveEnsembleLLM([member], callback_manager=mine, rule="fixed:n=3")
    await called(llm, endpoint, "?" if "complete" in endpoint else HELLO)
    asked = member.counts["started"]
    assert asked >= 3
    assert [len(h.llm_token_counts) for h in (own, other, both)] == [asked] * 3


def test_a_manager_of_its_own_hears_what_members_tell_that_of_the_settings():
    (own, mine), (_, settings) = counter(), counter()
    before = Settings.callback_manager
    Settings.callback_manager = settings
    try:
        llm = AdaptiveEnsembleLLM([ScriptedLLM()], callback_manager=mine, rule="fixed:n=3")
        llm.chat(HELLO)
    finally:
        Settings.callback_manager = before
    assert len(own.llm_token_counts) >= 3
