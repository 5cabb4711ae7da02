"""Locks of files, which the operating system releases when a process ends for any reason."""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import IO

logger = logging.getLogger(__name__)

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK)
_NONE = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    # A lock keeps others from reading the locked bytes, so they lie far behind all content.
    _BYTE = 2**40

    def _lock(file: IO[bytes]) -> None:
        place = file.tell()
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(place)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed, without waiting.

    If the file system has no locks, a warning is logged and the file counts as locked.

    Returns:
        False if another process, or another open file of this process, has the lock.

    Raises:
        OSError: If the file cannot be locked for another reason.
    """
    try:
        _lock(file)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        if error.errno not in _NONE:
            raise
        logger.warning("%s cannot be locked: its file system has no locks", file.name)
    return True


def is_at(file: IO[bytes], path: str | os.PathLike[str]) -> bool:
    """Return whether a path still names this open file, which others may have removed or replaced."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(file.fileno())
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
