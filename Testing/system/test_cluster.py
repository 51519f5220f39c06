"""A batch on a real cluster of Dask: workers that are killed, and jobs of a queue whose commands run them on this machine. Nothing is lost."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import SimpleITK as sitk
from tiny import save_bundle, volume

import crend
from crend.cli import main
from crend.cluster import schedulers, tasks
from crend.cluster.schedulers import make_cluster
from crend.errors import InputError
from crend.io.labels import read_labels

distributed = pytest.importorskip("distributed", reason="the optional package distributed is not installed")

#: What a queue does with a job: keeps the script, runs it by itself, prints a number by which it can be ended.
SUBMIT = """#!/bin/sh
cp "$1" {folder}/job.$$.sh; echo "$1" >> {folder}/submitted
setsid bash {folder}/job.$$.sh > {folder}/job.$$.log 2>&1 &
echo "Submitted batch job $!"
"""
CANCEL = """#!/bin/sh
echo "$1" >> {folder}/ended; kill -- "-$1"
"""
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


def test_a_scheduler_that_is_not_there_is_one_line(scans, bundle, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(schedulers, "ANSWER_WITHIN", 1.0)
    began = time.monotonic()
    for address, words in (("host:8786", "give the address of a Dask scheduler"), ("tcp://127.0.0.1:9", "no scheduler answers there")):
        assert main(["batch", str(scans), "--out", str(tmp_path / "out"), "--model", str(bundle), "--scheduler", address]) == 2
        assert words in capsys.readouterr().err
    assert time.monotonic() - began < 15


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """The folder in which sbatch and scancel note what they did: as SLURM's, but every job starts at once, on this machine."""
    folder = tmp_path / "queue"
    folder.mkdir()
    for name, script in (("sbatch", SUBMIT), ("scancel", CANCEL)):
        (folder / name).write_text(script.format(folder=folder))
        (folder / name).chmod(0o755)
    (folder / "options.yaml").write_text("jobs: 2\ncores: 1\nmemory: 2GB\nwalltime: '00:10:00'\nscheduler_options: {host: 127.0.0.1}\n")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no such queue there")
def test_jobs_of_a_queue_do_a_batch_and_end_with_it(scans, bundle, tmp_path, queue, monkeypatch, capsys):
    monkeypatch.setattr(tasks, "PATIENCE", 0.0)
    given = ["--scheduler", "slurm", "--scheduler-options", str(queue / "options.yaml"), "--resources", "GPU=1"]
    assert main(["batch", str(scans), "--out", str(tmp_path / "out"), "--model", str(bundle), *given]) == 3
    said = capsys.readouterr()
    assert "1 of 9 volumes failed" in said.err and "waiting: the scheduler has no worker yet." in said.err
    assert len(list((tmp_path / "out").glob("*.seg.nrrd"))) == 8
    hosts = {json.loads(path.read_text())["provenance"]["host"] for path in (tmp_path / "out").glob("?.json")}
    assert hosts == {socket.gethostname()}
    script = next(queue.glob("job.*.sh")).read_text()
    assert all(words in script for words in ("#SBATCH -t 00:10:00", "--nthreads 1", "--resources 'GPU=1'", "OMP_NUM_THREADS"))
    submitted, ended = (len((queue / name).read_text().splitlines()) for name in ("submitted", "ended"))
    assert submitted == ended == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no such queue there")
def test_a_job_whose_time_is_up_is_submitted_again(queue, monkeypatch):
    import dask

    monkeypatch.setattr(schedulers, "LOOK_EVERY", 0.5)
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}),
        schedulers.open_client("slurm", queue / "options.yaml") as client,
    ):
        client.wait_for_workers(2, timeout=60)
        # Both asked at once: a worker whose nanny is gone soon ends by itself.
        for process in next(iter(client.run(lambda: (os.getppid(), os.getpid())).values())):
            os.kill(process, signal.SIGKILL)
        until = time.monotonic() + 60
        while len((queue / "submitted").read_text().splitlines()) < 3 and time.monotonic() < until:
            time.sleep(0.2)
        client.wait_for_workers(2, timeout=60)
    assert len((queue / "submitted").read_text().splitlines()) >= 3


