"""A folder of corrections: what somebody kept or wrote there is never lost, and a volume is there once."""

import shutil
import threading

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.io.csv_list import read_list
from crend.io.kept import COLUMNS, EARLIER, LIST, Correction, keep, kept_before, kept_rows, known_contents
from crend.io.labels import Labels, read_labels
from crend.io.locking import locked

DR_A, DR_B = Correction("Dr A", "2 drawn", "crend-sim", "1", "p1"), Correction("Dr B", "none", "crend-sim", "1")


def volume(seed=0, kind=np.uint8):
    return sitk.GetImageFromArray(np.random.default_rng(seed).integers(1, 200, (12, 13, 14)).astype(kind))


def labels(image, edge=4):
    ovary, follicles = np.zeros(image.GetSize()[::-1], np.uint8), np.zeros(image.GetSize()[::-1], np.uint16)
    ovary[2:10, 2:10, 2:10], follicles[3 : 3 + edge, 4:6, 4:6] = 1, 1
    made = [sitk.GetImageFromArray(array) for array in (ovary, follicles)]
    for each in made:
        each.CopyInformation(image)
    return Labels(*made)


def put(folder, image, edge=4, by=DR_A):
    return keep(folder, image, labels(image, edge), by)


def edges(path):
    return int(np.any(sitk.GetArrayFromImage(read_labels(path).follicles), axis=(1, 2)).sum())


def test_labels_with_a_follicle_that_reaches_out_of_the_ovary_do_not_seem_changed(tmp_path):
    put(tmp_path, volume(), edge=9)  # to slice 11, the ovary ends at 9
    assert put(tmp_path, volume(), edge=9).aside == "" and not list(tmp_path.glob("*-earlier-*"))


def test_remarks_rows_and_columns_of_a_users_own_stay_where_they_are(tmp_path):
    first, second = put(tmp_path, volume(0)).name, put(tmp_path, volume(1)).name
    mine = (
        "# of the site in the north\n"
        f'Name;image;label;patient;reader\'s remark;split\n# faint, please look again; twice\n{first};{first}.nrrd;{first}-labels.nrrd;p1;"says;\nso";test\n'
        f"\n# good\n{second};{second}.nrrd;{second}-labels.nrrd\n# the end"
    )
    (tmp_path / LIST).write_text(mine, encoding="utf-8")
    third = put(tmp_path, volume(2)).name
    lines = (tmp_path / LIST).read_text(encoding="utf-8-sig").splitlines()
    assert lines[1].startswith("Name;image;label;patient;reader's remark;split;") and [*lines[:1], *lines[2:-1]] == [
        line for number, line in enumerate(mine.splitlines()) if number != 1
    ]
    put(tmp_path, volume(0), by=DR_B)
    again = (tmp_path / LIST).read_text(encoding="utf-8-sig").splitlines()
    assert [line for line in again if line.startswith("#")] == [line for line in lines if line.startswith("#")]
    assert again[2] == "# faint, please look again; twice" and again[3].startswith(f"{first};")
    row, *others = kept_rows(tmp_path)
    assert (row["reader's_remark"], row["split"], row["corrected_by"], row["patient"]) == ("says;\nso", "test", "Dr B", "p1")
    assert [other["name"] for other in others] == [second, third]


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64])
def test_a_volume_kept_by_a_former_version_in_another_type_of_number_has_one_row_when_it_is_kept_again(tmp_path, kind):
    from crend.io.kept import _digest

    new = put(tmp_path, volume(kind=np.uint8)).name
    former = f"kept-{_digest(sitk.GetArrayFromImage(volume(kind=kind)))}"  # which took the type as it came
    sitk.WriteImage(volume(kind=kind), str(tmp_path / f"{former}.nrrd"))
    shutil.move(tmp_path / f"{new}-labels.nrrd", tmp_path / f"{former}-labels.nrrd")
    text = (tmp_path / LIST).read_text(encoding="utf-8-sig").replace(new, former).replace(new[5:], former[5:])
    (tmp_path / LIST).write_text(text, encoding="utf-8")
    assert known_contents(sitk.ReadImage(str(tmp_path / f"{former}.nrrd"))) == {former[5:], new[5:]}
    kept = put(tmp_path, volume(), edge=2)
    (row,) = kept_rows(tmp_path)
    assert kept.name == row["name"] == former and row["image_content"] == new[5:] and edges(tmp_path / row["label"]) == 2


