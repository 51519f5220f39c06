"""Volumes of a batch in processes of their own: what one of them dies of costs its volume, and nothing else."""

import os
import sys
import time

import pytest
import SimpleITK as sitk
from tiny import save_bundle, volume

from crend.batch import segment_batch
from crend.bundle.bundle import info
from crend.errors import Cancelled, InputError
from crend.io.folders import Volume
from crend.worker import memory
from crend.worker.pool import Pool

#: A worker that some files are too much for.
FRAGILE = """
import os, signal, time
import crend.batch
real = crend.batch.segment_file
def fragile(path, *arguments, **named):
    if path.stem == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if path.stem == "stuck":
        time.sleep(600)
    return real(path, *arguments, **named)
crend.batch.segment_file = fragile
from crend.worker.server import main
main()
"""
COMMAND = [sys.executable, "-c", FRAGILE]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return save_bundle(tmp_path_factory.mktemp("bundles") / "everything", ovary=9.0)


@pytest.fixture
def scans(tmp_path):
    def make(*names):
        for name in names:
            sitk.WriteImage(volume(), str(tmp_path / f"{name}.nrrd"))
        return [Volume(tmp_path / f"{name}.nrrd", name) for name in names]

    return make


def run(volumes, out, bundle, count=1, **more):
    out.mkdir(exist_ok=True)
    with Pool(count, model=bundle, device="cpu", engine="onnxruntime", command=COMMAND, **more) as pool:
        return segment_batch(volumes, out, pool, model=pool.load())


@pytest.mark.slow
def test_a_file_that_kills_its_process_and_one_that_never_ends_cost_themselves_alone(scans, bundle, tmp_path):
    out = tmp_path / "out"
    found = {row["volume"]: row for row in run(scans("a", "crash", "b", "stuck", "c"), out, bundle, count=2, stuck_seconds=8)}
    assert {name: row["status"] for name, row in found.items()} == {
        "a": "done",
        "b": "done",
        "c": "done",
        "crash": "failed",
        "stuck": "failed",
    }
    assert "crash.nrrd: the worker process ended unexpectedly (SIGSEGV)" in found["crash"]["reason"]
    assert "nothing happened for" in found["stuck"]["reason"]
    assert not list(out.rglob(".crend-*"))


@pytest.mark.slow
def test_a_model_that_is_missing_is_said_before_any_volume(scans, tmp_path):
    with pytest.raises(InputError, match="neither a model's name"):
        run(scans("a"), tmp_path / "out", "no-such-model")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
def test_a_run_is_cancelled_within_a_second_and_its_processes_are_gone(scans, bundle, tmp_path):
    (tmp_path / "out").mkdir()
    asked = []
    with Pool(1, model=bundle, device="cpu", engine="onnxruntime", command=COMMAND, cancelled=lambda: bool(asked)) as pool:
        named, pids = pool.load(), [client.pid for client in pool._clients]

        def progress(name, fraction):
            raise AssertionError("a stuck volume makes no progress")

        def soon():
            if time.monotonic() > began + 1.0:
                asked.append(time.monotonic())
            return bool(asked)

        pool._cancelled, began = soon, time.monotonic()
        with pytest.raises(Cancelled):
            segment_batch(scans("stuck"), tmp_path / "out", pool, model=named, progress=progress)
        assert time.monotonic() - asked[0] < 1.0
        with pytest.raises(ProcessLookupError):
            os.kill(pids[0], 0)


def test_workers_are_as_many_as_the_memory_has_room_for(monkeypatch, scans):
    volumes = scans("a")
    monkeypatch.setattr(memory, "free_bytes", lambda: 1.6e9)
    fit, said = memory.workers_that_fit(8, volumes, info().metadata["crend"])
    assert fit == 3 and said.startswith("3 of 8 workers: each may need 0.4 GB, and 1.6 GB of memory are free")
    monkeypatch.setattr(memory, "free_bytes", lambda: 1e6)
    assert memory.workers_that_fit(2, volumes, {"spacing_mm": [1.0] * 3})[0] == 1
    assert memory.workers_that_fit(1, volumes, {}) == (1, "")
    monkeypatch.undo()
    assert memory.free_bytes() > 1e6
