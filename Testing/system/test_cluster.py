"""A batch on a real cluster of Dask, of three worker processes on this machine: one of them is killed, and nothing is lost."""

import json
import os
import signal
import threading
import time

import pytest
import SimpleITK as sitk
from tiny import save_bundle, volume

import crend
from crend.cli import main
from crend.io.labels import read_labels

distributed = pytest.importorskip("distributed", reason="the optional package distributed is not installed")

ALIKE = ("summary", "ovary", "follicles", "flags", "message")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return save_bundle(tmp_path_factory.mktemp("bundles") / "everything", ovary=9.0, follicles=9.0)


@pytest.fixture
def scans(tmp_path):
    (tmp_path / "scans").mkdir()
    for number in range(8):
        sitk.WriteImage(volume((20 + number, 24, 28)), str(tmp_path / "scans" / f"{number}.nrrd"))
    (tmp_path / "scans" / "broken.nrrd").write_text("NRRD0004\nnot one")
    return tmp_path / "scans"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
def test_a_cluster_that_loses_a_worker_gives_what_one_process_gives(scans, bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    network = {"model": str(bundle), "device": "cpu", "engine": "onnxruntime"}
    with distributed.LocalCluster(n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None, protocol="tcp") as cluster:
        with distributed.Client(cluster) as client:
            killed = []

            def kill(name, fraction):
                if fraction > 0.2 and not killed:
                    (pid, *_) = client.run(os.getpid).values()
                    killed.append(pid)
                    threading.Thread(target=os.kill, args=(pid, signal.SIGKILL)).start()

            rows = crend.segment_batch(scans, tmp_path / "cluster", client=client, progress=kill, **network)
            assert killed
        assert [row["status"] for row in rows] == ["done"] * 8 + ["failed"]
        assert (
            main(["batch", str(scans), "--out", str(tmp_path / "again"), "--model", str(bundle), "--scheduler", cluster.scheduler_address])
            == 3
        )
    alone = crend.segment_batch(scans, tmp_path / "alone", **network)
    assert [row["volume"] for row in alone] == [row["volume"] for row in rows]
    for row in alone[:-1]:
        here, there = (tmp_path / folder / row["volume"] for folder in ("alone", "cluster"))
        mine, theirs = (json.loads(path.with_suffix(".json").read_text()) for path in (here, there))
        assert {key: mine[key] for key in ALIKE} == {key: theirs[key] for key in ALIKE}
        labels = [read_labels(f"{path}.seg.nrrd") for path in (here, there)]
        for part in ("ovary", "follicles"):
            a, b = (sitk.GetArrayFromImage(getattr(each, part)) for each in labels)
            assert (a == b).all() and a.any()


def test_a_scheduler_that_is_not_there_is_one_line(scans, bundle, tmp_path, capsys):
    began = time.monotonic()
    for address, words in (("host:8786", "give the address of a Dask scheduler"), ("tcp://127.0.0.1:9", "no scheduler answers there")):
        assert main(["batch", str(scans), "--out", str(tmp_path / "out"), "--model", str(bundle), "--scheduler", address]) == 2
        assert words in capsys.readouterr().err
    assert time.monotonic() - began < 60
