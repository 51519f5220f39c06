"""The demo's scene and picture, made of a sample whose truth stands in for the network: scene.mrb is read back from its files."""

import csv
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: Makes the sample, its scene with the truth as the result, and its picture.
MAKE = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
from crend_demo import sample
sample.write_sample(folder, spacing=0.9, beam_samples=400_000)
from crend_demo import scene
import SimpleITK as sitk
from host import samples

class Truth(samples.KnownPredictor):
    def predict(self, image):
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "truth.nrrd"))).astype(int)
        return samples.segmentationOf(labels > 0, (labels - 1).clip(0), image)

scene.make_scene(folder, Truth())
"""

#: Opens scene.mrb as Slicer does, says what is there, and draws it.
OPEN = """
import json, sys
from pathlib import Path
import numpy as np
folder = Path(sys.argv[1])
from crend_demo import picture
import vtk

def terminology(segment):
    entry = vtk.reference("")
    segment.GetTag("TerminologyEntry", entry)
    return str(entry)

stage = picture.open_scene(folder / "scene.mrb", folder / "open.log")
scene = stage.scene
first = lambda kind: scene.GetFirstNodeByClass(kind)
volume, segmentation = first("vtkMRMLScalarVolumeNode"), first("vtkMRMLSegmentationNode")
segments = segmentation.GetSegmentation()
table = segmentation.GetNodeReference("CRend.FollicleTable")
bounds = np.zeros(6)
segmentation.GetRASBounds(bounds)
facts = {
    "dimensions": volume.GetImageData().GetDimensions(), "spacing": volume.GetSpacing(),
    "segments": [segments.GetNthSegment(i).GetName() for i in range(segments.GetNumberOfSegments())],
    "terminology": [terminology(segments.GetNthSegment(i)) for i in range(segments.GetNumberOfSegments())],
    "rows": table.GetTable().GetNumberOfRows(),
    "backgrounds": [node.GetBackgroundVolumeID() for node in scene.GetNodesByClass("vtkMRMLSliceCompositeNode")],
    "volume": volume.GetID(),
    "offsets": [stage.node(tag).GetSliceOffset() for tag in ("Yellow", "Green", "Red")],
    "bounds": bounds.tolist(),
    "focus": first("vtkMRMLCameraNode").GetFocalPoint(),
    "eye": first("vtkMRMLCameraNode").GetPosition(),
    "layout": first("vtkMRMLLayoutNode").GetViewArrangement(),
    "shown table": first("vtkMRMLTableViewNode").GetTableNodeID() == table.GetID(),
    "opacity": segmentation.GetDisplayNode().GetSegmentOpacity3D("Ovary"),
    "colours": [segments.GetNthSegment(i).GetColor() for i in range(segments.GetNumberOfSegments())],
    "window": volume.GetDisplayNode().GetWindow(),
}
(folder / "facts.json").write_text(json.dumps(facts))
stage.close()
picture.make_overview(folder)
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory, root):
    """Folder with volume, truth, scene.mrb, facts.json and overview.png."""
    folder = tmp_path_factory.mktemp("demo")
    paths = [str(root / name) for name in ("tools", "Testing", "CRendSegmentation", "training_pkg")]
    for code in (MAKE, OPEN):
        code = f"import sys; sys.path[:0] = {paths!r}\n{code}"
        answer = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def facts(demo):
    return json.loads((demo / "facts.json").read_text())


@pytest.fixture(scope="module")
def truth(demo):
    return sitk.ReadImage(str(demo / "truth.nrrd"))


def test_the_bundle_holds_volume_segmentation_and_tables_as_files(demo, truth):
    with zipfile.ZipFile(demo / "scene.mrb") as bundle:
        names = bundle.namelist()
        ends = ("scene.mrml", "volume.nrrd", ".seg.nrrd", "follicles.tsv", "summary.tsv")
        found = {end: [name for name in names if name.endswith(end)] for end in ends}
        assert {end: len(matches) for end, matches in found.items()} == dict.fromkeys(ends, 1)
        rows = list(csv.DictReader(io.StringIO(bundle.read(found["follicles.tsv"][0]).decode()), delimiter="\t"))
    count = sitk.GetArrayViewFromImage(truth).max() - 1
    assert [row["segment"] for row in rows] == [f"Follicle {k}" for k in range(1, count + 1)]
    assert float(rows[0]["volume_ml"]) >= float(rows[-1]["volume_ml"]) > 0


def test_the_scene_opens_with_volume_segments_and_table(facts, truth):
    count = sitk.GetArrayViewFromImage(truth).max() - 1
    assert facts["dimensions"] == list(truth.GetSize())
    assert facts["spacing"] == pytest.approx(truth.GetSpacing())
    assert facts["segments"] == ["Ovary"] + [f"Follicle {k}" for k in range(1, count + 1)]
    assert "15497006" in facts["terminology"][0] and "24162005" in facts["terminology"][1]
    assert facts["rows"] == count


def test_the_slices_show_the_volume_through_the_ovary(facts):
    assert facts["backgrounds"].count(facts["volume"]) == 3
    low, high = np.array(facts["bounds"]).reshape(3, 2).T
    offsets = np.abs(facts["offsets"])  # along the slice normal, whose sign is Slicer's choice
    assert (offsets >= np.minimum(np.abs(low), np.abs(high))).all() and (offsets <= np.maximum(np.abs(low), np.abs(high))).all()
    assert facts["window"] == 210


def test_the_3d_view_looks_at_the_ovary_which_is_translucent(facts):
    low, high = np.array(facts["bounds"]).reshape(3, 2).T
    assert facts["focus"] == pytest.approx(list((low + high) / 2), abs=0.1)
    assert (high - low).max() < np.linalg.norm(np.subtract(facts["eye"], facts["focus"])) < 5 * (high - low).max()
    assert 0.1 < facts["opacity"] < 0.6


def test_the_layout_has_a_table_that_lists_the_follicles(facts):
    assert facts["layout"] == 34  # vtkMRMLLayoutNode::SlicerLayoutFourUpTableView
    assert facts["shown table"] is True


def test_the_picture_shows_ultrasound_in_three_slices_and_follicles_in_3d(demo, facts):
    picture = np.asarray(Image.open(demo / "overview.png").convert("RGB")).astype(int)
    height, width, _ = picture.shape
    assert width > 1400 and height > 1000
    for third in range(3):
        slice_view = picture[60:380, third * width // 3 + 60 : (third + 1) * width // 3 - 60]
        assert slice_view.std() > 20
    space = picture[460:, :1000]
    light, dark = space.max(axis=2), space.min(axis=2)
    hue = space / np.maximum(light, 1)[:, :, None]
    visible = 0
    for colour in facts["colours"][1:]:
        alike = np.abs(hue - np.array(colour) / max(colour)).max(axis=2) < 0.25
        visible += (alike & (light - dark > 60)).sum() > 300
    assert visible >= min(3, len(facts["colours"]) - 1)
