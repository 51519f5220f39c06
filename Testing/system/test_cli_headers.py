"""What a header says reaches the user of the command line: as a refusal with the cure, as a warning, frame by frame."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from header_files import affine, nifti, nrrd, placed
from tiny import save_bundle

from crend.cli import main
from crend.io.labels import read_labels

VOXELS = np.random.default_rng(7).integers(1, 200, (16, 18, 20)).astype(np.uint8)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return save_bundle(tmp_path_factory.mktemp("bundles") / "everything", ovary=9.0)


def contradicting(folder, name="scan.nii"):
    return nifti(folder / name, (1.1,) * 3, sform=affine(0.9), shape=VOXELS.shape, data=VOXELS.tobytes())


def sequence(folder, name="scan.seq.nrrd"):
    fields = "space: left-posterior-superior\nkinds: list domain domain domain\nspace directions: none (.9,0,0) (0,.9,0) (0,0,.9)\n"
    data = np.ascontiguousarray(np.stack([VOXELS, 255 - VOXELS], axis=-1)).tobytes()
    return nrrd(folder / name, fields, sizes="2 20 18 16", dimension=4, data=data)


def test_a_contradiction_is_refused_and_the_users_spacing_is_the_cure(tmp_path, bundle, capfd):
    path, out, report = contradicting(tmp_path), tmp_path / "out.nrrd", tmp_path / "out.json"
    command = ["segment", str(path), str(out), "--json", str(report), "--model", str(bundle)]
    assert main(command) == 2
    err = capfd.readouterr().err
    assert (
        err.count("\n") == 1 and "1.1 x 1.1 x 1.1 mm, its sform 0.9 x 0.9 x 0.9 mm" in err and "--spacing X Y Z" in err and not out.exists()
    )
    assert main([*command, "--spacing", "0.8", "0.9", "1.0"]) == 0
    said = "spacing 0.8 x 0.9 x 1 mm as given; the file: pixdim says voxels of 1.1"
    assert f"warning: The file's header: {said}" in capfd.readouterr().err
    data = json.loads(report.read_text())
    assert said in data["provenance"]["warnings"][0] and said in data["flags"][0]["text"]
    assert data["summary"]["ovary_volume_ml"] == pytest.approx(VOXELS.size * 0.8 * 0.9 * 1.0 / 1000, rel=1e-3)
    assert read_labels(out).ovary.GetSpacing() == pytest.approx((0.8, 0.9, 1.0))


def test_one_frame_of_a_sequence_or_all_in_a_batch(tmp_path, bundle, capfd):
    path, out = sequence(tmp_path), tmp_path / "out.nrrd"
    assert main(["segment", str(path), str(out), "--model", str(bundle)]) == 2
    assert "a sequence of 2 frames; choose one with --frame K (1 to 2), or segment all with `crend batch`" in capfd.readouterr().err
    assert main(["segment", str(path), str(out), "--model", str(bundle), "--frame", "2"]) == 0
    assert sitk.GetArrayFromImage(read_labels(out).ovary).all()
    contradicting(tmp_path, "other.nii")
    (tmp_path / "list.csv").write_text("volume,spacing\nscan.seq.nrrd,\nother.nii,0.8 0.9 1.0\n")
    assert main(["batch", str(tmp_path / "list.csv"), "--out", str(tmp_path / "results"), "--model", str(bundle)]) == 0
    with open(tmp_path / "results" / "volumes.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["volume"]: row for row in csv.DictReader(file)}
    assert {name: row["frame"] for name, row in rows.items()} == {"other": "", "scan.seq_frame1": "1", "scan.seq_frame2": "2"}
    assert all(row["status"] == "done" for row in rows.values()) and "header" in rows["other"]["flags"]
    assert float(rows["other"]["ovary_volume_ml"]) == pytest.approx(VOXELS.size * 0.8 * 0.9 * 1.0 / 1000, rel=1e-3)


def test_a_converted_volume_has_the_true_spacing_in_the_common_unit(tmp_path, capfd):
    path = nrrd(tmp_path / "a.nrrd", placed("(.07,0,0) (0,.07,0) (0,0,.07)", 'space units: "cm" "cm" "cm"\n'))
    assert main(["convert", str(path), str(tmp_path / "b.nrrd")]) == 0
    captured = capfd.readouterr()
    assert "warning: its lengths are not in mm; converted" in captured.err
    assert sitk.ReadImage(str(tmp_path / "b.nrrd")).GetSpacing() == pytest.approx((0.7, 0.7, 0.7))
