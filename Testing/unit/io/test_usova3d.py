"""`crend evaluate` on files with the names and headers of USOVA3D: model against both raters, rater against rater."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

from crend.cli import main
from crend.comparison.raters import PAIRS, compare_with_raters
from crend.errors import Cancelled, InputError
from crend.io.usova3d import find_scans, read_rater, read_scan

SHAPE = (40, 36, 32)


def write(path, array, spacing=(0.5, 0.5, 0.5)):
    """A legacy VTK file with the header of the set's volumes, x fastest."""
    d, h, w = array.shape
    header = (
        f"# vtk DataFile Version 1.0\n{path.stem}\nBINARY\nDATASET STRUCTURED_POINTS\nDIMENSIONS {w} {h} {d}\nSPACING {' '.join(map(str, spacing))}\n"
        f"ORIGIN 0 0 0\nPOINT_DATA {array.size}\nSCALARS scalars unsigned_char\nLOOKUP_TABLE default\n"
    )
    path.write_bytes(header.encode() + array.astype(np.uint8).tobytes())


def ball(radius, shift=0):
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return (z - 20) ** 2 + (y - 18) ** 2 + (x - 16 - shift) ** 2 < radius**2


def write_volume(folder, number, **options):
    rng = np.random.default_rng(number)
    write(folder / f"vol{number}.vtk", rng.integers(1, 200, SHAPE), **options)
    for rater, shift in (("1", 0), ("2", 1)):
        write(folder / f"vol{number}_o_r{rater}.vtk", ball(12, shift), **options)
        write(folder / f"vol{number}_f_r{rater}.vtk", 4 * ball(5, shift), **options)


@pytest.fixture
def folder(tmp_path):
    for number in (1, 7):
        write_volume(tmp_path, number)
    return tmp_path


def as_rater_1(folder):
    scans = {scan.name: scan for scan in find_scans(folder)}

    def segment(scan, progress):
        labels = read_rater(scans[scan.name], "1")
        progress("windows", 0.5)
        return labels, [{"key": "sector", "text": "no sector"}] if scan.name == "vol7" else []

    return segment


def test_scans_are_found_by_name_and_know_their_split_and_raters(folder):
    (folder / "vol7_f_r2.vtk").unlink()
    first, second = find_scans(folder)
    assert (first.name, first.test, first.has("2")) == ("vol1", False, True)
    assert (second.name, second.test, second.has("1"), second.has("2")) == ("vol7", True, True, False)
    assert read_scan(first).GetSize() == SHAPE[::-1] and read_scan(first).GetSpacing() == pytest.approx((0.5, 0.5, 0.5))


def test_spacings_csv_corrects_image_and_labels(folder):
    (folder / "spacings.csv").write_text("id,x,y,z\n7,0.25,0.25,0.4\n")
    scan = find_scans(folder)[1]
    assert read_scan(scan).GetSpacing() == read_rater(scan, "2").follicles.GetSpacing() == pytest.approx((0.25, 0.25, 0.4))


@pytest.mark.parametrize(
    "text", ["7,1,2,1,2,1,2\n", "id,z,y,x\n7,0.4,0.25,0.25\n", "7,0.25,nan,0.4\n", "7,1,1,1\n7,2,2,2\n", "7,1,1\n", "7;1;1;1\n"]
)
def test_spacings_of_which_a_part_would_be_lost_are_refused(folder, text):
    (folder / "spacings.csv").write_text(text)
    with pytest.raises(InputError, match="must be id,x,y,z"):
        find_scans(folder)


def test_two_volumes_of_one_number_and_labels_of_other_voxels_are_refused(folder):
    (folder / "spacings.csv").write_text("id,x,y,z\n7,0.25,0.25,0.4\n", encoding="utf-8-sig")
    assert [scan.spacing_mm for scan in find_scans(folder)] == [None, (0.25, 0.25, 0.4)]
    write(folder / "vol1_f_r1.vtk", 4 * ball(5), spacing=(0.5, 0.5, 0.6))
    with pytest.raises(InputError, match="vol1_f_r1.vtk: its spacing is not that of vol1_o_r1.vtk"):
        read_rater(find_scans(folder)[0], "1")
    (folder / "again").mkdir()
    write_volume(folder / "again", 7)
    with pytest.raises(InputError, match="vol7.vtk has the same number; remove one of them"):
        find_scans(folder)


