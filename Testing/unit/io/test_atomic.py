"""Nobody ever meets half a file."""

import os

import pytest

from crend.errors import InputError
from crend.io.atomic import check_writable, replacing, replacing_all


def left(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_new_file_appears_only_when_complete(tmp_path):
    target = tmp_path / "a.seg.nrrd"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path and temporary.name.endswith("a.seg.nrrd")
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
