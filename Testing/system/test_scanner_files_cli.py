"""GE Voluson files on the command line: segmented, converted, found in folders; patients' names stay where they are."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from kretz_files import DATE, NAME, Probe, cartesian_file, container, head, sector_file, sequence_file, spheres, uneven, wrapped
from tiny import save_bundle

from crend.cli import main
from crend.io.acquisition import date_of, notes_of
from crend.io.inputs import find_volumes
from crend.io.volumes import read_image

PROBE = Probe(samples=60, beams=uneven(-35, 35, 40), sweep=uneven(-30, 30, 30))
NOT_CONFIRMED = "spacing not confirmed"


@pytest.fixture(scope="module")
def voxels():
    return spheres(PROBE, [(2, -3, 18, 5)])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return save_bundle(tmp_path_factory.mktemp("bundles") / "everything", ovary=9.0)


@pytest.fixture
def scans(tmp_path, voxels):
    """A folder as scanners and colleagues leave it: a Kretz file, two wrapped ones, and one that is Cartesian already."""
    folder = tmp_path / "scans"
    (folder / "dicom").mkdir(parents=True)
    (folder / "a.vol").write_bytes(sector_file(PROBE, voxels))
    (folder / "b.VOL").write_bytes(cartesian_file(voxels, 0.5))
    (folder / "dicom" / "IM0001").write_bytes(wrapped(sector_file(PROBE, voxels)))
    (folder / "dicom" / "IM0002.dcm").write_bytes(wrapped(sector_file(PROBE, voxels // 2), 0x20))
    return folder


def nowhere(name, folder):
    """No file of a folder has the name, however it is encoded; compressed ones are read."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.name.endswith((".nrrd", ".nii.gz", ".mha")):
                reader = sitk.ImageFileReader()
                reader.SetFileName(str(path))
                reader.ReadImageInformation()
                content += "".join(reader.GetMetaData(key) for key in reader.GetMetaDataKeys()).encode()
            for part in (name, *name.split("^"), "PID-4711"):
                assert part.encode() not in content and part.encode("utf-16-le") not in content, path
    return True


