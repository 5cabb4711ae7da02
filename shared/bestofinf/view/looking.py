"""The read-only pages: overview, list of questions, one question."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bestofinf.answers.base import Answer
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.provenance import FEWEST
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.evaluation.store.picture import Picture
from bestofinf.view import figures
from bestofinf.view.advising import Advising
from bestofinf.view.entry import row_of, shown_entry
from bestofinf.view.responses import as_json, html
from bestofinf.view.visits import Visits

PAGE = 50
"""Number of questions on a page."""

FIRST = 8
"""Number of contested questions on the overview."""

FRESH = 2.0
"""Seconds for which an overview is reused before the store is read again."""

LISTS = 100
"""Number of lists whose lengths are cached."""

SHOWS = {
    "all": "all",
    "contested": "contested",
    "unlabelled": "not labelled",
    "labelled": "labelled",
    "disputed": "labelled differently",
    "failed": "with failures",
    "unasked": "without an answer",
}
ORDERS = {
    "contested": "most contested first",
    "newest": "newest first",
    "oldest": "oldest first",
    "costly": "most expensive first",
}


class Looking:
    """The read-only pages.

    Args:
        store: The store to show.
        visits: The browsers; it is recorded which votes they have seen.
        answer: The answer type that finds out why a stored reply has no answer.
        advising: The advice, whose sentence the overview shows.
    """

    def __init__(
        self, store: EvaluationStore, visits: Visits, answer: Answer, advising: Advising
    ) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen: tuple[float, tuple[int, ...], Picture] | None = None
        self._counts: dict[Wanted, tuple[tuple[int, ...], int]] = {}
        self._visits = visits
        self._answer = answer
        self._advising = advising

    def overview(self, request: Request) -> Response:
        """Show an overview of the whole store."""
        picture = self.picture()
        first = self._store.catalogue.page(Wanted("contested"), limit=FIRST)
        return html(
            request,
            "overview.html.j2",
            picture=picture,
            worked=self._advising.worked,
            fewest=FEWEST,
            **figures.of_picture(picture),
            pairs={},
            contested=[row_of(listed) for listed in first.questions],
            mark="-".join(map(str, self._store.catalogue.mark())),
        )

    def questions(self, request: Request) -> Response:
        """Show one page of a filtered and sorted list of questions."""
        given = request.query_params
        one, other = given.get("one", ""), given.get("other", "")
        wanted = Wanted(
            show=given.get("show", "all"),  # type: ignore[arg-type]  # checked by Wanted
            text=given.get("q", "").strip(),
            member=given.get("member", ""),
            apart=(one, other) if one and other and one != other else None,
            order=given.get("order", "contested"),  # type: ignore[arg-type]
        )
        catalogue = self._store.catalogue
        page = catalogue.page(wanted, after=given.get("after") or None, limit=PAGE)
        kept = {name: given[name] for name in ("show", "q", "member", "one", "other", "order")
                if given.get(name)}  # fmt: skip
        following = {**kept, "after": page.following} if page.following else None
        return html(
            request,
            "questions.html.j2",
            wanted=wanted,
            one=one,
            other=other,
            rows=[row_of(listed) for listed in page.questions],
            found=self._count(wanted),
            members=[*self.picture().members],
            shows=SHOWS,
            orders=ORDERS,
            following=urlencode(following) if following else "",
            first=urlencode(kept) if given.get("after") else "",
            filtered=bool(kept.keys() - {"order"}),
        )

    def _count(self, wanted: Wanted) -> int:
        """Return the number of questions that match, cached because each page of a list needs it."""
        mark = self._store.catalogue.mark()
        known = self._counts.get(wanted)
        if known is not None and known[0] == mark:
            return known[1]
        if len(self._counts) > LISTS:
            self._counts.clear()
        count = self._store.catalogue.count(wanted)
        self._counts[wanted] = (mark, count)
        return count

    def find(self, request: Request) -> Response:
        """Redirect from an id, or the beginning of one, to its question."""
        key = request.query_params.get("key", "").strip()
        base = request.scope.get("root_path", "").rstrip("/")
        number = self._store.catalogue.find(key) if key else None
        place = f"q/{number}" if number is not None else f"questions?{urlencode({'q': key})}"
        return RedirectResponse(f"{base}/{place}", 303)

    def question(self, request: Request) -> Response:
        """Show one question with its replies and its votes in order."""
        entry = self._entry(request)
        visit = self._visits.of(request)
        visit.seen.add(entry.listed.number)
        answer = html(request, "question.html.j2", q=shown_entry(entry, self._answer))
        self._visits.remember(request, answer, visit)
        return answer

    def trace(self, request: Request) -> Response:
        """Show everything that is stored of a question, as JSON."""
        entry = self._entry(request)
        calls = [
            asdict(call) | {"samples": [asdict(sample) for sample in entry.samples[call.id]]}
            for call in entry.calls
        ]
        return as_json(
            {
                "question": asdict(entry.question),
                "calls": calls,
                "all_calls": entry.all_calls,
                "labels": [asdict(label) for label in entry.labels],
            }
        )

    def picture(self) -> Picture:
        """Return the overview of the store, read again if something was added."""
        with self._lock:
            if self._seen is not None and time.monotonic() - self._seen[0] < FRESH:
                return self._seen[2]
            mark = self._store.catalogue.mark()
            if self._seen is None or self._seen[1] != mark:
                picture = self._store.catalogue.picture()
            else:
                picture = self._seen[2]
            self._seen = (time.monotonic(), mark, picture)
            return picture

    def _entry(self, request: Request) -> Any:
        number = request.path_params["number"]
        entry = self._store.catalogue.entry(number) if number < 2**62 else None
        if entry is None:
            raise HTTPException(404)
        return entry
