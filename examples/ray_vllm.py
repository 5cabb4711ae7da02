"""Votes on a Ray Data set with vLLM servers: ``python examples/ray_vllm.py questions.parquet out``.

Wants Ray with its data package (``pip install "bestofinf[ray,langchain,frames]" "ray[data]"
langchain-openai``) and one or more vLLM servers, each started as

    vllm serve Qwen/Qwen3-30B-A3B --port 8000 --enable-prefix-caching

Ray Data reads, divides and writes; every block of questions is voted on under its share of the
budget. Blocks are random, so one share for all costs little. Where the total must be met over all
blocks at once, or a killed job must go on, use ``bestofinf run --ray`` instead.
"""

import sys
from typing import Any

import ray.data
from langchain_openai import ChatOpenAI

from langchain_bestofinf import AdaptiveEnsembleChat

SERVERS = ("http://vllm-0:8000/v1", "http://vllm-1:8000/v1")
MODEL = "Qwen/Qwen3-30B-A3B"
SAMPLES = 9  # a question, on the mean
BLOCK = 2_000  # questions that share a budget


class Voter:
    """Votes on blocks of questions; one lives in each worker."""

    def __init__(self) -> None:
        members = [ChatOpenAI(model=MODEL, base_url=url, api_key="none") for url in SERVERS]
        self.ensemble = AdaptiveEnsembleChat(members, rule="exhaustive", concurrency=8)

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        """Add the answers to a block."""
        prompts = list(block["prompt"])
        messages = self.ensemble.batch(
            prompts,
            {"max_concurrency": 256},
            budget=SAMPLES * len(prompts),
            return_exceptions=True,
        )
        traces = [getattr(m, "response_metadata", {}).get("bestofinf", {}) for m in messages]
        block["answer"] = [str(trace.get("answer")) for trace in traces]
        block["confidence"] = [float(trace.get("confidence", 0.0)) for trace in traces]
        block["n_samples"] = [int(trace.get("n_samples", 0)) for trace in traces]
        return block


def main() -> None:
    """Vote on the questions of a Parquet file or folder."""
    source, target = sys.argv[1:]
    questions = ray.data.read_parquet(source).random_shuffle()
    votes = questions.map_batches(Voter, batch_size=BLOCK, concurrency=4, num_cpus=1)
    votes.write_parquet(target)


if __name__ == "__main__":
    main()