def test_what_a_queue_is_asked_for_is_in_the_job():
    options = {"cores": 4, "memory": "8GB", "walltime": "02:00:00", "queue": "long", "job_extra_directives": ["-l place=free"]}
    with make_cluster("pbs", options, {"GPU": 1}) as cluster:
        script = cluster.job_script()
    assert all(
        f"#PBS {words}" in script for words in ("-q long", "-l select=1:ncpus=4:mem=7630MB", "-l walltime=02:00:00", "-l place=free")
    )
    assert "--nthreads 1 --resources 'GPU=1'" in script and "OMP_NUM_THREADS:-4" in script


def test_a_queue_that_is_not_there_or_not_told_enough_is_one_line(tmp_path, queue, monkeypatch):
    def refused(text="", scheduler="slurm", given=True):
        path = tmp_path / "given.yaml"
        path.write_text(text)
        with pytest.raises(InputError) as said, schedulers.open_client(scheduler, path if given else None):
            pass
        assert "\n" not in str(said.value)
        return str(said.value)

    assert "--scheduler-options FILE" in refused(given=False)
    assert "the command qsub is not here" in refused("cores: 1\nmemory: 1GB", "pbs")
    assert "cannot be read as YAML" in refused("a: [") and "no names with values" in refused("- 1")
    assert "how much cores and memory" in refused("jobs: 2") and "nonsense" in refused("cores: 1\nmemory: 1GB\nnonsense: 2")
    assert "jobs: 0 is no number of jobs" in refused("jobs: 0\ncores: 1\nmemory: 1GB")
    (queue / "sbatch").write_text("#!/bin/sh\necho sbatch: error: invalid partition >&2; exit 1\n")
    assert "sbatch refused the job (sbatch: error: invalid partition)" in refused("cores: 1\nmemory: 1GB")
    assert "has its workers already" in refused(scheduler="tcp://127.0.0.1:9")


def test_resources_are_names_with_numbers_and_go_with_a_scheduler(tmp_path, capsys):
    assert tasks.resources_of(["GPU=1", "MEMORY=2.5, X=3"]) == {"GPU": 1, "MEMORY": 2.5, "X": 3}
    for text in ("GPU", "GPU=", "=1", "GPU=0", "GPU=many", "GPU=nan"):
        with pytest.raises(InputError, match="NAME=NUMBER"):
            tasks.resources_of([text])
    (tmp_path / "a.nrrd").write_text("")
    assert main(["batch", str(tmp_path / "a.nrrd"), "--out", str(tmp_path / "out"), "--resources", "GPU=1"]) == 2
    assert "--resources goes with --scheduler" in capsys.readouterr().err


def test_a_client_that_loses_its_scheduler_logs_no_traceback(caplog):
    own = {"n_workers": 0, "processes": False, "dashboard_address": None, "protocol": "tcp"}
    with distributed.LocalCluster(**own) as cluster, schedulers.open_client(cluster.scheduler_address):
        logging.getLogger("distributed.client").error("as Dask's client does when it is closed while it tries to connect again")
    logging.getLogger("distributed.client").error("of a client that is not ours")
    assert [record.message for record in caplog.records if record.name == "distributed.client"] == ["of a client that is not ours"]


@pytest.mark.slow
def test_a_batch_says_that_no_worker_has_what_it_needs_and_ends_when_the_scheduler_does(scans, bundle, tmp_path):
    out = tmp_path / "out"
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, protocol="tcp") as cluster:
        command = [sys.executable, "-m", "crend", "batch", str(scans), "--out", str(out), "--model", str(bundle)]
        batch = subprocess.Popen(
            [*command, "--scheduler", cluster.scheduler_address, "--resources", "GPU=1"],
            stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        said = batch.stderr.readline()
    try:
        rest = batch.communicate(timeout=120)[1]
    finally:
        batch.kill()
    assert "none of the 1 workers offers GPU=1" in said
    assert batch.returncode == 2 and "is gone; start it" in rest and "Traceback" not in rest
