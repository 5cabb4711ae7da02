"""A report of what was read from logs, in numbers and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

ENOUGH = 8
"""Minimum number of samples per question for judging whether voting pays."""

_SHOWN = 8
"""Number of reasons for leaving records out that are named."""


@dataclass
class LogReport:
    """The contents of some logs, mostly as counts.

    Attributes:
        files: Samples read, by file.
        kinds: Samples read, by the name of the reader.
        questions: Questions with samples.
        gold: Questions with samples and a right answer.
        by_grade: Questions whose right answer was derived from the log's own grades.
        none_right: Questions whose replies are all graded wrong.
        members: Samples by member.
        sizes: Number of pairs of question and member by their number of samples.
        texts: Samples in which an answer was looked for.
        without_answer: Of `texts`, those without an answer.
        cut: Replies that a token limit ended.
        graded: Samples with an answer and a grade of the log, on questions with a right answer.
        agreed: Of `graded`, those on which the grade and the right answer agree.
        duplicates: Samples left out because they occur elsewhere in the logs.
        cached: Samples left out because they are copies from a cache.
        left_out: Records left out, by reason.
        remarks: Other remarks for the reader.
        repeats: How to record more samples, for each reader of the files.
    """

    files: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    questions: int = 0
    gold: int = 0
    by_grade: int = 0
    none_right: int = 0
    members: Counter[str] = field(default_factory=Counter)
    sizes: Counter[int] = field(default_factory=Counter)
    texts: int = 0
    without_answer: int = 0
    cut: int = 0
    graded: int = 0
    agreed: int = 0
    duplicates: int = 0
    cached: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    remarks: dict[str, None] = field(default_factory=dict)
    repeats: dict[str, None] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """Number of all samples kept."""
        return self.members.total()

    @property
    def least(self) -> int:
        """Smallest number of samples of a member for a question that it was asked."""
        return min(self.sizes, default=0)

    @property
    def most(self) -> int:
        """Largest number of samples of a member for a question."""
        return max(self.sizes, default=0)

    @property
    def median(self) -> int:
        """Median number of samples of a member for a question; the lower of two middle values."""
        middle, seen = (self.sizes.total() + 1) // 2, 0
        for size, count in sorted(self.sizes.items()):
            seen += count
            if seen >= middle:
                return size
        return 0

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "files": dict(self.files),
            "kinds": dict(self.kinds),
            "questions": self.questions,
            "gold": self.gold,
            "gold_by_grade": self.by_grade,
            "none_right": self.none_right,
            "members": dict(self.members),
            "samples": self.samples,
            "samples_a_question": {"least": self.least, "median": self.median, "most": self.most},
            "texts": self.texts,
            "without_answer": self.without_answer,
            "cut": self.cut,
            "graded": self.graded,
            "graded_alike": self.agreed,
            "duplicates": self.duplicates,
            "cached": self.cached,
            "left_out": dict(self.left_out),
            "remarks": list(self.remarks),
        }

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        files = sum(count > 0 for count in self.files.values())
        kinds = ", ".join(f"{name}: {count:,}" for name, count in self.kinds.items())
        told = [
            f"{_several(files, 'log file')} read ({kinds}): "
            f"{_several(self.questions, 'question')}, {_several(self.samples, 'sample')}"
        ]
        members = ", ".join(f"{name}: {count:,}" for name, count in self.members.most_common(5))
        more = f" and {len(self.members) - 5} more" if len(self.members) > 5 else ""
        told.append(f"members: {members or 'none'}{more}")
        told.append(
            f"samples of a member for a question: least {self.least}, median {self.median}, "
            f"most {self.most}"
        )
        told.append(self._truth())
        if self.texts:
            told.append(f"texts without an answer: {self.without_answer:,} of {self.texts:,}")
        if self.cut:
            told.append(f"cut off by a limit: {self.cut:,}")
        if self.graded:
            told.append(
                f"the logs' own grades say the same of {self.agreed:,} of {self.graded:,} answers"
            )
        if self.duplicates:
            told.append(f"duplicates, left out: {self.duplicates:,}")
        if self.cached:
            told.append(f"copies from a cache, left out: {self.cached:,}")
        reasons = self.left_out.most_common()
        told += [f"left out: {count:,} × {why}" for why, count in reasons[:_SHOWN]]
        if rest := reasons[_SHOWN:]:
            count = sum(count for _, count in rest)
            told.append(f"left out for {_several(len(rest), 'further reason')}: {count:,}")
        told += [f"note: {remark}" for remark in self.remarks]
        if self.sizes and self.median < ENOUGH and self.repeats:
            how = "; or ".join(self.repeats)
            told.append(
                f"whether voting pays cannot be known from {self.median} samples a question: record "
                f"at least {ENOUGH}: {how}"
            )
        return told

    def _truth(self) -> str:
        told = f"right answers known: {self.gold:,} of {_several(self.questions, 'question')}"
        if self.by_grade:
            told += f", {self.by_grade:,} of them from the logs' own grades"
        if self.none_right:
            told += f" (of {self.none_right:,} every reply is graded wrong)"
        return told


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
