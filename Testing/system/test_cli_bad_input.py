"""Bad input at the command line: one line on stderr that names the file and the cure, exit code 2, nothing written or changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from tiny import save_bundle, volume

import crend
from crend.cli import main

HOME = Path(crend.__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return save_bundle(tmp_path_factory.mktemp("bundles") / "everything", ovary=9.0)


def noise(shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def write(path, array, **arguments):
    sitk.WriteImage(sitk.GetImageFromArray(array, **arguments), str(path))


def not_a_number(path, value):
    array = noise((8, 8, 8), np.float32)
    array[1, 2, 3] = value
    write(path, array)


def cut(path):
    write(path, noise((20, 20, 20)))
    path.write_bytes(path.read_bytes()[:700])


WRONG = {
    "2D": ("a.mha", lambda p: write(p, noise((20, 20))), "2D"),
    "2D picture": ("a.png", lambda p: write(p, noise((20, 20))), "2D"),
    "one slice": ("a.nrrd", lambda p: write(p, noise((1, 20, 20))), "2D slice"),
    "4D": ("a.nii.gz", lambda p: write(p, noise((3, 8, 8, 8)), isVector=False), "a sequence of 3 frames"),
    "RGB": ("a.nrrd", lambda p: write(p, noise((8, 8, 8, 3)), isVector=True), "3 values per voxel"),
    "complex": ("a.nrrd", lambda p: write(p, noise((8, 8, 8)).astype(np.complex64)), "complex"),
    "complex as pairs": ("a.mha", lambda p: write(p, noise((8, 8, 8)).astype(np.complex64)), "complex"),
    "0 bytes": ("a.nrrd", lambda p: p.write_bytes(b""), "empty"),
    "constant": ("a.nrrd", lambda p: write(p, np.full((8, 8, 8), 5, np.uint8)), "all voxels are 5"),
    "NaN": ("a.nrrd", lambda p: not_a_number(p, np.nan), "NaN"),
    "infinite": ("a.nrrd", lambda p: not_a_number(p, np.inf), "infinite"),
    "3 x 3 x 3": ("a.nrrd", lambda p: write(p, noise((3, 3, 3))), "3 x 3 x 3"),
    "text": ("a.nrrd", lambda p: p.write_text("hello"), "not an image"),
    "wrong extension": ("a.txt", lambda p: p.write_text("hello"), "not an image"),
    "image under a wrong name": ("a.docx", lambda p: shutil.copy(*_as_nrrd(p)), "not an image"),
    "cut nrrd": ("a.nrrd", cut, "damaged"),
    "cut nifti": ("a.nii.gz", cut, "damaged"),
    "cut mha": ("a.mha", cut, "damaged"),
    "missing": ("a.nrrd", lambda p: None, "no such file"),
    "empty folder": ("series", lambda p: p.mkdir(), "DICOM"),
    "impossible spacing": ("a.mha", lambda p: sitk.WriteImage(volume((8, 8, 8), (99.0,) * 3), str(p)), "spacing"),
}


def _as_nrrd(path):
    write(path.with_suffix(".nrrd"), noise((8, 8, 8)))
    return path.with_suffix(".nrrd"), path


def assert_refused(capfd, arguments, *words):
    """The command ends with 2 and one line that holds all words; no file in any folder of the arguments changes."""
    folders = {Path(a).parent for a in map(str, arguments) if os.sep in str(a)}
    before = {f: snapshot(f) for f in folders if f.is_dir()}
    code = main([str(a) for a in arguments])
    out, err = capfd.readouterr()
    assert code == 2, err
    assert out == "" and err.count("\n") == 1 and err.startswith("crend: ")
    assert all(str(word) in err for word in words), err
    assert before == {f: snapshot(f) for f in before}
    return err


def snapshot(folder):
    return {p.name: (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else None) for p in folder.iterdir()}


@pytest.mark.parametrize("kind", WRONG)
def test_input_that_cannot_be_segmented(kind, tmp_path, bundle, capfd):
    name, make, words = WRONG[kind]
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    path, out = tmp_path / "in" / name, tmp_path / "out" / "out.seg.nrrd"
    out.write_text("the result of another day")
    make(path)
    assert_refused(capfd, ["segment", path, out, "--model", bundle], path, words)


@pytest.mark.parametrize("kind", ["4D", "cut nifti", "text", "NaN"])
def test_the_same_in_a_real_process(kind, tmp_path):
    name, make, words = WRONG[kind]
    make(tmp_path / name)
    command = [sys.executable, "-m", "crend", "segment", str(tmp_path / name), str(tmp_path / "out.nrrd")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": str(HOME)})
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert str(tmp_path / name) in done.stderr and words in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.fixture
def scan(tmp_path):
    sitk.WriteImage(volume(), str(tmp_path / "scan.nrrd"))
    return tmp_path / "scan.nrrd"


@pytest.mark.parametrize(
    "name, words",
    [
        ("out.txt", "no format for 3D labels"),
        ("out", "no ending"),
        ("out.png", "where the volume lies"),
        ("out.jpg", "no format for 3D labels"),
        ("out.tif", "where the volume lies"),
        ("out.mhd", "two files"),
        ("out.nhdr", "two files"),
        ("out.seg.nhdr", "two files"),
        ("missing/out.nrrd", "create it first"),
        ("folder", "is a folder"),
        ("scan.nrrd", "given twice"),
    ],
)
def test_output_that_cannot_be_written(name, words, scan, bundle, capfd):
    (scan.parent / "folder").mkdir()
    error = assert_refused(capfd, ["segment", scan, scan.parent / name, "--model", bundle], scan.parent / name, words)
    assert "use .seg.nrrd" in error or "; " in error


@pytest.mark.parametrize(
    "options, words",
    [
        (["--table", "missing/t.csv"], "create it first"),
        (["--json", "missing/r.json"], "create it first"),
        (["--table", "t.nrrd"], "must end with .csv"),
        (["--json", "r.txt"], "must end with .json"),
        (["--table", "scan.nrrd"], "must end with .csv"),
    ],
)
def test_one_bad_output_leaves_none_of_the_others(options, words, scan, bundle, capfd):
    option, name = options
    assert_refused(
        capfd, ["segment", scan, scan.with_name("out.nrrd"), "--model", bundle, option, scan.parent / name], scan.parent / name, words
    )


def test_the_same_output_twice(scan, bundle, capfd):
    path = scan.with_name("r.json")
    assert_refused(capfd, ["segment", scan, path, "--json", path, "--model", bundle], path, "given twice")


@pytest.fixture
def damaged(tmp_path, bundle):
    (tmp_path / "models").mkdir()
    shutil.copytree(bundle, tmp_path / "models" / "damaged")
    return tmp_path / "models" / "damaged"


def change_a_byte(folder):
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def change_the_network(folder):
    data = json.loads((folder / "metadata.json").read_text())
    data["crend"]["network"] = "os.system"
    (folder / "metadata.json").write_text(json.dumps(data))


@pytest.mark.parametrize(
    "change, words",
    [
        (change_a_byte, "sha256"),
        (change_the_network, "unknown network"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (lambda folder: (folder / "metadata.json").write_text("{"), "JSON"),
    ],
)
def test_a_tampered_bundle(change, words, scan, damaged, capfd):
    change(damaged)
    assert_refused(capfd, ["segment", scan, scan.with_name("out.nrrd"), "--model", damaged], damaged, words)


def test_a_missing_bundle(scan, capfd):
    assert_refused(capfd, ["segment", scan, scan.with_name("out.nrrd"), "--model", "no-such-model"], "no-such-model", "known:")


@pytest.mark.parametrize(
    "options, words",
    [
        (["--device", "tpu"], 'device "tpu"'),
        (["--device", "cuda:77"], "not available"),
        (["--engine", "abacus"], 'engine "abacus"'),
        (["--frobnicate"], "--frobnicate"),
    ],
)
def test_bad_options(options, words, scan, bundle, capfd):
    assert_refused(capfd, ["segment", scan, scan.with_name("out.nrrd"), "--model", bundle, *options], words)


def test_missing_arguments_and_unknown_commands(capfd):
    for arguments in (["segment"], ["segment", "a"], ["compare"], ["frobnicate"]):
        assert_refused(capfd, arguments, "--help")


@pytest.mark.parametrize("kind", ["0 bytes", "text", "missing", "2D", "cut nrrd"])
def test_labels_that_cannot_be_compared(kind, tmp_path, capfd):
    name, make, _ = WRONG[kind]
    make(tmp_path / name)
    (tmp_path / "good").mkdir()
    write(tmp_path / "good" / "b.nrrd", np.ones((8, 8, 8), np.uint8))
    assert_refused(capfd, ["compare", tmp_path / name, tmp_path / "good" / "b.nrrd", "--json", tmp_path / "c.json"], tmp_path / name)
    assert_refused(capfd, ["compare", tmp_path / "good" / "b.nrrd", tmp_path / name], tmp_path / name)


def test_a_comparison_does_not_overwrite_what_it_compares(tmp_path, capfd):
    write(tmp_path / "a.nrrd", np.ones((8, 8, 8), np.uint8))
    shutil.copy(tmp_path / "a.nrrd", tmp_path / "b.json")
    assert_refused(
        capfd, ["compare", tmp_path / "a.nrrd", tmp_path / "b.json", "--json", tmp_path / "b.json"], tmp_path / "b.json", "given twice"
    )


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root may read and write everything")
def test_a_file_without_permission(scan, bundle, capfd):
    scan.chmod(0)
    assert_refused(capfd, ["segment", scan, scan.with_name("out.nrrd"), "--model", bundle], scan, "cannot be read")
