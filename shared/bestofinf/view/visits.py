"""The browsers that label: which questions each has skipped, seen, and is showing."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "bestofinf_visit"
NAME = "bestofinf_name"

MOST = 500
"""Maximum number of visits; beyond it the oldest is forgotten."""

RESERVED = 180.0
"""Seconds for which a question that one person sees is not given to another."""

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Given:
    """A label that was given here.

    Attributes:
        number: Number of the question.
        question: Id of the question.
        source: Source of the label, as stored.
        at: Time of the label, as stored.
        told: The label in words.
    """

    number: int
    question: str
    source: str
    at: float
    told: str


@dataclass
class Visit:
    """One browser.

    Attributes:
        id: Value of its cookie.
        skipped: Numbers of questions that were skipped.
        seen: Numbers of questions whose votes were seen before they were labelled.
        drawn: Numbers of questions that were drawn at random for it.
        given: Labels given, oldest first.
        trail: Numbers of questions that were shown, in the order of their first display.
        at: The question that is shown now, and since when.
        said: Message for the next page.
    """

    id: str
    skipped: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    drawn: set[int] = field(default_factory=set)
    given: list[Given] = field(default_factory=list)
    trail: list[int] = field(default_factory=list)
    at: tuple[int, float] = (0, 0.0)
    said: str = ""

    def show(self, number: int) -> None:
        """Record that a question is shown now."""
        self.at = (number, time.monotonic())
        if number not in self.trail:
            self.trail = [*self.trail[-500:], number]

    def beside(self, number: int) -> tuple[int | None, int | None]:
        """Return the questions that were shown just before and just after this one."""
        place = self.trail.index(number)
        before = self.trail[place - 1] if place else None
        return before, self.trail[place + 1] if place + 1 < len(self.trail) else None


class Visits:
    """All browsers of one server. Losing them loses no labels, which are in the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Visit] = OrderedDict()

    def of(self, request: Request) -> Visit:
        """Return the visit of a browser; a new one if it is unknown."""
        given = request.cookies.get(COOKIE, "")
        with self._lock:
            visit = self._known.get(given)
            if visit is None:
                # The id in the browser's cookie is kept, so that a restart of the program needs no new one.
                visit = Visit(given if _is_word(given) else secrets.token_urlsafe(16))
                self._known[visit.id] = visit
            self._known.move_to_end(visit.id)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
            return visit

    def elsewhere(self, visit: Visit) -> set[int]:
        """Return the questions that other browsers are showing now."""
        now = time.monotonic()
        with self._lock:
            others = [other.at for other in self._known.values() if other is not visit]
        return {number for number, since in others if now - since < RESERVED}

    def remember(self, request: Request, answer: Response, visit: Visit) -> None:
        """Set the cookie that identifies the visit."""
        if request.cookies.get(COOKIE) != visit.id:
            path = request.scope.get("root_path", "") or "/"
            answer.set_cookie(COOKIE, visit.id, path=path, httponly=True, samesite="strict")


def name_of(request: Request) -> str:
    """Return the name that the person has given; "" if none."""
    return clean_name(unquote(request.cookies.get(NAME, "")))


def set_name(answer: Response, name: str, path: str) -> None:
    """Remember the name of the person in the browser."""
    # Cookies are Latin-1, names are not.
    answer.set_cookie(NAME, quote(name), path=path, max_age=10**7, httponly=True, samesite="strict")


def clean_name(given: str) -> str:
    """Return a name cleaned for a cookie and the store."""
    return "".join(c for c in given if c.isalnum() or c in " .-_@")[:LONGEST_NAME].strip()


def _is_word(text: str) -> bool:
    return (
        16 <= len(text) <= 64
        and text.isascii()
        and text.replace("-", "").replace("_", "").isalnum()
    )
