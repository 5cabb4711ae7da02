"""A file for records that a store refuses; they can be imported from it later."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from pathlib import Path

from bestofinf.border import error_text
from bestofinf.evaluation.export import save_records
from bestofinf.evaluation.rows import CallRecord

logger = logging.getLogger(__name__)


class RescueFile:
    """Saves records to a new file, which is created with the first record.

    Args:
        folder: Folder in which the file is created.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / f"unsaved-{uuid.uuid4().hex}.jsonl"

    def save(self, records: Sequence[CallRecord]) -> list[bool]:
        """Append records, and return for each whether it is in the file; never raises.

        Records of late samples are not saved, because their question is in another record.
        """
        told = [record.question is not None for record in records]
        if not any(told):
            return told
        try:
            count = save_records(records, self.path)
        except Exception as error:
            if len(records) > 1 and not isinstance(error, OSError):
                return [saved for record in records for saved in self.save([record])]
            logger.error("Recorded calls cannot be rescued to %s: %s", self.path, error_text(error))
            return [False] * len(records)
        logger.warning(
            "%d recorded calls are in %s: bestofinf import brings them into a store",
            count,
            self.path,
        )
        return told
