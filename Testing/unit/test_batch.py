"""Many volumes into one folder: whose result a file is, when it counts as done, and tables that several shares write."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
import tiny

from crend.batch import segment_batch, segment_file, write_tables
from crend.bundle.bundle import load
from crend.errors import InputError
from crend.io.inputs import Volume
from crend.result import Segmentation
from crend.results import tables as many
from crend.structures.measurements import measure

MODEL = ("model", "1.0")


def result():
    """An ovary of 8 x 8 x 8 voxels with one follicle."""
    ovary, follicles = np.zeros((12, 12, 12), np.uint8), np.zeros((12, 12, 12), np.uint16)
    ovary[2:10, 2:10, 2:10] = 1
    follicles[4:7, 4:7, 4:7] = 1
    ovary, follicles = sitk.GetImageFromArray(ovary), sitk.GetImageFromArray(follicles)
    how = dict.fromkeys(("expected_ovary_dsc", "device", "engine", "seconds", "notice")) | {"bundle": MODEL[0], "bundle_version": MODEL[1]}
    return Segmentation(ovary, follicles, measure(ovary, follicles), how)


class Run:
    """Runs over volumes and notes which were segmented; fails of those named in `failing`."""

    def __init__(self, out):
        self.out, self.failing = out, ()

    def __call__(self, *paths, names=None, **options):
        self.done = []

        def segment(path, progress):
            if path.stem in self.failing:
                raise InputError(f"{path}: broken; mend it.")
            self.done.append(path.stem)
            return result()

        self.out.mkdir(parents=True, exist_ok=True)
        volumes = [Volume(path, name) for path, name in zip(paths, names or [path.stem for path in paths])]
        return segment_batch(volumes, self.out, segment, model=MODEL, **options)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "out")


def volume(path, content=b"one"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_results_of_another_file_are_not_taken_for_this_ones(run, tmp_path):
    first, second = volume(tmp_path / "A" / "vol1.nrrd"), volume(tmp_path / "B" / "vol1.nrrd")
    run(first)
    with pytest.raises(InputError, match="results of .*A.vol1.nrrd are there .*another folder .*again"):
        run(second)
    assert run.done == [] and rows(run.out / "volumes.csv")[0]["input"] == str(first)
    assert run(second, again=True)[0]["input"] == str(second)


def test_a_changed_file_or_other_options_are_segmented_again_and_the_same_are_not(run, tmp_path):
    path = volume(tmp_path / "a.nrrd")
    run(path)
    run(path)
    assert run.done == []
    volume(path, b"another content")
    run(path)
    assert run.done == ["a"]
    run(path, options={"search": False})
    assert run.done == ["a"]
    run(path, options={"search": False})
    assert run.done == []


def test_a_model_that_was_trained_anew_under_its_name_and_version_does_its_volumes_again(tmp_path):
    (tmp_path / "scans").mkdir()
    sitk.WriteImage(tiny.volume(), str(tmp_path / "scans" / "a.nrrd"))

    def volume_ml(**answer):
        model = load(tiny.save_bundle(tmp_path / "model", **answer))
        assert model.identity[:2] == ("model", "0.0.1")
        volumes, out = [Volume(tmp_path / "scans" / "a.nrrd", "a")], tmp_path / "out"
        done = []

        def segment(path, progress):
            done.append(path)
            return segment_file(path, model, engine="torch", progress=progress)

        (row,) = segment_batch(volumes, out, segment, model=model.identity)
        return len(done), row["ovary_volume_ml"]

    assert volume_ml(ovary=9.0) == (1, pytest.approx(13.44))
    assert volume_ml(ovary=9.0) == (0, pytest.approx(13.44))
    assert volume_ml(ovary=-9.0) == (1, None)


def test_a_series_is_done_again_when_one_of_its_files_changes(run, tmp_path):
    slices = [volume(tmp_path / "series" / f"{k}.dcm") for k in range(3)]
    run(tmp_path / "series")
    volume(tmp_path / "series" / ".DS_Store")
    run(tmp_path / "series")
    assert run.done == []
    volume(slices[1], b"another content")
    run(tmp_path / "series")
    assert run.done == ["series"]


def test_a_header_is_done_again_when_the_voxels_beside_it_change(run, tmp_path):
    header, voxels = volume(tmp_path / "a.mhd"), volume(tmp_path / "a.raw")
    volume(tmp_path / "b.raw", b"of another header")
    run(header)
    volume(tmp_path / "b.raw", b"changed")
    run(header)
    assert run.done == []
    volume(voxels, b"another content")
    run(header)
    assert run.done == ["a"]


def test_a_subfolder_of_results_goes_on_by_itself(run, tmp_path):
    path = volume(tmp_path / "C" / "sub" / "v.nrrd")
    run(path, names=["sub/v"])
    run.out = run.out / "sub"
    assert [row["volume"] for row in run(path)] == ["v"] and run.done == []
    assert rows(run.out / "follicles.csv")[0]["volume"] == "v"


def test_what_failed_last_is_tried_again_though_older_results_are_there(run, tmp_path):
    path = volume(tmp_path / "a.nrrd")
    run(path)
    run.failing = ("a",)
    assert run(path, again=True)[0]["status"] == "failed"
    run.failing = ()
    assert run(path)[0]["status"] == "done" and run.done == ["a"]


@pytest.mark.parametrize("name", ["follicles", "Volumes", "a.failed", "sub/volumes"])
def test_a_volume_with_the_name_of_a_table_is_a_failure_that_says_so(run, tmp_path, name):
    found = run(volume(tmp_path / "x.nrrd"), volume(tmp_path / "y.nrrd"), names=[name, "y"])
    assert [row["status"] for row in found] == ["failed", "done"] and "rename the volume" in found[0]["reason"]
    assert sorted(path.name for path in run.out.rglob("*.csv")) == ["follicles.csv", "ovaries.csv", "volumes.csv", "y.csv"]


def test_the_folders_table_writes_true_and_false_as_the_volumes_own(run, tmp_path):
    run(volume(tmp_path / "a.nrrd"))
    assert rows(run.out / "a.csv")[0]["touches_border"] == rows(run.out / "follicles.csv")[0]["touches_border"] == "false"


def test_other_programs_files_are_no_rows(run, tmp_path):
    path = volume(tmp_path / "a.nrrd")
    run.out.mkdir()
    (run.out / "job.failed.json").write_text('{"job": 7}')
    (run.out / "list.json").write_text('["name", "provenance", "summary"]')
    (run.out / "other.json").write_text('{"name": "other", "provenance": {}, "summary": {}}')
    assert [row["volume"] for row in run(path)] == ["a"]
    assert [row["volume"] for row in rows(run.out / "volumes.csv")] == ["a"]


def test_a_failure_that_another_share_takes_away_meanwhile_is_no_row(run, tmp_path, monkeypatch):
    run.failing = ("b",)
    run(volume(tmp_path / "a.nrrd"), volume(tmp_path / "b.nrrd"))
    listed = many._reports
    there = []

    def listing(out):
        there.append(listed(out))
        (run.out / "b.failed.json").unlink(missing_ok=True)
        return there[-1]

    monkeypatch.setattr(many, "_reports", listing)
    assert [row["volume"] for row in write_tables(run.out)] == ["a"]
    assert len(there[0]) == 2


def test_what_another_share_finishes_while_the_tables_are_written_is_in_them(run, tmp_path, monkeypatch):
    run(volume(tmp_path / "a.nrrd"))
    write, late = many.write_rows, []

    def slowly(path, *table):
        if not late:
            late.append(json.loads((run.out / "a.json").read_text()))
            (run.out / "b.json").write_text(json.dumps(late[0]))
        write(path, *table)

    monkeypatch.setattr(many, "write_rows", slowly)
    assert [row["volume"] for row in write_tables(run.out)] == ["a", "b"]
    assert [row["volume"] for row in rows(run.out / "volumes.csv")] == ["a", "b"]
    assert [row["volume"] for row in rows(run.out / "follicles.csv")] == ["a", "b"]


def test_results_count_as_done_only_when_all_files_are_whole(run, tmp_path):
    path = volume(tmp_path / "a.nrrd")
    run(path)
    for ending, content in ((".seg.nrrd", b""), (".csv", b"half"), (".json", b'{"name": "a"'), (".seg.nrrd", None)):
        if content is None:
            (run.out / f"a{ending}").unlink()
        else:
            (run.out / f"a{ending}").write_bytes(content)
        assert run(path)[0]["status"] == "done" and run.done == ["a"], ending
        run(path)
        assert run.done == []


@pytest.mark.parametrize(
    "content", ["", "[" * 100_000, "[1]", '"name provenance summary"', '{"name": "a", "provenance": 7, "summary": []}', "NaN", "\ud83d"]
)
def test_a_damaged_or_foreign_report_is_never_the_end(run, tmp_path, content):
    path = volume(tmp_path / "a.nrrd")
    run(path)
    for name in ("a.json", "b.json", "c.failed.json", "sub/d.json"):
        (run.out / name).parent.mkdir(exist_ok=True)
        (run.out / name).write_bytes(content.encode("utf-8", "surrogatepass"))
    (run.out / "folder.json").mkdir()
    assert [row["volume"] for row in run(path)] == ["a"]


def test_another_programs_file_of_the_same_name_is_kept_and_the_row_says_so(run, tmp_path):
    run.out.mkdir()
    (run.out / "a.json").write_text('{"job": 7}')
    found = run(volume(tmp_path / "a.nrrd"), volume(tmp_path / "b.nrrd"))
    assert [row["status"] for row in found] == ["failed", "done"] and "another program's" in found[0]["reason"]
    assert json.loads((run.out / "a.json").read_text()) == {"job": 7}


def test_a_correction_and_somebodys_own_files_are_kept_under_another_name(run, tmp_path):
    path = volume(tmp_path / "a.nrrd")
    run(path)
    corrected, note = run.out / "a.seg.nrrd", run.out / "b.csv"
    content = corrected.read_bytes() + b"changed"
    corrected.write_bytes(content)
    note.write_text("patient,remark\n")
    (run.out / "b.png").write_bytes(b"a photograph")
    told = []
    assert [row["status"] for row in run(path, volume(tmp_path / "b.nrrd"), tell=told.append)] == ["done"] * 2
    assert (run.out / "a.kept-1.seg.nrrd").read_bytes() == content and (run.out / "b.kept-1.csv").read_text() == "patient,remark\n"
    assert (run.out / "b.kept-1.png").read_bytes() == b"a photograph" and "kept as a.kept-1.seg.nrrd" in told[0]
    run(path, tmp_path / "b.nrrd", again=True)  # what a run wrote, and nobody changed, is replaced
    assert len(list(run.out.glob("*.kept-*"))) == 3
    corrected.write_bytes(content)
    run(path)
    assert (run.out / "a.kept-2.seg.nrrd").read_bytes() == content


@pytest.mark.parametrize("name", ["volumes.csv", "follicles.csv", "ovaries.csv"])
def test_a_list_or_table_that_is_not_crends_is_never_replaced(run, tmp_path, name):
    run.out.mkdir()
    (run.out / name).write_text("volume;frame\na.nrrd;1\n", encoding="utf-8-sig")
    with pytest.raises(InputError, match=f"{name}: is no table of CRend, and would be replaced"):
        run(volume(tmp_path / "a.nrrd"))
    assert run.done == [] and (run.out / name).read_text(encoding="utf-8-sig").startswith("volume;frame")
    (run.out / name).write_text("")
    run(tmp_path / "a.nrrd")
    assert run(tmp_path / "a.nrrd")[0]["status"] == "done" and run.done == []


def test_names_as_long_as_can_be_get_results_under_a_shorter_one(run, tmp_path):
    names = ["n" * 255, "患" * 85, "x" * 255]
    found = run(*(volume(tmp_path / f"{k}.nrrd") for k in range(3)), names=names)
    assert [row["status"] for row in found] == ["done"] * 3
    assert all(len(row["volume"].encode()) <= 238 and row["volume"][:60] == name[:60] for row, name in zip(found, names))
    run(*(tmp_path / f"{k}.nrrd" for k in range(3)), names=names)
    assert run.done == []


def test_failed_volumes_that_are_gone_leave_the_table_and_listed_ones_that_are_missing_stay(run, tmp_path):
    run.failing = ("a", "missing")
    a, b = volume(tmp_path / "a.nrrd"), volume(tmp_path / "b.nrrd")
    run(a, b)
    a.unlink()
    found = run(b, tmp_path / "missing.nrrd")
    assert {row["volume"]: row["status"] for row in found} == {"b": "done", "missing": "failed"}
    assert {row["volume"] for row in rows(run.out / "volumes.csv")} == {"b", "missing"}
    assert not (run.out / "a.failed.json").exists()


def test_where_not_even_a_failure_can_be_noted_the_batch_ends_with_the_reason(run, tmp_path, monkeypatch):
    from crend.results import volume_files

    def full(data, path):
        raise InputError(f"{path}: cannot be written (no space left on device); choose another place.")

    monkeypatch.setattr(volume_files, "write_json", full)
    with pytest.raises(InputError, match="no space left on device"):
        run(volume(tmp_path / "a.nrrd"), volume(tmp_path / "b.nrrd"))
    assert run.done == ["a"]


def test_patients_stand_in_the_table_only_where_they_were_asked_for(run, tmp_path):
    run(volume(tmp_path / "a.nrrd"))
    assert not {"patient_id", "patient_name"} & set(rows(run.out / "volumes.csv")[0])
    facts = json.loads((run.out / "a.json").read_text())
    facts["provenance"] |= {"patient": {"id": "7", "name": "Doe"}, "acquisition_date": "2026-01-02"}
    (run.out / "a.json").write_text(json.dumps(facts))
    write_tables(run.out)
    (row,) = rows(run.out / "volumes.csv")
    assert (row["patient_id"], row["patient_name"], row["study_date"]) == ("7", "Doe", "2026-01-02")


def test_a_volume_is_done_again_when_its_list_says_another_spacing_and_each_frame_has_a_row(run, tmp_path):
    read = []

    def segment(path, progress, **reading):
        read.append(reading)
        return result()

    path = volume(tmp_path / "a.nrrd")
    run.out.mkdir()
    frames = [Volume(path, f"a_frame{k}", frame=k) for k in (1, 2)]
    found = segment_batch([*frames, Volume(path, "b", spacing=(0.3, 0.3, 0.4))], run.out, segment, model=MODEL)
    assert [(row["volume"], row["frame"], row["status"]) for row in found] == [
        ("a_frame1", 1, "done"),
        ("a_frame2", 2, "done"),
        ("b", None, "done"),
    ]
    assert read == [{"frame": 1}, {"frame": 2}, {"spacing": (0.3, 0.3, 0.4)}]
    segment_batch([*frames, Volume(path, "b", spacing=(0.3, 0.3, 0.5))], run.out, segment, model=MODEL)
    assert read[3:] == [{"spacing": (0.3, 0.3, 0.5)}]
