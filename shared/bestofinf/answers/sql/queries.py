"""The query in a reply, and what can be said of it without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bestofinf.answers.base import CUT_OFF_NOTE, Abstain
from bestofinf.border import CUT_OFF
from bestofinf.records import Reply

MAX_CHARS = 20_000
"""Longer queries abstain."""

MAX_TEXT = 200_000
"""Characters of a reply in which a query is looked for."""

FIELDS = ("query", "sql", "sql_query", "statement", "sql_statement")
"""Where in an object or in a tool's arguments the query stands."""

_FENCE = re.compile(r"^[ \t]*+```++[ \t]*+([\w+-]*+)[ \t]*+\r?\n(.*?)^[ \t]*+```", re.DOTALL | re.M)
_ANNOUNCED = re.compile(r"^[ \t>*_#-]{0,9}SQL[ _]?Query[*_ ]{0,3}:[*_ ]{0,3}", re.I | re.M)
_CUT = re.compile(
    r"^[ \t*_]{0,9}(?:SQL[ _]?Result|Answer|Explanation|Note)[*_ ]{0,3}:", re.I | re.M
)
_START = re.compile(r"^[ \t(]*(?:SELECT|WITH|VALUES)\b", re.I | re.M)
_CLAUSE = (
    "GROUP|ORDER|HAVING|LIMIT|OFFSET|FETCH|WINDOW|JOIN|NATURAL|LEFT|RIGHT|FULL|INNER|CROSS|ON|AND|OR"
    "|INTERSECT|EXCEPT|VALUES|AS|CASE|WHEN|THEN|ELSE|END|IN|LIKE|BETWEEN"
)
# Blank lines behind which a text may follow. A clause goes on; "And" with one capital begins a sentence.
_PARAGRAPH = re.compile(
    r"\n(?:[ \t\r]*+\n){1,9}+(?![ \t]*+(?:(?i:SELECT|FROM|WHERE|UNION)\b|--|/\*|[(),]"
    rf"|(?:{_CLAUSE}|{_CLAUSE.lower()})\b))"
)
_STATEMENT = re.compile(
    r"\s*+(?:SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|REPLACE|MERGE|DROP|CREATE|ALTER|TRUNCATE|ATTACH"
    r"|DETACH|PRAGMA|VACUUM|BEGIN|COMMIT|ROLLBACK|COPY|SET|CALL|DO|GRANT|REVOKE|LOAD|EXPLAIN)\b",
    re.I,
)
# What a query is made of: comments, quoted texts and names, words, and single signs.
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*+|/\*.*?\*/)"
    r"|(?P<open>/\*.*+)"
    r"|(?P<quoted>[eE]'(?:[^'\\]|\\.|'')*+'|'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|`[^`]*+`"
    r"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|(?P<word>[^\W\d]\w*+)"
    r"|(?P<sign>\S)",
    re.DOTALL,
)
_READING = frozenset({"SELECT", "WITH", "VALUES"})


def query_in(reply: Reply) -> str:
    """Return the query of a reply, without a semicolon at its end.

    From a field of the parsed object or a tool's arguments (`FIELDS`), else the last fenced block
    that holds a query, else what follows ``SQLQuery:``, else the text from where a query begins.

    Raises:
        Abstain: If there is none, or it is too long.
    """
    if reply.finish_reason == CUT_OFF:
        raise Abstain(CUT_OFF_NOTE)
    found = _field(reply) or _in_text(reply.text[:MAX_TEXT])
    if not found:
        raise Abstain("no query")
    query = found.strip().rstrip(";").rstrip()
    if len(query) > MAX_CHARS:
        raise Abstain(f"a query of more than {MAX_CHARS} characters")
    return query


def checked(query: str) -> bool:
    """Return whether the outermost query orders its rows.

    Raises:
        Abstain: If it is not a single statement that reads, or its comments or quotes do not end.
    """
    depth, ordered, first = 0, False, True
    previous = ""
    for kind, text in tokens(query):
        if kind == "open" or (kind == "sign" and text in "'\"`"):
            raise Abstain("the query has a comment or a quote that does not end")
        word = text.upper() if kind == "word" else ""
        if text == ";":
            raise Abstain("more than one statement")
        if first and text != "(" and word not in _READING:
            raise Abstain("only queries that read are run: SELECT, WITH or VALUES")
        first = first and text == "("
        depth += (text == "(") - (text == ")") if kind == "sign" else 0
        if depth == 0 and previous == "ORDER" and word == "BY":
            ordered = True
        elif depth == 0 and word in ("UNION", "INTERSECT", "EXCEPT"):
            ordered = False
        previous = word
    if first:
        raise Abstain("no query")
    return ordered


def words(query: str) -> set[str]:
    """Return the words of a query in small letters, those within quotes too."""
    found = set()
    for kind, text in tokens(query):
        if kind == "word":
            found.add(text.lower())
        elif kind == "quoted":
            found.update(word.lower() for word in re.findall(r"[^\W\d]\w*", text))
    return found


def tokens(query: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a query with their kinds; comments are left out."""
    for match in _TOKEN.finditer(query):
        kind = match.lastgroup or "sign"
        if kind == "tag":
            kind = "quoted"
        if kind != "comment":
            yield kind, match[0]


def _field(reply: Reply) -> str | None:
    if reply.parsed is not None:
        return _of(reply.parsed)
    for call in reply.tool_calls:
        if (found := _of(call.args)) is not None:
            return found
    return None


def _of(value: Any) -> str | None:
    """Return the query in an object: a field by its name, or the only text in it."""
    if isinstance(value, str):
        return value
    if callable(dump := getattr(value, "model_dump", None)):
        value = dump()
    if not isinstance(value, Mapping):
        return None
    texts = {str(name).lower(): text for name, text in value.items() if isinstance(text, str)}
    named = next((texts[name] for name in FIELDS if name in texts), None)
    return named or (next(iter(texts.values())) if len(texts) == 1 else None)


def _in_text(text: str) -> str | None:
    blocks = [block for _, block in _FENCE.findall(text)] if "```" in text else []
    for block in reversed(blocks):
        if _START.search(block):
            return str(block)
    announced = list(_ANNOUNCED.finditer(text))
    if announced:
        rest = text[announced[-1].end() :]
        end = _CUT.search(rest)
        return rest[: end.start()] if end else rest
    start = _START.search(text)
    if start is None:
        return None
    rest = text[start.start() :][: MAX_CHARS + 1]  # longer ones are refused
    return _until_prose(_PARAGRAPH.split(rest, maxsplit=1)[0])


def _until_prose(text: str) -> str:
    """Return a text up to its first semicolon, unless another statement follows there."""
    place = 0
    for match in _TOKEN.finditer(text):
        if match[0] == ";":
            place = match.start()
            break
    else:
        return text
    return text if _STATEMENT.match(text, place + 1) else text[:place]
