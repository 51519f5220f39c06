"""Writing files so that nobody ever meets half of one: a temporary name first, then a rename."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import InputError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.ENAMETOOLONG}


def check_name(path) -> None:
    """InputError for a name that is not UTF-8: ITK ends the whole process over it."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!a}: a name that is not UTF-8; rename it.") from error


@contextmanager
def replacing(path) -> Iterator[Path]:
    """A temporary name beside `path`, with its extension(s); renamed onto `path` on success, removed otherwise.

    An existing `path` stays untouched until the new one is complete. InputError when the folder is missing or cannot
    be written to, when `path` is a folder or write-protected, or when the disk is full.
    """
    path = Path(path)
    # A link is followed: the file it points to is replaced, the link stays.
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}-{target.name}")
    _claim(path, target, temporary)
    try:
        try:
            yield temporary
        except OSError as error:
            # Only trouble with this file is the disk's; any other OSError inside the block keeps its own name.
            if error.errno in _NO_ROOM and error.filename in (None, str(temporary)):
                raise InputError(_cannot(path, error)) from error
            raise
        if target.exists():
            shutil.copymode(target, temporary)
        try:
            os.replace(temporary, target)
        except OSError as error:
            raise InputError(_cannot(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_all(*paths) -> Iterator[list[Path]]:
    """As `replacing`, for several files: none is renamed before all are complete."""
    with ExitStack() as stack:
        yield [stack.enter_context(replacing(path)) for path in paths]


def check_writable(path) -> None:
    """Raise the InputError that `replacing(path)` would, before the long work instead of after it."""
    path = Path(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}-{target.name}")
    _claim(path, target, temporary)
    temporary.unlink()


def _claim(path: Path, target: Path, temporary: Path) -> None:
    """Create the empty temporary file, or say in one line why `path` cannot be written."""
    for name in (path, target):  # a link, or the folder that we are in, may hide one
        check_name(name)
    try:
        if not path.name or target.is_dir():
            raise InputError(f"{path}: is a folder; give the name of a file to write.")
        if target.exists() and not target.is_file():
            raise InputError(f"{path}: is not an ordinary file; give another name to write to.")
        if target.exists() and not os.access(target, os.W_OK):
            raise InputError(f"{path}: is write-protected; remove the protection or give another name.")
        if not target.parent.is_dir():
            raise InputError(f"{path}: the folder {path.parent} does not exist; create it first.")
        # Not tempfile: its files are readable by their owner alone, and the result would stay so.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise InputError(_cannot(path, error)) from error


def _cannot(path: Path, error: OSError) -> str:
    return f"{path}: cannot be written ({(error.strerror or str(error)).lower()}); choose another place."
