"""Read recorded questions one by one, without holding the whole source in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bestofinf.evaluation.exchange import question_from_rows
from bestofinf.evaluation.files import questions_in
from bestofinf.evaluation.logs.gathering import Logs
from bestofinf.evaluation.logs.report import LogReport
from bestofinf.evaluation.reading import need_samples, read_raw, tell
from bestofinf.evaluation.sets import Question
from bestofinf.evaluation.sources import sources_of
from bestofinf.evaluation.store.store import EvaluationStore


@contextmanager
def streamed(
    paths: Sequence[str | Path], *, told: Callable[[LogReport], None] | None = None
) -> Iterator[tuple[Iterator[Question], int]]:
    """Give the questions of `read_raw`, with texts of replies, one by one, and their number.

    For logs, one store or one file only a few questions are in memory at a time. Several stores or
    files may have samples of one question, so they are read whole.

    Args:
        paths: Paths as for `bestofinf.evaluation.read`.
        told: Called at the end with a report of the logs that were read, if there are any.

    Raises:
        UsageError: If there is nothing to read, or a line is malformed.
        StoreError: If a store cannot be read.
    """
    found = sources_of(paths)
    if len(found.stores) + len(found.own) + bool(found.logs) != 1:
        whole = read_raw(paths, texts=True, told=told)
        yield iter(whole), len(whole)
    elif found.logs:
        with Logs(found.logs) as logs:
            number = logs.count()
            need_samples(number, found)
            yield (gathered.question for gathered in logs.questions()), number
        tell(logs.report, found, told)
    elif found.stores:
        with (
            EvaluationStore(found.stores[0], readonly=True) as store,
            closing(store.records()) as rows,
        ):
            yield (question_from_rows(*row, texts=True) for row in rows), store.status().questions
    else:
        number = sum(1 for _ in questions_in(found.own[0]))
        with closing(questions_in(found.own[0])) as questions:
            yield questions, number


def holds_replies(paths: Sequence[str | Path]) -> bool:
    """Return whether any path has whole replies, and not only answers already taken from them."""
    if sources_of(paths).logs:
        return True
    with streamed(paths) as (questions, _):
        return any(samples.replies for q in questions for samples in q.samples.values())
