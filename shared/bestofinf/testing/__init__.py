"""Conformance tests that others can run on their own classes, with pytest.

`LLMConformance` and `IdentityLaw` are for LlamaIndex LLMs: subclass them in a test module, say how
the LLM is made, and pytest collects the tests. See docs/llamaindex.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestofinf._extras import require

if TYPE_CHECKING:
    from bestofinf.testing.llamaindex import IdentityLaw, LLMConformance

__all__ = ["IdentityLaw", "LLMConformance"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require("llama_index.core", extra="llamaindex", purpose=f"bestofinf.testing.{name}")
    pytest = require("pytest", extra="test", purpose=f"bestofinf.testing.{name}")
    # Failing tests then say what was compared, as those of a test module do.
    pytest.register_assert_rewrite("bestofinf.testing.llamaindex")
    return getattr(import_module("bestofinf.testing.llamaindex"), name)
