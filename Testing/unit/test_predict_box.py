"""The whole path in a box, on volumes whose answer is known voxel by voxel."""

import csv
import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from standin import BACKGROUND, FOLLICLE, Threshold, bundle_for, image_of, scene

import crend
from crend.cli import main
from crend.comparison.metrics import compare
from crend.comparison.pairs import compare_batch, read_pairs
from crend.confidence.familiarity import FEATURES as DESCRIPTION
from crend.confidence.familiarity import fit as fit_familiar
from crend.confidence.follicle_confidence import FEATURES
from crend.errors import InputError
from crend.io.inputs import Volume
from crend.io.labels import Labels, read_labels
from crend.predict import segment
from crend.results.tables import write_tables
from crend.results.volume_files import segment_volume

SHAPE = (40, 44, 48)
OVARY = (slice(10, 28), slice(8, 30), slice(12, 34))
FOLLICLES = [(slice(12, 18), slice(10, 16), slice(14, 20)), (slice(20, 24), slice(22, 26), slice(26, 30))]


def faces(box, margin=2):
    """R0 R1 A0 A1 S0 S1 around three slices of an array of 1 mm voxels at the origin; LPS is turned round."""
    z, y, x = box
    return (-x.stop - margin, -x.start + margin, -y.stop - margin, -y.start + margin, z.start - margin, z.stop + margin)


def run(array, box=faces(OVARY), **arguments):
    bundle = arguments.pop("bundle", None) or bundle_for(scene(SHAPE, OVARY, FOLLICLES))
    return segment(image_of(array), bundle, engine="torch", device="cpu", box=box, **arguments)


def arrays(found):
    return sitk.GetArrayFromImage(found.ovary), sitk.GetArrayFromImage(found.follicles)


@pytest.fixture(scope="module")
def without_ovary():
    """Follicles in tissue in which the network sees no ovary."""
    array = scene(SHAPE, [], FOLLICLES)
    return array, bundle_for(array, network=Threshold(99.0, 1.0))  # follicles are 5 deviations brighter than the rest


def test_in_a_box_an_ovary_that_is_seen_is_outlined_as_without_one():
    array = scene(SHAPE, OVARY, FOLLICLES)
    found = run(array)
    ovary, follicles = arrays(found)
    assert np.array_equal(ovary, array > BACKGROUND) and np.array_equal(follicles > 0, array == FOLLICLE)
    assert found.ovary_source == "model" and found.measurements.ovary.volume_ml == pytest.approx(8.712)
    assert found.provenance["options"]["box"]["size"] == [26.0, 26.0, 22.0]
    assert found.message.startswith("1 ovary of 8.7 ml with 2 follicles")


def test_follicles_count_where_the_model_sees_no_ovary_and_the_boxs_ellipsoid_is_no_measurement(without_ovary):
    array, bundle = without_ovary
    assert segment(image_of(array), bundle, engine="torch", device="cpu").message == "no ovary found"
    found = run(array, bundle=bundle)
    ovary, follicles = arrays(found)
    assert found.ovary_source == "box" and found.measurements.ovary is None and found.measurements.summary()["ovary_volume_ml"] is None
    assert np.array_equal(follicles > 0, array == FOLLICLE) and (ovary[follicles > 0] == 1).all()
    assert ovary.sum() == pytest.approx(np.pi / 6 * 26 * 26 * 22, rel=0.1)
    assert found.message.startswith("2 follicles in the box; the ovary's outline is from the box, not measured")
    keys = [flag["key"] for flag in found.flags]
    assert "ovary_from_box" in keys and "no_ovary" not in keys


def test_a_box_with_nothing_in_it_gives_no_follicles():
    array = scene(SHAPE, OVARY, FOLLICLES)
    found = run(array, box=(-47, -37, -43, -33, 1, 9))
    assert found.measurements.follicles == () and not arrays(found)[1].any()
    assert found.message.startswith("no follicles in the box;") and found.provenance["ovaries"] == 0


def test_a_follicle_beyond_the_ovarys_outline_stays_and_is_a_part_of_it():
    away = (slice(30, 36), slice(32, 38), slice(36, 42))
    array = scene(SHAPE, OVARY, [*FOLLICLES, away])
    assert len(run(array, box=None).measurements.follicles) == 2
    found = run(array, box=(-47, 0, -43, 0, 0, 39))
    assert len(found.measurements.follicles) == 3 and arrays(found)[0][away].all()


def test_in_a_box_a_confidence_does_not_depend_on_the_ovary(without_ovary):
    array, bundle = without_ovary
    bundle = replace(bundle, metadata=deepcopy(bundle.metadata))
    ovary = np.array([name == "ovary" for name in FEATURES], float)
    calibration = {"mean": (5 * ovary).tolist(), "scale": [1.0] * len(FEATURES), "weights": (4 * ovary).tolist(), "bias": 2.0}
    bundle.metadata["crend"]["confidence"] = {"features": list(FEATURES), **calibration}
    follicles = run(array, bundle=bundle).measurements.follicles
    assert [follicle.confidence for follicle in follicles] == pytest.approx([1 / (1 + np.exp(-2.0))] * 2)


