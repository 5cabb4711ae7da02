"""What RAG pipelines of LlamaIndex ask with an ensemble in them: ``python -m benchmarks.rag``.

Requests over those of the bare model, for an ensemble in ``Settings.llm`` and for the parts that
`RagEnsemble` gives. The member words the same answer in seven ways, each with equal chance, which is
more than a model does: the figures are an upper region. Then votes where the right fact stands in
four wordings (67 %) and a wrong one in one (33 %), with and without a judge; then imports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage, CompletionResponse
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.evaluation import (
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import KeywordExtractor, SummaryExtractor, TitleExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import LLM
from llama_index.core.llms.mock import MockFunctionCallingLLM, MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.query_engine import CitationQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.tools import QueryEngineTool

from benchmarks.common import Figures, table
from llamaindex_bestofinf import AdaptiveEnsembleLLM, RagEnsemble

QUESTION = "For how many days may a lamp be brought back?"


def ranking(source: random.Random) -> str:
    """Return ten documents by their relevances from 10 to 1, of which one in five is off by one."""
    relevances = [
        10 - n + source.choice((-1, 1) if source.random() < 0.2 else (0,)) for n in range(10)
    ]
    by_relevance = sorted(range(10), key=relevances.__getitem__, reverse=True)
    return "\n".join(f"Doc: {n + 1}, Relevance: {relevances[n]}" for n in by_relevance)


SAYS: dict[str, Sequence[str]] = {
    "answer": (
        "30 days.",
        "It is 30 days.",
        "A lamp may be brought back for 30 days.",
        "Within 30 days of purchase.",
        "You have 30 days to bring a lamp back.",
        "According to the rules, thirty days.",
        "For 30 days [1].",
    ),
    "title": tuple(f"{a} {b}" for a in ("On", "About", "Rules of") for b in ("Returns", "Lamps", "Refunds")),
    "keywords": ("lamp, return, 30 days", "returns, lamps, rules", "lamp, refund, days", "rules, 30 days"),
    "summary": tuple(f"The part tells how a lamp is brought back with its {w}." for w in ("bill", "box", "card", "ticket")),
    "verdict": ("YES", "YES", "YES", "NO"),
    "score": ("4.0\nIt is right.", "4.0\nWell put.", "4.5\nThe answer is right.", "5.0\nNothing is missing."),
    "parts": tuple(
        json.dumps({"items": [{"sub_question": q, "tool_name": "a"}, {"sub_question": f"{q} And why?", "tool_name": "a"}]})
        for q in (QUESTION, "How long may a lamp be kept?", "Until when?")
    ),
    "ranking": tuple(map(ranking, map(random.Random, range(500)))),
}  # fmt: skip
MARKS = {
    "sub_question": "parts",
    "in order of relevance": "ranking",
    "title": "title",
    "keywords": "keywords",
    "Summarize": "summary",
    "YES": "verdict",
    "evaluation system": "score",
}


class Words(BaseEmbedding):
    """Texts as counts of their words."""

    def _vector(self, text: str) -> list[float]:
        counts = [0.0] * 64
        for word in re.findall(r"\w+", text.lower()):
            counts[int(hashlib.sha256(word.encode()).hexdigest(), 16) % 64] += 1
        return counts

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vector(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vector(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._vector(query)


class Asked:
    """A member that says what is asked for, and counts."""

    def __init__(self, seed: int) -> None:
        self.requests = 0
        source = random.Random(seed)

        def say(messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
            self.requests += 1
            text = "\n".join(message.content or "" for message in messages)
            kind = next((kind for mark, kind in MARKS.items() if mark in text), "answer")
            return ChatMessage(source.choice(SAYS[kind]), role="assistant")

        self.model = MockFunctionCallingLLM(response_generator=say, is_chat_model=True)


OFTEN = 20
"""Runs of an operation that asks once, for each of the others."""

Run = Callable[[LLM, LLM, LLM], object]
"""Carries out an operation with the LLMs for answers, for texts and for scores."""


def operations(index: VectorStoreIndex, documents: Sequence[Document]) -> Iterator[tuple[str, Run]]:
    modes = ("compact", "refine", "tree_summarize", "simple_summarize", "accumulate")
    for mode in modes:
        yield (
            mode,
            lambda a, p, s, m=mode: index.as_query_engine(
                llm=a, response_mode=m, similarity_top_k=3
            ).query(QUESTION),
        )
    yield "citations", lambda a, p, s: CitationQueryEngine.from_args(index, llm=a).query(QUESTION)

    def parts(a: LLM, p: LLM, s: LLM) -> object:
        engine = index.as_query_engine(llm=a)
        return SubQuestionQueryEngine.from_defaults(
            [QueryEngineTool.from_defaults(engine, name="a", description="a")],
            question_gen=LLMQuestionGenerator.from_defaults(llm=p),
            response_synthesizer=get_response_synthesizer(llm=a),
            use_async=False,
            verbose=False,
        ).query(QUESTION)

    yield "sub-questions", parts
    nodes = [NodeWithScore(node=TextNode(text=f"Rule {n}"), score=0.5) for n in range(1, 11)]
    yield (
        "a ranking of ten documents",
        lambda a, p, s: LLMRerank(llm=a).postprocess_nodes(nodes, query_str=QUESTION),
    )
    for name, kind in (
        ("titles", TitleExtractor),
        ("keywords", KeywordExtractor),
        ("summaries", SummaryExtractor),
    ):
        yield (
            name,
            lambda a, p, s, k=kind: IngestionPipeline(
                transformations=[SentenceSplitter(), k(llm=p, num_workers=1, show_progress=False)]
            ).run(documents=documents[:3]),
        )
    for name, judge in (("faithfulness", FaithfulnessEvaluator), ("relevancy", RelevancyEvaluator)):
        yield (
            f"yes or no, {name}",
            lambda a, p, s, k=judge: k(llm=s).evaluate(
                query="q", response="30 days", contexts=["30 days"]
            ),
        )
    yield (
        "a score",
        lambda a, p, s: CorrectnessEvaluator(llm=s).evaluate(
            query="q", response="30 days", reference="30 days"
        ),
    )


def requests(rounds: int) -> Figures:
    """Return requests over bare, by operation: in the settings, and with roles."""
    Settings.embed_model = Words()
    documents = [
        Document(text=f"Rule {i}. A lamp may be brought back for 30 days. It costs {i} euros.")
        for i in range(200)
    ]
    index = VectorStoreIndex.from_documents(documents)
    found: Figures = {}
    for name, run in operations(index, documents):
        bare = Asked(0)
        Settings.llm = bare.model
        run(bare.model, bare.model, bare.model)
        whole, roles = [], []
        # The number of requests of one vote varies much: many votes for evaluators, which are one each.
        for seed in range(1, rounds * (OFTEN if bare.requests == 1 else 1) + 1):
            member = Asked(seed)
            Settings.llm = llm = AdaptiveEnsembleLLM([member.model])
            run(llm, llm, llm)
            whole.append(member.requests / bare.requests)
            member = Asked(seed)
            rag = RagEnsemble([member.model])
            Settings.llm = rag.plain
            run(rag.answers, rag.plain, rag.scores)
            roles.append(member.requests / bare.requests)
        found[name] = [bare.requests, statistics.fmean(whole), statistics.fmean(roles)]
    return found


RIGHT = (
    "30 days.",
    "The return window is 30 days.",
    "Within 30 days of purchase.",
    "You have 30 days.",
)
WRONG = "14 days."


class Same(MockLLM):
    """A judge that knows which answers name the same number of days."""

    calls: int = 0

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        self.calls += 1
        *old, new = re.findall(r"<[^/>]+>\n?(.*?)\n?</", prompt, re.S)[1:]
        same = [place for place, text in enumerate(old, 1) if ("14" in text) == ("14" in new)]
        return CompletionResponse(text=str(same[0] if same else 0))

    async def acomplete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return self.complete(prompt)


def fact(votes: int, *, judged: bool) -> tuple[float, float, float]:
    """Return requests and calls of the judge a vote, and the share of votes that are right."""
    asked, calls, right = 0, 0, 0
    for seed in range(votes):
        source = random.Random(seed)
        member = MockFunctionCallingLLM(
            response_generator=lambda messages, r=source, **_: ChatMessage(
                r.choice(RIGHT) if r.random() < 0.67 else WRONG, role="assistant"
            ),
            is_chat_model=True,
        )
        judge = Same()
        llm = RagEnsemble(member, judge=judge if judged else None, concurrency=1).answers
        response = llm.chat(
            [
                ChatMessage(
                    "How long can things be returned?" if not judged else "Tell me the window?"
                )
            ]
        )
        trace = response.additional_kwargs["bestofinf"]
        asked, calls = asked + trace["n_samples"], calls + judge.calls
        right += "30" in (response.message.content or "")
    return asked / votes, calls / votes, right / votes


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rag", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each operation")
    parser.add_argument("--votes", type=int, default=200, help="votes on one fact")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    found = requests(options.rounds)
    rows = [[name, str(int(b)), f"{w:.1f}", f"{r:.1f}"] for name, (b, w, r) in found.items()]
    print(table("operation | bare | in Settings.llm, times | RagEnsemble, times", rows))
    facts = {"alone": fact(options.votes, judged=False), "judge": fact(options.votes, judged=True)}
    for name, (n, calls, right) in facts.items():
        print(
            f"\nright fact in four wordings, {name}: {n:.1f} requests, {calls:.1f} calls, {right:.1%} right"
        )
    if options.json is not None:
        told = {"requests": found, "fact": facts}
        options.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
