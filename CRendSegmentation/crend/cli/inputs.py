"""Reading a volume for a command."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path


def read_volume(path: Path, progress=None, **options):
    """`crend.io.volumes.read_image(path, **options)`, with nothing on stderr but the progress of a scan conversion."""
    from ..io.volumes import is_scanner_file, read_image
    from .console import quiet

    # A scanner's file is read without the libraries that have to be silenced, and takes seconds that a bar may show.
    with nullcontext() if is_scanner_file(path) else quiet():
        return read_image(path, progress=progress, **options)