def test_in_a_box_what_is_too_unlikely_by_itself_is_not_counted_and_that_is_said(without_ovary):
    array, bundle = without_ovary
    bundle = replace(bundle, metadata=deepcopy(bundle.metadata))
    echo, ovary = (np.array([name == wanted for name in FEATURES], float) for wanted in ("echo", "ovary"))
    # A place that is brighter than its surroundings, as those of this scene are, is unlikely; so is one that the model sees no ovary around.
    calibration = {"mean": (5 * ovary).tolist(), "scale": [1.0] * len(FEATURES), "weights": (4 * ovary).tolist(), "bias": 2.0}
    bundle.metadata["crend"]["confidence"] = {"features": list(FEATURES), **calibration}
    assert len(run(array, bundle=bundle).measurements.follicles) == 2
    bundle.metadata["crend"]["confidence"]["weights"] = (4 * ovary + echo).tolist()
    found = run(array, bundle=bundle)
    assert found.measurements.follicles == () and not arrays(found)[1].any()
    (said,) = [flag["text"] for flag in found.flags if flag["key"] == "unlikely_follicles"]
    assert said.startswith("Places in the box that were too unlikely to be counted as follicles: 2;")
    unfamiliar = replace(bundle, metadata=deepcopy(bundle.metadata))
    unfamiliar.metadata["crend"]["confidence"]["weights"] = (4 * ovary).tolist()
    unfamiliar.metadata["crend"]["familiar"] = fit_familiar(np.random.default_rng(0).normal(size=(60, len(DESCRIPTION))))
    kept = run(array, bundle=unfamiliar)
    assert "unfamiliar" in [flag["key"] for flag in kept.flags]
    assert [follicle.confidence for follicle in kept.measurements.follicles] == [0.5, 0.5]


def test_follicles_that_are_dropped_for_their_confidence_are_no_part_of_the_ovary():
    away = (slice(32, 36), slice(34, 38), slice(38, 42))
    array = scene(SHAPE, OVARY, [FOLLICLES[0], away])
    bundle = bundle_for(scene(SHAPE, OVARY, FOLLICLES))
    sizes = np.array([name == "size" for name in FEATURES], float)
    calibration = {"mean": [0.0] * len(FEATURES), "scale": [1.0] * len(FEATURES), "weights": (20 * sizes).tolist()}
    bundle.metadata["crend"]["confidence"] = {"features": list(FEATURES), **calibration, "bias": float(-20 * np.log(5.0))}
    found = run(array, box=(-47, 0, -43, 0, 0, 39), bundle=bundle, least_confidence=0.9)
    assert len(found.measurements.follicles) == 1 and not arrays(found)[0][away].any()
    assert found.measurements.ovary.volume_ml == pytest.approx(8.712)


def test_a_follicle_counts_when_half_of_it_lies_in_the_box_and_then_it_is_whole():
    array = scene(SHAPE, OVARY, FOLLICLES)
    z, y, _ = FOLLICLES[0]
    within = run(array, box=faces((slice(z.start + 2, 28), y, slice(10, 34)), 1))
    assert (arrays(within)[1][FOLLICLES[0]] > 0).all()
    beyond = run(array, box=faces((slice(z.start + 5, 28), y, slice(10, 34)), 0))
    assert not arrays(beyond)[1][FOLLICLES[0]].any()


def test_an_ovary_that_goes_on_beyond_the_box_is_cut_and_said_to_be():
    array = scene(SHAPE, OVARY, FOLLICLES)
    z, y, x = OVARY
    found = run(array, box=faces((slice(z.start, 19), y, x), 0))
    assert "box_cuts_ovary" in [flag["key"] for flag in found.flags] and "ovary cut by the box" in found.message
    assert not arrays(found)[0][21:][:, :, :12].any()
    assert "box_cuts_ovary" not in [flag["key"] for flag in run(array).flags]


def test_only_the_windows_over_the_box_are_run_and_all_of_those():
    array = scene((40, 44, 160), OVARY, FOLLICLES)
    found, everywhere = run(array), run(array, box=None, search=False)
    assert 0 < found.provenance["windows"]["run"] < everywhere.provenance["windows"]["run"]
    assert np.array_equal(arrays(found)[1], arrays(everywhere)[1])


@pytest.mark.parametrize("box, words", [((100, 130, 0, 30, 0, 30), "outside the volume"), ((0, 30, 9, 1, 0, 30), "inverted")])
def test_a_box_that_will_not_do_is_refused_before_the_network_runs(box, words):
    with pytest.raises(InputError, match=words):
        run(scene(SHAPE, OVARY), box=box)


