"""Read an evaluation set from files, folders, stores and the logs of other tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from bestofinf.answers.named import AnswerLike
from bestofinf.errors import UsageError
from bestofinf.evaluation.canonical import ReadSet, canonical, read_answers, recorded_answer
from bestofinf.evaluation.files import read_files
from bestofinf.evaluation.logs.gathering import Logs
from bestofinf.evaluation.logs.report import LogReport
from bestofinf.evaluation.sets import EvaluationSet, Question
from bestofinf.evaluation.sources import Sources, sources_of
from bestofinf.evaluation.store.store import EvaluationStore


def read(
    paths: str | Path | Iterable[str | Path], *, answer: AnswerLike | None = None
) -> EvaluationSet:
    """Read JSONL files, folders, the authors' recorded files, stores and logs into one set.

    Args:
        paths: One or more; a store is named by its URL (``sqlite:///PATH``,
            ``postgresql://...``) or the path of its SQLite file. Logs of other tools are recognised
            by their content.
        answer: The answer type that reads the recorded texts; None leaves answers as they are and
            reads whole replies by ``auto``. `bestofinf.evaluation.canonical.read_answers` also
            reports what could not be read.

    Raises:
        UsageError: If there is nothing to read, or a line is malformed.
        StoreError: If a store cannot be read.
    """
    return canonical(read_raw(paths), answer)


def read_raw(
    paths: str | Path | Iterable[str | Path],
    *,
    texts: bool = False,
    told: Callable[[LogReport], None] | None = None,
) -> EvaluationSet:
    """Read the same as `read`, but leave whole replies unread, without votes.

    Args:
        paths: Paths as for `read`.
        texts: Include the replies whose texts a store has, beside the answers.
        told: Called with a report of the logs that were read, if there are any.
    """
    found = _sources(paths)
    sets = [_read_store(path, texts=texts) for path in found.stores]
    if found.own:
        sets.append(read_files(found.own))
    if found.logs:
        with Logs(found.logs) as logs:
            questions = tuple(gathered.question for gathered in logs.questions())
        sets.append(_named(questions, found))
        tell(logs.report, found, told)
    return sets[0] if len(sets) == 1 else EvaluationSet.merge(sets)


def read_by(
    paths: str | Path | Iterable[str | Path],
    answer: AnswerLike | None = None,
    *,
    told: Callable[[LogReport], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ReadSet:
    """Read recorded answers and replies by an answer type, in an order independent of the files'.

    Logs are read question by question, so they may be larger than memory. Other sources are read
    whole.

    Args:
        paths: Paths as for `read`.
        answer: Answer type as for `bestofinf.evaluation.canonical.read_answers`.
        told: Called with a report of the logs that were read, if there are any.
        progress: Called after each question with the number done and the total as far as known.
    """
    found = _sources(paths)
    if found.stores or found.own:
        return read_answers(read_raw(paths, told=told).ordered, answer, progress=progress)
    kind = recorded_answer(answer or "auto")
    texts, lost = 0, Counter[tuple[str, str, str]]()
    questions: list[Question] = []
    with Logs(found.logs) as logs:
        total = logs.count()
        for _, one in logs.answered(kind):
            texts += one.texts
            lost.update(one.lost)
            questions += one.evaluation_set.questions
            if progress is not None:
                progress(len(questions), total)
    tell(logs.report, found, told)
    name = "auto" if answer is None else answer if isinstance(answer, str) else type(kind).__name__
    return ReadSet(_named(tuple(questions), found).ordered, name, texts, lost)


def _sources(paths: str | Path | Iterable[str | Path]) -> Sources:
    several = [paths] if isinstance(paths, str | Path) else list(paths)
    if not several:
        raise UsageError("nothing to read: name a file, a folder or a store")
    return sources_of(several)


def _named(questions: tuple[Question, ...], found: Sources) -> EvaluationSet:
    need_samples(len(questions), found)
    paths = [head.path for head, _ in found.logs]
    return EvaluationSet(questions, name=paths[0].stem if len(paths) == 1 else paths[0].parent.name)


def need_samples(number: int, found: Sources) -> None:
    """Raise `UsageError` if no question of the logs has samples."""
    if not number:
        names = ", ".join(str(head.path) for head, _ in found.logs[:3])
        raise UsageError(f"{names}: no samples in the log")


def tell(report: LogReport, found: Sources, told: Callable[[LogReport], None] | None) -> None:
    """Report what was read from logs, and which files were skipped."""
    for path in found.passed_over:
        report.remarks[f"{path}: no log, passed over"] = None
    if told is not None:
        told(report)


def _read_store(address: str | Path, *, texts: bool) -> EvaluationSet:
    with EvaluationStore(address, readonly=True) as store:
        return store.read(texts=texts)
