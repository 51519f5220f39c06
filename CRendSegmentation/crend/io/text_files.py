"""Text files that a user names: read as a whole, and never waited for."""

from __future__ import annotations

import codecs
import errno
from pathlib import Path

from .dicom_elements import is_ordinary


def read_text(path, encoding: str = "utf-8") -> str:
    """The text of a file. OSError where it cannot be read, or is a pipe or a device, into which nobody may ever write; UnicodeDecodeError as usual."""
    if Path(path).exists() and not Path(path).is_dir() and not is_ordinary(path):
        raise OSError(errno.EINVAL, "a pipe or a device, no file", str(path))
    return Path(path).read_text(encoding=encoding)


def read_table_text(path) -> str:
    """As `read_text`, of a list that a spreadsheet or a shell of Windows wrote: UTF-8, with or without its mark, or UTF-16 with one."""
    try:
        return read_text(path, "utf-8-sig")
    except UnicodeDecodeError as error:
        if not error.object.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise
        return read_text(path, "utf-16")
