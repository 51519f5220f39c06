"""CRend called from Python: what it takes, what it gives back, and that importing it costs nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from standin import bundle_for, image_of, scene

import crend
from crend.io.labels import read_labels

FOLLICLES = [(slice(16, 22),) * 3, (slice(26, 34), slice(24, 32), slice(24, 33))]


@pytest.fixture(scope="module")
def array():
    return scene((48, 44, 40), (slice(10, 38),) * 3, FOLLICLES)


@pytest.fixture(scope="module")
def volume(array):
    return image_of(array, (0.9, 1.0, 1.1))


@pytest.fixture(scope="module")
def bundle(array):
    return bundle_for(array)


@pytest.fixture(scope="module")
def result(volume, bundle):
    return crend.segment(volume, model=bundle, device="cpu", engine="torch")


def test_importing_it_loads_nothing_but_python(tmp_path):
    code = "import sys; before = set(sys.modules); import crend; print(*sorted({n.split('.')[0] for n in set(sys.modules) - before}))"
    environment = {**os.environ, "PYTHONPATH": str(Path(crend.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert {"numpy", "SimpleITK", "torch", "scipy", "vtk"} & set(done.stdout.split()) == set() and "crend" in done.stdout.split()


def test_every_public_name_is_there_and_no_other():
    assert all(getattr(crend, name) is not None for name in crend.__all__)
    assert set(crend.__all__) <= set(dir(crend))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        crend.nothing
    assert (Path(crend.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_a_file_an_image_and_an_array_give_the_same_result(tmp_path, volume, bundle, result):
    path = tmp_path / "volume.nrrd"
    sitk.WriteImage(volume, str(path))
    from_file = crend.segment(path, model=bundle, device="cpu", engine="torch")
    array = sitk.GetArrayFromImage(volume)
    from_array = crend.segment(array, spacing_mm=volume.GetSpacing(), model=bundle, device="cpu", engine="torch")
    assert result.measurements.ovary is not None and result.measurements.follicles
    assert from_file.measurements == from_array.measurements == result.measurements
    assert from_file.provenance["input"] == str(path) and "input" not in from_array.provenance


@pytest.mark.slow
def test_the_spacing_of_a_file_can_be_given(tmp_path, volume, bundle, result):
    path = tmp_path / "volume.nrrd"
    bare = sitk.GetImageFromArray(sitk.GetArrayFromImage(volume))
    sitk.WriteImage(bare, str(path))
    given = crend.segment(path, spacing_mm=volume.GetSpacing(), model=bundle, device="cpu", engine="torch")
    assert given.ovary.GetSpacing() == pytest.approx(volume.GetSpacing())
    assert given.measurements.ovary.volume_ml == pytest.approx(result.measurements.ovary.volume_ml)


def test_a_result_saves_labels_table_and_report_by_the_ending(tmp_path, result):
    for name in ("out.seg.nrrd", "out.nii.gz", "t.csv", "r.json"):
        result.save(tmp_path / name)
    kept = read_labels(tmp_path / "out.seg.nrrd")
    assert np.array_equal(sitk.GetArrayViewFromImage(kept.ovary), sitk.GetArrayViewFromImage(result.ovary))
    assert np.array_equal(sitk.GetArrayViewFromImage(kept.follicles), sitk.GetArrayViewFromImage(result.follicles))
    assert json.loads((tmp_path / "r.json").read_text())["message"] == result.message
    assert len((tmp_path / "t.csv").read_text(encoding="utf-8-sig").splitlines()) == 1 + len(result.measurements.follicles)


def test_the_follicle_table_is_a_list_of_dicts_without_pandas_and_a_data_frame_with_it(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = result.follicles_table()
    assert rows == result.measurements.rows() and list(rows[0]) == list(result.measurements.COLUMNS)

    class Pandas:
        @staticmethod
        def DataFrame(rows, columns):
            return "a data frame", len(rows), columns

    monkeypatch.setitem(sys.modules, "pandas", Pandas)
    assert result.follicles_table() == ("a data frame", len(rows), list(result.measurements.COLUMNS))


def test_results_and_files_are_compared(tmp_path, result):
    result.save(tmp_path / "out.seg.nrrd")
    figures = crend.compare(result, str(tmp_path / "out.seg.nrrd"))
    assert figures["ovary"]["dsc"] == 1 and figures["detection"]["count_error"] == 0


@pytest.mark.parametrize(
    "given, options, said",
    [
        (7, {}, "not int"),
        (None, {}, "not NoneType"),
        (np.zeros((4, 4)), {"spacing_mm": (1, 1, 1)}, "has 2 axes"),
        (np.zeros((4, 4, 4), complex), {"spacing_mm": (1, 1, 1)}, "complex128"),
        (np.zeros((4, 4, 4)), {}, "needs spacing_mm"),
        (np.zeros((4, 4, 4)), {"spacing_mm": 0.5}, "three positive numbers"),
        (np.zeros((4, 4, 4)), {"spacing_mm": (1, 1, 0)}, "three positive numbers"),
        (np.zeros((4, 4, 4)), {"spacing_mm": (1, 1, float("nan"))}, "three positive numbers"),
        (sitk.Image(4, 4, 4, sitk.sitkUInt8), {"spacing_mm": (1, 1, 1)}, "carries its own spacing"),
        ("no such file.nrrd", {}, "no such file.nrrd"),
    ],
)
def test_what_is_no_volume_is_refused_in_one_line(given, options, said, bundle):
    with pytest.raises(crend.InputError, match=said) as refused:
        crend.segment(given, model=bundle, **options)
    assert "\n" not in str(refused.value)


def test_what_is_no_segmentation_is_not_compared(result):
    with pytest.raises(crend.InputError, match="the prediction is a file of labels or a result of crend.segment, not ndarray"):
        crend.compare(result, np.zeros((3, 3, 3)))


def test_follicles_are_numbered_by_their_volume(volume, result):
    volumes = [follicle.volume_ml for follicle in result.measurements.follicles]
    assert volumes == sorted(volumes, reverse=True)
    assert [follicle.id for follicle in result.measurements.follicles] == list(range(1, len(volumes) + 1))


def test_one_label_for_all_follicles_is_taken_apart_where_asked(tmp_path):
    array = np.zeros((8, 9, 20), np.uint8)
    array[1:7, 1:8, 1:19] = 1
    array[3:5, 3:5, 3:5] = array[3:5, 3:5, 12:15] = 2
    sitk.WriteImage(sitk.GetImageFromArray(array), tmp_path / "labels.nrrd")
    counts = [
        crend.compare(tmp_path / "labels.nrrd", tmp_path / "labels.nrrd", components=on)["detection"]["count_prediction"]
        for on in (False, True)
    ]
    assert counts == [1, 2]
