"""The page of the advice: computed in the background and shown once it is ready."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.canonical import read_answers
from bestofinf.evaluation.provenance import FEWEST
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.view.beside import Advance, Beside
from bestofinf.view.orders import Orders
from bestofinf.view.responses import html
from bestofinf.view.worked import Worked, shown_advice

TRIALS = 20
"""Number of votes per question in the replay."""


class Advising:
    """The page of the advice, which is computed when the page is opened.

    Args:
        store: The store that the advice is about.
        orders: Gives the candidates for a decision.
    """

    def __init__(self, store: EvaluationStore, orders: Orders) -> None:
        self._orders = orders
        self._store = store
        self._beside = Beside[Worked]("bestofinf-view-advice")

    @property
    def worked(self) -> Worked | None:
        """The latest result; None if there is none yet."""
        return self._beside.result

    def page(self, request: Request) -> Response:
        """Show the advice, the progress of computing it, or what is missing for it."""
        labels = self._store.catalogue.count(Wanted("labelled"))
        again = "again" in request.query_params
        if labels >= FEWEST and (again or self.worked is None):
            self._beside.begin(
                lambda advance: self._work(labels, advance),
                lambda told: Worked(labels, None, told),
            )
        if again:  # so that reloading the page does not compute again
            base = request.scope.get("root_path", "").rstrip("/")
            return RedirectResponse(f"{base}/advice", 303)
        return html(
            request,
            "advice.html.j2",
            working=self._beside.working,
            share=self._beside.share,
            candidates=self._orders.candidates(),
            **shown_advice(self.worked, labels),
        )

    def _work(self, labels: int, advance: Advance) -> Worked:
        # Imported here, so that the page itself appears earlier.
        from bestofinf.report.facts import gather

        read = read_answers(self._store.read().ordered, None)
        facts = gather(read.evaluation_set, trials=TRIALS, progress=advance)
        return Worked(labels, facts, unread=tuple(read.lines()))
