"""Real ultrasound that shows no ovary: it is read, it runs, the geometry stays, and what was found is said in words.

Nothing here is about accuracy: there is none to measure. The volumes lie beside the repository and are not part of it.
"""

import json
import re
from pathlib import Path

import pytest
import SimpleITK as sitk

from crend.bundle.bundle import available
from crend.cli import main
from crend.io.labels import read_labels
from crend.io.volumes import read_image

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
VOLUMES = ["fetal_3dus/ultrasound.nrrd", "us_phantom/SpinePhantomFreehandReconstructed.mha"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the folder ../shared/data with real volumes is not here"),
    pytest.mark.skipif(not available(), reason="no model is installed"),
]


@pytest.mark.parametrize("name", VOLUMES)
def test_a_real_volume_goes_through_and_keeps_its_geometry(name, tmp_path, capfd):
    out, report = tmp_path / "out.seg.nrrd", tmp_path / "out.json"
    assert main(["segment", str(DATA / name), str(out), "--json", str(report), "--table", str(tmp_path / "out.csv")]) == 0
    captured = capfd.readouterr()
    message = captured.out.splitlines()[0]
    print(f"{name}: {message}")
    assert message == "no ovary found" or re.match(r"(1 ovary|2 ovaries, together) .*\d+\.\d ml with", message)
    data = json.loads(report.read_text())
    assert data["message"] == message
    if "familiar" in available()[0].metadata["crend"]:  # neither shows an ovary: none is found, or a warning says that it is doubtful
        assert {flag["key"] for flag in data["flags"]} & {"no_ovary", "unfamiliar", "uncertain"} and "warning: " in captured.err
    image, labels = read_image(DATA / name), read_labels(out)
    for part in (labels.ovary, labels.follicles):
        assert part.GetSize() == image.GetSize()
        for value in ("Spacing", "Origin", "Direction"):
            assert getattr(part, f"Get{value}")() == pytest.approx(getattr(image, f"Get{value}")(), abs=1e-6)
    found = sitk.GetArrayViewFromImage(labels.ovary).any()
    assert found == (message != "no ovary found")
    assert bool((sitk.GetArrayViewFromImage(labels.follicles)[sitk.GetArrayViewFromImage(labels.ovary) == 0] == 0).all())
