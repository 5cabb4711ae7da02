"""The page as one file: overview, advice and questions, which needs no server and loads nothing.

The file consists of the parts that the served page shows. Its content security policy allows no
requests and only the one script in it, identified by its hash; the file can be read without it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bestofinf.answers import AutoAnswer
from bestofinf.answers.base import Answer
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.provenance import FEWEST
from bestofinf.evaluation.store.listing import CONTESTED, Listed, Wanted
from bestofinf.report.facts import QuestionFacts
from bestofinf.report.overview import Overview
from bestofinf.view import figures
from bestofinf.view.entry import row_of, shown_entry
from bestofinf.view.render import marked, percent, rendered, static
from bestofinf.view.texts import line
from bestofinf.view.worked import Worked, shown_advice

MOST = 5_000_000
"""Approximate maximum size of the file in bytes; questions beyond it are left out."""

_PAGE = 50


@dataclass(frozen=True, slots=True)
class Exported:
    """The content of the file.

    Attributes:
        questions: Number of questions that are shown in full.
        all_questions: Number of questions in the store.
    """

    questions: int
    all_questions: int


def write_report(
    store: EvaluationStore,
    path: str | Path,
    *,
    worked: Worked | None = None,
    overview: Overview | None = None,
    changes: Sequence[str] | None = None,
    most: int = MOST,
) -> Exported:
    """Write overview, advice and questions, the most contested first, as one HTML file.

    Args:
        store: The store to report on.
        path: The file to write.
        worked: The advice; None if there are too few labels.
        overview: Has how often two members agree; None leaves that out.
        changes: Differences from an earlier report, in sentences; None if there is none.
        most: Approximate size in bytes beyond which questions are left out.

    Raises:
        UsageError: If the file cannot be written.
        MissingExtraError: If jinja2 is not installed.
    """
    path = Path(path)
    picture, name = store.catalogue.picture(), store.name.rpartition("/")[2].partition("?")[0]
    facts = None if worked is None else worked.facts
    if facts is not None:
        name = facts.name
    elif overview is not None:
        name = overview.name
    entries = _entries(store, {q.id: q for q in facts.questions} if facts else {}, most)
    common: dict[str, Any] = {"layout": "part.html.j2", "base": None, "name": name}
    seen = rendered(
        "overview.html.j2",
        **common,
        picture=picture,
        worked=worked,
        fewest=FEWEST,
        pairs={} if overview is None else overview.pairs,
        **figures.of_picture(picture),
        contested=[],
        mark="",
    )
    advice = rendered(
        "advice.html.j2",
        **common,
        **shown_advice(worked, picture.labelled),
        working=False,
        candidates=(),
    )
    script, style = _own("view.js"), _own("figure.css") + _own("view.css")
    page = rendered(
        "export.html.j2",
        name=name,
        policy=_policy(script, style),
        style=marked(style),
        script=marked(script),
        overview=marked(seen),
        advice=marked(advice),
        changes=changes,
        entries=entries,
        all=picture.questions,
        kept=marked(_kept(facts.to_json() if facts else {})),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    return Exported(len(entries), picture.questions)


def _entries(
    store: EvaluationStore, known: Mapping[str, QuestionFacts], most: int
) -> list[dict[str, Any]]:
    """Return the questions that fit, each with the HTML of its page."""
    answer, found, size = AutoAnswer(), [], 0
    for listed in _contested_first(store):
        part = _part(store, listed, answer)
        if part is None:
            continue
        size += len(part)
        if size > most:
            break
        facts = known.get(listed.id)
        found.append(
            {
                "row": row_of(listed),
                "is": _kinds(listed, facts),
                "told": "" if facts is None else _told(facts),
                "html": marked(part),
            }
        )
    return found


def _contested_first(store: EvaluationStore) -> Iterator[Listed]:
    after = None
    while True:
        page = store.catalogue.page(Wanted(), after=after, limit=_PAGE)
        yield from page.questions
        after = page.following
        if after is None:
            return


def _part(store: EvaluationStore, listed: Listed, answer: Answer) -> str | None:
    entry = store.catalogue.entry(listed.number)
    if entry is None:  # deleted while the file is being written
        return None
    return rendered(
        "question.html.j2",
        layout="part.html.j2",
        base=None,
        at=f"q{listed.number}-",
        name="",
        q=shown_entry(entry, answer),
    )


def _kinds(listed: Listed, facts: QuestionFacts | None) -> list[str]:
    """Return the kinds by which the list can be filtered."""
    contested = listed.lead is not None and listed.lead < CONTESTED and len(listed.votes) > 1
    kinds = {
        "contested": contested,
        "failed": listed.failed > 0,
        "labelled": listed.gold is not None,
        "unlabelled": listed.gold is None,
        "right": facts is not None and facts.right,
        "wrong": facts is not None and not facts.right,
    }
    return [name for name, holds in kinds.items() if holds]


def _told(facts: QuestionFacts) -> str:
    if facts.mode is None:
        return "The advised weights elect no answer."
    right = "right" if facts.right else "wrong"
    return (
        f"The advised weights elect {line(facts.mode, 60)} with {percent(facts.share)} of the votes, "
        f"which is {right}; {facts.samples:.1f} samples until settled."
    )


def _own(name: str) -> str:
    return static(name).decode("utf-8")


def _policy(script: str, style: str) -> str:
    def told(text: str) -> str:
        digest = hashlib.sha256(text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; script-src {told(script)}; style-src {told(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _kept(facts: Mapping[str, Any]) -> str:
    """Return the facts for the next report, escaped for a page."""
    return json.dumps(facts, ensure_ascii=True).replace("<", "\\u003c")
