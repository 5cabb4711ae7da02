"""LangChain's own tests, with every model of theirs in an ensemble of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreign.suites import Suite, check

HERE = Path(__file__).parent
COMMON = ("pytest-mock", "pytest-socket", "pytest-timeout", "syrupy>=5,<6", "blockbuster")
UNIT = "tests/unit_tests"

SUITES = [
    Suite(
        "langchain-core",
        "langchain-core",
        tuple(
            f"{UNIT}/{name}"
            for name in (
                *(
                    "language_models",
                    "fake",
                    "caches",
                    "rate_limiters",
                    "prompts",
                    "output_parsers",
                ),
                *(f"runnables/test_runnable_events_v{n}.py" for n in (1, 2, 3)),
                *(f"runnables/test_{n}.py" for n in ("fallbacks", "history", "configurable")),
                "runnables/test_tracing_interops.py",
            )
        ),
        (*COMMON, "langchain-tests", "vcrpy", "toml", "responses", "freezegun", "grandalf"),
        ("--timeout=60",),
    ),
    Suite(
        "langchain-agents",
        "langchain",
        (f"{UNIT}/agents",),
        (*COMMON, "langchain-tests", "langchain-openai", "vcrpy", "toml", "fastmcp"),
        ("--timeout=120",),
    ),
    Suite(
        "langgraph-prebuilt",
        "langgraph-prebuilt",
        tuple(
            f"tests/test_{name}.py"
            for name in (
                "react_agent",
                "react_agent_graph",
                "tool_call_transformer",
                "on_tool_call",
            )
        ),
        (*COMMON, "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres", "psycopg[pool]"),
    ),
    Suite(
        "langgraph-streaming",
        "langgraph",
        tuple(
            f"tests/test_{name}.py"
            for name in (
                *("stream_messages_transformer", "stream_events_v3_e2e"),
                *("stream_namespaces", "trace_policy"),
            )
        ),
        (
            *(*COMMON, "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres"),
            *("psycopg[pool]", "redis", "pycryptodome", "pytest-repeat"),
        ),
    ),
]


@pytest.mark.soak
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_an_ensemble_of_one_passes_what_its_model_passes(suite: Suite, tmp_path: Path) -> None:
    check(suite, HERE / "swap.py", HERE / "exceptions.toml", tmp_path)
