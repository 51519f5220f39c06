"""Volumes as scientists have them: lists, USOVA3D, and what `check` says of broken ones."""

import dataclasses
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from training_samples import ball_images, tiny

from crend.errors import InputError
from crend.io.image_files import check_whole
from crend.io.labels import write_labels
from crend_training.configuration.experiment import Data
from crend_training.data.cases import case_names, open_case
from crend_training.data.checking import check_entries, usable
from crend_training.data.lists import read_datalist
from crend_training.data.sources import checked, entries_at, prepare_training
from crend_training.data.subjects import listed as to_measure
from crend_training.data.usova3d import find_usova3d
from crend_training.data.volumes import Entry, read_volume
from crend_training.training.train import train


def write_usova(path, array, spacing=(0.3, 0.3, 0.3)):
    """A legacy VTK file with the header of the USOVA3D volumes, x fastest."""
    d, h, w = array.shape
    header = (
        f"# vtk DataFile Version 1.0\n{path.stem}\nBINARY\nDATASET STRUCTURED_POINTS\nDIMENSIONS {w} {h} {d}\n"
        f"SPACING {spacing[0]} {spacing[1]} {spacing[2]}\nORIGIN 0 0 0\nPOINT_DATA {array.size}\nSCALARS scalars unsigned_char\nLOOKUP_TABLE default\n"
    )
    path.write_bytes(header.encode() + array.astype(np.uint8).tobytes())


def usova_arrays(seed=0):
    volume, ovary, follicles = (sitk.GetArrayFromImage(image) for image in ball_images(seed, spacing=0.3))
    return volume, ovary, follicles


def write_usova_volume(folder, number, spacing=(0.3, 0.3, 0.3), seed=None):
    volume, ovary, follicles = usova_arrays(number if seed is None else seed)
    second = follicles.copy()
    second[:, :, :20] = 0
    parts = {"": volume, "_o_r1": ovary, "_o_r2": np.roll(ovary, 1, axis=0), "_f_r1": follicles * 3, "_f_r2": second}
    for ending, array in parts.items():
        write_usova(folder / f"vol{number}{ending}.vtk", array, spacing)
    return parts


@pytest.fixture
def usova(tmp_path):
    for number in (1, 2, 7):
        write_usova_volume(tmp_path, number)
    return tmp_path


def write_list(folder, rows, name="list.csv"):
    header = list(dict.fromkeys(key for row in rows for key in row))
    lines = [",".join(header)] + [",".join(str(row.get(key, "")) for key in header) for row in rows]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def write_pair(folder, name, seed=0, ending=".nii.gz", spacing=0.5):
    volume, ovary, follicles = ball_images(seed, spacing=spacing)
    sitk.WriteImage(volume, str(folder / f"{name}.nrrd"))
    write_labels(folder / f"{name}-labels{ending}", ovary, follicles)
    return {"image": f"{name}.nrrd", "label": f"{name}-labels{ending}"}


def texts(findings, name, wrong=True):
    return " | ".join(finding.text for finding in findings if finding.name == name and finding.wrong == wrong)


def test_usova3d_is_read_by_its_names_and_headers(usova):
    entries = find_usova3d(usova, rater="1")
    assert [(entry.name, entry.split) for entry in entries] == [("vol1", "training"), ("vol2", "training"), ("vol7", "test")]
    image, labels = read_volume(entries[0])
    volume, ovary, follicles = usova_arrays(1)
    assert image.GetSpacing() == pytest.approx((0.3, 0.3, 0.3))
    assert np.array_equal(sitk.GetArrayFromImage(image), volume)
    assert np.array_equal(sitk.GetArrayFromImage(labels.ovary), ovary)
    assert np.array_equal(sitk.GetArrayFromImage(labels.follicles), follicles * 3)


def test_agreement_keeps_what_both_raters_marked_with_the_first_ones_numbers(usova):
    _, labels = read_volume(find_usova3d(usova)[0])
    _, ovary, follicles = usova_arrays(1)
    expected = follicles * 3
    expected[:, :, :20] = 0
    assert np.array_equal(sitk.GetArrayFromImage(labels.follicles), expected)
    assert np.array_equal(sitk.GetArrayFromImage(labels.ovary) > 0, (ovary & np.roll(ovary, 1, axis=0)) > 0)


