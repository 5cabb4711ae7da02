"""Counts of calls: written, waiting, refused, rejected and lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriterStats:
    """Counts of the records given to the writer.

    At any moment ``entered == written + rejected + lost + pending``.

    Attributes:
        pending: Calls that wait to be written.
        written: Calls in the store.
        refused: Calls not taken because the queue was full, or the writer closed.
        rejected: Calls that could not be prepared, or that the database would not take.
        lost: Calls that could be neither written before the writer was closed, nor rescued.
        retries: Writes that failed and were tried again.
        last_error: The latest error; None if there was none.
        entered: Calls accepted.
        rescued: Rejected calls that are in a rescue file, from where they can be imported.
    """

    pending: int
    written: int
    refused: int
    rejected: int
    lost: int
    retries: int
    last_error: str | None
    entered: int
    rescued: int


@dataclass(frozen=True, slots=True)
class RecorderStats:
    """Counts of the calls reported.

    Attributes:
        open: Calls that have begun and not ended.
        pending: Calls that wait to be written.
        written: Calls in the store.
        refused: Calls not taken because the queue was full.
        rejected: Calls that could not be prepared, or that the database would not take.
        lost: Calls that could be neither written before the recorder was closed, nor rescued.
        unfinished: Calls of plain models whose end was never reported.
        errors: Reports that could not be understood; each was logged.
        retries: Writes that failed and were tried again.
        last_error: The latest error; None if there was none.
        entered: Calls accepted for writing: written + rejected + lost + pending.
        rescued: Rejected calls that are in a rescue file, from where they can be imported.
    """

    open: int
    pending: int
    written: int
    refused: int
    rejected: int
    lost: int
    unfinished: int
    errors: int
    retries: int
    last_error: str | None
    entered: int
    rescued: int
