"""Structured extraction: objects are voted on, as a whole or field by field.

``python examples/llamaindex_extraction.py``
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, Field

from bestofinf.answers import JsonAnswer
from llamaindex_bestofinf import AdaptiveEnsembleLLM

from llamaindex_offline import call, unsure  # isort: skip

LETTER = "Dear Ms Petersen, your order 4711 of three lamps left our house on 2 March."


class Order(BaseModel):
    """What a letter says about an order."""

    number: int = Field(description="Number of the order")
    customer: str
    pieces: int


def clerk(
    messages: Sequence[ChatMessage], tools: Sequence[str], chance: random.Random
) -> ChatMessage:
    """Read the letter; get each field wrong now and then."""
    return call(
        "Order",
        number=4711 if chance.random() < 0.8 else 471,
        customer="Petersen" if chance.random() < 0.8 else "Ms Petersen",
        pieces=3 if chance.random() < 0.8 else 2,
    )


def main() -> None:
    prompt = PromptTemplate("Extract the order from this letter: {letter}")
    whole = AdaptiveEnsembleLLM([unsure(clerk, seed=95)])
    print("as a whole:", whole.structured_predict(Order, prompt, letter=LETTER))
    told = whole.last_trace() or {}
    print(" ", told["n_samples"], "samples:", told["votes"])

    fields = JsonAnswer(fields=["number", "customer", "pieces"], schema=Order)
    by_field = AdaptiveEnsembleLLM([unsure(clerk, seed=95)], answer=fields)
    print("field by field:", by_field.structured_predict(Order, prompt, letter=LETTER))
    told = by_field.last_trace() or {}
    print(" ", told["n_samples"], "samples:", told["reason"])

    response = whole.as_structured_llm(Order).complete(f"Extract the order: {LETTER}")
    print("as text:", response.text)
    print("  confidence", round(response.additional_kwargs["bestofinf"]["confidence"], 3))


if __name__ == "__main__":
    main()