def test_a_usova3d_volume_with_some_labels_missing_is_named(usova):
    (usova / "vol2_f_r2.vtk").unlink()
    with pytest.raises(InputError, match="vol2_f_r2.vtk: no such file"):
        find_usova3d(usova)
    assert len(find_usova3d(usova, rater="1")) == 3
    for path in usova.glob("vol2_*.vtk"):
        path.unlink()
    assert [entry.split for entry in find_usova3d(usova)] == ["training", "unlabelled", "test"]


def test_placeholder_spacings_are_wrong_until_the_folder_says_the_true_ones(usova):
    write_usova_volume(usova, 101, (1.0, 1.0, 1.0))
    assert "spacing 1 x 1 x 1 mm" in texts(check_entries(find_usova3d(usova)), "vol101")
    (usova / "spacings.csv").write_text("id,x,y,z\n101,0.25,0.25,0.4\n")
    entries = find_usova3d(usova)
    assert not [finding for finding in check_entries(entries) if finding.wrong and "spacing" in finding.text]
    image, labels = read_volume(entries[-1])
    assert image.GetSpacing() == labels.ovary.GetSpacing() == pytest.approx((0.25, 0.25, 0.4))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".vtk", ".nrrd", ".mha"])
def test_a_truncated_file_is_named(tmp_path, ending):
    pair = write_pair(tmp_path, "a")
    whole, cut = tmp_path / f"whole{ending}", tmp_path / f"cut{ending}"
    sitk.WriteImage(ball_images()[0], str(whole))
    check_whole(whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    entries = [Entry("a", cut, tmp_path / pair["label"]), Entry("b", whole, tmp_path / pair["label"])]
    findings = [finding for finding in check_entries(entries) if finding.wrong and finding.name == "a"]
    assert len(findings) == 1 and findings[0].file == str(cut)


def test_a_truncated_usova3d_file_is_named_with_what_it_lacks(usova):
    path = usova / "vol2_f_r1.vtk"
    path.write_bytes(path.read_bytes()[:-100])
    (finding,) = [f for f in check_entries(find_usova3d(usova)) if f.wrong and "incomplete" in f.text]
    assert (finding.name, finding.file) == ("vol2", str(path)) and "100 of its" in finding.text


def test_the_ellipsoid_of_a_box_is_no_truth_to_learn_from(tmp_path):
    volume, ovary, follicles = ball_images(0)
    sitk.WriteImage(volume, str(tmp_path / "a.nrrd"))
    for name, source in (("drawn", None), ("guide", "box")):
        write_labels(tmp_path / f"{name}.seg.nrrd", ovary, follicles, ovary_source=source)
    assert read_volume(Entry("a", tmp_path / "a.nrrd", tmp_path / "drawn.seg.nrrd"))[1] is not None
    with pytest.raises(InputError, match="guide.seg.nrrd: its ovary is only the ellipsoid of a box"):
        read_volume(Entry("a", tmp_path / "a.nrrd", tmp_path / "guide.seg.nrrd"))


def test_wrong_labels_are_named_file_by_file(tmp_path):
    rows = [write_pair(tmp_path, name, seed) for seed, name in enumerate("abcdef")]
    _volume, ovary, _follicles = ball_images(1)
    empty = ovary * 0
    write_labels(tmp_path / "b-labels.nii.gz", empty, sitk.Cast(empty, sitk.sitkUInt16))
    for name, change in (("c", lambda i: i.SetOrigin((9, 0, 0))), ("d", lambda i: i.SetSpacing((0.7,) * 3))):
        image = sitk.ReadImage(str(tmp_path / f"{name}-labels.nii.gz"))
        change(image)
        sitk.WriteImage(image, str(tmp_path / f"{name}-labels.nii.gz"))
    moved = np.roll(sitk.GetArrayFromImage(ball_images(4)[2]), 12, axis=0)
    outside = sitk.GetImageFromArray(moved)
    _, ovary, _ = ball_images(4, spacing=0.5)
    outside.CopyInformation(ovary)
    rows[4]["label"] = "e.seg.nrrd"
    write_labels(tmp_path / "e.seg.nrrd", ovary, outside)
    rows[5] = {**rows[0], "name": "copy"}
    findings = check_entries(read_datalist(write_list(tmp_path, rows)))
    assert not texts(findings, "a")
    assert "empty" in texts(findings, "b")
    assert "of its labels lie outside the image's grid" in texts(findings, "c")
    assert "its spacing 0.7 x 0.7 x 0.7 mm is not the image's" in texts(findings, "d")
    assert "of its follicle voxels lie outside the ovary" in texts(findings, "e")
    assert texts(findings, "copy", wrong=False) == "the same volume and labels as a; counted once"


def test_an_ovary_drawn_around_its_follicles_holds_them_but_not_one_far_away(tmp_path):
    rows = [write_pair(tmp_path, name, seed) for seed, name in enumerate("ab")]
    image = sitk.ReadImage(str(tmp_path / "b-labels.nii.gz"))
    image[0:3, 0:3, 0:3] = 7
    sitk.WriteImage(image, str(tmp_path / "b-labels.nii.gz"))
    findings = check_entries(read_datalist(write_list(tmp_path, rows)))
    assert not texts(findings, "a") and "of its follicle voxels lie outside the ovary" in texts(findings, "b")


def test_what_is_wrong_is_refused_or_skipped_as_configured(tmp_path):
    rows = [write_pair(tmp_path, name, seed) for seed, name in enumerate("ab")]
    (tmp_path / "b.nrrd").write_bytes(b"")
    entries = read_datalist(write_list(tmp_path, rows))
    findings = check_entries(entries)
    assert [entry.name for entry in usable(entries, findings, "skip")] == ["a"]
    with pytest.raises(InputError, match=r"b.nrrd: .*empty.*'problems: skip' leaves"):
        usable(entries, findings, "refuse")


def test_one_number_for_all_follicles_is_noted_and_can_be_taken_apart(tmp_path):
    volume, ovary, _ = ball_images()
    array = np.zeros((40, 40, 40), np.uint16)
    array[15:18, 15:18, 15:18] = array[22:26, 22:26, 22:26] = 1
    follicles = sitk.GetImageFromArray(array)
    sitk.WriteImage(volume, str(tmp_path / "a.nrrd"))
    write_labels(tmp_path / "a.nii.gz", ovary, follicles)
    path = write_list(tmp_path, [{"image": "a.nrrd", "label": "a.nii.gz"}])
    assert "one number for 2 separate follicles" in texts(check_entries(read_datalist(path)), "a", wrong=False)
    _, labels = read_volume(read_datalist(path, components=True)[0])
    found = sitk.GetArrayFromImage(labels.follicles)
    assert found.max() == 2 and (found == 1).sum() == 64 and (found == 2).sum() == 27


def listed(folder, rows, **data):
    return tiny(spacing_mm=(0.5, 0.5, 0.5), data=Data(kind="datalist", path=str(write_list(folder, rows)), **data))


def test_measuring_on_a_list_says_how_many_volumes_have_no_labels(tmp_path):
    rows, told = [{**write_pair(tmp_path, name, seed), "split": "test"} for seed, name in enumerate("ab")], []
    rows[1]["label"] = ""
    assert [subject.name for subject in to_measure(write_list(tmp_path, rows), "test", tell=told.append)] == ["a"]
    assert told == [f"note: 1 of 2 volumes in {tmp_path / 'list.csv'} has no labels, and is left out"]


def test_a_volume_that_left_the_training_split_is_not_trained_on_any_more(tmp_path):
    rows = [write_pair(tmp_path, name, seed) for seed, name in enumerate("ab")]
    cases = prepare_training(listed(tmp_path, rows), tmp_path / "data")
    assert (cases.training.names(), cases.validation.names()) == (["a", "b"], [])
    for split in ("validation", "test"):
        moved = listed(tmp_path, [rows[0], {**rows[1], "split": split}])
        with pytest.raises(InputError, match=r"data/training/b: prepared before, but .* in split 'training'; .*delete .*data/training"):
            prepare_training(moved, tmp_path / "data")
    assert prepare_training(moved, tmp_path / "other").training.names() == ["a"]


def test_an_edited_label_is_prepared_again_and_an_untouched_volume_is_not(tmp_path):
    rows = [write_pair(tmp_path, name, seed) for seed, name in enumerate("ab")]
    folder = prepare_training(listed(tmp_path, rows), tmp_path / "data").training.folder
    before = {name: (folder / f"{name}.image.npy").stat().st_mtime_ns for name in "ab"}
    label = tmp_path / rows[0]["label"]
    image = sitk.ReadImage(str(label))
    image[18:22, 18:22, 18:22] = 1
    sitk.WriteImage(image, str(label))
    sitk.WriteImage(sitk.ReadImage(str(tmp_path / "b.nrrd")), str(tmp_path / "b.nrrd"), True)
    prepare_training(listed(tmp_path, rows), tmp_path / "data")
    assert (open_case(folder, "a")[1][18:22, 18:22, 18:22] == 1).all()
    assert (folder / "a.image.npy").stat().st_mtime_ns > before["a"]
    assert (folder / "b.image.npy").stat().st_mtime_ns == before["b"]


def test_cases_normalised_in_another_way_are_refused(tmp_path):
    experiment = listed(tmp_path, [write_pair(tmp_path, "a")])
    prepare_training(experiment, tmp_path / "data")
    other = dataclasses.replace(experiment, normalisation={"method": "zscore_nonzero", "clip": [-2, 2]})
    with pytest.raises(InputError, match="training/a: prepared with normalisation {'method': 'zscore_nonzero'}, the configuration says"):
        prepare_training(other, tmp_path / "data")
    with pytest.raises(InputError, match="training/a: prepared with normalisation"):
        train(other, tmp_path / "data", tmp_path / "run")


def test_a_patient_in_two_splits_is_wrong_and_refused_but_not_where_splits_do_not_count(tmp_path):
    rows = [{**write_pair(tmp_path, name, seed), "patient": "p1"} for seed, name in enumerate("abc")]
    rows[1]["split"], rows[2]["patient"] = "validation", "p2"
    entries = read_datalist(write_list(tmp_path, rows))
    findings = check_entries(entries)
    assert [finding.name for finding in findings if finding.wrong] == ["b"]
    assert texts(findings, "b").startswith("in split 'validation', but a of the same patient 'p1' is in 'training'")
    with pytest.raises(InputError, match="b.nrrd: in split 'validation', but a of the same patient 'p1'"):
        prepare_training(listed(tmp_path, rows), tmp_path / "data")
    skipped = prepare_training(listed(tmp_path, rows, problems="skip"), tmp_path / "data", tell=lambda line: None)
    assert (skipped.training.names(), skipped.validation.names()) == (["a", "c"], [])
    assert len(checked(entries, Data(kind="datalist"), splits=False)) == 3


def test_a_volume_given_as_its_own_labels_is_wrong_however_it_is_hidden(tmp_path):
    image, labels = (tmp_path / name for name in write_pair(tmp_path, "a", 0).values())
    others = tmp_path / write_pair(tmp_path, "b", 1)["label"]
    shutil.copy(image, tmp_path / "copy.nrrd")
    grey = sitk.ReadImage(str(image))
    sitk.WriteImage(grey, str(tmp_path / "again.nii.gz"))
    sitk.WriteImage(3 * sitk.Cast(grey, sitk.sitkUInt16), str(tmp_path / "scaled.nii.gz"))
    sitk.WriteImage(sitk.Cast(grey / 20, sitk.sitkUInt8), str(tmp_path / "coarse.mha"))
    sitk.WriteImage(sitk.Shrink(grey, [2, 2, 2]), str(tmp_path / "smaller.nrrd"))
    sitk.WriteImage(grey[3:-3, :, :], str(tmp_path / "cut.nrrd"))
    sitk.WriteImage(255 - grey, str(tmp_path / "inverted.nrrd"))
    entries = [
        Entry("same", image, image),
        Entry("copied", image, tmp_path / "copy.nrrd"),
        Entry("rewritten", image, tmp_path / "again.nii.gz"),
        Entry("scaled", image, tmp_path / "scaled.nii.gz"),
        Entry("coarse", image, tmp_path / "coarse.mha"),
        Entry("smaller", image, tmp_path / "smaller.nrrd"),
        Entry("cut", image, tmp_path / "cut.nrrd"),
        Entry("labels", labels, others),
        Entry("pair", image, None, (image,), (image,)),
        Entry("inverted", tmp_path / "inverted.nrrd", labels),
    ]
    said = {
        finding.name: (finding.wrong, finding.text)
        for finding in check_entries(entries)
        if "must not be in the set twice" not in finding.text
    }
    assert said["same"] == (True, "given as the volume and as its labels; give the labels that were drawn on the volume")
    assert said["copied"][0] and "a copy of the volume" in said["copied"][1]
    assert said["rewritten"][0] and "its voxels are those of the volume" in said["rewritten"][1]
    for name in ("scaled", "coarse", "smaller", "cut"):
        assert said[name][0] and "grey values, no labels" in said[name][1], said
    assert said["labels"][0] and "a label image; give the ultrasound volume" in said["labels"][1]
    assert said["pair"][0] and "given as the volume and as its ovary" in said["pair"][1]
    words = "its follicles are no darker than the ovary around them; are these the labels of this volume, or is 2 in them the ovary, which must be 1?"
    assert said["inverted"] == (False, words)


def test_a_list_becomes_cases_on_the_model_grid(tmp_path):
    rows = [write_pair(tmp_path, "a", 0), {**write_pair(tmp_path, "b", 1, ".seg.nrrd"), "split": "validation"}]
    rows.append({"image": write_pair(tmp_path, "c", 2)["image"], "split": "unlabelled"})
    (tmp_path / "bad.nrrd").write_text("nothing")
    rows.append({"image": "bad.nrrd", "label": rows[0]["label"]})
    path = write_list(tmp_path, rows)
    told = []
    experiment = tiny(data=Data(kind="datalist", path=str(path), problems="skip"))
    prepare_training(experiment, tmp_path / "data", tell=told.append)
    assert {part: case_names(tmp_path / "data" / part) for part in ("training", "validation", "unlabelled")} == {
        "training": ["a"],
        "validation": ["b"],
        "unlabelled": ["c"],
    }
    assert any("bad.nrrd" in line for line in told) and "1 of 4 volumes are left out" in told[-1]
    image, labels = open_case(tmp_path / "data" / "training", "a")
    assert image.shape == (20, 20, 20) and set(np.unique(labels)) == {0, 1, 2}
    assert not open_case(tmp_path / "data" / "unlabelled", "c")[1].any()
    assert len(entries_at(path)) == 4


def test_plain_scenes_beside_others_have_every_third_without_an_ovary(tmp_path, monkeypatch):
    import crend_training.phantom
    from crend_training.data.subjects import Truth

    def drawn(seed, **wishes):
        volume, ovary, follicles = ball_images(seed)
        assert wishes == ({"scene": "plain", "empty": seed % 3 == 0} if seed > 6000 else {"scene": "mixed"})
        return Truth(volume, *(each * 0 if wishes.get("empty") else each for each in (ovary, follicles)), {})

    monkeypatch.setattr(crend_training.phantom, "make_phantom", drawn)
    seeds = {"first_seed": 5001, "last_seed": 5002, "validation_first_seed": 0, "validation_last_seed": 0}
    mixed = dataclasses.replace(tiny(), data=Data(scene="mixed", **seeds, plain_first_seed=6001, plain_last_seed=6004))
    cases = prepare_training(mixed, tmp_path, processes=1)
    has_ovary = {name: bool(open_case(tmp_path / "training", name)[1].any()) for name in cases.training.names()}
    assert has_ovary == {"sim005001": True, "sim006001": True, "sim006002": True, "sim006003": False}
