"""Check the numbers and texts of logs, once, before they are used."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from bestofinf.border import as_amount, as_count, as_logprobs
from bestofinf.evaluation.identity import LONGEST_ID, short_id
from bestofinf.evaluation.logs.protocol import LogSample

_PIECE = 1 << 16
_ROOM = LONGEST_ID // 3  # shorter than a store's limit: an id has more parts


def checked_sample(sample: LogSample) -> LogSample:
    """Return a sample whose invalid numbers are None and whose long ids are cut."""
    return replace(
        sample,
        question=short_id(sample.question, _ROOM),
        dataset=short_id(sample.dataset, _ROOM),
        text=sample.text if isinstance(sample.text, str) else None,
        tokens=as_count(sample.tokens),
        input_tokens=as_count(sample.input_tokens),
        cost=as_amount(sample.cost),
        seconds=as_amount(sample.seconds),
        finish_reason=sample.finish_reason if isinstance(sample.finish_reason, str) else None,
        logprobs=as_logprobs(sample.logprobs),
        place=as_count(sample.place) or 0,
    )


def fingerprint(path: Path) -> str:
    """Return a hash of a file's content that does not need to read all of it."""
    digest = hashlib.sha256()
    size = path.stat().st_size
    with path.open("rb") as file:
        digest.update(file.read(_PIECE))
        file.seek(max(0, size - _PIECE))
        digest.update(file.read(_PIECE))
    digest.update(str(size).encode())
    return digest.hexdigest()[:16]
