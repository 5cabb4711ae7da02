"""The page of ``answers check``: which replies have an answer, which have none, which are merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bestofinf.answers.names import ANSWER_NAMES
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.check import Merge, Reading, check_answers
from bestofinf.view.beside import Advance, Beside
from bestofinf.view.responses import html

MERGES = 200
"""Maximum number of merges shown."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How an answer type reads the replies of a store.

    Attributes:
        answer: The answer type that was asked for.
        replies: Number of replies.
        lost: Reasons for which replies have no answer, each with their number and the first one.
        merges: Replies that look different and count as one vote, the first `MERGES`.
        all_merges: Number of all merges.
        why: Why there is no result; "" if there is one.
    """

    answer: str
    replies: int = 0
    lost: Sequence[tuple[str, int, Reading]] = ()
    merges: Sequence[Merge] = ()
    all_merges: int = 0
    why: str = ""

    @property
    def n_lost(self) -> int:
        """Number of replies without an answer."""
        return sum(count for _, count, _ in self.lost)


class Answering:
    """The page of ``answers check``; it reads all replies again when it is asked to.

    Args:
        store: The store with the replies.
    """

    def __init__(self, store: EvaluationStore) -> None:
        self._store = store
        self._beside = Beside[Checked]("bestofinf-view-answers")

    def page(self, request: Request) -> Response:
        """Show the result of an answer type, the progress of reading, or the list of answer types."""
        answer = request.query_params.get("answer", "")
        if answer and answer not in ANSWER_NAMES:
            raise HTTPException(404)
        found = self._beside.result
        if answer and (found is None or found.answer != answer):
            self._beside.begin(
                lambda advance: self._check(answer, advance), lambda why: Checked(answer, why=why)
            )
        return html(
            request,
            "answers.html.j2",
            names=ANSWER_NAMES,
            answer=answer,
            working=self._beside.working,
            share=self._beside.share,
            found=found,
        )

    def _check(self, answer: str, advance: Advance) -> Checked:
        found = check_answers(self._store.read(texts=True), answer, progress=advance)
        lost = found.lost
        first = {reading.reason: reading for reading in reversed(lost)}
        reasons = Counter(reading.reason for reading in lost).most_common()
        return Checked(
            answer,
            len(found.readings),
            [(reason, count, first[reason]) for reason, count in reasons],
            found.merges[:MERGES],
            len(found.merges),
        )
