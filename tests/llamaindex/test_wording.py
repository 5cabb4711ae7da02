"""Wordings of one short answer are one vote, through LlamaIndex' own templates."""

import pytest
from llama_index.core import get_response_synthesizer
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.schema import NodeWithScore, TextNode

from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.llm_members import ScriptedLLM

QUESTION = "How long do members have to return a book?"
WORDINGS = [
    "21 days.",
    "Members have three weeks to return a book.",
    "It is 21 days [2].",
    "According to the rules, 3 weeks.",
]
NODES = [
    NodeWithScore(node=TextNode(text="Who asks? A book is due after three weeks. " * 200), score=1.0),
    NodeWithScore(node=TextNode(text="Is it late? Members pay a fine."), score=0.5),
]  # fmt: skip
LONG = (
    "Members may keep a book for a while, and how long that is depends on many things, such as " * 2
)


def trace_of(response):
    return response.additional_kwargs["bestofinf"]


@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize", "simple_summarize"])
async def test_the_query_of_a_template_is_what_replies_add_to(mode):
    member = ScriptedLLM(WORDINGS)
    told = []
    llm = AdaptiveEnsembleLLM([member])
    chat = AdaptiveEnsembleLLM.achat

    async def watched(self, messages, **kwargs):
        response = await chat(self, messages, **kwargs)
        told.append(trace_of(response))
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AdaptiveEnsembleLLM, "achat", watched)
        synthesizer = get_response_synthesizer(llm=llm, response_mode=mode)
        answer = await synthesizer.asynthesize(QUESTION, nodes=NODES)
    assert str(answer) in WORDINGS
    assert told
    for trace in told:
        assert trace["answer"] == "21 days"
        assert trace["votes"] == {"21 days": trace["n_samples"]}


async def test_chats_and_completions_ask_their_last_message():
    llm = AdaptiveEnsembleLLM([ScriptedLLM(WORDINGS)])
    history = [ChatMessage("Who are you?"), ChatMessage("A librarian.", role="assistant")]
    asked = [*history, ChatMessage(QUESTION)]
    for found in (llm.chat(asked), await llm.achat(asked), llm.complete(QUESTION)):
        assert trace_of(found)["answer"] == "21 days"


def test_a_long_reply_costs_one_request():
    member = ScriptedLLM(LONG)
    found = AdaptiveEnsembleLLM([member]).chat([ChatMessage("Tell me about the library.")])
    assert trace_of(found)["n_samples"] == member.counts["started"] == 1