def test_a_model_like_rater_1_differs_from_rater_2_as_the_raters_do(folder):
    told = []
    found = compare_with_raters(find_scans(folder), as_rater_1(folder), progress=lambda stage, fraction: told.append(fraction))
    figures = {name: batch.summary["figures"] for name, batch in found.items()}
    assert list(figures) == list(PAIRS)
    assert figures["model against rater 1"]["ovary_dsc"]["mean"] == 1 and figures["model against rater 1"]["count_error"]["mean"] == 0
    both = figures["model against rater 2"]["ovary_dsc"]["mean"], figures["rater 2 against rater 1"]["ovary_dsc"]["mean"]
    assert both[0] == both[1] == pytest.approx(2 * (ball(12) & ball(12, 1)).sum() / (ball(12).sum() + ball(12, 1).sum()))
    assert [row["flags"] for row in found["model against rater 2"].cases] == ["", "sector"]
    assert [row["flags"] for row in found["rater 2 against rater 1"].cases] == ["", ""]
    assert told == sorted(told) and 0.5 in [round(4 * f) / 4 for f in told]


def test_raters_with_one_number_for_all_follicles_are_counted_apart_when_asked_and_a_note_says_so(folder):
    for rater in "12":
        write(folder / f"vol7_f_r{rater}.vtk", ball(3, 6) | ball(3, -6))
    for components, count in ((False, 1), (True, 2)):
        found = compare_with_raters(find_scans(folder), as_rater_1(folder), components=components)["rater 2 against rater 1"]
        assert [row["count_reference"] for row in found.cases] == [1, count]
        assert [" counted as one follicle" in row["notes"] for row in found.cases] == [False, not components]


@pytest.mark.parametrize("content", ["no image", "the volume"])
def test_a_scan_whose_labels_cannot_be_read_or_are_the_volume_is_a_row_with_its_reason(folder, content):
    (folder / "vol7_f_r2.vtk").write_bytes((folder / "vol7.vtk").read_bytes() if content == "the volume" else content.encode())
    found = compare_with_raters(find_scans(folder), as_rater_1(folder))
    for batch in found.values():
        assert [row["status"] for row in batch.cases] == ["ok", "failed"]
        assert "vol7_f_r2.vtk" in batch.cases[1]["reason"]


def test_a_scan_that_needs_too_much_memory_leaves_the_others_and_a_stop_ends_all(folder):
    model = as_rater_1(folder)

    def failing(error):
        def segment(scan, progress):
            if scan.name == "vol7":
                raise error
            return model(scan, progress)

        return segment

    found = compare_with_raters(find_scans(folder), failing(MemoryError()))
    assert [(row["status"], row["reason"]) for row in found["model against rater 1"].cases] == [("ok", ""), ("failed", "MemoryError")]
    with pytest.raises(Cancelled):
        compare_with_raters(find_scans(folder), failing(Cancelled()))


def test_only_reading_is_silenced_so_that_progress_is_seen(folder):
    inside, seen = [], []
    model = as_rater_1(folder)

    @contextmanager
    def reading():
        inside.append(True)
        yield
        inside.pop()

    def segment(scan, progress):
        seen.append(bool(inside))
        return model(scan, progress)

    compare_with_raters(find_scans(folder), segment, progress=lambda *told: seen.append(bool(inside)), reading=reading)
    assert len(seen) == 6 and not any(seen)


@pytest.mark.slow
def test_an_evaluation_with_failures_is_exit_code_2_after_its_tables(folder, capsys):
    from tiny import save_bundle

    (folder / "vol7_f_r2.vtk").write_bytes(b"no image")
    model = save_bundle(folder / "all-ovary", ovary=9.0)
    options = ["--engine", "torch", "--device", "cpu", "--out"]
    assert main(["evaluate", str(model), str(folder), *options, str(folder / "report")]) == 2
    said = capsys.readouterr()
    assert "1 of 2 volumes failed" in said.err and "failed: vol7" in said.out
    assert (folder / "report" / "rater_2_against_rater_1" / "summary.json").is_file()
    (folder / "file").write_text("")
    assert main(["evaluate", "no-such-model", str(folder), *options, str(folder / "file" / "x")]) == 2
    assert "cannot be made a folder" in capsys.readouterr().err


