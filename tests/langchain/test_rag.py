"""Answers from documents, as LangChain's own building blocks make them."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import create_retriever_tool

from langchain_bestofinf import AdaptiveEnsembleChat
from support.chat_members import Scripted, calling

QUESTION = "How long is the return window?"
FREE = (
    "The return window is thirty days after the delivery of the order, and the product has to be "
    "sent back in its original packaging, unopened and undamaged, so that it can be sold again."
)


class Shelf(BaseRetriever):
    """Finds the same whatever is asked."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document("Returns are accepted within 30 days of delivery.")]


def answered(*replies: str) -> tuple[str, int]:
    """Return what a chain answers, and how many requests that took."""
    member = Scripted(replies=replies)
    prompt = ChatPromptTemplate.from_template(
        "Answer the question from the context.\n\nContext: {context}\n\nQuestion: {question}\nAnswer:"
    )
    context = Shelf() | (lambda found: "\n".join(one.page_content for one in found))
    given: Any = {"context": context, "question": RunnablePassthrough()}
    chain = given | prompt | AdaptiveEnsembleChat([member]) | StrOutputParser()
    return chain.invoke(QUESTION), member.calls


def test_a_chain_finds_its_question_so_that_wordings_of_one_answer_are_one_vote() -> None:
    alike = ("30 days.", "Thirty days", "The return window is 30 days.", "You have 30 days.")
    assert answered("30 days.") == ("30 days.", 3)
    assert answered(*alike) == ("30 days.", 3)


def test_an_answer_in_free_text_costs_one_request() -> None:
    assert answered(FREE) == (FREE, 1)


def test_an_agents_search_costs_no_more_than_four_requests_however_it_is_worded() -> None:
    queries = ["return window", "return policy days", "how long returns", "refund time limit"]
    search: list[AIMessage] = [calling("docs", query=query) for query in queries]
    member = Scripted(replies=search)
    tool = create_retriever_tool(Shelf(), "docs", "Search the documents.")
    message = AdaptiveEnsembleChat([member]).bind_tools([tool]).invoke(QUESTION)
    assert member.calls <= 4
    assert message.tool_calls[0]["args"] == {"query": queries[0]}
