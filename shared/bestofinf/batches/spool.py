"""Where the rows of a job stand until it is done: ``OUT.partial``, which is also the lock on OUT.

Theory of operation
-------------------
A job holds the system's lock on its ``OUT.partial`` from before its first request until its answers
are written, so that of two jobs with one OUT the second is refused before it pays for anything,
whatever runs and stores they have. The system gives the lock back when a process ends in whatever
way. The first line says whose the file is. A lock that a forked child of a dead process still holds
is void, and so is that of the same run in a process whose run was taken over: the file is removed
and made anew, and its earlier holder finds out before it writes any answers.

Each row that is read back is compared with a checksum of what was written. So no row of anybody
else can get among the answers even where locks do not work.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from bestofinf._concurrency.file_locks import is_at, try_lock
from bestofinf.batches.files import AnswerRow, json_line
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.store.leases import Holder


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a file of answers is.

    Attributes:
        run: Name of the run.
        store: What messages call its store.
        holder: The process; None where this one is meant.
    """

    run: str
    store: str
    holder: Holder | None = None

    @classmethod
    def read(cls, file: IO[bytes]) -> Claim | None:
        """Return what the first line of a file says; None if it says nothing of the kind."""
        file.seek(0)
        try:
            said = json.loads(file.readline())
            return cls(said["run"], said["store"], Holder(**said["process"]))
        except (ValueError, TypeError, KeyError):
            return None

    def __str__(self) -> str:
        return f"the run {self.run!r} in {self.store}, {self.holder}"


class Spool:
    """Rows of answers on disk in the order they come, one JSON line each, read back in any order.

    It is begun afresh, because a run that goes on settles its questions anew from the journal.
    Only the place and the checksum of each row are in memory.

    Args:
        path: The file.
        mine: The run and its store.
        take_over: Take the file from another process of the same run.

    Raises:
        UsageError: If it cannot be written, or is another job's; the message says whose.
    """

    def __init__(self, path: Path, mine: Claim, *, take_over: bool = False) -> None:
        self._path = path
        self._places: dict[int, int] = {}
        try:
            self._file = self._claimed(mine, take_over)
            self._file.truncate(0)
            self._file.seek(0)
            said = asdict(mine) | {"process": asdict(Holder.here(time.time()))}
            del said["holder"]
            self._file.write(json_line(said))
            self._file.flush()
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error

    def _claimed(self, mine: Claim, take_over: bool) -> IO[bytes]:
        while True:
            file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), "rb+")
            try:
                if try_lock(file):
                    if is_at(file, self._path):
                        return file
                    file.close()  # its holder has just removed it
                    continue
                theirs = Claim.read(file)
                void = theirs is not None and (
                    (theirs.holder is not None and theirs.holder.dead)
                    or (take_over and (theirs.run, theirs.store) == (mine.run, mine.store))
                )
                if void and is_at(file, self._path):
                    self._path.unlink(missing_ok=True)
                file.close()
            except BaseException:
                file.close()
                raise
            if not void:
                raise UsageError(
                    f"{self._path.with_suffix('')} is being written by {theirs or 'another job'}: "
                    "wait until it has ended, or give another --out"
                )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._places)

    def add(self, number: int, row: AnswerRow) -> None:
        """Append the row of the question at this place of its file."""
        line = json_line(row)
        self._places[number] = self._file.tell() << 32 | zlib.crc32(line)
        self._file.write(line)
        self._file.flush()

    def rows(self) -> Iterator[AnswerRow]:
        """Yield all rows in the order of the questions.

        Raises:
            StoreError: If somebody else has changed, removed or taken over the file.
        """
        if not is_at(self._file, self._path):
            raise self._changed()
        for number in sorted(self._places):
            place = self._places[number]
            self._file.seek(place >> 32)
            line = self._file.readline()
            if zlib.crc32(line) != place & 0xFFFFFFFF:
                raise self._changed()
            yield json.loads(line)
        self._file.seek(0, os.SEEK_END)

    def _changed(self) -> StoreError:
        return StoreError(
            f"{self._path} was changed by somebody else, so no answers are written; they are in the "
            "store, and the same command writes them"
        )

    def close(self, *, remove: bool) -> None:
        """Close the file, and remove it where it is not needed any more."""
        mine = is_at(self._file, self._path)
        if remove and mine and os.name != "nt":  # there an open file cannot be removed
            self._path.unlink(missing_ok=True)
        self._file.close()
        if remove and mine and os.name == "nt":
            self._path.unlink(missing_ok=True)
