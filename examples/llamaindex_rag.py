"""Answer from documents, with citations: the vote is on the sources that replies cite.

``python examples/llamaindex_rag.py``
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from llama_index.core import VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.schema import TextNode

from llamaindex_bestofinf import AdaptiveEnsembleLLM

from llamaindex_offline import WordEmbedding, unsure  # isort: skip

FACTS = [
    "The lighthouse of Westerheversand was built in 1906 and is 41 metres high.",
    "The lighthouse of Hörnum was built in 1907 and is 34 metres high.",
    "The lighthouse of Pilsum is painted in red and yellow.",
    "Kampen has a lighthouse of black and white rings.",
]


def reader(messages: Sequence[ChatMessage], tools: Sequence[str], chance: random.Random) -> str:
    """Read the sources; look into a wrong one now and then, and never say it the same way."""
    prompt = messages[-1].content or ""
    # Behind the two examples of the prompt stand the sources that were retrieved.
    sources = re.findall(r"Source (\d+):\n(.+)", prompt)[2:]
    right = next(number for number, text in sources if "Westerheversand" in text)
    number = right if chance.random() < 0.7 else chance.choice(sources)[0]
    text = dict(sources)[number]
    height = re.search(r"is (\d+) metres", text)
    told = f"its height is {height[1]} metres" if height else "the height is not told"
    start = chance.choice(["According to the documents", "As far as I can see", "Well"])
    return f"{start}, {told} [{number}]."


def main() -> None:
    index = VectorStoreIndex([TextNode(text=t) for t in FACTS], embed_model=WordEmbedding())
    llm = AdaptiveEnsembleLLM(
        [unsure(reader, seed=3), unsure(reader, seed=4)],
        answer="citations",
        rule="thorough",
    )
    engine = CitationQueryEngine.from_args(index, llm=llm, similarity_top_k=3)
    response = engine.query("How high is the lighthouse of Westerheversand?")
    trace = llm.last_trace() or {}
    print(response)
    print("cited:", trace["answer"], "votes:", trace["votes"])
    number = int(re.findall(r"\[(\d+)\]", str(response))[0])
    print("source:", response.source_nodes[number - 1].text.strip().splitlines()[-1])
    print("why it stopped:", trace["reason"])


if __name__ == "__main__":
    main()
