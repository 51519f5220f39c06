"""For every test: quick ones first, no display, and the volumes that are not in the repository."""

import ctypes
import locale
import os
import signal
from collections import Counter
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import pytest

# A shell's background jobs and nohup ignore signals, and so would every program that a test starts and then interrupts. A handler of one's own is not inherited.
for each in ("SIGINT", "SIGHUP"):
    if hasattr(signal, each) and signal.getsignal(getattr(signal, each)) == signal.SIG_IGN:
        signal.signal(getattr(signal, each), lambda *_: None)

ROOT = Path(__file__).resolve().parents[1]
LOCALE = locale.setlocale(locale.LC_ALL)
ORDER = ["unit", "training", "mrml", "widget", "system"]


def pytest_collection_modifyitems(config, items):
    """Unit tests before those on MRML, the panel and whole runs; slow ones last of all.

    Files that go out to several processes go the other way round, so that the last ones are short and no process waits long for another.
    """
    slow = Counter(item.path for item in items if _is_slow(item))

    def rank(item):
        folder = item.path.relative_to(ROOT / "Testing").parts[0]
        place = ORDER.index(folder) if folder in ORDER else len(ORDER)
        if hasattr(config, "workerinput"):
            return -place, -slow[item.path], item.path, _is_slow(item)
        return _is_slow(item), place

    items.sort(key=rank)


def _is_slow(item):
    return item.get_closest_marker("slow") is not None


@pytest.fixture(autouse=True)
def own_output():
    """What Slicer's libraries print stays in their own test: C's buffer would empty into a later one that reads the output.

    Nor does a library's locale stay: ITK sets "C" for the whole process when it writes legacy VTK, and then Python reads ASCII.
    """
    locale.setlocale(locale.LC_ALL, LOCALE)
    yield
    ctypes.CDLL(None).fflush(None)
    locale.setlocale(locale.LC_ALL, LOCALE)


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_data():
    """Folder of real ultrasound volumes beside the repository (see README, Data); skips where it is missing."""
    folder = Path(os.environ.get("CREND_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real ultrasound volumes here: {folder.name}/ is missing beside the repository, or set CREND_DATA")
    return folder
