"""`crend batch`: many volumes in, files of each and tables of all out; what is done stays done, what fails stops nothing."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk
from tiny import save_bundle, volume

from crend.cli import main
from crend.io.labels import read_labels


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    save_bundle(folder / "everything", ovary=9.0)
    save_bundle(folder / "nothing", ovary=-9.0)
    return folder


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    (folder / "site").mkdir(parents=True)
    sitk.WriteImage(volume(), str(folder / "a.nrrd"))
    sitk.WriteImage(volume((22, 20, 24)), str(folder / "site" / "b.nii.gz"))
    return folder


def batch(scans, out, bundle, *more):
    return main(["batch", str(scans), "--out", str(out), "--model", str(bundle), "--engine", "onnxruntime", *more])


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def stamps(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("*.seg.nrrd")}


def test_every_volume_gets_its_files_and_the_tables_hold_all(scans, bundles, tmp_path, capsys):
    out = tmp_path / "out"
    assert batch(scans, out, bundles / "everything") == 0
    assert "Research use only" in capsys.readouterr().out
    found = rows(out / "volumes.csv")
    assert [row["volume"] for row in found] == ["a", "site/b"]
    for row, path in zip(found, (scans / "a.nrrd", scans / "site" / "b.nii.gz")):
        image, labels = sitk.ReadImage(str(path)), read_labels(out / f"{row['volume']}.seg.nrrd")
        assert labels.ovary.GetSize() == image.GetSize()
        assert labels.ovary.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-4)
        single = json.loads((out / f"{row['volume']}.json").read_text())
        assert float(row["ovary_volume_ml"]) == pytest.approx(single["summary"]["ovary_volume_ml"], rel=1e-5)
        assert row["status"] == "done" and row["model"] == "everything" and row["notice"].startswith("Research use only")
    assert rows(out / "follicles.csv") == []


def test_a_bad_volume_is_named_and_stops_no_other(scans, bundles, tmp_path, capsys):
    (scans / "0-broken.nrrd").write_text("NRRD0004\nnot one")
    out = tmp_path / "out"
    assert batch(scans, out, bundles / "nothing") == 3
    assert "1 of 3 volumes failed" in capsys.readouterr().err
    found = {row["volume"]: row for row in rows(out / "volumes.csv")}
    assert found["0-broken"]["status"] == "failed" and "0-broken.nrrd" in found["0-broken"]["reason"]
    assert found["a"]["message"] == "no ovary found" and found["site/b"]["status"] == "done"
    sitk.WriteImage(volume(), str(scans / "0-broken.nrrd"))
    assert batch(scans, out, bundles / "nothing") == 0
    assert [row["status"] for row in rows(out / "volumes.csv")] == ["done"] * 3


def test_what_is_done_is_not_done_again_unless_asked_or_by_another_model(scans, bundles, tmp_path):
    out = tmp_path / "out"
    batch(scans, out, bundles / "everything")
    first = stamps(out)
    batch(scans, out, bundles / "everything")
    assert stamps(out) == first
    batch(scans, out, bundles / "everything", "--again")
    again = stamps(out)
    assert all(again[path] != first[path] for path in first)
    batch(scans, out, bundles / "nothing")
    assert all(stamps(out)[path] != again[path] for path in again)
    assert {row["model"] for row in rows(out / "volumes.csv")} == {"nothing"}


def test_shares_of_a_cluster_make_one_table(scans, bundles, tmp_path):
    out = tmp_path / "out"
    assert batch(scans, out, bundles / "everything", "--part", "2/2") == 0
    assert [row["volume"] for row in rows(out / "volumes.csv")] == ["site/b"]
    assert batch(scans, out, bundles / "everything", "--part", "1/2") == 0
    assert [row["volume"] for row in rows(out / "volumes.csv")] == ["a", "site/b"]


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_keeps_what_was_done_and_leaves_no_process_and_no_half_file(scans, bundles, tmp_path, number):
    out = tmp_path / "out"
    sitk.WriteImage(volume((300, 300, 300)), str(scans / "long.nrrd"))
    command = [
        sys.executable,
        "-m",
        "crend",
        "batch",
        str(scans),
        "--out",
        str(out),
        "--model",
        str(bundles / "everything"),
        "--everywhere",
    ]
    process = subprocess.Popen([*command, "--device", "cpu"], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("a: "):
            break
    time.sleep(0.5)
    worker = int(subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()[0])
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "what was done is kept" in said
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert "a" in {row["volume"] for row in rows(out / "volumes.csv")}
    assert not [path.name for path in out.rglob(".crend-*")]


def test_every_follicle_is_a_row_that_names_its_volume(scans, tmp_path):
    save_bundle(tmp_path / "follicles", ovary=9.0, follicles=9.0)
    out = tmp_path / "out"
    assert batch(scans, out, tmp_path / "follicles") == 0
    found = rows(out / "follicles.csv")
    assert {row["volume"] for row in found} == {"a", "site/b"}
    counts = {row["volume"]: int(row["follicle_count"]) for row in rows(out / "volumes.csv")}
    assert all(count == sum(row["volume"] == name for row in found) for name, count in counts.items())
    voxels = np.prod(sitk.ReadImage(str(scans / "a.nrrd")).GetSize())
    assert sum(float(row["volume_ml"]) for row in found if row["volume"] == "a") == pytest.approx(voxels / 1000, rel=0.05)


def test_an_output_folder_that_cannot_be_made_is_told_before_the_work(scans, bundles, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert batch(scans, tmp_path / "file" / "out", bundles / "everything") == 2
    assert "cannot be made a folder" in capsys.readouterr().err


def test_what_is_left_out_stands_in_the_table_and_at_the_end_and_fails_nothing(scans, bundles, tmp_path, capsys):
    labels = sitk.Cast(
        sitk.BinaryThreshold(sitk.GaussianSource(size=(24, 24, 24), mean=(12, 12, 12), sigma=(5, 5, 5)), 100), sitk.sitkUInt8
    )
    sitk.WriteImage(labels, str(scans / "a_labels.nrrd"))
    sitk.WriteImage(labels, str(scans / "site" / "drawn.nrrd"))  # by its content alone
    (scans / "site" / "report.pdf").write_bytes(b"%PDF-1.4")
    (scans / "gone.nrrd").symlink_to(tmp_path / "nowhere")
    out = tmp_path / "out"
    assert batch(scans, out, bundles / "everything", "--exclude", "*.nii.gz") == 0
    found = {row["volume"]: (row["status"], row["reason"]) for row in rows(out / "volumes.csv")}
    assert found.pop("a") == ("done", "")
    assert {status for status, _ in found.values()} == {"left out"}
    assert sorted(found) == ["a_labels.nrrd", "gone.nrrd", "site/b.nii.gz", "site/drawn", "site/report.pdf"]
    said = capsys.readouterr().out
    for name, (_, reason) in found.items():
        assert reason and f"left out: {name}: {reason}" in said
    assert not list(out.rglob("drawn.seg.nrrd"))
