"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Between stages that each need much for a while: glibc keeps what was freed in pieces, and the peaks of all stages would add up.

    Other systems' C libraries give large blocks back by themselves.
    """
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # of another C library
            ctypes.CDLL(None).malloc_trim(0)
