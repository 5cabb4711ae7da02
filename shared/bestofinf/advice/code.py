"""The recommendation as code to paste."""

from __future__ import annotations

from collections.abc import Mapping

_ONE = "# {name}, asked as you ask it now: voting does not pay on these questions.\n"

_LANGCHAIN = """\
from bestofinf import Member
from langchain_bestofinf import AdaptiveEnsembleChat

model = AdaptiveEnsembleChat(
    members=[  # put your chat models, or "provider:model", in place of ...
{members}
    ],
    rule={rule!r},
)
"""

_LLAMAINDEX = """\
from bestofinf import Member
from llama_index.core import Settings
from llamaindex_bestofinf import AdaptiveEnsembleLLM

Settings.llm = AdaptiveEnsembleLLM(
    members=[  # put your LLM objects in place of ...
{members}
    ],
    rule={rule!r},
)
"""


def code_to_paste(weights: Mapping[str, float], rule: str | None) -> dict[str, str]:
    """Return code by framework; the user's own models have to be filled in.

    Args:
        weights: Weight by member.
        rule: The stopping rule; None if there is no vote.
    """
    if rule is None:
        text = _ONE.format(name=next(iter(weights)))
        return {"langchain": text, "llamaindex": text}
    members = "\n".join(
        f"        Member(..., name={name!r}, weight={weight:g}),"
        for name, weight in weights.items()
    )
    return {
        "langchain": _LANGCHAIN.format(members=members, rule=rule),
        "llamaindex": _LLAMAINDEX.format(members=members, rule=rule),
    }
