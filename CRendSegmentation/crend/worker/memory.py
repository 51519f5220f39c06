"""How many workers the memory has room for: what a volume takes, and what is free."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..inference.model_grid import grid_shape, spacing_for
from ..io.folders import Volume
from ..io.sizes import size_of

BASE_BYTES = 430e6  # libraries, networks and their windows
# Of an image's voxel beside its own bytes: labels, twice while they are written.
BYTES_TO_WRITE = 7
# Of a voxel of the model grid: where an ovary may be, in connected blobs.
BYTES_TO_SEARCH = 8
# The same where the whole grid is looked at closely: two probabilities, and what they are divided by.
BYTES_TO_LOOK = 17
SPARE = 0.9  # of what is free
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def workers_that_fit(wanted: int, volumes: Iterable[Volume], settings: dict, everywhere: bool = False) -> tuple[int, str]:
    """(how many of the `wanted` workers may run at once, a sentence where those are fewer; "" otherwise). At least one.

    settings, everywhere: as of `bytes_needed`.
    """
    free = free_bytes()
    if wanted <= 1 or free is None:
        return wanted, ""
    each = max((bytes_needed(volume, settings, everywhere) for volume in volumes), default=BASE_BYTES)
    fit = max(1, int(free * SPARE / each))
    if fit >= wanted:
        return wanted, ""
    return fit, f"{fit} of {wanted} workers: each may need {each / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free"


def bytes_needed(volume: Volume, settings: dict, everywhere: bool = False) -> float:
    """What a process needs at most that segments this volume and writes its files; that of a small one where its header says nothing.

    settings: the bundle's "crend" block, whose grid may have many times the volume's voxels. everywhere: all of it is looked at closely.
    """
    size = size_of(volume)
    if size is None:
        return BASE_BYTES
    try:
        spacing = spacing_for(size.voxels, size.spacing, settings)
    except InputError:
        return BASE_BYTES  # the volume is refused for the same reason
    grid = float(np.prod(grid_shape(size.voxels, size.spacing, spacing), dtype=float))
    closely = everywhere or "overview" not in settings
    image = float(size.bytes * size.count)
    on_grid = image + (BYTES_TO_LOOK if closely else BYTES_TO_SEARCH) * grid
    return BASE_BYTES + max(image + size.read, image + BYTES_TO_WRITE * size.count, on_grid)


def free_bytes() -> float | None:
    """Memory that programs can have now, by the system and by the limit of a container or a cluster's job; None where that is not known."""
    found = [free for free in (_system(), *(_group(*files) for files in _CGROUPS)) if free is not None]
    return min(found, default=None)


def _system() -> float | None:
    if sys.platform == "win32":
        return _windows()
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        # macOS says only how much there is; half of it is what other programs usually leave.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2
    except (AttributeError, ValueError, OSError):
        return None


def _group(limit: str, used: str) -> float | None:
    try:
        free = float(Path(limit).read_text(encoding="ascii")) - float(Path(used).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None  # there is none, or no limit ("max")
    return max(free, 0.0)


def _windows() -> float | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong) for name in ("total", "free", "total_page", "free_page", "total_virtual", "free_virtual", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        return None
    return float(status.free)
