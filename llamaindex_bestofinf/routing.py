"""Answers for routers and planners of sub-questions: where a question is sent.

Their replies contain a reason or a question in free text, which differs in every sample. The
vote is on the choices, or on the selected tools; the text is that of the winning sample.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from llama_index.core.base.base_selector import MultiSelection, SingleSelection
from llama_index.core.question_gen.types import SubQuestionList
from pydantic import BaseModel

from bestofinf import answers
from bestofinf.records import Reply

_KINDS: dict[str, type[BaseModel]] = {
    kind.__name__: kind for kind in (SingleSelection, MultiSelection, SubQuestionList)
}


def routed(reply: Reply) -> str | None:
    """Return the choices or tools in a reply, in canonical form; None if it has neither.

    They may be in an object, in tool calls of LlamaIndex's own classes, or in JSON in the text.
    """
    if reply.tool_calls:
        try:
            made = [_KINDS[call.name].model_validate(call.args) for call in reply.tool_calls]
        except (KeyError, ValueError):
            return None
        return _of_objects(made)
    if reply.parsed is not None:
        return _of_objects([reply.parsed])
    text = reply.text
    if ('"choice"' in text and '"reason"' in text) or '"sub_question"' in text:
        return _of_text(str(answers.JsonAnswer().vote(reply)[0]))
    return None


def _of_objects(objects: Sequence[Any]) -> str | None:
    if all(isinstance(one, SubQuestionList) for one in objects):
        return _asked(question.tool_name for one in objects for question in one.items)
    selections = [
        chosen
        for one in objects
        for chosen in (one.selections if isinstance(one, MultiSelection) else [one])
    ]
    if not all(isinstance(one, SingleSelection) for one in selections):
        return None
    return _selected(one.index for one in selections)


def _of_text(form: str) -> str | None:
    """Read canonical JSON: a list of choices or of sub-questions, or such a list as ``items``."""
    try:
        found = json.loads(form)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        found = found["items"] if found.keys() == {"items"} else [found]
    items = found if isinstance(found, list) else []
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    if all(item.keys() == {"choice", "reason"} for item in items):
        choices = [item["choice"] for item in items]
        return _selected(choices) if all(type(choice) is int for choice in choices) else None
    if all(item.keys() == {"sub_question", "tool_name"} for item in items):
        names = [item["tool_name"] for item in items]
        return _asked(names) if all(isinstance(name, str) for name in names) else None
    return None


def _selected(places: Iterable[int]) -> str:
    return json.dumps({"selected": sorted(set(places))})


def _asked(names: Iterable[str]) -> str:
    return json.dumps({"asked": sorted(names)})
