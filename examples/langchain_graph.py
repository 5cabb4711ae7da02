"""A langgraph agent with a tool that shows its votes while they go on. Runs offline."""

import asyncio

from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from simulated import Simulated

from langchain_bestofinf import AdaptiveEnsembleChat, ProgressToLangGraph


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


model = AdaptiveEnsembleChat([Simulated(skill=0.7)], rule="fast").bind_tools([add])


async def ask(state: MessagesState) -> dict[str, list[object]]:
    return {"messages": [await model.ainvoke(state["messages"])]}


graph = (
    StateGraph(MessagesState)
    .add_node("ask", ask)
    .add_node("tools", ToolNode([add]))
    .add_edge(START, "ask")
    .add_conditional_edges("ask", tools_condition)
    .add_edge("tools", "ask")
    .compile()
)


async def main() -> None:
    question = {"messages": [("user", "What is 17 plus 25?")]}
    config = {"callbacks": [ProgressToLangGraph()]}
    async for mode, part in graph.astream(question, config, stream_mode=["custom", "updates"]):
        if mode == "custom":
            told = part["bestofinf.sample"]
            print(f"sample {told['sample']}: votes so far {list(told['votes'].values())}")
        else:
            for node, update in part.items():
                print(f"{node}:", update["messages"][0].text or "calls the tool")


asyncio.run(main())
