"""The output of a job: its progress, its final numbers, and a row of answers for each question."""

from __future__ import annotations

from dataclasses import dataclass, field

from bestofinf.batches.batch import BatchResult
from bestofinf.batches.files import AnswerRow, JobQuestion
from bestofinf.batches.pool import Budget
from bestofinf.evaluation.identity import answer_text
from bestofinf.records import Failure, Outcome, Usage

COLUMNS: dict[str, type] = {
    "id": str,
    "answer": str,
    "confidence": float,
    "reason": str,
    "votes": dict,
    "n_samples": int,
    "n_abstained": int,
    "n_failed": int,
    "winner_member": str,
    "input_tokens": int,
    "output_tokens": int,
    "cost": float,
    "error": str,
}
"""Columns of a file of answers and the types of their values."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The progress of a job.

    Attributes:
        settled: Number of questions with a decision or an error.
        questions: Number of all questions.
        spent: Cost of all samples so far, including those of earlier runs, in the unit of the
            budget.
        budget: The total; None if there is none.
        failures: Number of draws that failed.
    """

    settled: int
    questions: int
    spent: float
    budget: Budget | None
    failures: int = 0


@dataclass(slots=True)
class JobReport:
    """The result of a job, in numbers.

    Attributes:
        questions: Number of questions.
        decided: Number of questions with a decision.
        errors: Number of questions that ended without a decision.
        stopped: Whether the job was stopped before all questions were settled.
        restored: Number of samples of earlier runs.
        samples: Number of all samples, including the restored ones.
        failures: Number of draws that failed.
        usage: Cost of all samples and failures.
    """

    questions: int = 0
    decided: int = 0
    errors: int = 0
    stopped: bool = False
    restored: int = 0
    samples: int = 0
    failures: int = 0
    usage: Usage = field(default_factory=Usage)

    def book(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.usage += outcome.usage
        if isinstance(outcome, Failure):
            self.failures += 1
        else:
            self.samples += 1

    def spent(self, budget: Budget | None) -> float:
        """Return the spending in the unit of a budget; the number of samples if there is none."""
        if budget is None or budget.unit == "samples":
            return self.samples
        return self.usage.output_tokens if budget.unit == "tokens" else self.usage.cost


def answer_row(result: BatchResult[JobQuestion]) -> AnswerRow:
    """Return the row of answers for a question."""
    row: AnswerRow = {"id": result.question.id}
    decision = result.decision
    if decision is None:
        return row | {"error": str(result.error)}
    return row | {
        "answer": answer_text(decision.answer),
        "confidence": decision.confidence,
        "reason": decision.reason,
        "votes": {answer_text(answer) or "": count for answer, count in decision.votes.items()},
        "n_samples": decision.n_samples,
        "n_abstained": decision.n_abstained,
        "n_failed": decision.n_failed,
        "winner_member": decision.winner_member,
        "input_tokens": decision.usage.input_tokens,
        "output_tokens": decision.usage.output_tokens,
        "cost": decision.usage.cost,
    }
