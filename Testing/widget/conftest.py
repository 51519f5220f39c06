import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from host.fixtures import layouts, logic, readers, reviewer, scene, widget  # noqa: E402, F401
