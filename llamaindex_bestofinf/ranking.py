"""Answers for rerankers: in which order documents are relevant.

The relevances of a document differ in many samples whose order is the same. The vote is on the
order; the text, and the relevances in it, are those of the winning sample.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from bestofinf import answers
from bestofinf.border import CUT_OFF
from bestofinf.records import Reply

# The labels of the lines that LlamaIndex' prompts ask for: "Doc: 9, Relevance: 7". Its parser takes
# any label, but then "x: 3, y: 4" would be a document.
_DOCUMENT = re.compile(r"\W{0,9}(?:\d{1,3}[.)])?\W{0,9}Doc(?:ument)?\W{0,9}", re.I)
_RELEVANCE = re.compile(r"\W{0,9}Relevance(?:[ _]\w{1,9})?\W{0,9}", re.I)
_DIGITS = re.compile(r"\d+")

_BESIDE = 2
"""Other lines for each line of a document: reasons. With more, the reply is a text about them."""

_MOST = 10_000
"""Documents in one prompt, at most."""


def ranked(reply: Reply) -> str | None:
    """Return the documents in a reply by falling relevance, in canonical form; None if it has none.

    They may be in an object of the form of LlamaIndex's own class, in a call of that class, in
    JSON in the text, or in lines as its prompts ask for. Documents of equal relevance are in the
    order of the reply, where rerankers leave them: of replies with one vote they make one list.
    """
    if reply.tool_calls:
        named = [call.name for call in reply.tool_calls] == ["DocumentRelevanceList"]
        return _of_object(reply.tool_calls[0].args) if named else None
    found = reply.parsed
    if isinstance(found, BaseModel):
        return _of_object(found.model_dump()) if _is_list(type(found).model_fields) else None
    if found is not None:
        return _of_object(found)
    if '"document_number"' in reply.text:
        return _of_json(str(answers.JsonAnswer().vote(reply)[0]))
    # Where a limit ended the reply, other documents may have been to come.
    whole = not reply.refusal and reply.finish_reason != CUT_OFF
    return _of_lines(reply.text) if whole else None


def _is_list(keys: Iterable[str]) -> bool:
    return set(keys) == {"documents"}


def _of_json(form: str) -> str | None:
    try:
        return _of_object(json.loads(form))
    except (ValueError, RecursionError):
        return None


def _of_object(found: Any) -> str | None:
    if not isinstance(found, dict) or not _is_list(found):
        return None
    items = found["documents"]
    if not isinstance(items, list) or not all(map(_is_place, items)):
        return None
    return _ordered([(item["document_number"], item["relevance"]) for item in items])


def _is_place(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() == {"document_number", "relevance"}
        and all(type(value) is int for value in item.values())
    )


def _of_lines(text: str) -> str | None:
    """Read lines as `default_parse_choice_select_answer_fn` of LlamaIndex does.

    Its module takes seconds to import, and only rerankers need it. Where that function would read
    a line with other labels, or a document without its relevance, there is no order.
    """
    places: list[tuple[int, float]] = []
    beside = 0
    for line in text.split("\n"):
        parts = [part.split(":", 2) for part in line.split(",", 2)]
        number = _number(parts[0][1]) if len(parts) == 2 and len(parts[0]) > 1 else None
        if number is None:
            beside += bool(line.strip())
            continue
        label, *after = parts[1]
        digits = _DIGITS.search(after[0]) if after else None
        if digits is None or not (_DOCUMENT.fullmatch(parts[0][0]) and _RELEVANCE.fullmatch(label)):
            return None
        places.append((number, float(digits[0])))
    return _ordered(places) if beside <= _BESIDE * len(places) else None


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _ordered(places: Sequence[tuple[int, float]]) -> str | None:
    """Return the numbers of documents in the order in which rerankers sort them.

    None for no document, and for more and larger numbers than a prompt can have.
    """
    if not 0 < len(places) <= _MOST or any(abs(number) > _MOST for number, _ in places):
        return None
    by_relevance = sorted(places, key=lambda place: place[1], reverse=True)
    return json.dumps({"ranked": [number for number, _ in by_relevance]})
