"""Conformance tests that others can run on their own classes, with pytest.

`AdapterContract`, `CollectorContract` and `TinyContract` say what every adapter promises: see
docs/adapters.md. `LLMConformance` and `IdentityLaw` are for LlamaIndex LLMs of any origin: subclass
them in a test module, say how the LLM is made, and pytest collects the tests. See docs/llamaindex.md.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestofinf._extras import require

if TYPE_CHECKING:
    from bestofinf.testing.adapter import Adapter
    from bestofinf.testing.collectors import CollectingAdapter, CollectorContract
    from bestofinf.testing.contract import AdapterContract
    from bestofinf.testing.tiny import Said, TinyAdapter, TinyContract
    from llamaindex_bestofinf.testing.conformance import LLMConformance
    from llamaindex_bestofinf.testing.identity import IdentityLaw

_FOR_LLAMAINDEX = "llamaindex_bestofinf.testing"
_HOMES = {
    "Adapter": f"{__name__}.adapter",
    "AdapterContract": f"{__name__}.contract",
    "CollectingAdapter": f"{__name__}.collectors",
    "CollectorContract": f"{__name__}.collectors",
    "IdentityLaw": f"{_FOR_LLAMAINDEX}.identity",
    "LLMConformance": f"{_FOR_LLAMAINDEX}.conformance",
    "Said": f"{__name__}.tiny",
    "TinyAdapter": f"{__name__}.tiny",
    "TinyContract": f"{__name__}.tiny",
}
_PARTS = tuple(
    f"{__name__}.{part}" for part in ("collectors", "failures", "tiny", "unvotable", "votes")
)

__all__ = [
    "Adapter",
    "AdapterContract",
    "CollectingAdapter",
    "CollectorContract",
    "IdentityLaw",
    "LLMConformance",
    "Said",
    "TinyAdapter",
    "TinyContract",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    purpose = f"bestofinf.testing.{name}"
    if home.startswith(_FOR_LLAMAINDEX):
        require("llama_index.core", extra="llamaindex", purpose=purpose)
    pytest = require("pytest", extra="test", purpose=purpose)
    # Failing tests then say what was compared, as those of a test module do. What has been imported
    # in another way cannot be rewritten any more, and pytest would warn of it.
    for module in (_FOR_LLAMAINDEX, *_PARTS):
        if module not in sys.modules:
            pytest.register_assert_rewrite(module)
    return getattr(import_module(home), name)
