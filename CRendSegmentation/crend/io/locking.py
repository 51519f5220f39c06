"""One process at a time in a folder that several may write to."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError

LOCK = ".lock"
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def locked(folder, wait: float = 0.0) -> Iterator[None]:
    """Holds `folder`/.lock; where another process on any machine that shares the folder has it, waits for `wait` seconds, then raises InputError.

    A killed process frees it. A share that knows no locks is used without one.
    """
    end = time.monotonic() + wait
    path = Path(folder) / LOCK
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:  # of another user, who may have made it readable alone; that is enough
        number = os.open(path, os.O_RDONLY)
    try:
        while not _taken(number):
            if time.monotonic() >= end:
                raise InputError(f"{folder}: another process is at work here; wait for it, or give another folder")
            time.sleep(0.05)
        yield
    finally:
        with suppress(OSError):
            _free(number)
        os.close(number)


def _taken(number: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _HELD
    return True


def _free(number: int) -> None:
    """On Windows closing alone frees it only some time later; elsewhere a forked process may still have the file open."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(number, fcntl.LOCK_UN)