def test_the_name_is_nowhere_in_what_batch_writes_and_says_and_the_date_is(scans, bundle, tmp_path, capfd):
    out = tmp_path / "out"
    assert main(["batch", str(scans), "--out", str(out), "--model", str(bundle), "--engine", "torch"]) == 0
    shown = "".join(capfd.readouterr())
    assert NAME not in shown and "Musterfrau" not in shown and nowhere(NAME, out)
    with open(out / "volumes.csv", newline="", encoding="utf-8-sig") as file:
        rows = {row["volume"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["a", "b", "dicom/IM0001", "dicom/IM0002"]
    for name, row in rows.items():
        assert row["status"] == "done"
        how = json.loads((out / f"{name}.json").read_text())["provenance"]
        assert how["acquisition_date"] == DATE and "patient" not in how
    assert "spacing_not_confirmed" in rows["b"]["flags"] and "spacing_not_confirmed" not in rows["a"]["flags"]


def test_identify_is_the_door(scans, bundle, tmp_path):
    out = tmp_path / "out"
    arguments = ["batch", str(scans / "dicom" / "IM0001"), "--out", str(out), "--model", str(bundle), "--engine", "torch"]
    assert main([*arguments, "--identify"]) == 0
    assert json.loads((out / "IM0001.json").read_text())["provenance"]["patient"] == {"name": NAME, "id": "PID-4711"}
    assert main(arguments) == 0
    assert nowhere(NAME, out)


def test_every_output_of_a_volume_without_a_confirmed_spacing_says_so(scans, bundle, tmp_path, capsys):
    seg, table, report = tmp_path / "b.seg.nrrd", tmp_path / "b.csv", tmp_path / "b.json"
    arguments = [
        "segment",
        str(scans / "b.VOL"),
        str(seg),
        "--table",
        str(table),
        "--json",
        str(report),
        "--model",
        str(bundle),
        "--engine",
        "torch",
    ]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert NOT_CONFIRMED in said.out and NOT_CONFIRMED in said.err.lower()
    assert table.read_text(encoding="utf-8-sig").splitlines()[0].endswith(",note")
    facts = json.loads(report.read_text())
    assert facts["flags"][0]["key"] == "spacing_not_confirmed" and NOT_CONFIRMED in facts["message"]
    for name in ("b.nrrd", "b.mha", "b.nii.gz"):
        assert main(["segment", str(scans / "b.VOL"), str(tmp_path / name), "--model", str(bundle), "--engine", "torch"]) == 0
    for path in (seg, *(tmp_path / name for name in ("b.nrrd", "b.mha", "b.nii.gz"))):
        assert NOT_CONFIRMED in notes_of(sitk.ReadImage(str(path)))[0], path


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
def test_convert_keeps_voxels_place_and_notes_and_leaves_the_name_behind(scans, tmp_path, ending, capsys):
    folder = tmp_path / "converted"
    folder.mkdir()
    for name in ("a.vol", "b.VOL", "dicom/IM0001"):
        out = folder / f"{name[-6:].replace('/', '').replace('.', '')}{ending}"
        assert main(["convert", str(scans / name), str(out)]) == 0
        before, after = read_image(scans / name), read_image(out)
        assert np.array_equal(sitk.GetArrayViewFromImage(before), sitk.GetArrayViewFromImage(after))
        for part in ("Spacing", "Origin", "Direction"):
            assert getattr(after, f"Get{part}")() == pytest.approx(getattr(before, f"Get{part}")(), abs=1e-4)
        if ending != ".nii.gz":
            assert date_of(after) == DATE and notes_of(after) == notes_of(before)
        assert any(NOT_CONFIRMED in note for note in notes_of(after)) == (name == "b.VOL")
    assert nowhere(NAME, folder) and NAME not in capsys.readouterr().out


def test_a_converted_volume_that_is_segmented_later_still_says_so(scans, bundle, tmp_path, capsys):
    assert main(["convert", str(scans / "b.VOL"), str(tmp_path / "b.nii.gz")]) == 0
    assert NOT_CONFIRMED in capsys.readouterr().out
    assert main(["segment", str(tmp_path / "b.nii.gz"), str(tmp_path / "labels.nrrd"), "--model", str(bundle), "--engine", "torch"]) == 0
    assert NOT_CONFIRMED in capsys.readouterr().out


def test_convert_takes_a_spacing_a_frame_and_writes_json(tmp_path, voxels):
    path, out, report = tmp_path / "several.vol", tmp_path / "second.nrrd", tmp_path / "second.json"
    path.write_bytes(sequence_file(PROBE, [voxels, voxels // 2]))
    assert main(["convert", str(path), str(out)]) == 2
    assert main(["convert", str(path), str(out), "--frame", "2", "--cartesian-spacing", "0.6", "--json", str(report)]) == 0
    assert read_image(out).GetSpacing() == (0.6, 0.6, 0.6)
    facts = json.loads(report.read_text())
    assert facts["date"] == DATE and facts["spacing_mm"] == [0.6] * 3 and "patient" not in facts
    assert main(["convert", str(path), str(out), "--frame", "1", "--json", str(report), "--identify"]) == 0
    assert json.loads(report.read_text())["patient"] == {"name": NAME, "id": ""}


@pytest.mark.parametrize(
    "data, options, reason",
    [
        (container(*head((4, 4, 4))), [], "saved compressed; save it uncompressed on the scanner (4D View: without compression)"),
        (b"no such file at all", [], "no Kretz file"),
        (None, ["--identify"], "--json"),
        (None, ["--cartesian-spacing", "0"], "impossible"),
        (None, ["--cartesian-spacing", "0.01"], "more than 200 million voxels"),
        (None, ["--frame", "2"], "no frame 2"),
    ],
)
def test_what_cannot_be_converted_is_one_line_and_nothing_written(tmp_path, voxels, data, options, reason, capsys):
    path, out = tmp_path / "scan.vol", tmp_path / "out.nrrd"
    path.write_bytes(sector_file(PROBE, voxels) if data is None else data)
    assert main(["convert", str(path), str(out), *options]) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["scan.vol"]


def test_headers_of_other_formats_do_not_carry_a_name_into_a_converted_file(tmp_path):
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 200, (40, 40, 40), np.uint8))
    image.SetSpacing((0.5, 0.5, 0.5))
    for key in ("0010|0010", "PatientName", "ITK_FileNotes"):
        image.SetMetaData(key, NAME)
    sitk.WriteImage(image, str(tmp_path / "in.nrrd"))
    (tmp_path / "out").mkdir()
    for ending in (".nrrd", ".nii.gz", ".mha"):
        assert main(["convert", str(tmp_path / "in.nrrd"), str(tmp_path / "out" / f"a{ending}")]) == 0
    assert main(["convert", str(tmp_path / "in.nrrd"), str(tmp_path / "a.vtk")]) == 2
    assert nowhere(NAME, tmp_path / "out")


def test_a_folder_of_wrapped_volumes_is_not_a_series(scans):
    assert [volume.name for volume in find_volumes([scans / "dicom"], scans.parent / "out")] == ["IM0001", "IM0002"]
