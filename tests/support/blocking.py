"""A fixture that lets the project block no event loop while an async test runs."""

import inspect
from importlib.util import find_spec

import pytest
from blockbuster import blockbuster_ctx

PROJECT = ("bestofinf", "langchain_bestofinf", "llamaindex_bestofinf")
BLOCKING_CALLS = ("bestofinf/ensemble/client.py", "bestofinf/ensemble/loops.py")
"""By way of `run` in these a test asks an ensemble in blocking code, as it may within its own loop too."""


def _asking():
    """Return modules of the project that ask any LLM in either way, as tests do."""
    return ["llamaindex_bestofinf.testing"] if find_spec("llama_index") is not None else []


@pytest.fixture(autouse=True)
def nothing_blocks(request):
    """Make what blocks the running event loop raise `blockbuster.BlockingError`."""
    may_block = request.node.get_closest_marker("blocks") is not None
    if may_block or not inspect.iscoroutinefunction(request.function):
        yield
        return
    with blockbuster_ctx(PROJECT, excluded_modules=_asking()) as found:
        for function in found.functions.values():
            for file in BLOCKING_CALLS:
                function.can_block_in(file, "run")
        yield
