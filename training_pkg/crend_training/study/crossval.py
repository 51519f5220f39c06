"""All runs of a study, spread over devices or a cluster: one process a run, so that one that fails loses no other."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

from crend.errors import InputError, reason_of

from .study import FAILED, Study

LOOK_EVERY = 1.0  # seconds between two looks of a worker at its run
#: Runs crend_training with the given words, and ends when its input does.
WATCHED = """
import os, runpy, sys, threading
def watch():
    while os.read(0, 4096):  # not sys.stdin, which a thread that waits on it would keep from closing at the end
        pass
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
sys.argv[0] = "crend_training"
runpy.run_module("crend_training", run_name="__main__")
"""


def devices_of(text: str) -> list[str]:
    """ "auto" -> every GPU, or the CPU; "cpu", "cpu,cpu", "0,1" or "cuda:0,cuda:1" -> those, each taking one run at a time."""
    if text == "auto":
        import torch

        return [str(i) for i in range(torch.cuda.device_count())] or ["cpu"]
    names = [name.strip().removeprefix("cuda:") for name in text.split(",")]
    if not all(name == "cpu" or name.isdecimal() for name in names):
        raise InputError(f"--devices {text}: unknown; use auto, cpu, or numbers of GPUs such as 0,1")
    return names


def run_study(study: Study, command, *, devices, runs=None, tell=print) -> list[tuple[str, int]]:
    """Every run that is not done, each by `command(system, fold)` in a process of its own; returns those that failed.

    A run's terminal output goes to its folder's log.txt. Several calls on several machines may share the study's folder: a run
    that another process is at is refused there by its lock and counts as failed here.
    """
    waiting: queue.Queue = queue.Queue()
    for run in runs or study.runs():
        if not study.is_done(*run):
            waiting.put(run)
    failed: list[tuple[str, int]] = []
    threads = [threading.Thread(target=_work, args=(study, command, waiting, failed, device, len(devices), tell)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(failed)


def run_study_on(cluster, study: Study, command, *, tell=print) -> list[tuple[str, int]]:
    """As `run_study`, each run by a worker of Dask. cluster: (client, what a run needs of a worker); a worker that dies is replaced in its run.

    The study's folder and what `command` names must mean the same there. A run ends with this process, or with the worker that has it.
    """
    from distributed import Event

    from crend.cluster.tasks import run_tasks

    client, resources = cluster
    waiting = [run for run in study.runs() if not study.is_done(*run)]
    stop = Event(f"crend-crossval-{uuid.uuid4().hex}", client=client)
    calls = [(run, ([str(part) for part in command(*run)], str(study.run_folder(*run).resolve()), stop.name)) for run in waiting]
    failed = []
    try:
        for (system, fold), done in run_tasks(client, _run_on_worker, calls, resources=resources, tell=tell):
            if done.exception() is None and study.is_done(system, fold):
                tell(f"{system}:{fold} done on {done.result()}")
                continue
            failed.append((system, fold))
            why = _last_line(study.run_folder(system, fold)) if done.exception() is None else reason_of(done.exception())
            tell(f"{system}:{fold} failed: {why}")
    except BaseException:
        with suppress(Exception):  # of a scheduler that is gone: its workers end, and their runs with them
            stop.set()
            time.sleep(2 * LOOK_EVERY)
        raise
    return sorted(failed)


def _run_on_worker(command: list[str], folder: str, stop: str) -> str:
    """Runs on a worker: the command in a process of its own, its output into the run's log.txt; returns the host's name."""
    from distributed import Event, worker_client

    Path(folder).mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with open(Path(folder) / "log.txt", "ab") as log, worker_client(separate_thread=False) as client:
        event = Event(stop, client=client)
        # The program ends with its input: with this worker, however that ends, and when the event is set.
        with subprocess.Popen(
            [sys.executable, "-c", WATCHED, *command], env=environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        ) as process:
            while process.poll() is None:
                if event.is_set():
                    break
                time.sleep(LOOK_EVERY)
    return socket.gethostname()


def _work(study, command, waiting, failed, device, workers, tell) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    environment["CUDA_VISIBLE_DEVICES"] = "" if device == "cpu" else device
    if device == "cpu":
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    while True:
        try:
            system, fold = waiting.get_nowait()
        except queue.Empty:
            return
        folder = study.run_folder(system, fold)
        folder.mkdir(parents=True, exist_ok=True)
        tell(f"{system}:{fold} on {device}")
        with open(folder / "log.txt", "ab") as log:
            done = subprocess.run(command(system, fold), env=environment, stdout=log, stderr=subprocess.STDOUT).returncode == 0
        if done and study.is_done(system, fold):
            tell(f"{system}:{fold} done")
        else:
            failed.append((system, fold))
            tell(f"{system}:{fold} failed: {_last_line(folder)}")


def _last_line(folder: Path) -> str:
    for name in (FAILED, "log.txt"):
        path = folder / name
        if path.is_file() and path.read_text(errors="replace").strip():
            return f"{path.read_text(errors='replace').strip().splitlines()[-1]} (see {path})"
    return f"see {folder}"
