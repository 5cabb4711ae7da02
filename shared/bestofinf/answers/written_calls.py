"""Tool calls that models write as text, where a server has no parser for them.

The forms of Hermes and Qwen, Mistral, Llama, DeepSeek, Cohere, Granite, Kimi and harmony, and plain
JSON or Python that is nothing but calls.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bestofinf.answers.base import Abstain
from bestofinf.answers.canonical_json import parse_json
from bestofinf.answers.objects import bracket_end
from bestofinf.records import ToolCall

MAX_TEXT = 200_000
"""Longer texts are not searched for calls."""

MAX_CALLS = 200
_PYTHON = 10_000

_NAME = r"[A-Za-z_][\w.\-]{0,127}"
_SIGNS = (
    *("<tool_call", "<function", "[TOOL_CALLS]", "<|python_tag|>", "<｜tool▁call▁begin｜>", "to="),
    *("<|START_ACTION|>", "<|tool_call", "<tool▁call▁begin>"),
)
_HERMES = re.compile(r"<tool_calls?>(.*?)(?:</tool_calls?>|\Z)", re.DOTALL)
_FUNCTION = re.compile(
    rf"<function(?:=|\s+name=[\"']?)({_NAME})[\"']?>(.*?)(?:</function>|\Z)", re.DOTALL
)
_PARAMETER = re.compile(
    rf"<parameter(?:=|\s+name=[\"']?)({_NAME})[\"']?>\n?(.*?)\n?(?:</parameter>|\Z)", re.DOTALL
)
_MISTRAL = re.compile(
    rf"\[TOOL_CALLS\]\s*+(?:({_NAME})\s*+(?:\[CALL_ID\]\s*+\w+\s*+)?(?:\[ARGS\]\s*+)?(?=\{{)|(?=\[))"
)
_LLAMA = re.compile(r"<\|python_tag\|>")
_DEEPSEEK = re.compile(
    rf"<[|｜]?tool▁call▁begin[|｜]?>(?:function<[|｜]?tool▁sep[|｜]?>)?\s*({_NAME})\s*+(?:<[|｜]?tool▁sep[|｜]?>\s*+)?"
    r"(?:```json\s*+)?(?=\{)"
)
_KIMI = re.compile(
    rf"<\|tool_call_begin\|>\s*(?:functions\.)?({_NAME})(?::\d+)?\s*<\|tool_call_argument_begin\|>\s*(?=\{{)"
)
_HARMONY = re.compile(
    rf"<\|channel\|>[^<]{{0,60}}\bto=(?:functions\.)?({_NAME})[^<]{{0,60}}(?:<\|constrain\|>\w*\s*)?<\|message\|>\s*(?=\{{)"
)
_LISTED = re.compile(r"(?:<\|START_ACTION\|>|<\|?tool_call\|>)\s*(?=\[)")
_FENCE = "```"
_LANGUAGES = ("", "json", "tool_code", "python", "tool_call")
_PYTHON_CALLS = re.compile(rf"\[\s*{_NAME}\s*\(")
_WARNED = re.compile(r"\\|(?<![\w.])\d+[A-Za-z_]")
_ARGUMENTS = ("arguments", "args", "parameters", "input")
_NAMES = ("name", "tool_name", "function")
_BESIDE = frozenset({"id", "type", "tool_call_id", "index", *_NAMES, *_ARGUMENTS})


def marked_calls(text: str) -> tuple[ToolCall, ...]:
    """Return the calls that a text marks as such, in their order; empty without a mark.

    Raises:
        Abstain: If a mark is there and what follows is no call.
    """
    if ("<" not in text and "[TOOL_CALLS]" not in text) or len(text) > MAX_TEXT:
        return ()
    if not any(sign in text for sign in _SIGNS):
        return ()
    for reader in _READERS:
        if calls := tuple(reader(text)):
            if len(calls) > MAX_CALLS:
                raise Abstain(f"more than {MAX_CALLS} tool calls")
            return calls
    return ()


def only_calls(text: str) -> tuple[ToolCall, ...]:
    """Return the calls of a text that is nothing but calls, in JSON or in Python."""
    text = text.strip() if len(text) <= MAX_TEXT else ""
    if len(text) > 2 * len(_FENCE) and text.startswith(_FENCE) and text.endswith(_FENCE):
        language, line_end, fenced = text[len(_FENCE) : -len(_FENCE)].partition("\n")
        if line_end and language.rstrip() in _LANGUAGES:
            text = fenced.strip()
    try:
        if text[:1] == "[" and text[-1:] == "]":
            return _listed(text) if re.match(r"\[\s*\{", text) else tuple(_python(text))
        if text[:1] == "{" and text[-1:] == "}":
            return tuple(_call(parse_json(part)) for part in _parts(text))
    except Abstain:
        pass
    return ()


def calls_in(text: str) -> tuple[ToolCall, ...]:
    """Return the calls of a text, marked as such or nothing but calls; empty without."""
    try:
        return marked_calls(text) or only_calls(text)
    except Abstain:
        return ()


def _end(text: str, start: int) -> int:
    """Return where an object or a list ends.

    Raises:
        Abstain: If it does not end.
    """
    end = bracket_end(text, start)
    if end < 0:
        raise Abstain("a tool call is cut off")
    return end


def _hermes(text: str) -> Iterator[ToolCall]:
    for block in _HERMES.finditer(text):
        inside = block[1].strip()
        if functions := list(_functions(inside)):
            yield from functions
        elif inside.startswith("["):
            yield from _listed(inside)
        elif inside.startswith("{"):
            for part in _parts(inside):
                yield _call(parse_json(part))
        else:
            raise Abstain("not a tool call")


def _functions(text: str) -> Iterator[ToolCall]:
    for function in _FUNCTION.finditer(text):
        inside = function[2].strip()
        if inside.startswith("{"):
            yield ToolCall(function[1], _arguments(parse_json(inside[: _end(inside, 0)])))
        elif inside and not _PARAMETER.search(inside):
            raise Abstain("not a tool call")
        else:
            yield ToolCall(function[1], {p[1]: _value(p[2]) for p in _PARAMETER.finditer(inside)})


def _mistral(text: str) -> Iterator[ToolCall]:
    for mark in _MISTRAL.finditer(text):
        if mark[1] is None:
            end = _end(text, mark.end())
            yield from _listed(text[mark.end() : end])
        else:
            yield _named(text, mark)


def _llama(text: str) -> Iterator[ToolCall]:
    for mark in _LLAMA.finditer(text):
        inside = text[mark.end() :].strip()
        if inside.startswith("["):
            yield from only_calls(inside[: _end(inside, 0)])
        elif inside.startswith("{"):
            for part in _parts(inside):
                yield _call(parse_json(part))
        return


def _named_calls(pattern: re.Pattern[str]) -> Callable[[str], Iterator[ToolCall]]:
    def reader(text: str) -> Iterator[ToolCall]:
        for mark in pattern.finditer(text):
            yield _named(text, mark)

    return reader


def _listed_calls(text: str) -> Iterator[ToolCall]:
    for mark in _LISTED.finditer(text):
        yield from _listed(text[mark.end() : _end(text, mark.end())])


_READERS: Sequence[Callable[[str], Iterator[ToolCall]]] = (
    _hermes,
    _functions,
    _mistral,
    _named_calls(_DEEPSEEK),
    _named_calls(_KIMI),
    _named_calls(_HARMONY),
    _listed_calls,
    _llama,
)


def _named(text: str, mark: re.Match[str]) -> ToolCall:
    end = _end(text, mark.end())
    return ToolCall(mark[1], _arguments(parse_json(text[mark.end() : end])))


def _listed(text: str) -> tuple[ToolCall, ...]:
    found = parse_json(text)
    if not isinstance(found, list):
        raise Abstain("not a tool call")
    return tuple(_call(item) for item in found)


def _parts(text: str) -> Iterator[str]:
    """Yield the objects that stand one after the other, parted by semicolons, commas or lines."""
    begin = 0
    while begin < len(text):
        end = _end(text, begin)
        yield text[begin:end]
        rest = re.compile(r"\s*[;,]?\s*").match(text, end)
        begin = rest.end() if rest else len(text)
        if begin < len(text) and text[begin] != "{":
            raise Abstain("not a tool call")


def _call(item: object) -> ToolCall:
    """Return the call that an object describes: a name and its arguments, and little else."""
    if isinstance(item, Mapping):
        if isinstance(inner := item.get("function"), Mapping) and "name" in inner:
            item = {**inner}
        name = next((item[key] for key in _NAMES if isinstance(item.get(key), str)), None)
        given = [key for key in _ARGUMENTS if key in item]
        if name and len(given) == 1 and _BESIDE.issuperset(item):
            return ToolCall(name, _arguments(item[given[0]]))
    raise Abstain("not a tool call")


def _arguments(given: object) -> Mapping[str, Any]:
    if isinstance(given, str):
        given = parse_json(given) if given.strip() else {}
    if not isinstance(given, Mapping):
        raise Abstain("not a tool call")
    return given


def _value(text: str) -> Any:
    """Return an argument between tags: JSON where it is, else the text."""
    try:
        return parse_json(text) if text[:1] in '{["-0123456789tfn' else text
    except Abstain:
        return text


def _python(text: str) -> Iterator[ToolCall]:
    """Yield the calls of a Python list of calls with literal arguments. Nothing is executed."""
    # What Python would warn of, such as "\\d" and "1if", is left alone.
    if len(text) > _PYTHON or not _PYTHON_CALLS.match(text) or _WARNED.search(text):
        raise Abstain("not a tool call")
    try:
        tree = ast.parse(text, mode="eval").body
        items = tree.elts if isinstance(tree, ast.List) else []
        for item in items:
            if not isinstance(item, ast.Call) or item.args or not items:
                raise Abstain("not a tool call")
            args = {word.arg: ast.literal_eval(word.value) for word in item.keywords if word.arg}
            yield ToolCall(ast.unparse(item.func), args)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise Abstain("not a tool call") from None