@pytest.mark.slow
def test_volumes_that_the_model_was_trained_on_are_refused_and_their_copies_named(folder, capsys):
    from tiny import save_bundle

    from crend.bundle.learned import facts_of, learned_from

    model = save_bundle(folder / "ours", ovary=9.0)
    metadata = json.loads((model / "metadata.json").read_text())
    metadata["crend"]["learned_from"] = learned_from([facts_of(read_scan(find_scans(folder)[0]))])
    (model / "metadata.json").write_text(json.dumps(metadata))
    words = ["evaluate", str(model), str(folder), "--engine", "torch", "--device", "cpu"]
    assert main(words) == 2
    assert "ours: 1 of the 2 volumes (vol1) were trained on; measure others, such as --split test" in capsys.readouterr().err
    write(folder / "vol8.vtk", np.random.default_rng(1).integers(1, 200, SHAPE)[:, ::-1])
    for part in ("o_r1", "f_r1", "o_r2", "f_r2"):
        write(folder / f"vol8_{part}.vtk", ball(9 if part[0] == "o" else 4))
    assert main([*words, "--split", "test"]) == 0
    assert "warning: vol8: a mirrored or turned copy of a volume that was trained on" in capsys.readouterr().err


def test_without_both_raters_there_is_nothing_to_compare(folder):
    for path in folder.glob("*_r2.vtk"):
        path.unlink()
    with pytest.raises(InputError, match="both raters"):
        compare_with_raters(find_scans(folder), None)


@pytest.mark.slow
def test_the_command_prints_three_comparisons_and_writes_them(folder, capsys):
    from tiny import save_bundle

    write_volume(folder, 101, spacing=(1.0, 1.0, 1.0))
    model = save_bundle(folder / "all-ovary", ovary=9.0)
    assert main(["evaluate", str(model), str(folder), "--out", str(folder / "report"), "--engine", "torch", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "3 of 3 volumes" in printed and "placeholders" in printed
    assert "doubtful: vol1: " in printed
    for name in PAIRS:
        assert name.replace(" against ", " / ") in printed
        summary = json.loads((folder / "report" / name.replace(" ", "_") / "summary.json").read_text())
        assert summary["cases"] == 3 and summary["failed"] == 0
    assert "ovary_dsc" in printed


@pytest.mark.slow
def test_an_evaluation_goes_on_with_the_segmentations_that_a_stopped_one_made(folder, capsys, monkeypatch):
    from tiny import save_bundle

    import crend.predict
    from crend.io.labels import read_labels

    words = ["evaluate", str(save_bundle(folder / "all-ovary", ovary=9.0)), str(folder), "--out", str(folder / "report")]
    whole, made = crend.predict.segment, []

    def stopped(image, bundle, **options):
        if len(made) == 1:
            raise KeyboardInterrupt
        made.append(options["name"])
        return whole(image, bundle, **options)

    monkeypatch.setattr(crend.predict, "segment", stopped)
    assert main(words) == 130 and "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(
        crend.predict, "segment", lambda image, bundle, **options: (made.append(options["name"]), whole(image, bundle, **options))[1]
    )
    assert main(words) == 0 and made == ["vol1", "vol7"]
    kept = folder / "report" / "segmentations"
    assert {path.name for path in kept.glob("*.seg.nrrd")} == {"vol1.seg.nrrd", "vol7.seg.nrrd"}
    assert read_labels(kept / "vol7.seg.nrrd").ovary.GetSize() == SHAPE[::-1]


@pytest.mark.parametrize("arguments, said", [(["--split", "best"], "--split best"), ([], "no such folder")])
def test_wrong_arguments_are_one_line_and_exit_code_2(tmp_path, capsys, arguments, said):
    assert main(["evaluate", "crend-sim", str(tmp_path / "nowhere"), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
