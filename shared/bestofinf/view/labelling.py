"""The page to label on: one question at a time, its votes hidden until the label is given.

People who see the majority tend to agree with it, and every accuracy is then too high. So the order of
the answers is independent of the votes, and members and confidence are not in the page at all. The
source of a label says whether it was given after the votes were seen.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bestofinf.answers.base import Answer
from bestofinf.evaluation import EvaluationStore, Label
from bestofinf.evaluation.equivalence import representatives
from bestofinf.evaluation.rows import LabelRow, Provenance
from bestofinf.evaluation.store.catalogue import Entry
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.evaluation.truth import Truth, resolve
from bestofinf.view.deciding import SEEN, purpose
from bestofinf.view.guard import Access
from bestofinf.view.orders import ORDERS, Order, Orders
from bestofinf.view.responses import html
from bestofinf.view.texts import asked, line, natural
from bestofinf.view.visits import Given, Visit, Visits, clean_name, name_of, set_name

CHOICES = 30
"""Maximum number of answers shown; if there are more, the right one must be typed."""

LONGEST = 10_000
"""Maximum number of characters of a typed answer."""

MOST_BODY = 200_000
"""Maximum size of a form in bytes."""

PART = "x-bestofinf-part"
"""Header of requests by the script, which get the next page directly instead of a redirect."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer that may be the right one.

    Attributes:
        key: Its name in the form.
        text: The answer.
        alike: Other answers that mean the same.
        reply: A reply with this answer; None if none was stored.
    """

    key: str
    text: str
    alike: Sequence[str]
    reply: str | None


class Labelling:
    """The page to label on.

    Args:
        store: The store whose questions are labelled.
        access: Gives the token that its forms must contain.
        visits: The browsers that label.
        orders: Gives the next question.
        answer: The answer type that says which answers mean the same.
        keys: Whether keys label.
    """

    def __init__(
        self,
        store: EvaluationStore,
        access: Access,
        visits: Visits,
        orders: Orders,
        answer: Answer,
        *,
        keys: bool = True,
    ) -> None:
        self._keys = keys
        self._store = store
        self._access = access
        self._visits = visits
        self._answer = answer
        self._orders = orders

    def page(self, request: Request) -> Response:
        """Show the next question, or the requested one."""
        visit = self._visits.of(request)
        given = request.query_params
        return self._page(request, visit, Order.of(given), given.get("at", ""))

    def _page(self, request: Request, visit: Visit, order: Order, at: str) -> Response:
        number = int(at) if at.isascii() and at.isdigit() and len(at) < 19 else None
        if number is None:
            passed = visit.skipped | self._visits.elsewhere(visit)
            number = self._orders.following(order, passed)
            if number is not None and order.kind == "random":
                visit.drawn.add(number)
        entry = None if number is None else self._store.catalogue.entry(number, calls=20)
        if number is not None and entry is None:
            raise HTTPException(404)
        answer = self._shown(request, visit, order, entry)
        self._visits.remember(request, answer, visit)
        return answer

    def _shown(self, request: Request, visit: Visit, order: Order, entry: Entry | None) -> Response:
        catalogue = self._store.catalogue
        said, visit.said = visit.said, ""
        values: dict[str, Any] = {
            "word": self._access.form,
            "keys": self._keys,
            "drawn": entry is not None and entry.listed.number in visit.drawn,
            "order": order,
            "here": urlencode(order.fields),
            "orders": ORDERS,
            "standing": self._orders.standing(order),
            "said": said,
            "person": name_of(request),
            "labelled": catalogue.count(Wanted("labelled")),
            "left": catalogue.count(Wanted("open")),
            "skipped": len(visit.skipped),
            "undo": visit.given[-1] if visit.given else None,
        }
        if entry is None:
            return html(request, "label.html.j2", entry=None, **values)
        number = entry.listed.number
        visit.show(number)
        previous, following = visit.beside(number)
        seen = number in visit.seen
        return html(
            request,
            "label.html.j2",
            entry=entry,
            asked=asked(entry.question.prompt, entry.question.last_message),
            choices=self._choices(entry),
            others=max(len(entry.listed.votes) - CHOICES, 0),
            votes=entry.listed.votes if seen else None,
            truth=resolve(entry.labels),
            previous=previous,
            following=following,
            feedback=[m for m in entry.labels if m.provenance == "feedback"],
            **values,
        )

    def _choices(self, entry: Entry) -> list[Choice]:
        """Return the answers in the order of their texts; answers that mean the same are one choice."""
        answers = [*entry.listed.votes][:CHOICES]
        known = entry.question.prompt or entry.question.last_message
        names = representatives(answers, self._answer, prompt=known)
        replies: dict[str, str] = {}
        for rows in entry.samples.values():
            for row in rows:
                if row.answer is not None and row.text is not None:
                    replies.setdefault(row.answer, row.text)
        alike: dict[str, list[str]] = {}
        for text in answers:
            alike.setdefault(names[text] or text, []).append(text)
        found = [
            Choice(
                key_of(texts[0]),
                texts[0],
                texts[1:],
                next((replies[text] for text in texts if text in replies), None),
            )
            for texts in alike.values()
        ]
        return sorted(found, key=lambda choice: natural(choice.text))

    async def act(self, request: Request) -> Response:
        """Carry out the action of a form, and go to the next page."""
        form = await _form(request)
        if not hmac.compare_digest(form.get("word", "").encode(), self._access.form.encode()):
            raise HTTPException(403)
        return await run_in_threadpool(self._act, request, form)

    def _act(self, request: Request, form: Mapping[str, str]) -> Response:
        visit = self._visits.of(request)
        order = Order.of(form)
        query = order.fields
        match form.get("do"):
            case "name":
                answer = self._to_label(request, query | _at(form))
                path = request.scope.get("root_path", "") or "/"
                set_name(answer, clean_name(form.get("name", "")), path)
                return answer
            case "again":
                visit.skipped.clear()
            case "undo":
                query |= self._undo(visit)
            case "skip":
                visit.skipped.add(_number(form))
            case "votes":
                visit.seen.add(_number(form))
                query["at"] = str(_number(form))
            case "right" | "typed" | "none" as kind:
                self._give(request, visit, order, form, kind)
            case _:
                raise HTTPException(400)
        if PART in request.headers:  # a request by the script
            return self._page(request, visit, order, query.get("at", ""))
        answer = self._to_label(request, query)
        self._visits.remember(request, answer, visit)
        return answer

    def _give(
        self, request: Request, visit: Visit, order: Order, form: Mapping[str, str], kind: str
    ) -> None:
        entry = self._store.catalogue.entry(_number(form), calls=1)
        if entry is None:
            visit.said = "This question is no longer in the store."
            return
        labels, told = _labels(entry, kind, form)
        if not labels:
            visit.said = told
            return
        number, now = entry.listed.number, time.time()
        # A question that the user picked is not part of a random sample.
        drawn = order.kind == "random" and ("drawn" in form or number in visit.drawn)
        provenance: Provenance = "random" if drawn else "asked"
        labels = [replace(label, provenance=provenance) for label in labels]
        source = name_of(request) or "view"
        if order.kind == "decide":
            source += f", {purpose(order.first, order.second)}"
        source += SEEN if number in visit.seen else ""
        self._store.label_all(labels, source=source, at=now)
        if provenance == "random":
            self._store.label_all(self._orders.drawn_with(number), source=source)
        visit.given = [
            *visit.given[-500:], Given(number, entry.question.id, source, now, told)
        ]  # fmt: skip
        visit.skipped.discard(number)
        visit.at = (0, 0.0)
        visit.said = f"Saved: {told}. {_compared(entry, labels)}"

    def _undo(self, visit: Visit) -> dict[str, str]:
        """Retract the last label; earlier labels, and later ones of others, are valid again."""
        if not visit.given:
            visit.said = "There is nothing to take back."
            return {}
        last = visit.given.pop()
        history = self._store.labels(last.question)
        mine = (last.source, last.at)
        rest = [label for label in history if (label.source, label.at) != mine]
        self._store.label_all(
            [Label(last.question, retract=True), *_again(last.question, rest)], source=last.source
        )
        visit.said = f"Taken back: {last.told}."
        return {"at": str(last.number)}

    def _to_label(self, request: Request, query: Mapping[str, str]) -> RedirectResponse:
        base = request.scope.get("root_path", "").rstrip("/")
        return RedirectResponse(f"{base}/label?{urlencode(query)}", 303)


def key_of(answer: str) -> str:
    """Return the name of an answer in a form: a hash, because browsers may change long texts."""
    return hashlib.sha256(answer.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _labels(entry: Entry, kind: str, form: Mapping[str, str]) -> tuple[list[Label], str]:
    """Return the labels of a form and their description; no labels and the reason if there are none."""
    id_ = entry.question.id
    if kind == "none":
        answers = list(entry.listed.votes)
        if not answers:
            return [], "There is no answer that could be wrong: skip the question, or type one."
        return [Label(id_, text, False) for text in answers], "none of the answers is right"
    if kind == "typed":
        typed = form.get("gold", "").replace("\r\n", "\n").strip()
        if not typed:
            return [], "Type the right answer first."
        if len(typed) > LONGEST:
            return [], f"An answer has at most {LONGEST:,} characters."
        return [Label(id_, typed)], f"{line(typed, 60)} is right"
    chosen = {key_of(text): text for text in entry.listed.votes}.get(form.get("choice", ""))
    if chosen is None:
        return [], "Choose one of the answers."
    return [Label(id_, chosen)], f"{line(chosen, 60)} is right"


def _compared(entry: Entry, labels: Sequence[Label]) -> str:
    """Return in words how the votes compare with a label, once it is given."""
    votes = entry.listed.votes
    total = sum(votes.values())
    right = [label.answer for label in labels if label.correct]
    if not total or not right:
        return ""
    return f"{votes.get(right[0] or '', 0)} of {total} votes say so."


def _again(question: str, history: Sequence[LabelRow]) -> list[Label]:
    """Return labels that restore the truth that a history of labels had resulted in."""
    truth: Truth = resolve(history)
    said = [Label(question, text, False) for text in truth.wrong]
    if truth.gold is not None:
        provenance: Any = truth.provenance  # in the form in which the store has it
        said.append(Label(question, truth.gold, provenance=provenance, score=truth.score))
    return said


def _at(form: Mapping[str, str]) -> dict[str, str]:
    number = form.get("number", "")
    return {"at": number} if number.isascii() and number.isdigit() else {}


def _number(form: Mapping[str, str]) -> int:
    number = form.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise HTTPException(400)
    return int(number)


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; of repeated fields the last.

    Raises:
        HTTPException: If the body is not a form, or is too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise HTTPException(413)
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise HTTPException(400) from None
