"""Convert between the rows of a store and the questions of an evaluation set."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence

from bestofinf.evaluation.censoring import UNKNOWN_RULE, free_draws
from bestofinf.evaluation.files import as_record
from bestofinf.evaluation.identity import prompt_hash, prompt_text
from bestofinf.evaluation.rows import CallRecord, CallRow, LabelRow, QuestionRow, SampleRow
from bestofinf.evaluation.samples import Samples
from bestofinf.evaluation.sets import Question
from bestofinf.evaluation.truth import resolve

IMPORTED = "import"
"""Kind of calls that were recorded elsewhere, where their unbiased draws were marked. Also the
provenance of labels from a file that names no other."""


def question_from_rows(
    row: QuestionRow,
    calls: Sequence[CallRow],
    samples: Iterable[SampleRow],
    labels: Iterable[LabelRow],
    *,
    uncounted: bool = False,
    texts: bool = False,
) -> Question:
    """Return the rows of a question in a store as a question of an evaluation set.

    Failed draws are left out. So are samples that came too late to be counted, unless `uncounted`,
    because their number depends on how fast they were. Samples that were drawn whatever the answers
    were come first, then the rest of the adaptive calls. With `texts`, stored replies are included
    beside the answers.
    """
    drawn: dict[str, list[SampleRow]] = {call.id: [] for call in calls}
    for sample in samples:
        if sample.error is None and (sample.counted or uncounted):
            drawn[sample.call_id].append(sample)
    asked: list[tuple[int, list[SampleRow]]] = []
    stopped: dict[int, str] = {}
    for call in calls:
        rows = drawn[call.id]
        rule = call.rule or UNKNOWN_RULE
        free = len(rows) if call.fixed else 0 if call.kind == IMPORTED else free_draws(rule)
        asked.append((0, rows[:free]))
        if rows[free:]:
            stopped[len(stopped) + 1] = rule
            asked.append((len(stopped), rows[free:]))
    asked.sort(key=lambda part: part[0])
    truth = resolve(labels)
    return Question(
        id=row.id,
        samples=_samples(asked, texts=texts),
        gold=truth.gold,
        dataset=row.dataset,
        prompt=row.prompt,
        wrong=truth.wrong,
        stopped=stopped,
        last_message=row.last_message,
        provenance=truth.provenance,
        label_score=truth.score,
    )


def _samples(
    asked: Iterable[tuple[int, Sequence[SampleRow]]], *, texts: bool
) -> dict[str, Samples]:
    by_member: dict[str, list[tuple[int, SampleRow]]] = {}
    for number, rows in asked:
        for sample in rows:
            by_member.setdefault(sample.member, []).append((number, sample))
    return {
        name: Samples(
            tuple(s.answer for _, s in rows),
            tuple(s.tokens for _, s in rows) if any(s.tokens is not None for _, s in rows) else (),
            tuple(s.score for _, s in rows) if any(s.score is not None for _, s in rows) else (),
            tuple(n for n, _ in rows) if any(n for n, _ in rows) else (),
            tuple(s.reply for _, s in rows) if texts and any(s.reply for _, s in rows) else (),
            tuple(s.likelihood for _, s in rows) if any(s.likelihood for _, s in rows) else (),
        )
        for name, rows in by_member.items()
    }


def rows_from_question(question: Question, *, source: str, now: float | None = None) -> CallRecord:
    """Return the rows of a question that was recorded elsewhere, without its calls.

    The ids of labels are hashes of their content, so importing twice adds nothing.
    """
    now = time.time() if now is None else now
    prompt = question.prompt
    said = [(question.gold, True)] if question.gold is not None else []
    said += [(answer, False) for answer in question.wrong if answer != question.gold]
    labels = tuple(
        LabelRow(
            id=import_id("label", question.id, answer, correct),
            question_id=question.id,
            call_id=None,
            answer=answer,
            correct=correct,
            source=source,
            at=now,
            provenance=(question.provenance if correct else None) or IMPORTED,
            score=question.label_score if correct else None,
        )
        for answer, correct in said
    )
    row = QuestionRow(
        id=question.id,
        prompt_hash=None if prompt is None else prompt_hash(prompt_text(prompt)),
        prompt=prompt,
        dataset=question.dataset,
        created_at=now,
        last_message=question.last_message,
    )
    return CallRecord(row, None, (), labels)


def calls_from_question(question: Question, *, answers: Question | None = None) -> list[CallRecord]:
    """Return the calls of a question that was recorded elsewhere, with ids derived from content.

    Args:
        question: The question as recorded.
        answers: The same question with answers taken from its whole replies; None if it has none.
    """
    read = question if answers is None else answers
    now = time.time()
    numbers = sorted({n for s in question.samples.values() for n in s.call_numbers()})
    record = as_record(question)
    said = [record[key] for key in ("samples", "replies") if key in record]
    seed = json.dumps(said[0] if len(said) == 1 else said)
    records = []
    for number in numbers:
        call_id = import_id("call", question.id, seed, number)
        rows: list[SampleRow] = []
        for name, s in question.samples.items():
            for place, n in enumerate(s.call_numbers()):
                if n == number:
                    told = s.likelihoods[place] if s.likelihoods else None
                    rows.append(
                        SampleRow(
                            call_id=call_id,
                            draw=len(rows),
                            member=name,
                            answer=read.samples[name].answers[place],
                            text=_text(s, place),
                            tokens=s.tokens[place] if s.tokens else None,
                            score=s.scores[place] if s.scores else None,
                            logprob=told.logprob if told else None,
                            logprob_tokens=told.tokens if told else None,
                            logprob_kind=told.kind if told else None,
                            said=told.said if told else None,
                        )
                    )
        call = CallRow(
            id=call_id,
            question_id=question.id,
            kind=IMPORTED,
            fixed=number == 0,
            rule=question.stopped.get(number, ""),
            started_at=now,
        )
        records.append(CallRecord(None, call, tuple(rows)))
    return records


def _text(samples: Samples, place: int) -> str | None:
    reply = samples.replies[place] if samples.replies else None
    return None if reply is None else reply.text


def import_id(*parts: object) -> str:
    """Return the id of an imported thing: a hash of its content."""
    said = json.dumps(parts)
    return f"import-{hashlib.sha256(said.encode()).hexdigest()[:32]}"
