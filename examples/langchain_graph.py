"""A langgraph graph that shows the vote while it goes on. Runs offline, with a simulated model."""

import asyncio

from langgraph.graph import START, MessagesState, StateGraph
from simulated import Simulated

from langchain_bestofinf import AdaptiveEnsembleChat, ProgressToLangGraph

model = AdaptiveEnsembleChat([Simulated(skill=0.6)], rule="thorough")


async def ask(state: MessagesState) -> dict[str, list[object]]:
    return {"messages": [await model.ainvoke(state["messages"])]}


graph = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()


async def main() -> None:
    question = {"messages": [("user", "What is 17 plus 25?")]}
    config = {"callbacks": [ProgressToLangGraph()]}
    async for mode, part in graph.astream(question, config, stream_mode=["custom", "updates"]):
        if mode == "custom":
            told = part["bestofinf.sample"]
            print(f"sample {told['sample']}: {told['answer']!s:5} votes so far {told['votes']}")
        else:
            print("answer:", part["ask"]["messages"][0].text)


asyncio.run(main())
