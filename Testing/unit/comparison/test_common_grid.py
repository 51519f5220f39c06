"""Two segmentations are compared where they lie in space: what their files were cropped to, and how their axes run, changes nothing."""

import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from crend.cli import main
from crend.comparison.common_grid import on_common_grid
from crend.comparison.metrics import compare
from crend.comparison.review import review
from crend.io.labels import Labels, read_labels
from crend.pictures.figure import figure

SPACING = 0.5
REFERENCE = [(1, (30, 30, 30), 16), (2, (36, 30, 30), 6), (3, (24, 24, 26), 4)]
# The ovary drawn too large, the reference's follicles, and two that are none, 15 mm and more from its ovary.
PREDICTION = [(1, (30, 30, 30), 22), *REFERENCE[1:], (4, (70, 10, 10), 4), (5, (70, 30, 10), 4)]


def label_image(balls, size=(80, 60, 60), origin=(0.0, 0.0, 0.0)):
    """uint8 labels of balls (value, centre x y z in voxels, radius in voxels), later ones over earlier ones."""
    z, y, x = np.ogrid[: size[2], : size[1], : size[0]]
    array = np.zeros(size[::-1], np.uint8)
    for value, (a, b, c), radius in balls:
        array[(x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 <= radius**2] = value
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([SPACING] * 3)
    image.SetOrigin(origin)
    return image


def as_labels(image):
    return Labels(
        sitk.Cast(image > 0, sitk.sitkUInt8),
        sitk.Cast(sitk.Cast(image > 1, sitk.sitkUInt16) * sitk.Cast(image - 1, sitk.sitkUInt16), sitk.sitkUInt16),
    )


def cropped(image, margin=0):
    """As Slicer writes it: cut to what it holds."""
    where = np.argwhere(sitk.GetArrayViewFromImage(image))[:, ::-1]
    low, high = where.min(axis=0) - margin, where.max(axis=0) + 1 + margin
    return image[tuple(slice(int(a), int(b)) for a, b in zip(low, high))]


def flipped(image):
    """The same voxels in the same places, stored from the other ends of x and y."""
    return sitk.Flip(image, [True, True, False])


def turned(image):
    """The image as it would lie on a patient that is turned by 40 degrees."""
    turn = sitk.VersorRigid3DTransform()
    turn.SetRotation((0.3, -0.5, 0.8), math.radians(40))
    result = sitk.Image(image)
    result.SetDirection(turn.GetMatrix())
    result.SetOrigin(turn.TransformPoint(image.GetOrigin()))
    return result


@pytest.fixture(scope="module")
def pair():
    return label_image(REFERENCE), label_image(PREDICTION)


def figures(reference, prediction):
    found = compare(as_labels(reference), as_labels(prediction))
    return json.loads(json.dumps(found, allow_nan=False))


@pytest.mark.slow
def test_what_lies_outside_a_cropped_reference_counts(pair):
    reference, prediction = pair
    whole = figures(reference, prediction)
    assert whole["detection"]["fd"] == 50 and whole["detection"]["count_prediction"] == 4
    assert whole["ovary"]["volume_prediction_ml"] == pytest.approx(5.62, abs=0.01) and whole["ovary"]["hd"] == pytest.approx(
        18.37, abs=0.01
    )
    for a, b in ((cropped(reference), prediction), (reference, cropped(prediction)), (cropped(reference, 3), cropped(prediction))):
        assert figures(a, b) == whole


@pytest.mark.slow
def test_a_cropped_reference_gives_the_same_against_a_prediction_of_another_resolution(pair):
    reference, _ = pair
    # Every second plane of the finer grid lies halfway between two voxels of the coarser one: a tie, to be settled the same way.
    coarse = sitk.Resample(label_image(PREDICTION), [42, 32, 32], sitk.Transform(), sitk.sitkNearestNeighbor, (0.0, 0.0, 0.0), [1.0] * 3)
    assert figures(cropped(reference), coarse) == figures(reference, coarse)
    moved = sitk.Image(reference)
    moved.SetOrigin((1e-7, -1e-7, 1e-7))  # as a file in single precision has it
    assert figures(moved, coarse)["follicles"] == figures(reference, coarse)["follicles"]


@pytest.mark.slow
def test_files_whose_axes_run_otherwise_are_compared_in_space(pair):
    reference, prediction = pair
    whole = figures(reference, prediction)
    assert flipped(prediction).GetDirection() == (-1, 0, 0, 0, -1, 0, 0, 0, 1)
    for a, b in ((reference, flipped(prediction)), (flipped(reference), prediction), (cropped(reference), flipped(prediction))):
        found = figures(a, b)
        assert found["detection"] == whole["detection"]
        assert found["ovary"]["dsc"] == whole["ovary"]["dsc"] and found["ovary"]["hd"] == pytest.approx(whole["ovary"]["hd"])
    oblique = figures(cropped(turned(reference)), turned(prediction))
    assert oblique["detection"] == whole["detection"] and oblique["follicles"]["dsc"] == whole["follicles"]["dsc"]


@pytest.mark.slow
def test_a_file_that_lost_its_direction_is_compared_where_it_lies_and_that_is_said(pair, tmp_path):
    truth = sitk.Image(pair[0])
    truth.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(truth, tmp_path / "truth.nrrd")
    sitk.WriteImage(truth, tmp_path / "prediction.vtk")  # the format has no place for it
    found = compare(*(read_labels(tmp_path / name) for name in ("truth.nrrd", "prediction.vtk")))
    assert found["detection"]["count_prediction"] == 2 and found["detection"]["fd"] == 100 and found["ovary"]["dsc"] == 0
    assert "share no voxel" in found["notes"][0] and ".vtk" in found["notes"][1]


def test_a_coarse_voxel_at_the_edge_is_not_cut_in_half():
    fine, coarse = label_image([(1, (10, 10, 10), 2)], (20, 20, 20)), label_image([(1, (5, 5, 5), 2)], (11, 11, 11))
    coarse.SetSpacing([1.0] * 3)
    coarse = cropped(coarse)
    _, there = on_common_grid(as_labels(cropped(fine)), as_labels(coarse))
    assert sitk.GetArrayViewFromImage(there.ovary).sum() == 8 * sitk.GetArrayViewFromImage(coarse).sum()


def test_a_follicle_that_falls_between_the_voxels_of_a_coarse_reference_is_named():
    fine = label_image([*REFERENCE, (4, (33, 21, 33), 1)])
    grid = sitk.Image([14, 10, 10], sitk.sitkUInt8)
    grid.SetSpacing([3.0] * 3)
    coarse = sitk.Resample(label_image(REFERENCE), grid, sitk.Transform(), sitk.sitkNearestNeighbor)
    found = figures(coarse, fine)
    words = "Of the compared one, follicle 3: too small for the voxels of the common grid (3 x 3 x 3 mm), and not counted. Compare on a finer grid."
    assert found["notes"] == [words] and found["detection"]["count_prediction"] == 2
    assert figures(fine, coarse)["notes"] == [] and figures(fine, coarse)["detection"]["count_reference"] == 3


def one_voxel():
    """What Slicer writes of a segmentation without anything in it."""
    image = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    for key, value in {"ID": "Ovary", "Name": "Ovary", "LabelValue": "1", "Layer": "0", "Extent": "0 -1 0 -1 0 -1"}.items():
        image.SetMetaData(f"Segment0_{key}", value)
    return image


@pytest.mark.parametrize("value", [0, 1])
def test_slicers_empty_segmentation_is_an_empty_reader(tmp_path, pair, value):
    empty = one_voxel() + value
    for key in one_voxel().GetMetaDataKeys():
        empty.SetMetaData(key, one_voxel().GetMetaData(key))
    sitk.WriteImage(empty, tmp_path / "empty.seg.nrrd")
    sitk.WriteImage(pair[1], tmp_path / "full.nrrd")
    none, full = read_labels(tmp_path / "empty.seg.nrrd"), read_labels(tmp_path / "full.nrrd")
    found = compare(none, full)
    assert found["ovary"]["dsc"] == 0 and found["follicles"]["dsc"] == 0 and found["ovary"]["hd"] is None
    assert found["ovary"]["volume_prediction_ml"] == pytest.approx(5.62, abs=0.01)
    assert (found["detection"]["count_reference"], found["detection"]["count_prediction"], found["detection"]["fd"]) == (0, 4, 100)
    found = compare(full, none)
    assert found["ovary"]["dsc"] == 0 and (found["detection"]["count_prediction"], found["detection"]["md"]) == (0, 100)
    found = compare(none, none)
    assert found["ovary"]["dsc"] == 1 and found["detection"]["count_error"] == 0


def test_an_empty_reader_far_away_is_still_one(pair):
    empty = one_voxel()
    empty.SetOrigin((3000.0, 0.0, 0.0))
    assert figures(empty, pair[1])["ovary"]["dsc"] == 0


@pytest.mark.slow
def test_the_command_the_batch_and_the_review_say_the_same(pair, tmp_path, capfd):
    sitk.WriteImage(cropped(pair[0]), tmp_path / "reference.nrrd")
    sitk.WriteImage(flipped(pair[1]), tmp_path / "prediction.nrrd")
    (tmp_path / "pairs.csv").write_text("reference,prediction\nreference.nrrd,prediction.nrrd\n")
    files = [str(tmp_path / f"{name}.nrrd") for name in ("reference", "prediction")]
    assert main(["compare", *files, "--json", str(tmp_path / "figures.json")]) == 0
    single = json.loads((tmp_path / "figures.json").read_text())
    assert main(["compare", "--batch", str(tmp_path / "pairs.csv"), "--out", str(tmp_path / "tables")]) == 0
    summary = json.loads((tmp_path / "tables" / "summary.json").read_text())["figures"]
    reviewed = review(*(read_labels(file) for file in files)).figures
    for structure in ("ovary", "follicles"):
        for key in ("dsc", "hd", "hd95", "asd", "volume_prediction_ml"):
            assert summary[f"{structure}_{key}"]["mean"] == single[structure][key] == reviewed[structure][key]
    assert summary["fd"]["mean"] == single["detection"]["fd"] == reviewed["detection"]["fd"] == 50
    capfd.readouterr()


@pytest.mark.slow
def test_the_figure_has_the_reviews_distances_whatever_was_cropped(pair, tmp_path):
    reference, prediction = pair
    made = review(as_labels(reference), as_labels(prediction), sides=("compared",))
    wanted = {part.structure: pytest.approx(part.spread()["absolute"], abs=1e-6) for part in made.maps}
    cut = as_labels(cropped(reference))
    systems = {"whole": as_labels(prediction), "cut": as_labels(cropped(prediction))}
    assert figure(sitk.Cast(reference, sitk.sitkFloat32), cut, systems, tmp_path / "f.png", size=(160, 120)) == dict.fromkeys(
        systems, wanted
    )


def test_one_label_for_all_follicles_is_noted_and_components_takes_its_pieces_apart(pair, tmp_path, capfd):
    one = sitk.Cast(pair[0] > 0, sitk.sitkUInt8) + sitk.Cast(pair[0] > 1, sitk.sitkUInt8)  # nnU-Net's 0, 1, 2
    sitk.WriteImage(one, tmp_path / "one.nrrd")
    sitk.WriteImage(pair[0], tmp_path / "reference.nrrd")
    files = [str(tmp_path / f"{name}.nrrd") for name in ("reference", "one")]
    found = []
    for more in ([], ["--components"]):
        assert main(["compare", *files, *more, "--json", str(tmp_path / "figures.json")]) == 0
        found.append(json.loads((tmp_path / "figures.json").read_text()))
        said = capfd.readouterr().out
        assert ("--components counts every piece" in said) == (not more)
    assert [each["detection"]["count_prediction"] for each in found] == [1, 2]
    assert "follicle 1 in 2" in found[0]["notes"][0] and found[1]["notes"] == []
    assert found[1]["detection"]["matched_one_to_one"] == 2 and found[1]["follicles"]["dsc"] == 1
    (tmp_path / "pairs.csv").write_text("reference,prediction\nreference.nrrd,one.nrrd\n")
    assert main(["compare", "--batch", str(tmp_path / "pairs.csv"), "--components"]) == 0
    summary = json.loads((tmp_path / "pairs-compared" / "summary.json").read_text())
    assert summary["figures"]["count_prediction"]["mean"] == 2
