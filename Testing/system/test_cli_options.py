"""What `crend segment` can be told beyond its defaults, on a small phantom and with the bundled model."""

import json

import pytest
import SimpleITK as sitk
from training_samples import SMALL

from crend.cli import main
from crend_training.phantom import make_phantom


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """The file of a volume in which the model finds follicles of 4.6 to 8 mm."""
    path = tmp_path_factory.mktemp("scan") / "small.nrrd"
    sitk.WriteImage(make_phantom(1, **SMALL).volume, str(path))
    return path


@pytest.mark.slow
def test_the_options_of_the_panel_are_those_of_the_command(scan, tmp_path, capfd):
    report, maps = tmp_path / "r.json", tmp_path / "maps.nrrd"
    words = "--smallest-follicle 6 --no-split --not-rendered --least-confidence 0.5".split()
    assert main(["segment", str(scan), str(tmp_path / "o.nrrd"), *words, "--json", str(report), "--probabilities", str(maps)]) == 0
    data = json.loads(report.read_text())
    assert data["provenance"]["options"] == {"smallest_follicle_mm": 6.0, "split": False, "least_confidence": 0.5, "box": None}
    assert data["provenance"]["rendered"] is False and data["provenance"]["input"] == str(scan)
    follicles = data["follicles"]
    assert follicles and all(f["confidence"] >= 0.5 and f["dv_mm"] > 5.8 for f in follicles)
    assert [f["id"] for f in follicles] == list(range(1, len(follicles) + 1))
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "o.nrrd")))
    assert labels.max() == 1 + len(follicles)
    image = sitk.ReadImage(str(maps))
    values = sitk.GetArrayFromImage(image)
    assert image.GetNumberOfComponentsPerPixel() == 2 and values.min() >= 0 and 0.9 < values.max() <= 1
    assert f"wrote {maps}" in capfd.readouterr().out


@pytest.mark.slow
def test_a_box_is_looked_at_from_the_command_line(scan, tmp_path, capfd):
    report = tmp_path / "r.json"
    faces = "-177 -159 -160 -142 77 95".split()
    assert main(["segment", str(scan), str(tmp_path / "o.seg.nrrd"), "--box", *faces, "--json", str(report)]) == 0
    data = json.loads(report.read_text())
    assert data["provenance"]["options"]["box"]["size"] == [18, 18, 18] and data["provenance"]["ovary_source"] in ("model", "box")
    header = sitk.ReadImage(str(tmp_path / "o.seg.nrrd"))
    assert f"CRend.OvarySource:{data['provenance']['ovary_source']}|" in header.GetMetaData("Segment0_Tags")
    assert data["follicles"]
    for each in data["follicles"]:
        assert -177 < each["centroid_r_mm"] < -159 and -160 < each["centroid_a_mm"] < -142 and 77 < each["centroid_s_mm"] < 95


@pytest.mark.parametrize(
    "faces, words",
    [("0 9 30 0 0 30", "inverted: A runs from 30 to 0"), ("0 4 0 30 0 30", "4 mm thin"), ("1 nan 0 30 0 30", "--box: nan is no number")],
)
def test_a_box_that_is_none_is_refused_in_one_line(scan, tmp_path, capfd, faces, words):
    assert main(["segment", str(scan), str(tmp_path / "o.nrrd"), "--box", *faces.split()]) == 2
    said = capfd.readouterr().err
    assert words in said and said.count("\n") == 1


@pytest.mark.parametrize("words", ["--spacing 0.3 0.3 inf", "--smallest-follicle inf"])
def test_an_option_that_is_no_number_is_refused_in_one_line(scan, tmp_path, capfd, words):
    assert main(["segment", str(scan), str(tmp_path / "o.nrrd"), *words.split()]) == 2
    said = capfd.readouterr().err
    assert f"{words.split()[0]}: " in said and "is no number; give one such as 0.3" in said and said.count("\n") == 1


def test_probabilities_go_into_a_format_that_holds_two_components(scan, tmp_path, capfd):
    assert main(["segment", str(scan), str(tmp_path / "o.nrrd"), "--probabilities", str(tmp_path / "maps.nii.gz")]) == 2
    assert "maps.nii.gz: must end with .nrrd or .mha" in capfd.readouterr().err
