"""LlamaIndex' own tests, with every LLM of theirs in an ensemble of one and of three."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreign.suites import Copy, Suite, check

HERE = Path(__file__).parent

CORE = Suite(
    "llama-index-core",
    "llama-index-core",
    tuple(
        f"tests/{name}"
        for name in (
            *("agent", "llms", "program", "chat_engine", "memory", "evaluation", "selectors"),
            *("response_synthesizers", "query_engine", "extractors", "postprocessor", "indices"),
            *("ingestion", "callbacks", "retrievers", "question_gen", "output_parsers"),
        )
    ),
    ("pytest-mock", "pytest-timeout", "openai", "aiosqlite"),
    ("--timeout=120", "--continue-on-collection-errors"),
    Copy(
        "https://github.com/run-llama/llama_index",
        "eda20206a2750d76cd37428d5df9570a6cc5f301",
        "llama-index-core",
    ),
)


@pytest.mark.soak
@pytest.mark.parametrize("members", [1, 3])
def test_an_ensemble_passes_what_its_llm_passes(members: int, tmp_path: Path) -> None:
    check(CORE, HERE / "wrap.py", HERE / "exceptions.toml", tmp_path, members)
