"""Tool calls as votes: the multiset of what a reply asks for, ids and order left out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bestofinf.answers.arguments import checked, free_texts
from bestofinf.answers.base import Abstain, Answer, Resolved, bound
from bestofinf.answers.canonical_json import Schema, parse_json, value_json
from bestofinf.answers.nearness import checked_tolerance, near, paired
from bestofinf.answers.structured import schema_of
from bestofinf.answers.written_calls import calls_in, marked_calls, only_calls
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply, Sample, ToolCall, Usage


class ToolCallsAnswer(Answer):
    """The tool calls of a reply, as a canonical JSON list; the same call twice counts twice.

    Calls that a model writes as text count too. Where the tools are known (`for_tools`), a call
    of another tool, without a required argument or against the schema abstains, and free text
    among the arguments, such as the query of a search, is no part of the vote: no two replies word
    it alike. The first reply of the winning class is carried out, with its own words.

    Args:
        schemas: Argument schema of each tool by name (a JSON schema or a pydantic model class):
            fills defaults and tells which lists have no order.
        by: The answer type of an argument, by the argument's name, as ``{"query": SqlAnswer(url)}``:
            it says what the argument amounts to and which two are the same. Of the winning calls
            those with the shortest arguments are carried out then.
        ignore: Arguments that are no part of the vote. None leaves out those that are free text by
            name and schema; an empty list leaves out none.
        names_only: Votes on which tools are called, whatever the arguments.
        tolerance: Relative difference within which two numbers in arguments are the same. Above
            0 this is not transitive: an answer joins the oldest class whose first is near enough.
    """

    def __init__(
        self,
        *,
        schemas: Mapping[str, Schema | type] | None = None,
        by: Mapping[str, Answer] | None = None,
        ignore: Iterable[str] | None = None,
        names_only: bool = False,
        tolerance: float = 0.0,
    ) -> None:
        if isinstance(ignore, str):
            raise UsageError(f"ignore must be a list of names, got the text {ignore!r}")
        self.schemas = {name: schema_of(s) or {} for name, s in (schemas or {}).items()}
        self.by = dict(by or {})
        self.executes = any(kind.executes for kind in self.by.values())
        self.ignore = None if ignore is None else frozenset(ignore)
        self.whole = True
        self.tools: Mapping[str, Schema] | None = None
        self.names_only = names_only
        self.tolerance = checked_tolerance(tolerance)

    def for_tools(self, tools: Mapping[str, Schema]) -> ToolCallsAnswer:
        """Return a copy that knows the tools of a request: their argument schemas by name."""
        return bound(self, tools=dict(tools), schemas={**tools, **self.schemas})

    def for_question(self, text: str) -> ToolCallsAnswer:
        """Return a copy whose arguments' own answer types know the question."""
        if not self.by:
            return self
        return bound(self, by={name: kind.for_question(text) for name, kind in self.by.items()})

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the calls, sorted, where all of them can be carried out."""
        calls = reply.tool_calls or marked_calls(reply.text) or only_calls(reply.text)
        if not calls:
            raise Abstain("no tool call")
        return self.form([self._checked(call) for call in calls])

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the canonical form of recorded calls, whatever tools there are now."""
        calls = calls_in(text)
        return self.form(calls) if calls else None

    def form(self, calls: Iterable[ToolCall]) -> str:
        """Return the canonical JSON of a multiset of calls."""
        return "[" + ",".join(sorted(map(self._call, calls))) + "]"

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether the calls can be paired so that each pair agrees."""
        if first == second or not (self.tolerance or self.by):
            return first == second
        a, b = parse_json(str(first)), parse_json(str(second))
        return len(a) == len(b) <= 50 and paired(a, b, self._near)

    async def resolve(self, value: AnswerValue) -> Resolved:
        """Let the arguments' own answer types carry out what they must, all at once."""
        calls = [dict(call, args=dict(call["args"])) for call in parse_json(str(value))]
        named = [
            (call["args"], name) for call in calls for name in call["args"] if self._runs(name)
        ]
        found = await asyncio.gather(*(self.by[name].resolve(args[name]) for args, name in named))
        spent = sum((each.usage for each in found), Usage())
        seconds = max((each.seconds for each in found), default=0.0)
        note = "; ".join(filter(None, (each.note for each in found)))
        if any(each.answer is None for each in found):
            return Resolved(None, note, spent, seconds)
        for (args, name), each in zip(named, found, strict=True):
            args[name] = str(each.answer)
        written = sorted(map(value_json, calls))
        return Resolved(f"[{','.join(written)}]", note, spent, seconds)

    def yields(self, value: AnswerValue) -> bool:
        """Return whether an argument gives way by its own answer type."""
        return bool(self.by) and any(
            name in self.by and self.by[name].yields(arg)
            for call in parse_json(str(value))
            for name, arg in call["args"].items()
        )

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the first sample; the one with the shortest arguments where `by` compares them."""
        if not self.by:
            return samples[0]
        return min(samples, key=lambda sample: len(str(_args_of(sample))))

    def _runs(self, name: str) -> bool:
        return name in self.by and self.by[name].executes

    def _own(self, name: str, value: Any) -> Any:
        """Return the form of an argument by its own answer type, which may refuse it."""
        if name not in self.by:
            return value
        found = self.by[name].extract(Reply(text=str(value)))
        if found is None:
            raise Abstain(f"no answer in the argument {name!r}")
        return found

    def _call(self, call: ToolCall) -> str:
        if self.names_only:
            return value_json({"args": {}, "name": call.name})
        schema = self.schemas.get(call.name, {})
        left_out = self.ignore
        if left_out is None:
            left_out = free_texts(call.name, call.args, schema) - self.by.keys()
        args = {
            name: self._own(name, value)
            for name, value in call.args.items()
            if name not in left_out
        }
        written = value_json(args, schema=schema)
        return f'{{"args":{written},"name":{value_json(call.name)}}}'

    def _checked(self, call: ToolCall) -> ToolCall:
        if self.tools is None:
            return call
        if call.name not in self.tools:
            raise Abstain(f"calls {call.name!r}, which is no tool of the request"[:200])
        return replace(call, args=checked(call.name, call.args, self.tools[call.name]))

    def _near(self, first: Any, second: Any) -> bool:
        mine, theirs = first["args"], second["args"]
        if first["name"] != second["name"] or mine.keys() != theirs.keys():
            return False
        own = self.by.keys() & mine.keys()
        return all(self.by[name].same(mine[name], theirs[name]) for name in own) and near(
            value_json({name: value for name, value in mine.items() if name not in own}),
            value_json({name: value for name, value in theirs.items() if name not in own}),
            schema=self.schemas.get(first["name"]),
            tolerance=self.tolerance,
        )


def _args_of(sample: Sample) -> list[Any]:
    reply = sample.reply or Reply()
    calls = reply.tool_calls or marked_calls(reply.text) or only_calls(reply.text) or ()
    return [call.args for call in calls]
