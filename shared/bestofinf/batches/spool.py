"""The file ``OUT.partial`` with the rows of a job until it is done, which is also the lock on OUT.

Theory of operation
-------------------
A job holds the operating system's lock on its ``OUT.partial`` from before its first request until its
answers are written. So of two jobs with the same OUT the second is refused before it pays for
anything, whatever their runs and stores are. The system releases the lock when a process ends for any
reason. The first line names the job. Two locks are void: one that a forked child of a dead process
still holds, and one of a process whose run was taken over. The file is then removed and created again,
and its former holder notices before it writes any answers.

Each row that is read back is compared with a checksum of what was written, so rows of another job
cannot get into the answers even if locks do not work.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from bestofinf._concurrency.file_locks import is_at, try_lock
from bestofinf.batches.files import AnswerRow, json_line
from bestofinf.border import loads
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation.store.leases import Holder


@dataclass(frozen=True, slots=True)
class Claim:
    """The owner of a file of answers.

    Attributes:
        run: Name of the run.
        store: Name of its store in messages.
        holder: The process; None for this one.
    """

    run: str
    store: str
    holder: Holder | None = None

    @classmethod
    def read(cls, file: IO[bytes]) -> Claim | None:
        """Return the claim in the first line of a file; None if it has none."""
        file.seek(0)
        try:
            said = loads(file.readline())
            return cls(said["run"], said["store"], Holder(**said["process"]))
        except (ValueError, TypeError, KeyError):
            return None

    def __str__(self) -> str:
        return f"the run {self.run!r} in {self.store}, {self.holder}"


class Spool:
    """Rows of answers on disk, one JSON line each, appended in any order and read back sorted.

    The file always starts empty, because a resumed run settles its questions again from the journal.
    Only the position and the checksum of each row are in memory.

    Args:
        path: The file.
        mine: The claim of this run.
        take_over: Take the file from another process of the same run.

    Raises:
        UsageError: If it cannot be written, or belongs to another job; the message names it.
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
                    file.close()  # its holder has removed it in the meantime
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
        """Append the row of the question with this index.

        Raises:
            StoreError: If it cannot be written, for example because the disk is full.
        """
        line = json_line(row)
        try:
            place = self._file.tell() << 32 | zlib.crc32(line)
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be written: {error.strerror}; the answers so far are in the "
                "store, and the same command goes on from there"
            ) from error
        self._places[number] = place

    def rows(self) -> Iterator[AnswerRow]:
        """Yield all rows in the order of the questions.

        Raises:
            StoreError: If another process has changed, removed or taken over the file.
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
        """Close the file, and remove it if `remove`."""
        mine = is_at(self._file, self._path)
        if remove and mine and os.name != "nt":  # Windows cannot remove an open file
            self._path.unlink(missing_ok=True)
        # Closing writes once more what `add` could not write, and has told.
        with suppress(OSError):
            self._file.close()
        if remove and mine and os.name == "nt":
            self._path.unlink(missing_ok=True)
