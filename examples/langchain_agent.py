"""An agent whose every step is voted on before a tool runs. Runs offline, with a simulated model."""

from langchain.agents import create_agent
from langchain_core.tools import tool
from simulated import Simulated

from langchain_bestofinf import AdaptiveEnsembleChat

carried_out = []


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    carried_out.append((a, b))
    return a + b


model = AdaptiveEnsembleChat([Simulated(skill=0.7)], rule="thorough")
agent = create_agent(model, [add])
result = agent.invoke({"messages": [("user", "What is 17 plus 25?")]})

for message in result["messages"]:
    message.pretty_print()
first = result["messages"][1].response_metadata["bestofinf"]
print("\nvotes for the call:", first["votes"])
print("calls carried out: ", carried_out)
