"""Gather the samples of log files by question, each once, with the right answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bestofinf.answers.base import Answer
from bestofinf.border import CUT_OFF, as_finish_reason, as_name
from bestofinf.errors import UsageError, shown
from bestofinf.evaluation.canonical import ReadSet, read_answers
from bestofinf.evaluation.logs.checking import checked_sample, fingerprint
from bestofinf.evaluation.logs.head import Head
from bestofinf.evaluation.logs.options import LogOptions, gold_rows
from bestofinf.evaluation.logs.protocol import LeftOut, LogReader, LogSample, Remark, Request
from bestofinf.evaluation.logs.report import LogReport
from bestofinf.evaluation.logs.spool import Spool, Spooled
from bestofinf.evaluation.samples import Samples
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.evaluation.truth import NONE_RIGHT
from bestofinf.records import Reply


@dataclass(frozen=True, slots=True)
class Gathered:
    """One question of the logs.

    Attributes:
        question: The question as recorded, with whole replies.
        rows: Its samples, in the order of ``question.samples``.
        by_grade: Whether the right answer was derived from the logs' own grades.
    """

    question: Question
    rows: Sequence[Spooled]
    by_grade: bool


class Logs:
    """Some log files, read to the end.

    Args:
        files: The files, each with its reader.
        options: The user's options for reading them.

    Attributes:
        report: Counts of what was read; complete after one pass over the questions.

    Raises:
        UsageError: If a file is broken; the message names it and says where.
    """

    def __init__(
        self, files: Sequence[tuple[Head, LogReader]], options: LogOptions | None = None
    ) -> None:
        self._options = options or LogOptions()
        self.names = [str(head.path) for head, _ in files]
        self.report = LogReport()
        self._spool = Spool()
        self._unmatched = 0
        try:
            for number, (head, reader) in enumerate(files):
                self._read(head, reader, number)
            self._finish()
        except BaseException:
            self._spool.__exit__()
            raise

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.__exit__(*exception)

    def _read(self, head: Head, reader: LogReader, file: int) -> None:
        report, whose = self.report, fingerprint(head.path)
        report.files[str(head.path)] += 0
        for number, found in enumerate(reader.read(head)):
            if isinstance(found, LogSample):
                report.files[str(head.path)] += self._add(found, f"{whose}:{number}", file)
                report.kinds[reader.name] += 1
            elif isinstance(found, LeftOut):
                report.left_out[as_name(found.reason)] += 1
            elif isinstance(found, Remark):
                report.remarks[found.text] = None
            elif isinstance(found, Request):
                self._spool.add_request(found)
        if reader.repeats:
            report.repeats[reader.repeats] = None

    def _add(self, sample: LogSample, key: str, file: int) -> bool:
        options = self._options
        name, fits = options.question(sample.question)
        self._unmatched += not fits
        member = as_name(options.member(sample.member)) or "model"
        sample = checked_sample(replace(sample, member=member, key=sample.key or key))
        question = f"{sample.dataset}/{name}" if sample.dataset else name
        new = self._spool.add(sample, question=question, file=file)
        self.report.duplicates += not new
        return new

    def _finish(self) -> None:
        options, remarks = self._options, self.report.remarks
        samples = self.report.kinds.total()
        if options.id_pattern is None:
            joined = self._spool.join_repeats()
            if joined:
                remarks[f"{joined:,} requests ask what another asks: read as its repeats"] = None
        elif samples and self._unmatched == samples:
            raise UsageError(f"the id pattern {options.id_pattern!r} matches none of the ids")
        elif self._unmatched:
            remarks[f"the id pattern does not fit {self._unmatched:,} ids: left as they are"] = None
        if options.gold is not None:
            for where, raw, gold in gold_rows(options.gold, options.id_key):
                first = self._spool.add_gold(raw, gold)
                if first != gold:
                    raise UsageError(
                        f"{options.gold}, {where}: question {shown(raw)} has two right answers, "
                        f"{shown(first)} and {shown(gold)}"
                    )

    def questions(self) -> Iterator[Gathered]:
        """Yield every question once, as recorded, and count it in the report."""
        for id_, rows in self._spool.questions():
            kept = self._without_copies(rows)
            found = self._question(id_, kept)
            self._count(found)
            yield found
        unused = self._spool.unused_gold()
        if unused:
            self.report.remarks[f"{unused:,} right answers are of questions not in the logs"] = None

    def answered(self, answer: Answer) -> Iterator[tuple[Gathered, ReadSet]]:
        """Yield every question with the votes of its replies, and compare these with the grades."""
        for found in self.questions():
            read = read_answers(EvaluationSet((found.question,)), answer)
            (question,) = read.evaluation_set
            votes = [vote for samples in question.samples.values() for vote in samples.answers]
            self.report.texts += len(votes)
            self.report.without_answer += votes.count(None)
            for row, vote in zip(found.rows, votes, strict=True):
                if None not in (row.sample.grade, vote, question.gold):
                    self.report.graded += 1
                    self.report.agreed += (vote == question.gold) == row.sample.grade
            yield found, read

    def count(self) -> int:
        """Return the number of questions."""
        return self._spool.count()

    def take_answers(self, answer: Answer) -> None:
        """Take the votes of all replies and keep them on disk, for `kept`."""
        for found, read in self.answered(answer):
            (question,) = read.evaluation_set
            votes = [vote for samples in question.samples.values() for vote in samples.answers]
            numbers = [row.number for row in found.rows]
            self._spool.keep_answers(
                found.question.id,
                dict(zip(numbers, votes, strict=True)),
                question.gold,
                found.by_grade,
            )

    def kept(self) -> Iterator[tuple[str, list[Spooled], str | None, bool]]:
        """Yield every question with its votes and right answer, after `take_answers`.

        Returns:
            Id, samples, right answer, and whether that was derived from the logs' own grades.
        """
        for id_, rows in self._spool.questions():
            gold, by_grade = self._spool.truth_of(id_)
            yield id_, rows, gold, by_grade

    def prompt(self, rows: Sequence[Spooled]) -> str | None:
        """Return the prompt of a question."""
        told = next((row.sample.prompt for row in rows if row.sample.prompt), None)
        return told or self._spool.prompt_of(rows[0].sample.question)

    def _without_copies(self, rows: list[Spooled]) -> list[Spooled]:
        """Return the samples without those that a cache copied from another sample of the question."""
        if not any(row.sample.cached for row in rows):
            return rows
        said = {
            (row.sample.member, row.sample.text, row.sample.answer)
            for row in rows
            if not row.sample.cached
        }
        kept, copies = [], []
        for row in rows:
            key = (row.sample.member, row.sample.text, row.sample.answer)
            if row.sample.cached and key in said:
                copies.append(row.number)
            else:
                kept.append(row)
            said.add(key)
        self._spool.drop(copies)
        self.report.cached += len(copies)
        return kept

    def _question(self, id_: str, rows: list[Spooled]) -> Gathered:
        first = rows[0].sample
        name, _ = self._options.question(first.question)
        gold = self._spool.gold_of([id_, name, *(row.sample.question for row in rows)])
        if gold is None and not self._options.by_grade:
            gold = self._target(id_, rows)
        by_grade = gold is None
        if gold is None:
            gold = graded_right(rows) or (
                self._target(id_, rows) if self._options.by_grade else None
            )
            by_grade = gold is not None and gold == graded_right(rows)
        members: dict[str, list[Spooled]] = {}
        for row in rows:
            members.setdefault(row.sample.member, []).append(row)
        samples = {member: _samples(own) for member, own in members.items()}
        question = Question(id_, samples, gold, first.dataset, self.prompt(rows))
        return Gathered(question, rows, by_grade)

    def _target(self, id_: str, rows: list[Spooled]) -> str | None:
        told: dict[str, int] = {}
        for row in rows:
            if row.sample.gold is not None:
                told.setdefault(row.sample.gold, row.file)
        if len(told) > 1:
            (one, here), (other, there) = list(told.items())[:2]
            raise UsageError(
                f"question {id_!r} has two right answers, {one!r:.60} in {self.names[here]} and "
                f"{other!r:.60} in {self.names[there]}: read the files apart, or give --gold"
            )
        return next(iter(told), None)

    def _count(self, found: Gathered) -> None:
        report, question = self.report, found.question
        report.questions += 1
        report.gold += question.gold is not None
        report.by_grade += found.by_grade
        report.none_right += question.gold == NONE_RIGHT
        for member, samples in question.samples.items():
            report.members[member] += len(samples)
            report.sizes[len(samples)] += 1
        report.cut += sum(
            as_finish_reason(row.sample.finish_reason) == CUT_OFF for row in found.rows
        )


def graded_right(rows: Sequence[Spooled]) -> str | None:
    """Return the most frequent answer of the replies that the log's own scorer grades right.

    `NONE_RIGHT` if every reply is graded wrong: without a label such questions would be left out
    and accuracies would be too high. None if no reply is graded right and some have no grade.
    """
    right = Counter(
        row.sample.graded or row.sample.answer or row.sample.text
        for row in rows
        if row.sample.grade is True
    )
    right.pop(None, None)
    if right:
        return max(right, key=lambda said: right[said])
    return NONE_RIGHT if all(row.sample.grade is False for row in rows) else None


def _samples(rows: Sequence[Spooled]) -> Samples:
    tokens = tuple(row.sample.tokens for row in rows)
    replies = tuple(reply_of(row.sample) for row in rows)
    likelihoods = tuple(None if reply is None else reply.likelihood for reply in replies)
    return Samples(
        tuple(row.sample.answer for row in rows),
        tokens if any(t is not None for t in tokens) else (),
        replies=replies if any(r is not None for r in replies) else (),
        likelihoods=likelihoods if any(likelihoods) else (),
    )


def reply_of(sample: LogSample) -> Reply | None:
    """Return the whole reply of a sample; None if the log does not have it."""
    if sample.text is None and not sample.tool_calls:
        return None
    return Reply(
        text=sample.text or "",
        tool_calls=sample.tool_calls,
        finish_reason=sample.finish_reason,
        refusal=sample.refusal,
        logprobs=sample.logprobs,
    )