def test_another_file_of_a_volume_that_is_kept_gives_way_and_its_row_is_written_down(tmp_path):
    sitk.WriteImage(volume(kind=np.float32), str(tmp_path / "scan.nii.gz"))
    sitk.WriteImage(volume(5), str(tmp_path / "other.nrrd"))
    (tmp_path / "mine.seg.nrrd").write_text("mine")
    (tmp_path / LIST).write_text("image,label,name\nscan.nii.gz,mine.seg.nrrd,scan\nother.nrrd,mine.seg.nrrd,other\ngone.nrrd,,gone\n")
    assert kept_before(tmp_path, volume())["name"] == "scan" and kept_before(tmp_path, volume(7)) is None
    kept = put(tmp_path, volume())
    assert [row["name"] for row in kept_rows(tmp_path)] == [kept.name, "other", "gone"] and kept.aside == ""
    ((_, earlier),) = read_list(tmp_path / EARLIER)[1]
    assert (earlier["name"], earlier["label"]) == ("scan", "mine.seg.nrrd") and (tmp_path / "mine.seg.nrrd").read_text() == "mine"


def test_what_one_reader_drew_is_set_aside_with_who_did_when_another_keeps_the_same_volume(tmp_path):
    name = put(tmp_path, volume(), edge=5).name
    before = sorted(path.name for path in tmp_path.iterdir())
    assert put(tmp_path, volume(), edge=5).aside == "" and sorted(path.name for path in tmp_path.iterdir()) == before
    assert kept_before(tmp_path, volume())["corrected_by"] == "Dr A"
    second, third = put(tmp_path, volume(), edge=3, by=DR_B), put(tmp_path, volume(), edge=2, by=DR_A)
    assert (second.aside, third.aside) == (f"{name}-labels-earlier-1.nrrd", f"{name}-labels-earlier-2.nrrd")
    assert [row["corrected_by"] for row in (*second.replaced, *third.replaced)] == ["Dr A", "Dr B"]
    rows = [row for _, row in read_list(tmp_path / EARLIER)[1]]
    assert [(row["corrected_by"], edges(tmp_path / row["label"])) for row in rows] == [("Dr A", 5), ("Dr B", 3)]
    (row,) = kept_rows(tmp_path)
    assert row["corrected_by"] == "Dr A" and edges(tmp_path / row["label"]) == 2 and set(row) == set(COLUMNS)
    put(tmp_path, volume(), edge=2, by=DR_B)  # the same labels: Dr A's word for them is written down all the same
    assert [row["corrected_by"] for _, row in read_list(tmp_path / EARLIER)[1]] == ["Dr A", "Dr B", "Dr A"]


def test_a_stop_before_the_list_is_written_loses_neither_labels_nor_the_list(tmp_path, monkeypatch):
    name = put(tmp_path, volume(), edge=5).name
    before = (tmp_path / LIST).read_bytes(), (tmp_path / f"{name}-labels.nrrd").read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("crend.io.kept.write_labels", stop)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path, volume(), edge=2, by=DR_B)
    assert before == ((tmp_path / LIST).read_bytes(), (tmp_path / f"{name}-labels.nrrd").read_bytes())
    assert not list(tmp_path.glob(".crend-*"))


def test_a_volume_whose_file_was_replaced_is_mended_when_it_is_kept_again(tmp_path):
    name = put(tmp_path, volume()).name
    sitk.WriteImage(volume(9), str(tmp_path / f"{name}.nrrd"))
    put(tmp_path, volume())
    assert np.array_equal(*(sitk.GetArrayFromImage(image) for image in (sitk.ReadImage(str(tmp_path / f"{name}.nrrd")), volume())))


def test_two_windows_that_keep_into_one_folder_lose_no_row_of_each_other(tmp_path, monkeypatch):
    done = []
    with locked(tmp_path):
        other = threading.Thread(target=lambda: done.append(put(tmp_path, volume(1))))
        other.start()
        other.join(0.5)
        assert not done, "the other window waits"
        (tmp_path / LIST).write_text("name,image,label\nmine,a.nrrd,b.nrrd\n")
    other.join(20)
    assert [row["name"] for row in kept_rows(tmp_path)] == ["mine", done[0].name]
    monkeypatch.setattr("crend.io.kept._WAIT", 0.1)
    with locked(tmp_path), pytest.raises(InputError, match="another process is at work here; wait for it"):
        put(tmp_path, volume(2))
