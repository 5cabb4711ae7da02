"""Many questions under one budget, and jobs that a store makes resumable.

`batch` answers questions concurrently in an event loop, and `blocking` and `side_by_side` do so from
blocking code. `pool` shares a budget among the questions, `breaker` stops asking members that keep
failing, and `budgeted` makes each question a call of an adapter. For a job, `files` reads the questions
and writes the answers, `journal` keeps every sample in an evaluation store, `executors` ask the members
and journal their replies, `on_ray` does so on a Ray cluster, and `job` combines them. `restart` replays
what an earlier run had asked. Names are imported when first used, because a batch, unlike a job, needs
no database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on

# Imported at once, because the module has the same name as a function in it.
from bestofinf.batches.side_by_side import answers, in_order, side_by_side

if TYPE_CHECKING:
    from bestofinf.batches.budgeted import BudgetedBatch
    from bestofinf.batches.executors import AskMember, Executor, LocalExecutor
    from bestofinf.batches.files import JobQuestion, QuestionFile
    from bestofinf.batches.job import Job, arun_job
    from bestofinf.batches.journal import Journal
    from bestofinf.batches.pool import Budget, UnboundBudgetWarning
    from bestofinf.batches.report import JobProgress, JobReport

__all__ = [
    "AskMember",
    "Budget",
    "BudgetedBatch",
    "Executor",
    "Job",
    "JobProgress",
    "JobQuestion",
    "JobReport",
    "Journal",
    "LocalExecutor",
    "QuestionFile",
    "UnboundBudgetWarning",
    "answers",
    "arun_job",
    "in_order",
    "side_by_side",
]

__getattr__ = handed_on(
    __name__,
    {
        "budgeted": ("BudgetedBatch",),
        "executors": ("AskMember", "Executor", "LocalExecutor"),
        "files": ("JobQuestion", "QuestionFile"),
        "job": ("Job", "arun_job"),
        "journal": ("Journal",),
        "pool": ("Budget", "UnboundBudgetWarning"),
        "report": ("JobProgress", "JobReport"),
    },
)


def __dir__() -> list[str]:
    return list(__all__)
