"""Tool calls as votes: the multiset of what a reply asks for, ids and order left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bestofinf.answers.base import Abstain, Answer
from bestofinf.answers.canonical_json import Schema, parse_json, value_json
from bestofinf.answers.structured import checked_tolerance, near, paired, schema_of
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply, ToolCall


class ToolCallsAnswer(Answer):
    """The tool calls of a reply, as a canonical JSON list; the same call twice counts twice.

    Args:
        schemas: Argument schema of each tool by name (a JSON schema or a pydantic model class):
            fills defaults and tells which lists have no order.
        ignore: Arguments that are no part of the vote, as a free-text reason.
        names_only: Votes on which tools are called, whatever the arguments.
        tolerance: Relative difference within which two numbers in arguments are the same. Above
            0 this is not transitive: an answer joins the oldest class whose first is near enough.
    """

    def __init__(
        self,
        *,
        schemas: Mapping[str, Schema | type] | None = None,
        ignore: Iterable[str] = (),
        names_only: bool = False,
        tolerance: float = 0.0,
    ) -> None:
        if isinstance(ignore, str):
            raise UsageError(f"ignore must be a list of names, got the text {ignore!r}")
        self.schemas = {name: schema_of(s) or {} for name, s in (schemas or {}).items()}
        self.ignore = frozenset(ignore)
        self.names_only = names_only
        self.tolerance = checked_tolerance(tolerance)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the calls, sorted; calls written as JSON in the text count where it is only that."""
        calls = reply.tool_calls or calls_in_text(reply.text)
        if not calls:
            raise Abstain("no tool call")
        return self.form(calls)

    def form(self, calls: Iterable[ToolCall]) -> str:
        """Return the canonical JSON of a multiset of calls."""
        return "[" + ",".join(sorted(map(self._call, calls))) + "]"

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether the calls can be paired so that each pair agrees."""
        if first == second or not self.tolerance:
            return first == second
        a, b = parse_json(str(first)), parse_json(str(second))
        return len(a) == len(b) <= 50 and paired(a, b, self._near)

    def _call(self, call: ToolCall) -> str:
        if self.names_only:
            return value_json({"args": {}, "name": call.name})
        args = {name: value for name, value in call.args.items() if name not in self.ignore}
        written = value_json(args, schema=self.schemas.get(call.name))
        return f'{{"args":{written},"name":{value_json(call.name)}}}'

    def _near(self, first: Any, second: Any) -> bool:
        return bool(first["name"] == second["name"]) and near(
            value_json(first["args"]),
            value_json(second["args"]),
            schema=self.schemas.get(first["name"]),
            tolerance=self.tolerance,
        )


def calls_in_text(text: str) -> tuple[ToolCall, ...]:
    """Return the calls of a text that is a JSON list of calls and nothing else.

    A call is an object of a ``name`` and its ``args`` or ``arguments`` (an object, or JSON text).
    """
    text = text.strip() if len(text) <= 1_000_000 else ""
    if not (text.startswith("[") and text.endswith("]")):
        return ()
    try:
        found = parse_json(text)
        calls = tuple(_as_call(item) for item in found)
    except Abstain:
        return ()
    return calls


def _as_call(item: object) -> ToolCall:
    if isinstance(item, Mapping) and isinstance(name := item.get("name"), str):
        args = item.get("args", item.get("arguments"))
        if isinstance(args, str):
            args = parse_json(args)
        if isinstance(args, Mapping):
            return ToolCall(name, args)
    raise Abstain("not a tool call")
