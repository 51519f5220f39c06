"""Sizes of shapes whose sizes are known: sphere, ellipsoid, box."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from crend.io.tables import write_csv, write_json
from crend.structures.measurements import Follicle, Measurements, keep_confident, measure, number_by_volume

OBLIQUE = sitk.VersorRigid3DTransform()
OBLIQUE.SetRotation((0.3, -0.5, 0.8), 0.7)


def ellipsoid(axes, spacing, rng, direction=np.eye(3)):
    """Image (x y z spacing) of one ellipsoid of diameters `axes` along the orthonormal rows of `direction`, between voxels at random."""
    size = [int(max(axes) / s) + 6 for s in spacing[::-1]]
    index = np.stack(np.indices(size), axis=-1)[..., ::-1]
    at = (index - np.array(size[::-1]) / 2 + rng.uniform(-0.5, 0.5, 3)) * spacing
    array = ((2 * (at @ np.transpose(direction)) / axes) ** 2).sum(axis=-1) < 1
    image = sitk.GetImageFromArray(array.astype(np.uint16))
    image.SetSpacing(spacing)
    return image


def only(image):
    (follicle,) = measure(image, image).follicles
    return follicle


@pytest.mark.slow
@pytest.mark.parametrize("spacing", [(0.3, 0.3, 0.3), (0.3, 0.3, 0.6)])
@pytest.mark.parametrize("diameter", [2, 3, 5, 10, 20])
def test_spheres_are_measured_without_bias(diameter, spacing):
    rng = np.random.default_rng(diameter)
    found = [only(ellipsoid((diameter,) * 3, spacing, rng)) for _ in range(24 if diameter < 10 else 2)]
    true_ml = math.pi / 6 * diameter**3 / 1000
    assert np.mean([f.volume_ml for f in found]) == pytest.approx(true_ml, rel=0.02)
    for name in ("dv_mm", "mean_diameter_mm"):
        assert np.mean([getattr(f, name) for f in found]) == pytest.approx(diameter, rel=0.01), name
    assert np.mean([f.max_diameter_mm for f in found]) == pytest.approx(diameter, abs=0.3)
    assert np.mean([f.sphericity for f in found]) > 0.98


@pytest.mark.slow
def test_one_sphere_of_5_mm_and_more_is_within_two_percent():
    rng = np.random.default_rng(1)
    for diameter in (5, 8, 12, 20):
        assert only(ellipsoid((diameter,) * 3, (0.3, 0.3, 0.3), rng)).volume_ml == pytest.approx(math.pi / 6 * diameter**3 / 1000, rel=0.02)


def test_axes_of_a_turned_ellipsoid_longest_first():
    direction = np.array(OBLIQUE.GetMatrix()).reshape(3, 3)
    follicle = only(ellipsoid((6, 12, 9), (0.3, 0.3, 0.5), np.random.default_rng(2), direction))
    assert (follicle.dx_mm, follicle.dy_mm, follicle.dz_mm) == pytest.approx((12, 9, 6), rel=0.01)
    assert follicle.mean_diameter_mm == pytest.approx(9, rel=0.01)
    assert follicle.dv_mm == pytest.approx((6 * 12 * 9) ** (1 / 3), rel=0.005)
    assert follicle.max_diameter_mm == pytest.approx(12, abs=0.2)


def test_the_axes_ellipsoid_has_the_volume():
    array = np.zeros((12, 12, 20), np.uint16)
    array[2:8, 3:9, 4:18] = 1
    follicle = only(sitk.GetImageFromArray(array))
    assert math.pi / 6 * follicle.dx_mm * follicle.dy_mm * follicle.dz_mm == pytest.approx(6 * 6 * 14)
    assert follicle.max_diameter_mm == pytest.approx(max(math.sqrt(5**2 + 5**2 + 13**2), follicle.dx_mm))


def test_centroid_is_ras_of_an_oblique_image():
    array = np.zeros((10, 11, 12), np.uint16)
    array[2, 3, 4] = array[4, 5, 6] = 1
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.5, 0.6, 0.7))
    image.SetOrigin((10, 20, 30))
    image.SetDirection(OBLIQUE.GetMatrix())
    left, posterior, superior = image.TransformIndexToPhysicalPoint((5, 4, 3))
    assert only(image).centroid_ras == pytest.approx((-left, -posterior, superior))


@pytest.mark.parametrize(("slab", "touches"), [((0, 5, 5), True), ((5, 9, 5), True), ((5, 5, 1), False), ((8, 8, 8), False)])
def test_border_is_touched_by_a_voxel_on_it(slab, touches):
    array = np.zeros((10, 10, 10), np.uint16)
    array[slab] = 1
    assert only(sitk.GetImageFromArray(array)).touches_border is touches


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 6), (1, 1, 5)], ids=["voxel", "plane", "line"])
def test_flat_shapes_have_an_axis_of_one_voxel_and_no_failure(shape):
    array = np.zeros((8, 8, 8), np.uint16)
    array[tuple(slice(1, 1 + n) for n in shape)] = 1
    follicle = only(sitk.GetImageFromArray(array))
    assert math.pi / 6 * follicle.dx_mm * follicle.dy_mm * follicle.dz_mm == pytest.approx(np.prod(shape))
    assert follicle.max_diameter_mm >= follicle.dx_mm >= follicle.dy_mm >= follicle.dz_mm > 0.5
    assert 0 < follicle.sphericity <= 1


def test_nothing_measures_as_nothing():
    empty = sitk.Image([8, 8, 8], sitk.sitkUInt16)
    measurements = measure(empty, empty)
    assert measurements.ovary is None and measurements.follicles == ()
    summary = measurements.summary()
    assert summary["ovary_volume_ml"] is None and summary["leading"] is None and summary["follicle_count"] == 0


def test_labels_keep_their_numbers():
    array = np.zeros((8, 8, 8), np.uint16)
    array[1:3, 1:3, 1:3], array[5:7, 5:7, 5:7] = 2, 7
    image = sitk.GetImageFromArray(array)
    assert [(f.id, f.segment, f.volume_ml) for f in measure(image, image).follicles] == [(2, "Follicle 2", 0.008), (7, "Follicle 7", 0.008)]
    assert measure(image, image).ovary.volume_ml == pytest.approx(0.016)


def follicle(k, mean):
    return Follicle(
        id=k,
        segment=f"Follicle {k}",
        volume_ml=0.1 * k,
        dv_mm=mean,
        mean_diameter_mm=mean,
        dx_mm=mean,
        dy_mm=mean,
        dz_mm=mean,
        max_diameter_mm=mean,
        sphericity=0.9,
        centroid_r_mm=1.0,
        centroid_a_mm=2.0,
        centroid_s_mm=3.0,
        touches_border=k == 1,
    )


def test_counts_by_size_use_rounded_mean_diameters():
    sizes = (1.49, 1.5, 5.49, 5.5, 9.5, 10.49, 10.5, 13.4, 17.4, 17.5, 25.0)
    summary = Measurements(None, tuple(follicle(k, size) for k, size in enumerate(sizes, start=1))).summary()
    assert summary["counts"] == {"<2": 1, "2-5": 2, "6-9": 1, "10-13": 4, "14-17": 1, "18+": 2}
    assert summary["antral_count"] == 5
    assert summary["leading"]["id"] == 11 and summary["leading"]["mean_diameter_mm"] == 25.0
    assert summary["total_follicle_volume_ml"] == pytest.approx(6.6)


def test_csv_has_the_agreed_columns_in_their_order(tmp_path):
    write_csv(Measurements(None, (follicle(1, 10.0), follicle(2, 4.0))), tmp_path / "follicles.csv")
    text = (tmp_path / "follicles.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == (
        "id,segment,volume_ml,dv_mm,mean_diameter_mm,dx_mm,dy_mm,dz_mm,max_diameter_mm,"
        "sphericity,centroid_r_mm,centroid_a_mm,centroid_s_mm,touches_border,confidence,ovary"
    )
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[0]["segment"] == "Follicle 1" and float(rows[0]["volume_ml"]) == 0.1 and rows[0]["touches_border"] == "true"
    assert rows[1]["dx_mm"] == "4.000" and rows[1]["touches_border"] == "false"


def test_json_is_strict_and_complete(tmp_path):
    data = Measurements(None, (follicle(1, 10.0),)).as_dict()
    write_json(data, tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text()) == data
    with pytest.raises(ValueError):
        write_json({"bad": math.nan}, tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text()) == data


def test_follicles_are_numbered_anew_where_their_volumes_say_so():
    labels = np.zeros((3, 3, 9), np.uint16)
    for k, x in ((1, 1), (2, 4), (3, 7)):
        labels[1, 1, x] = k
    given = Measurements(None, (follicle(1, 5.0), follicle(2, 4.0), follicle(3, 6.0)))
    image, numbered = number_by_volume(sitk.GetImageFromArray(labels), given)
    assert sitk.GetArrayFromImage(image)[1, 1, [1, 4, 7]].tolist() == [3, 2, 1]
    assert [(f.id, f.segment) for f in numbered.follicles] == [(1, "Follicle 1"), (2, "Follicle 2"), (3, "Follicle 3")]
    assert [f.volume_ml for f in numbered.follicles] == sorted((f.volume_ml for f in given.follicles), reverse=True)
    assert number_by_volume(image, numbered) == (image, numbered)


def test_follicles_of_low_confidence_are_dropped_and_the_rest_numbered_anew():
    labels = np.zeros((3, 3, 9), np.uint16)
    for k, x in ((1, 1), (2, 4), (3, 7)):
        labels[1, 1, x] = k
    chances = {1: 0.9, 2: 0.3, 3: None}
    given = Measurements(None, tuple(replace(follicle(k, 5.0), confidence=chance) for k, chance in chances.items()))
    image, kept = keep_confident(sitk.GetImageFromArray(labels), given, 0.5)
    assert sitk.GetArrayFromImage(image)[1, 1, [1, 4, 7]].tolist() == [1, 0, 2]
    assert [(f.id, f.segment, f.confidence) for f in kept.follicles] == [(1, "Follicle 1", 0.9), (2, "Follicle 2", None)]
