"""Answers from documents: as a chain, and by an agent that searches. Runs offline."""

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from simulated import Simulated

from langchain_bestofinf import AdaptiveEnsembleChat

FACTS = (
    "The lighthouse of Westerheversand is 41 metres high.",
    "The lighthouse of Pilsum is painted in red and yellow.",
)


class Shelf(BaseRetriever):
    """Finds the text that has most words in common with the query; put your retriever here."""

    def _get_relevant_documents(self, query: str, *, run_manager: object) -> list[Document]:
        words = set(query.strip("?").split())
        return [Document(max(FACTS, key=lambda fact: len(words & set(fact.split()))))]


def joined(found: list[Document]) -> str:
    return "\n".join(document.page_content for document in found)


model = AdaptiveEnsembleChat([Simulated(skill=0.6, start=1)])
prompt = ChatPromptTemplate.from_template(
    "Answer the question from the context.\n\nContext: {context}\n\nQuestion: {question}"
)
question = "How high is the lighthouse of Westerheversand?"

vote = {"context": Shelf() | joined, "question": RunnablePassthrough()} | prompt | model
message = vote.invoke(question)
print("chain:", StrOutputParser().invoke(message))
print("votes:", message.response_metadata["bestofinf"]["votes"])

search = create_retriever_tool(Shelf(), "search", "Search the documents.")
found = create_agent(model, [search]).invoke({"messages": [("user", question)]})
print("agent:", found["messages"][-1].text)
steps = [m for m in found["messages"] if m.type == "ai"]
print("samples a step:", [m.response_metadata["bestofinf"]["n_samples"] for m in steps])
