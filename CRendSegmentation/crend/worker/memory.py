"""How many workers the memory has room for: what a volume takes, and what is free."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from ..io.folders import Volume
from ..io.image_files import header_of

BASE_BYTES = 450e6  # libraries, a network and its windows
BYTES_PER_VOXEL = 16  # of the input: the volume, its labels, and what is made of them on the way
SPARE = 0.9  # of what is free
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def workers_that_fit(wanted: int, volumes: Iterable[Volume]) -> tuple[int, str]:
    """(how many of the `wanted` workers may run at once, a sentence where those are fewer; "" otherwise). At least one."""
    free = free_bytes()
    if wanted <= 1 or free is None:
        return wanted, ""
    each = BASE_BYTES + BYTES_PER_VOXEL * max((voxels_of(volume.path) for volume in volumes), default=0)
    fit = max(1, int(free * SPARE / each))
    if fit >= wanted:
        return wanted, ""
    return fit, f"{fit} of {wanted} workers: each may need {each / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free"


def voxels_of(path: Path) -> int:
    """Voxels of a volume by its header; of a format whose header says nothing, the bytes of its files. 0 where it cannot be looked at."""
    try:
        header = header_of(path) if path.is_file() else None
        if header is not None:
            count = 1
            for axis in header.axes:
                count *= axis.size
            return count
        files = [path] if path.is_file() else [file for file in path.iterdir() if file.is_file()]
        return sum(file.stat().st_size for file in files)
    except (OSError, InputError):
        return 0


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
