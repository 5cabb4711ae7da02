"""An agent whose every step is voted on before a tool runs. Runs offline, with a simulated model."""

from collections.abc import Callable

from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelCallLimitMiddleware,
    ModelRequest,
    ModelResponse,
    wrap_model_call,
)
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from simulated import Simulated

from langchain_bestofinf import AdaptiveEnsembleChat

carried_out = []


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    carried_out.append((a, b))
    return a + b


@wrap_model_call
def careful_before_tools(
    request: ModelRequest, handler: Callable[[ModelRequest], ModelResponse]
) -> ModelResponse:
    """Vote with care on what a tool is called with, and quickly on the words after it."""
    said = isinstance(request.messages[-1], ToolMessage)
    rule = "fast" if said else "exhaustive"
    return handler(request.override(model_settings={**request.model_settings, "rule": rule}))


model = AdaptiveEnsembleChat([Simulated(skill=0.7)])
limit = ModelCallLimitMiddleware(run_limit=5)  # steps, not samples
agent = create_agent(model, [add], middleware=[limit, careful_before_tools])
result = agent.invoke({"messages": [("user", "What is 17 plus 25?")]})

for message in result["messages"]:
    trace = message.response_metadata.get("bestofinf")
    print(f"{message.type:6}", message.text or message.tool_calls[0]["args"])
    if trace:
        print("       samples:", trace["n_samples"], "votes:", list(trace["votes"].values()))
print("calls carried out:", carried_out)
