"""The module as Slicer loads it: its texts, its packaging list, and what it must not bring into Slicer's process."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import host
import slicer

ROOT = Path(host.__file__).resolve().parents[2]
MODULE = ROOT / "CRendSegmentation"


def test_loading_the_module_and_its_panel_loads_no_torch():
    code = (
        "import sys; sys.path.insert(0, 'Testing'); import host; host.install(); host.newScene(); host.loadModule();"
        "print([name for name in ('torch', 'openvino', 'monai') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert run.stdout.strip().endswith("[]"), run.stdout + run.stderr


def test_the_module_file_is_short():
    assert len((MODULE / "CRendSegmentation.py").read_text().splitlines()) < 280


def test_the_console_reaches_the_logic(widget):
    assert slicer.util.getModuleLogic("CRendSegmentation") is widget.logic


def test_the_sample_volume_has_the_checksum_by_which_slicer_knows_an_old_copy(widget):
    (source,) = slicer.modules.sampleDataSources["CRend"]
    (name,) = source.fileNames
    content = (MODULE / "Resources" / "SampleData" / name).read_bytes()
    assert source.checksums == [f"SHA256:{hashlib.sha256(content).hexdigest()}"]


def test_every_packaged_file_is_in_cmakelists():
    text = (MODULE / "CMakeLists.txt").read_text().replace("${MODULE_NAME}", "CRendSegmentation")
    listed = set(re.findall(r"^  ([\w./-]*[\w-])$", text, re.MULTILINE)) - {"RESOURCES", "SCRIPTS", "WITH_GENERIC_TESTS"}
    scripts = re.search(r"set\(MODULE_PYTHON_SCRIPTS\n(.*?)\n  \)", text, re.DOTALL).group(1).split()
    assert [name for name in scripts if not name.endswith(".py")] == []  # Slicer would look for NAME.py
    present = _packagedFiles() - {"CMakeLists.txt"}
    assert not present - listed, "add to CRendSegmentation/CMakeLists.txt: " + ", ".join(sorted(present - listed))
    assert not listed - present, "remove from CRendSegmentation/CMakeLists.txt: " + ", ".join(sorted(listed - present))


def _packagedFiles():
    """Files below the module's folder, relative to it: what git tracks or would, or in a copy without git everything."""
    run = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=MODULE, capture_output=True, text=True)
    if run.returncode == 0 and run.stdout:
        return set(run.stdout.splitlines())
    return {path.relative_to(MODULE).as_posix() for path in MODULE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
