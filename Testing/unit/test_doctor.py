"""The doctor says what is broken; nothing breaks the doctor."""

import os
import subprocess
import sys
from importlib import metadata

import pytest

from crend import doctor


@pytest.mark.slow
def test_a_torch_whose_libraries_are_missing_is_told_with_its_cure(tmp_path, root):
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so.12: cannot open shared object file')")
    path = os.pathsep.join([str(tmp_path), str(root / "CRendSegmentation")])
    done = subprocess.run([sys.executable, "-m", "crend", "doctor"], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    lines = done.stdout.splitlines()
    at = lines.index("note torch: cannot be loaded (libcudart.so.12: cannot open shared object file)")
    assert lines[at + 1].strip() == "-> install it again." and lines[-1] == "everything works."


def test_a_package_that_is_not_there_and_one_that_lacks_another_are_told_apart(tmp_path, monkeypatch):
    (tmp_path / "needy.py").write_text("import nowhere_to_be_found")
    monkeypatch.syspath_prepend(tmp_path)
    assert doctor._package("nowhere_to_be_found").found == "not installed"
    assert doctor._package("needy").found == "cannot be loaded (No module named 'nowhere_to_be_found')"


def test_packages_without_metadata_are_installed_all_the_same(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    import numpy

    assert (doctor._package("numpy").state, doctor._package("numpy").found) == ("ok", numpy.__version__)


def test_without_any_engine_it_says_what_to_install(monkeypatch):
    real = doctor._package
    monkeypatch.setattr(doctor, "_package", lambda name, load=None: real("nowhere_to_be_found") if name in doctor.ENGINES else real(name))
    found = list(doctor.checks())
    assert [check.cure for check in found if check.state == "wrong"] == ["install one: pip install onnxruntime"]
