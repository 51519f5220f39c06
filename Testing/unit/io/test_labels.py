"""Label files round trip, and bad ones are refused in one line that names the file."""

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.io.labels import read_labels, write_labels
from crend.structures import segments


def image_of(array, **geometry):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.get("spacing", (0.3, 0.4, 0.5)))
    image.SetOrigin((1.0, -2.0, 3.5))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    return image


def pair(count=2):
    organ = np.zeros((8, 9, 10), np.uint8)
    organ[1:7, 1:8, 1:9] = 1
    instances = np.zeros(organ.shape, np.uint16)
    for k in range(1, count + 1):
        instances.reshape(-1)[np.flatnonzero(organ)[5 * k : 5 * k + 3]] = k
    return image_of(organ), image_of(instances)


@pytest.mark.parametrize("name", ["a.seg.nrrd", "a.nii.gz", "a.nrrd", "a.mha", "a.SEG.nrrd"])
def test_what_is_written_is_read(tmp_path, name):
    ovary, follicles = pair()
    write_labels(tmp_path / name, ovary, follicles)
    again = read_labels(tmp_path / name)
    assert again.ovary.GetPixelID() == sitk.sitkUInt8 and again.follicles.GetPixelID() == sitk.sitkUInt16
    for ours, theirs in ((ovary, again.ovary), (follicles, again.follicles)):
        assert np.array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs))
        assert theirs.GetSpacing() == pytest.approx(ours.GetSpacing()) and theirs.GetOrigin() == pytest.approx(ours.GetOrigin(), abs=1e-5)
        assert theirs.GetDirection() == pytest.approx(ours.GetDirection(), abs=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_two_ovaries_are_two_segments_one_label_and_one_organ_when_read(tmp_path):
    ovary, follicles = pair()
    organs = sitk.GetArrayFromImage(ovary)
    organs[:, :, 5:] *= 2
    for name in ("a.seg.nrrd", "a.nii.gz"):
        write_labels(tmp_path / name, image_of(organs), follicles)
        again = read_labels(tmp_path / name)
        assert np.array_equal(sitk.GetArrayFromImage(again.ovary), organs > 0), name
        assert np.array_equal(sitk.GetArrayFromImage(again.follicles), sitk.GetArrayFromImage(follicles)), name
    written = sitk.ReadImage(str(tmp_path / "a.seg.nrrd"))
    found = [[written.GetMetaData(f"Segment{k}_{key}") for key in ("ID", "Name", "Layer", "LabelValue")] for k in range(3)]
    assert found == [["Ovary_1", "Ovary 1", "0", "1"], ["Ovary_2", "Ovary 2", "0", "2"], ["Follicle_1", "Follicle 1", "1", "2"]]
    assert set(np.unique(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii.gz"))))) == {0, 1, 2, 3}
    write_labels(tmp_path / "one.seg.nrrd", image_of(2 * (organs > 0).astype(np.uint8)), follicles)
    assert sitk.ReadImage(str(tmp_path / "one.seg.nrrd")).GetMetaData("Segment0_Name") == "Ovary", "one value is one ovary"


@pytest.mark.parametrize("name", ["a.seg.nrrd", "a.nrrd"])
def test_three_hundred_follicles_need_and_get_16_bits(tmp_path, name):
    organ = np.ones((7, 8, 9), np.uint8)
    instances = np.arange(organ.size, dtype=np.uint16).reshape(organ.shape) % 301
    write_labels(tmp_path / name, image_of(organ), image_of(instances))
    assert np.array_equal(sitk.GetArrayFromImage(read_labels(tmp_path / name).follicles), instances)


def test_label_image_means_one_is_ovary_and_k_plus_one_is_follicle_k(tmp_path):
    array = np.zeros((4, 5, 6), np.int16)
    array[1], array[2], array[3, 0, 0] = 1, 2, 5
    sitk.WriteImage(image_of(array), tmp_path / "labels.nrrd")
    labels = read_labels(tmp_path / "labels.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(labels.ovary), array > 0)
    assert [sitk.GetArrayFromImage(labels.follicles)[at] for at in ((1, 0, 0), (2, 0, 0), (3, 0, 0))] == [0, 1, 4]


def bad(tmp_path, what):
    path = tmp_path / "bad.nrrd"
    if what == "missing":
        return tmp_path / "nowhere.nrrd"
    if what == "folder":
        return tmp_path
    if what == "text":
        path.write_text("not an image")
        return path
    array = np.zeros((4, 5, 6), np.float32)
    array[1] = 1
    image = {
        "negative": lambda: image_of(-array),
        "fractional": lambda: image_of(array * 0.5),
        "infinite": lambda: image_of(np.where(array > 0, np.inf, array).astype(np.float32)),
        "too high": lambda: image_of(array * 70000),
        "2D": lambda: sitk.GetImageFromArray(array[0]),
        "4D": lambda: sitk.JoinSeries([image_of(array)] * 2),
        "colour": lambda: sitk.GetImageFromArray(np.stack([array] * 3, axis=-1), isVector=True),
        "complex": lambda: image_of(array.astype(np.complex64)),
    }[what]()
    sitk.WriteImage(image, path)
    return path


@pytest.mark.parametrize(
    "what", ["missing", "folder", "text", "negative", "fractional", "infinite", "too high", "2D", "4D", "colour", "complex"]
)
def test_bad_labels_are_refused_in_one_line(tmp_path, what):
    path = bad(tmp_path, what)
    with pytest.raises(InputError) as caught:
        read_labels(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.vtk", "a.hdr"])
def test_labels_cut_short_are_refused(tmp_path, name):
    array = np.random.default_rng(0).integers(0, 9, (20, 20, 20)).astype(np.uint8)
    path = tmp_path / name
    image = sitk.GetImageFromArray(array)
    sitk.WriteImage(image, path)
    assert np.array_equal(sitk.GetArrayFromImage(read_labels(path).ovary), array > 0)
    voxels = path.with_suffix(".img") if name == "a.hdr" else path
    voxels.write_bytes(voxels.read_bytes()[:-100])
    with pytest.raises(InputError, match=f"{name}: is damaged or incomplete"):
        read_labels(path)


def renamed(tmp_path, names):
    """A segmentation of three segments with other names and no terminology."""
    ovary, follicles = pair()
    write_labels(tmp_path / "a.seg.nrrd", ovary, follicles)
    image = sitk.ReadImage(tmp_path / "a.seg.nrrd")
    for k, name in enumerate(names):
        image.SetMetaData(f"Segment{k}_Name", name)
        image.SetMetaData(f"Segment{k}_Tags", "")
    sitk.WriteImage(image, tmp_path / "b.seg.nrrd")
    return tmp_path / "b.seg.nrrd", follicles


def test_unknown_segments_are_named(tmp_path):
    path, _ = renamed(tmp_path, ["Ovary", "Bladder", "Uterus"])
    with pytest.raises(InputError, match="'Bladder', 'Uterus'"):
        read_labels(path)


@pytest.mark.parametrize(
    "changes, words",
    [
        (
            {"Segment2_ID": None, "Segment7_ID": "Follicle_2"},
            "has a segment 7, but no segment 2, so some may be lost; save it again in Slicer",
        ),
        ({"Segment0_ID": None}, "has a segment 1, but no segment 0"),
        ({"Segment2_Layer": "x"}, "segment 2 has the layer x, which is none"),
        ({"Segment2_Layer": "-1"}, "segment 2 has the layer -1, which is none"),
        ({"Segment2_LabelValue": "3.0"}, "segment 2 has the label value 3.0, which is none"),
        ({"Segment2_LabelValue": "0"}, "segment 2 has the label value 0, which is none"),
    ],
)
def test_segments_that_would_be_lost_are_refused(tmp_path, changes, words):
    image = sitk.ReadImage(renamed(tmp_path, ["Ovary", "Follicle 1", "Follicle 2"])[0])
    for key, value in changes.items():
        image.EraseMetaData(key) if value is None else image.SetMetaData(key, value)
    sitk.WriteImage(image, tmp_path / "c.seg.nrrd")
    with pytest.raises(InputError, match=f"c.seg.nrrd: {words}"):
        read_labels(tmp_path / "c.seg.nrrd")


def test_numbers_in_names_are_kept_whatever_the_order(tmp_path):
    path, follicles = renamed(tmp_path, ["left ovary", "follicle_7", "Follicle 3"])
    found = sitk.GetArrayFromImage(read_labels(path).follicles)
    expected = sitk.GetArrayFromImage(follicles)
    assert np.array_equal(found == 7, expected == 1) and np.array_equal(found == 3, expected == 2)


def test_one_segment_of_all_follicles_is_split_into_its_components(tmp_path):
    path, follicles = renamed(tmp_path, ["Ovary", "Follicles", "Follicle 9"])
    found = sitk.GetArrayFromImage(read_labels(path).follicles)
    assert np.array_equal(found > 0, sitk.GetArrayFromImage(follicles) > 0) and found.max() == 2


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.xyz", "a", "a.mhd", "a.nhdr", "missing/a.seg.nrrd"])
def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, name):
    with pytest.raises(InputError) as caught:
        write_labels(tmp_path / name, *pair())
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_follicle_names_are_understood_as_people_write_them():
    assert [segments.follicle_number(n) for n in ("Follicle 1", "follicle_12", "Follicle-3", "F4", "f 05")] == [1, 12, 3, 4, 5]
    assert [segments.follicle_number(n) for n in ("Follicle", "Follicle 0", "Follicles", "Fundus 1", "1", "Follicle 1 b")] == [None] * 6


def lab(rgb):
    """CIELAB (D65) of sRGB 0..1."""
    rgb = np.asarray(rgb, float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]) / (0.9505, 1, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def test_thirty_follicles_and_the_ovary_can_be_told_apart_by_colour():
    points = lab([segments.colour(k) for k in range(31)])
    distance = np.linalg.norm(points[:, None] - points, axis=-1) + 1000 * np.eye(31)
    assert distance.min() > 20 and distance[0].min() > 35
    assert all(0 <= c <= 1 for k in range(200) for c in segments.colour(k))


def test_the_terminology_file_offers_what_the_segments_carry():
    import json
    from pathlib import Path

    import crend

    shipped = json.loads((Path(crend.__file__).parents[1] / "Resources/Terminology/CRend.term.json").read_text())
    entries = {
        segments.terminology_string(
            shipped["SegmentationCategoryTypeContextName"], (t["CodingSchemeDesignator"], t["CodeValue"], t["CodeMeaning"])
        )
        for c in shipped["SegmentationCodes"]["Category"]
        for t in c["Type"]
        if (c["CodingSchemeDesignator"], c["CodeValue"], c["CodeMeaning"]) == segments.CATEGORY_CODE
    }
    assert segments.FOLLICLE_TERMINOLOGY in entries
    assert len(segments.OVARY_TERMINOLOGY.split("~")) == 7
