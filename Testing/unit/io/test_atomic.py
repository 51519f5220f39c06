"""Nobody ever meets half a file."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.io.atomic import check_writable, remove_forgotten, replacing, replacing_all
from crend.io.labels import write_labels


def left(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_new_file_appears_only_when_complete(tmp_path):
    target = tmp_path / "a.seg.nrrd"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path and temporary.name.endswith(".seg.nrrd")
        assert not target.exists()
    assert target.read_text() == "new" and left(tmp_path) == ["a.seg.nrrd"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), replacing(target) as temporary:
            temporary.write_text("half")
            raise error()
    assert target.read_text() == "old" and left(tmp_path) == ["a.csv"]


def test_an_existing_file_is_replaced_with_its_permissions(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")
    target.chmod(0o640)
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new" and target.stat().st_mode & 0o777 == 0o640


def test_a_new_file_gets_the_usual_permissions(tmp_path):
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "there" / "real.csv")
    with replacing(tmp_path / "link.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "there" / "real.csv").read_text() == "new"


def test_of_several_files_none_appears_when_one_fails(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), replacing_all(tmp_path / "a", tmp_path / "b") as (a, _b):
        a.write_text("new")
        raise RuntimeError
    assert left(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


def test_what_cannot_be_written_is_said_in_one_line_with_the_cure(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    wrong = {
        tmp_path / "missing" / "a.csv": "does not exist; create it first",
        tmp_path / "file" / "a.csv": "does not exist; create it first",
        tmp_path / "folder": "is a folder",
        tmp_path / ("n" * 300): "cannot be written (file name too long)",
        "/dev/null": "is not an ordinary file",
    }
    for path, message in wrong.items():
        for attempt in (check_writable, lambda p: replacing(p).__enter__()):
            with pytest.raises(InputError) as caught:
                attempt(path)
            assert message in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert left(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(os.name == "nt", reason="names are always Unicode there")
def test_a_name_that_is_not_utf8_is_not_written_even_by_a_link(tmp_path):
    folder = tmp_path / os.fsdecode(b"M\xfcller")
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    for path in (folder / "a.nrrd", tmp_path / "link" / "a.nrrd"):
        with pytest.raises(InputError, match="not UTF-8; rename it"):
            check_writable(path)
    assert left(folder) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_write_protected_folder_or_file_is_refused(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o444)
    with pytest.raises(InputError, match="write-protected"):
        check_writable(tmp_path / "a")
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match="cannot be written"):
        check_writable(tmp_path / "b")


def test_checking_leaves_no_trace(tmp_path):
    (tmp_path / "a").write_text("old")
    check_writable(tmp_path / "a")
    check_writable(tmp_path / "b")
    assert left(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


def test_a_name_as_long_as_can_be_is_written(tmp_path):
    for name in ("n" * 246 + ".seg.nrrd", "患者" * 41 + ".nii.gz"):
        with replacing(tmp_path / name) as temporary:
            temporary.write_text("new")
        assert (tmp_path / name).read_text() == "new"


def test_a_share_that_knows_no_permissions_is_written_to(tmp_path, monkeypatch):
    def refuse(*arguments, **named):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    (tmp_path / "a.csv").write_text("old")
    monkeypatch.setattr(os, "chmod", refuse)
    with pytest.raises(PermissionError):
        shutil.copymode(tmp_path / "a.csv", tmp_path / "a.csv")
    with replacing(tmp_path / "a.csv") as temporary:
        temporary.write_text("new")
    assert left(tmp_path) == ["a.csv"] and (tmp_path / "a.csv").read_text() == "new"


def test_what_is_renamed_is_on_the_disk_before(tmp_path, monkeypatch):
    order, sync, rename = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (order.append("sync"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("rename"), rename(*names)))
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("x")
    assert order[:2] == ["sync", "rename"]


KILLED = """
import sys, time
from crend.io.atomic import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="a file in use cannot be removed there")
def test_temporary_files_of_a_killed_process_are_removed_by_the_next_and_those_of_a_living_one_are_not(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "a.csv")], stdout=subprocess.PIPE)
    process.stdout.readline()
    (tmp_path / ".crend-notes").write_text("mine")
    remove_forgotten(tmp_path)
    assert len(left(tmp_path)) == 2
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    process.stdout.close()
    elsewhere = tmp_path / ".crend-zzzzzz-1-00000000.csv".replace("z", "0")
    for age, stays in ((0, True), (2 * 24 * 3600, False)):
        elsewhere.write_text("of another machine")
        os.utime(elsewhere, (time.time() - age,) * 2)
        check_writable(tmp_path / "b.csv")
        assert left(tmp_path) == ([elsewhere.name] if stays else []) + [".crend-notes"]


FULL = """
import resource, sys
import numpy as np, SimpleITK as sitk
from crend.errors import InputError
from crend.io.labels import write_labels
ovary = np.ones((60, 60, 60), np.uint8)
follicles = np.random.default_rng(1).integers(0, 50, ovary.shape).astype(np.uint16)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_labels(sys.argv[1], sitk.GetImageFromArray(ovary), sitk.GetImageFromArray(follicles))
except InputError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no limit of a file's size there")
@pytest.mark.parametrize("ending", [".seg.nrrd", ".nii.gz", ".mha", ".nrrd"])
def test_a_disk_that_is_full_is_the_reason_that_is_said_whatever_the_format_makes_of_it(tmp_path, ending):
    path = tmp_path / f"labels{ending}"
    said = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60)
    assert said.stdout.strip() == f"{path}: cannot be written (file too large); choose another place.", said.stderr
    assert left(tmp_path) == []


def test_a_writers_complaint_names_the_file_and_not_its_temporary_name(tmp_path):
    path, labels = tmp_path / "a.png", sitk.GetImageFromArray(np.zeros((8, 8, 8), np.uint8))
    with pytest.raises(InputError) as caught, replacing(path) as temporary:
        write_labels(temporary, labels, sitk.Cast(labels, sitk.sitkUInt16))
    assert str(caught.value).startswith(f"{path}: ")
