"""All readers of logs, and which of them reads a file."""

from __future__ import annotations

from pathlib import Path

from bestofinf.evaluation.logs import (
    inspect_ai,
    langfuse,
    langsmith,
    lm_eval,
    openai_batch,
    phoenix,
    promptfoo,
    published,
)
from bestofinf.evaluation.logs.head import DATABASE, Head, head_of
from bestofinf.evaluation.logs.protocol import LogReader

READERS: tuple[LogReader, ...] = (
    lm_eval.READER,
    lm_eval.RESULTS_READER,
    inspect_ai.READER,
    openai_batch.READER,
    openai_batch.INPUT_READER,
    promptfoo.READER,
    langfuse.READER,
    langsmith.READER,
    phoenix.READER,
    published.READER,
)
"""The readers in the order in which they are tried; the first that recognises a file reads it."""


def reader_of(head: Head) -> LogReader | None:
    """Return the reader of a file; None if it is not a known kind of log."""
    return next((reader for reader in READERS if reader.knows(head)), None)


def is_foreign_database(path: Path) -> bool:
    """Return whether a file is a database of another tool and not a store."""
    try:
        head = head_of(path)
    except ValueError:
        return False
    return head.form == DATABASE and reader_of(head) is not None
