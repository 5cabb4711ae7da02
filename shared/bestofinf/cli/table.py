"""``bestofinf table``: what one answer and what the mode of many is worth, member by member."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import fsum
from typing import TYPE_CHECKING

from bestofinf.cli.options import AnswerName, AsJson, RecordedPaths
from bestofinf.cli.recorded import read_recorded, tell_unread
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo_json
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.evaluation import EvaluationSet, Question


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of the table.

    Attributes:
        dataset: Name of the collection the questions come from.
        member: Name of the member.
        questions: Number of questions behind the figures. Their right answers are known. For
            compared members they are the questions that all of these were asked; for another
            member, all that it was asked.
        samples: Number of its answers to these questions, invalid ones included.
        bo1: Share of right answers, as a mean over questions; None if nothing can be graded.
        bo_inf: Accuracy of infinitely many votes, see `bestofinf.evaluation.limits`; a tie counts
            in equal shares. None if nothing can be graded or there are too few samples.
        bo_inf_se: Standard error of `bo_inf`, over questions and samples.
        asked: Number of graded questions of the data set that the member was asked.
        compared: Whether its figures are on the same questions as those of other members.
        without_answer: Number of its replies in the data set without an answer.
    """

    dataset: str
    member: str
    questions: int
    samples: int
    bo1: float | None
    bo_inf: float | None
    bo_inf_se: float | None
    asked: int
    compared: bool
    without_answer: int = 0


def table(
    paths: RecordedPaths,
    answer: AnswerName = None,
    as_json: AsJson = False,
) -> None:
    """Compare one answer (Bo1) with the most frequent of many (Bo∞), for each model.

    Bo1 counts invalid answers as wrong; Bo∞ is what infinitely many votes would elect, as far as
    the recorded samples tell. Models are compared on the questions that all of them were asked.
    """
    read = read_recorded(paths, answer)
    recorded = read.evaluation_set
    rows = [
        replace(row, without_answer=read.lost_by(dataset=row.dataset, member=row.member))
        for row in table_rows(recorded)
    ]
    console = Console()
    if as_json:
        echo_json([asdict(row) for row in rows])
        return
    _show(rows, console)
    for line in _told(recorded, rows):
        console.print(line, style="dim", soft_wrap=True)
    tell_unread(read, console)


def table_rows(evaluation_set: EvaluationSet) -> list[TableRow]:
    """Return the table of a set: by dataset, then by member, in order of first appearance.

    Samples that were drawn because of earlier answers are left out; see `EvaluationSet.fixed`.
    """
    from bestofinf.evaluation.provenance import for_estimates

    recorded = for_estimates(evaluation_set)[0].fixed()
    found = []
    for dataset in recorded.datasets:
        part = replace(
            recorded, questions=tuple(q for q in recorded.questions if q.dataset == dataset)
        )
        common, compared = _common(part)
        for member in recorded.members:
            if member in compared:
                found.append(_row(part, common.questions, dataset, member, compared=True))
            elif member in part.members:
                own = [q for q in part.labelled().ordered if len(q.samples.get(member, ()))]
                found.append(_row(part, own, dataset, member, compared=False))
    return found


def _common(part: EvaluationSet) -> tuple[EvaluationSet, tuple[str, ...]]:
    """Return the graded questions that members can be compared on, and these members."""
    from bestofinf.evaluation.coverage import comparable

    try:
        common, coverage = comparable(part.labelled())
    except UsageError:  # nothing is graded, or no two members share a question
        return part, ()
    return common, coverage.compared


def _row(
    part: EvaluationSet, rated: Sequence[Question], dataset: str, member: str, *, compared: bool
) -> TableRow:
    from bestofinf.evaluation.limits import Elections

    asked = sum(q.gold is not None and member in q.samples for q in part)
    if not rated:
        return TableRow(dataset, member, 0, 0, None, None, None, asked, compared)
    graded = [(q.samples[member], q.gold) for q in rated]
    limit = Elections(replace(part, questions=tuple(rated)), [member]).limit([1.0])
    return TableRow(
        dataset=dataset,
        member=member,
        questions=len(rated),
        samples=sum(len(samples) for samples, _ in graded),
        bo1=fsum(s.answers.count(gold) / len(s) for s, gold in graded) / len(graded),
        bo_inf=limit.value,
        bo_inf_se=limit.se,
        asked=asked,
        compared=compared,
    )


def _told(recorded: EvaluationSet, rows: Sequence[TableRow]) -> Iterator[str]:
    """Yield lines that say what the table leaves out, and which members it does not compare."""
    from bestofinf.evaluation.limits import FEWEST
    from bestofinf.evaluation.provenance import for_estimates

    sources = for_estimates(recorded)[1]
    if sources.left_out:
        yield f"{str(sources).capitalize()}."
    ungraded = len(recorded) - len(recorded.labelled())
    if ungraded:
        yield f"{ungraded} questions without a right answer are left out."
    for row in rows:
        where = f" of {row.dataset}" if row.dataset else ""
        if row.compared and row.asked > row.questions:
            yield f"{row.member}: asked {row.asked} questions{where}, compared on {row.questions}."
        elif not row.compared and row.asked:
            yield (
                f"* {row.member}: its own {row.asked} questions{where}, not those of the others; "
                "not to be compared."
            )
    if any(row.questions and row.bo_inf is None for row in rows):
        yield f"Bo∞ cannot be known from fewer than {FEWEST} samples a question."


def _show(rows: list[TableRow], console: Console) -> None:
    numbers = ("questions", "samples", "Bo1", "Bo∞", "±")
    columns = [Column("member"), *(Column(name, "number") for name in numbers)]
    for dataset in dict.fromkeys(row.dataset for row in rows):
        cells = [
            (
                row.member if row.compared or not row.asked else f"{row.member} *",
                f"{row.questions:,}",
                f"{row.samples:,}",
                *(
                    "–" if share is None else f"{share:.3f}"
                    for share in (row.bo1, row.bo_inf, row.bo_inf_se)
                ),
            )
            for row in rows
            if row.dataset == dataset
        ]
        show_table(console, columns, cells, title=dataset)
