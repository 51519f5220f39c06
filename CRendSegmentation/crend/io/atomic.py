"""Writing files so that nobody ever meets half of one: a temporary name first, then a rename."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import InputError

_NO_ROOM = {
    errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE, errno.ENODEV,
    errno.ENXIO, errno.EINVAL, errno.EILSEQ,
}  # fmt: skip
_TEMPORARY = re.compile(r"\.crend-([0-9a-f]{6})-(\d+)-[0-9a-f]{8}(\.[^/]*)?")
_FORGOTTEN = 24 * 3600  # seconds after which a temporary file of another machine belongs to nobody
_PROBE = b"\0" * 65536


def check_name(path) -> None:
    """InputError for a name that is not UTF-8: ITK ends the whole process over it."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!a}: a name that is not UTF-8; rename it.") from error


@contextmanager
def replacing(path) -> Iterator[Path]:
    """A temporary name beside `path`, with its extension(s); renamed onto `path` on success, removed otherwise.

    An existing `path` stays untouched until the new one is complete and on the disk. InputError when the folder is missing or cannot be
    written to, when `path` is a folder or write-protected, or when the disk is full, whatever the library that wrote made of that.
    """
    path = Path(path)
    # A link is followed: the file it points to is replaced, the link stays.
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    _claim(path, target, temporary)
    try:
        try:
            yield temporary
        except OSError as error:
            # Only trouble with this file is the disk's; any other OSError inside the block keeps its own name.
            if error.errno in _NO_ROOM and error.filename in (None, str(temporary)):
                raise InputError(_cannot(path, error)) from error
            why = reason_not_written(path, temporary) if error.errno is None else ""  # NumPy says how much it wrote, and not why
            if why:
                raise InputError(why) from error
            raise
        except InputError as error:
            if str(temporary) in str(error):  # of a writer that was given the temporary name
                raise InputError(str(error).replace(str(temporary), str(path))) from error
            raise
        except RuntimeError as error:
            # ITK says that it failed and not why.
            why = reason_not_written(path, temporary)
            if why:
                raise InputError(why) from error
            raise
        try:
            if target.exists():
                with suppress(OSError):  # a share may know no permissions
                    shutil.copymode(target, temporary)
            _to_disk(temporary)
            os.replace(temporary, target)
            _to_disk(target.parent)
        except OSError as error:
            raise InputError(_cannot(path, error)) from error
    finally:
        with suppress(OSError):
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
    temporary = _temporary(target)
    _claim(path, target, temporary)
    temporary.unlink()
    remove_forgotten(target.parent)


def remove_forgotten(folder) -> None:
    """Remove temporary files in `folder` (not below it) whose process is gone: killed, it could not do so itself."""
    try:
        there = [(each, found) for each in os.scandir(folder) if (found := _TEMPORARY.fullmatch(each.name))]
    except OSError:
        return
    for each, found in there:
        with suppress(OSError):
            machine, process = found.group(1), int(found.group(2))
            gone = not _is_alive(process) if machine == _machine() else time.time() - each.stat().st_mtime > _FORGOTTEN
            if gone:
                os.unlink(each.path)


def _temporary(target: Path) -> Path:
    """Named after the process, so that another one knows whose it is, and as short as can be: the target's name may be as long as any."""
    endings = "".join(target.suffixes[-2:])
    if len(endings.encode(errors="replace")) > 20 or " " in endings:
        endings = target.suffix if len(target.suffix) <= 20 else ""
    return target.with_name(f".crend-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{endings}")


def _machine() -> str:
    return hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:6]


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return process == os.getpid()  # there a file that is open cannot be removed
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _to_disk(path: Path) -> None:
    """Wait until a file, or a folder's names, are on the disk; else a crash of the machine may leave a name without content."""
    if path.is_dir() and os.name != "posix":
        return
    try:
        number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # some shares know no such thing
            raise
    finally:
        os.close(number)


def reason_not_written(path, temporary) -> str:
    """Why a library failed to write `temporary`, the file that is to become `path`, found out by writing to it; "" where that works."""
    try:
        with open(temporary, "ab") as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return _cannot(path, error) if error.errno in _NO_ROOM - {errno.EINVAL} else ""
    return ""


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
    room = "make room, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return f"{path}: cannot be written ({(error.strerror or str(error)).lower()}); {room}choose another place."
