"""A folder of kept corrections: what is wrong in it is said in words, by improving, fine-tuning and check, and nothing is lost."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from test_improving import QUICK, files_of, kept_balls, save_base
from training_samples import ball_images

from crend.errors import InputError
from crend.io.kept import LIST, Correction, count_kept, keep, kept_copy, kept_rows
from crend.io.labels import Labels
from crend_training.bundles.finetuning import finetune
from crend_training.bundles.improve_plan import plan
from crend_training.bundles.kept_folder import read_kept_folder
from crend_training.bundles.timing import Costs
from crend_training.data.checking import check_entries
from crend_training.data.lists import read_datalist
from crend_training.data.subjects import listed


def test_a_volume_whose_spacing_was_corrected_is_kept_with_it(tmp_path):
    volume, ovary, follicles = ball_images(0, 28)
    name = keep(tmp_path, volume, Labels(ovary, follicles), Correction()).name
    for image in (volume, ovary, follicles):
        image.SetSpacing([2 * size for size in image.GetSpacing()])
    assert keep(tmp_path, volume, Labels(ovary, follicles), Correction()).name == name and count_kept(tmp_path) == (1, 1)
    for file in (f"{name}.nrrd", f"{name}-labels.nrrd"):
        assert sitk.ReadImage(str(tmp_path / file)).GetSpacing() == pytest.approx(volume.GetSpacing())


def test_what_a_user_added_to_the_list_stays_when_another_volume_is_kept(tmp_path):
    folder = kept_balls(tmp_path, 1)
    (row,) = kept_rows(folder)
    mine = "\ufeffname;image;label;patient;Spacing (mm);split\nmine;'-a.nrrd;@b.nrrd;-7;0.3 0.3 0.4;validation\n"
    (folder / LIST).write_text(mine + f"{row['name']};{row['image']};{row['label']};;;\n", encoding="utf-8")
    volume, ovary, follicles = ball_images(1, 28)
    keep(folder, volume, Labels(ovary, follicles), Correction())
    first, *others = kept_rows(folder)
    assert (first["image"], first["label"], first["patient"], first["spacing"], first["split"]) == (
        "-a.nrrd", "@b.nrrd", "-7", "0.3 0.3 0.4", "validation",
    )  # fmt: skip
    assert len(others) == 2 and others[0]["name"] == row["name"] and count_kept(folder) == (3, 3)
    assert read_datalist(folder / LIST)[0].spacing_mm == (0.3, 0.3, 0.4) and read_datalist(folder / LIST)[0].split == "validation"


def test_what_is_wrong_in_a_folder_is_said_in_words_the_rest_is_used_and_nothing_is_lost(tmp_path):
    folder = kept_balls(tmp_path / "kept", 9)
    names = [row["name"] for row in kept_rows(folder)]
    (folder / f"{names[0]}.nrrd").unlink()
    shutil.copy(folder / f"{names[2]}-labels.nrrd", folder / f"{names[1]}-labels.nrrd")
    with open(folder / LIST, "a", encoding="utf-8") as file:
        file.write(f"again,{names[3]}.nrrd,{names[3]}-labels.nrrd,,,,,,,,\n")
        grey = sitk.ReadImage(str(folder / f"{names[4]}.nrrd"))
        sitk.WriteImage(255 - grey, str(folder / "strange.nrrd"))
        file.write(f"strange,strange.nrrd,{names[4]}-labels.nrrd,,,,,,,,\n")
    before = files_of(folder)
    kept = read_kept_folder(folder)
    said = {name: " | ".join(each.text for each in kept.findings if each.name == name) for name in {each.name for each in kept.findings}}
    assert said[names[0]] == "no such file; copy it back, or take its row out of the list"
    assert said[names[1]] == f"the labels of {names[2]}, another volume; keep this one again"
    assert (
        said["again"] == f"the same volume and labels as {names[3]}; counted once"
        and "are these the labels of this volume" in said["strange"]
    )
    assert {entry.name for entry in kept.entries} == set(names[2:]) and files_of(folder) == before
    assert [finding.name for finding in kept.unused] == [names[0], names[1], "again", "strange"]
    for name in names[2:5]:
        (folder / f"{name}.nrrd").unlink()
    with pytest.raises(InputError, match=r"4 of 11 volumes can be used, of 4 patients; kept-.*: no such file.*Keep at least 5 volumes"):
        read_kept_folder(folder)
    with pytest.raises(InputError, match="no such list; give the folder into which corrections were kept"):
        read_kept_folder(tmp_path)


def test_swapped_labels_and_files_of_another_volume_are_found_by_fine_tuning_and_check_too(tmp_path):
    folder = kept_balls(tmp_path / "kept", 4)
    names = [row["name"] for row in kept_rows(folder)]
    for part in ("-labels", ""):
        shutil.copy(folder / f"{names[2]}{part}.nrrd", folder / f"{names[0 if part else 1]}{part}.nrrd")
    said = {finding.name: (finding.text, finding.wrong) for finding in check_entries(read_datalist(folder / LIST))}
    assert said == {
        names[0]: (f"the labels of {names[2]}, another volume; keep this one again", True),
        names[1]: ("not the volume that was kept under this name; keep it again", True),
    }
    with pytest.raises(InputError, match="labels.nrrd: the labels of .*, another volume; keep this one again"):
        finetune(save_base(tmp_path / "base"), folder / LIST, tmp_path / "ours", QUICK, progress=False, tell=lambda line: None)


def test_labels_that_were_changed_in_their_file_are_used_and_said_to_be(tmp_path):
    folder = kept_balls(tmp_path / "kept")
    row = kept_rows(folder)[1]
    labels = sitk.ReadImage(str(folder / row["label"]))
    labels[14, 14, 14] = 0
    sitk.WriteImage(labels, str(folder / row["label"]))
    kept = read_kept_folder(folder)
    assert [(each.name, each.text, each.wrong) for each in kept.findings] == [
        (row["name"], "its labels are not those that were kept; are they of this volume?", False)
    ]
    assert len(kept.entries) == 5


def test_a_list_that_was_cut_off_amid_a_row_leaves_that_volume_out_and_says_so(tmp_path):
    folder = kept_balls(tmp_path / "kept")
    names = [row["name"] for row in kept_rows(folder)]
    text = (folder / LIST).read_text(encoding="utf-8")
    (folder / LIST).write_text(text[: text.rindex(f"{names[-1]}-labels")], encoding="utf-8")
    with pytest.raises(InputError, match=f"4 of 5 volumes can be used, of 4 patients; {names[-1]}: its row names no labels; keep it again"):
        read_kept_folder(folder)
    (finding,) = check_entries(read_datalist(folder / LIST))
    assert finding.wrong and finding.name == names[-1] and finding.text.startswith("its row names no labels")
    with pytest.raises(InputError, match="its row names no labels; keep it again"):
        listed(folder / LIST)


def test_a_volume_that_is_kept_twice_is_measured_on_once_and_the_user_is_asked_which_labels_are_right(tmp_path):
    folder = kept_balls(tmp_path / "kept", 7)
    names = [row["name"] for row in kept_rows(folder)]
    mirrored = [image[::-1, :, :] for image in ball_images(0, 28)]
    mirror = keep(folder, mirrored[0], Labels(*mirrored[1:]), Correction(patient="another")).name
    assert kept_copy(folder, mirror) == (names[0], "a mirrored or turned copy") and kept_copy(folder, names[1]) is None
    np.save(folder / f"{names[6]}-likeness.npy", np.zeros((2, 2)))
    assert kept_copy(folder, mirror) == (names[0], "a mirrored or turned copy"), "a file that is none of ours is passed over"
    assert keep(folder, sitk.Cast(ball_images(1, 28)[0], sitk.sitkFloat32), Labels(*ball_images(1, 28)[1:]), Correction()).name == names[1]
    same, fewer, (volume, ovary, _) = "floats", "fewer", ball_images(2, 28)
    sitk.WriteImage(sitk.Cast(ball_images(1, 28)[0], sitk.sitkFloat32), str(folder / "floats.nrrd"))
    sitk.WriteImage(sitk.Cast(volume, sitk.sitkInt16), str(folder / "fewer.nrrd"))
    sitk.WriteImage(sitk.Cast(ovary, sitk.sitkUInt8), str(folder / "fewer-labels.nrrd"))
    rows = (folder / LIST).read_text(encoding="utf-8").splitlines(keepends=True)
    again = next(row for row in rows if row.startswith(names[3]))
    mine = [f"floats,floats.nrrd,{names[1]}-labels.nrrd,,,,,,,,\n", "fewer,fewer.nrrd,fewer-labels.nrrd,,,,,,,,\n"]
    (folder / LIST).write_text("".join([*rows, *mine, again]), encoding="utf-8")
    assert count_kept(folder) == (10, 10)
    kept = read_kept_folder(folder)
    said = {finding.name: finding.text for finding in kept.findings}
    assert said[mirror].startswith(f"a mirrored or turned copy of {names[0]}, of patient 'another' here and '' there: one volume must not")
    assert said[same] == f"the same volume and labels as {names[1]}; counted once"
    assert said[fewer].startswith(f"the same volume as {names[2]}, with other labels") and said[names[2]].startswith(
        f"the same volume as {fewer}"
    )
    assert said[names[3]] == "its row is listed 2 times; counted once"
    assert [entry.name for entry in kept.entries] == [*names[:2], *names[3:]]
    words = plan(kept, save_base(tmp_path / "base"), folds=2).words(Costs({"close look": 1.0, "first look": 1.0}, 1.0, "CPU"))
    assert f". Left out: {names[2]}, the same volume as {fewer}, with other labels" in words and words.endswith(", and 1 more")
