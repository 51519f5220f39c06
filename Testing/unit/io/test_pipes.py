"""Pipes and devices are no volumes: refused in a line, never waited for."""

import os
import subprocess
import sys

import pytest

from crend.worker.client import PACKAGE_FOLDER

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
READ = """
import sys
from crend.errors import InputError
from crend.io.folders import Volume
from crend.io.labels import read_labels
from crend.io.sizes import size_of
from crend.io.volumes import read_image
for path in sys.argv[1:]:
    for read in (read_image, read_labels):
        try:
            read(path)
            print(path, read.__name__, "read")
        except InputError as error:
            print(str(error).replace("\\n", "BROKEN"))
    assert size_of(Volume(path, "a")) is None
"""


def test_a_pipe_or_a_device_is_refused_at_once_whatever_its_name(tmp_path):
    paths = [tmp_path / f"a{ending}" for ending in (".nrrd", ".nii.gz", ".mha", ".vtk", ".vol", ".dcm", ".seg.nrrd")]
    for path in paths:
        os.mkfifo(path)
    paths.append(tmp_path / "zero.nrrd")
    paths[-1].symlink_to("/dev/zero")
    (tmp_path / "pair.hdr").write_bytes(b"\0" * 348)
    os.mkfifo(tmp_path / "pair.img")
    paths.append(tmp_path / "pair.hdr")
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER}
    done = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, text=True, timeout=300, env=environment)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 2 * len(paths), done.stderr
    assert all("neither a file nor a folder" in line or "missing" in line for line in lines), lines
