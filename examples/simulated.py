"""A simulated chat model for the examples: no network, no key, and wrong now and then.

It can add up the numbers in a question, call a tool that does, and read names and ages. With the
probability `skill` it is right. Put a real chat model in its place.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr


class Simulated(BaseChatModel):
    """Right with probability `skill`."""

    model: str = "simulated"
    skill: float = 0.6
    start: int = 0

    _random: random.Random = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._random = random.Random(f"{self.model}/{self.start}")

    @property
    def _llm_type(self) -> str:
        return "simulated"

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[Any, AIMessage]:
        return self.bind(tools=[convert_to_openai_tool(tool)["function"] for tool in tools])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        tools: Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> ChatResult:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            message = AIMessage(f"The answer is {last.content}.")
        elif tools:
            message = self._call(tools[0], str(last.text))
        else:
            message = AIMessage(f"The answer is {self._noisy(sum(numbers(str(last.text))))}.")
        message.usage_metadata = {"input_tokens": 20, "output_tokens": 8, "total_tokens": 28}
        message.response_metadata = {"model_name": self.model}
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _noisy(self, value: int) -> int:
        if self._random.random() < self.skill:
            return value
        return value + self._random.choice((-10, -2, -1, 1, 2, 10))

    def _call(self, tool: dict[str, Any], text: str) -> AIMessage:
        names = re.findall(r"\b[A-Z][a-z]+\b", text)
        found = numbers(text)
        args: dict[str, Any] = {}
        for field, schema in tool["parameters"]["properties"].items():
            if schema.get("type") == "integer":
                args[field] = self._noisy(found.pop(0) if found else 0)
            else:
                args[field] = names[-1] if names else ""
        identity = str(self._random.random())
        return AIMessage("", tool_calls=[{"name": tool["name"], "args": args, "id": identity}])


def numbers(text: str) -> list[int]:
    """Return the whole numbers in a text."""
    return [int(digits) for digits in re.findall(r"\d+", text)]
