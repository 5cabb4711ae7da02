"""The public surface: names, paths, parameters, defaults and the JSON of traces stay.

What is found is compared with `surface.json`. A wanted change is written there with
``UPDATE_SURFACE=1 python -m pytest tests/packaging/test_surface.py`` and told in the changelog.
"""

from __future__ import annotations

import enum
import inspect
import json
import os
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if not all(find_spec(name) for name in ("langchain_core", "llama_index")):
    pytest.skip("needs the extras of both adapters", allow_module_level=True)

SNAPSHOT = Path(__file__).with_name("surface.json")
MODULES = (
    "bestofinf",
    "bestofinf.answers",
    "bestofinf.evaluation",
    "bestofinf.replay",
    "bestofinf.rules",
    "bestofinf.scorers",
    "bestofinf.testing",
    "bestofinf.tiny",
    "bestofinf.weights",
    "langchain_bestofinf",
    "llamaindex_bestofinf",
)


def parameters(function: Any) -> list[str]:
    """Return parameters as written in a call: names, kinds and defaults, without types."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return []
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return [told(str(p)) for p in bare]


def told(text: str) -> str:
    """Return a text without what changes between runs and moves: addresses and module paths."""
    return re.sub(r"bestofinf\.[\w.]*\.|0x[0-9a-f]+", "", text)


def own(name: str, value: Any, cls: type) -> bool:
    """Return whether a member of a class is the project's own and public."""
    home = next((c for c in cls.__mro__ if name in vars(c)), None)
    return home is not None and "bestofinf" in home.__module__


def surface_of_class(cls: type) -> dict[str, Any]:
    fields = getattr(cls, "model_fields", None)
    if fields is not None:
        made = {
            name: "required"
            if field.is_required()
            else told(repr(field.get_default(call_default_factory=True)))
            for name, field in sorted(fields.items())
            if any(
                "bestofinf" in c.__module__
                for c in cls.__mro__
                if name in vars(c).get("__annotations__", {})
            )
        }
    else:
        made = parameters(cls)
    members = {}
    for name in sorted(dir(cls)):
        if name.startswith("_") or name.startswith("model_") or not own(name, None, cls):
            continue
        value = inspect.getattr_static(cls, name)
        if isinstance(value, classmethod | staticmethod):
            value = value.__func__
        if inspect.isfunction(value):
            members[name] = parameters(value)
        elif isinstance(value, property):
            members[name] = "property"
    return {"made": made, "members": members}


def surface_of(value: Any) -> Any:
    if inspect.isclass(value):
        if issubclass(value, enum.Enum):
            return sorted(value.__members__)
        return surface_of_class(value)
    if inspect.isfunction(value):
        return parameters(value)
    return "value"


def trace_of_a_vote() -> dict[str, Any]:
    """Return the JSON form of a vote with a failure and an abstention in it."""
    from bestofinf import Member, Reply, Sample, VotePlan, vote
    from bestofinf.ensemble.trace import trace

    replies = iter(["The answer is 7.", "", "The answer is 8.", "The answer is 7."])

    def ask(draw: Any) -> Sample:
        if draw.index == 1:
            raise ValueError("no")
        return Sample(None, Reply(next(replies)), tokens=5)

    plan = VotePlan.make(
        [Member(None, name="m")], rule="fixed:n=3", retries=0, launch="thrifty", concurrency=1
    )
    decision = vote(plan.engine(), ask, concurrency=1, answer=plan.answer, policy=plan.policy)
    told = trace(decision, ["m"])
    told["seconds"] = 0.0
    told["confidence"] = round(told["confidence"], 9)  # the last digits differ between processors
    for sample in told["samples"]:
        sample["seconds"] = 0.0
    return told


def found() -> dict[str, Any]:
    surface: dict[str, Any] = {"trace": trace_of_a_vote()}
    for module in MODULES:
        package = import_module(module)
        surface[module] = {
            name: surface_of(getattr(package, name)) for name in sorted(package.__all__)
        }
    return surface


def test_the_public_surface_is_what_it_was():
    now = json.loads(json.dumps(found(), ensure_ascii=False))
    if os.environ.get("UPDATE_SURFACE"):
        text = json.dumps(now, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        SNAPSHOT.write_text(text, encoding="utf-8")
    before = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    for module, names in before.items():
        assert now[module] == names, f"the surface of {module} has changed"
    assert now.keys() == before.keys()
