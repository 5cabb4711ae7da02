"""Wordings of one short answer are one vote, whatever the way a question takes to the ensemble."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from support.chat_members import Scripted

QUESTION = "How long do members have to return a book?"
WORDINGS = [
    "21 days.",
    "Members have three weeks to return a book.",
    "It is 21 days [2].",
    "According to the rules, 3 weeks.",
]
RAG = ChatPromptTemplate.from_template(
    "Answer from the context.\nQuestion: {question}\nContext: Is it long? Some say so.\nAnswer:"
)
LONG = (
    "Members may keep a book for a while, and how long that is depends on many things, such as " * 2
)


def model(*replies, **settings):
    return AdaptiveEnsembleChat([Scripted(replies=list(replies or WORDINGS))], **settings)


def trace_of(message):
    return message.response_metadata["bestofinf"]


@pytest.mark.parametrize(
    "question",
    [
        QUESTION,
        [SystemMessage("Be brief. What else?"), HumanMessage(QUESTION)],
        [HumanMessage("Who are you?"), AIMessage("A librarian."), HumanMessage(QUESTION)],
        RAG.invoke({"question": QUESTION}),
    ],
    ids=["text", "messages", "history", "template"],
)
async def test_the_last_question_of_the_user_is_what_replies_add_to(question):
    llm = model()
    for message in (llm.invoke(question), await llm.ainvoke(question)):
        told = trace_of(message)
        assert told["answer"] == "21 days"
        assert told["votes"] == {"21 days": told["n_samples"]}
        assert message.text in WORDINGS


def test_under_one_budget_every_question_is_read_by_itself():
    found = model().batch([QUESTION, "Who painted the ceiling?"], budget=16)
    assert trace_of(found[0])["answer"] == "21 days"
    assert trace_of(found[1])["answer"] is not None


async def test_the_input_of_a_chain_holds_its_question():
    chain = RAG | Scripted(replies=WORDINGS) | StrOutputParser()
    ensemble = AdaptiveEnsemble(chain, include_trace=True)
    for found in (
        ensemble.invoke({"question": QUESTION}),
        await ensemble.ainvoke({"question": QUESTION}),
    ):
        assert found["bestofinf"]["answer"] == "21 days"
        assert found["output"] in WORDINGS


def test_a_long_reply_costs_one_request():
    message = model(LONG).invoke("Tell me about the library.")
    assert trace_of(message)["n_samples"] == 1
    assert message.text == LONG