def test_files_of_a_box_mark_the_guide_or_leave_it_out_and_their_tables_leave_its_size_empty(without_ovary, tmp_path):
    array, bundle = without_ovary
    found = run(array, bundle=bundle)
    found.save(tmp_path / "o.seg.nrrd")
    header = sitk.ReadImage(str(tmp_path / "o.seg.nrrd"))
    assert "CRend.OvarySource:box" in header.GetMetaData("Segment0_Tags") and "OvarySource" not in header.GetMetaData("Segment1_Tags")
    found.save(tmp_path / "o.nii.gz")
    assert np.array_equal(sitk.GetArrayFromImage(read_labels(tmp_path / "o.nii.gz").ovary) > 0, array == FOLLICLE)
    segment_volume(
        Volume(tmp_path / "a.nrrd", "a", box=faces(OVARY)), tmp_path, lambda path, progress, box: run(array, box, bundle=bundle), {}
    )
    report = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert report["ovary"] is None and report["provenance"]["ovary_source"] == "box" and report["options"]["box"] == list(faces(OVARY))
    write_tables(tmp_path)
    rows = {}
    for name in ("volumes", "ovaries"):
        with open(tmp_path / f"{name}.csv", newline="", encoding="utf-8-sig") as file:
            (rows[name],) = csv.DictReader(file)
        assert rows[name]["ovary_volume_ml"] == "" and rows[name]["follicle_count"] == "2"
    assert rows["volumes"]["ovary_source"] == "box" and rows["ovaries"]["centroid_r_mm"] == ""


def test_the_library_takes_a_box():
    found = crend.segment(image_of(scene(SHAPE, OVARY, FOLLICLES)), model=bundle_for(scene(SHAPE, OVARY, FOLLICLES)), device="cpu", engine="torch",
                          box=faces(OVARY))  # fmt: skip
    assert len(found.measurements.follicles) == 2 and found.ovary_source == "model" and found.provenance["options"]["box"]


def test_a_comparison_says_that_a_guide_is_no_ovary_and_leaves_the_ovarys_figures_empty(without_ovary, tmp_path, capsys):
    array, bundle = without_ovary
    guided, drawn = run(array, bundle=bundle), run(scene(SHAPE, OVARY, FOLLICLES))
    guided.save(tmp_path / "guide.seg.nrrd")
    drawn.save(tmp_path / "drawn.seg.nrrd")
    for reference, compared, side in (
        (drawn, guided, "compared one"),
        (tmp_path / "guide.seg.nrrd", tmp_path / "drawn.seg.nrrd", "reference"),
    ):
        found = crend.compare(reference, compared, components=True)
        assert found["notes"][0].startswith(f"The ovary of the {side} is only the ellipsoid of a box") and len(found["notes"]) == 1
        assert set(found["ovary"].values()) == {None} and found["follicles"]["dsc"] == 1.0 and found["detection"]["count_error"] == 0
    cropped = replace(read_labels(tmp_path / "guide.seg.nrrd"), guide=True)
    moved = Labels(cropped.ovary[3:, 2:, 1:], cropped.follicles[3:, 2:, 1:], guide=True)
    assert "ellipsoid" in compare(moved, read_labels(tmp_path / "drawn.seg.nrrd"))["notes"][0]
    (tmp_path / "pairs.csv").write_text("reference,prediction\ndrawn.seg.nrrd,guide.seg.nrrd\ndrawn.seg.nrrd,drawn.seg.nrrd\n")
    batch = compare_batch(read_pairs(tmp_path / "pairs.csv"))
    assert [row["ovary_dsc"] for row in batch.cases] == [None, 1.0] and "ellipsoid" in batch.cases[0]["notes"]
    assert batch.summary["figures"]["ovary_dsc"]["missing"] == 1 and batch.summary["agreement"]["ovary_volume_ml"]["n"] == 1
    guided.save(tmp_path / "guide.nii.gz")
    (alone,) = crend.compare(drawn, tmp_path / "guide.nii.gz")["notes"]
    assert alone.startswith("The compared one has follicles and no ovary around them")
    assert main(["compare", str(tmp_path / "drawn.seg.nrrd"), str(tmp_path / "guide.seg.nrrd")]) == 0
    assert "note: The ovary of the compared one is only the ellipsoid of a box" in " ".join(capsys.readouterr().out.split())
    sitk.WriteImage(image_of(array), str(tmp_path / "volume.nrrd"))
    shown = [str(tmp_path / name) for name in ("volume.nrrd", "drawn.seg.nrrd", "guide.seg.nrrd")]
    assert main(["figure", *shown, "--out", str(tmp_path / "figure.png")]) == 0
    assert "guide.seg.nrrd: its ovary is only the ellipsoid of a box" in " ".join(capsys.readouterr().out.split())
