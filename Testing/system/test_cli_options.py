"""What `crend segment` can be told beyond its defaults, on the sample volume and with the bundled model."""

import json
from pathlib import Path

import pytest
import SimpleITK as sitk

import crend
from crend.cli import main

SAMPLE = Path(crend.__file__).parents[1] / "Resources/SampleData/CRendSimulatedOvary.nrrd"


@pytest.mark.slow
def test_the_options_of_the_panel_are_those_of_the_command(tmp_path, capfd):
    report, maps = tmp_path / "r.json", tmp_path / "maps.nrrd"
    words = "--smallest-follicle 4 --no-split --not-rendered --least-confidence 0.5".split()
    assert main(["segment", str(SAMPLE), str(tmp_path / "o.nrrd"), *words, "--json", str(report), "--probabilities", str(maps)]) == 0
    data = json.loads(report.read_text())
    assert data["provenance"]["options"] == {"smallest_follicle_mm": 4.0, "split": False, "least_confidence": 0.5}
    assert data["provenance"]["rendered"] is False and data["provenance"]["input"] == str(SAMPLE)
    follicles = data["follicles"]
    assert follicles and all(f["confidence"] >= 0.5 and f["dv_mm"] > 3.8 for f in follicles)
    assert [f["id"] for f in follicles] == list(range(1, len(follicles) + 1))
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "o.nrrd")))
    assert labels.max() == 1 + len(follicles)
    image = sitk.ReadImage(str(maps))
    values = sitk.GetArrayFromImage(image)
    assert image.GetNumberOfComponentsPerPixel() == 2 and values.min() >= 0 and 0.9 < values.max() <= 1
    assert f"wrote {maps}" in capfd.readouterr().out


def test_probabilities_go_into_a_format_that_holds_two_components(tmp_path, capfd):
    assert main(["segment", str(SAMPLE), str(tmp_path / "o.nrrd"), "--probabilities", str(tmp_path / "maps.nii.gz")]) == 2
    assert "maps.nii.gz: must end with .nrrd or .mha" in capfd.readouterr().err
