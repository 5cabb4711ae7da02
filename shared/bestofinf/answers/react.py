"""ReAct text as a vote: the action with its parsed input, or the final answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bestofinf.answers.auto import AutoAnswer
from bestofinf.answers.base import Abstain, Answer, bound
from bestofinf.answers.calls import ToolCallsAnswer
from bestofinf.answers.canonical_json import Schema, parse_json
from bestofinf.answers.finding import WINDOW
from bestofinf.answers.objects import bracket_end
from bestofinf.records import AnswerValue, Reply, ToolCall

_ACTION = re.compile(r"^[ \t]*Action:[ \t]*([^\n()]{1,200})", re.M)
_INPUT = re.compile(r"^[ \t]*Action Input:[ \t]*", re.M)
_ANSWER = re.compile(r"^[ \t]*(?:Final )?Answer:[ \t]*", re.M)


class ReActAnswer(Answer):
    """The step that a ReAct reply takes: its tool call, or its answer. Thoughts do not vote.

    As agents read it, the first of ``Action:`` and ``Answer:`` decides, and only the first step.

    Args:
        calls: How calls are compared.
        final: How the text after ``Answer:`` is compared.
    """

    def __init__(
        self, *, calls: ToolCallsAnswer | None = None, final: Answer | None = None
    ) -> None:
        self.calls = calls or ToolCallsAnswer()
        self.final = final or AutoAnswer()

    def for_tools(self, tools: Mapping[str, Schema]) -> ReActAnswer:
        """Return a copy that knows the tools of a request."""
        return bound(self, calls=self.calls.for_tools(tools))

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical call, or the canonical answer; a reply without either abstains."""
        if reply.tool_calls:
            return self.calls.extract(reply)
        text = reply.text[:WINDOW]
        action, answer = _ACTION.search(text), _ANSWER.search(text)
        if action and (answer is None or action.start() < answer.start()):
            call = _call(action[1].strip(), text[action.end() :])
            return self.calls.extract(Reply(tool_calls=(call,)))
        if answer is None:
            raise Abstain("neither Action nor Answer")
        return self.final.extract(Reply(text=reply.text[answer.end() :]))

    def for_question(self, text: str) -> ReActAnswer:
        """Return the same with final answers read under the question."""
        return bound(self, final=self.final.for_question(text))

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the canonical form of a recorded call or answer."""
        value = self.calls.canonical(text)
        return value if value is not None else self.final.canonical(text)

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether both are the same call, or the same answer."""
        if first == second:
            return True
        kinds = {str(value).startswith('[{"args":') for value in (first, second)}
        if len(kinds) == 2:
            return False
        return (self.calls if kinds.pop() else self.final).same(first, second)


def _call(name: str, rest: str) -> ToolCall:
    given = _INPUT.search(rest)
    if given is None:
        raise Abstain("Action without Action Input")
    following = rest[given.end() :].strip()
    if not following.startswith("{"):
        raise Abstain("Action Input is not a JSON object")
    # What a model adds after the object, such as an imagined observation, is not its input.
    end = bracket_end(following, 0)
    args = parse_json(following[:end] if end > 0 else following)
    return ToolCall(name, args)
