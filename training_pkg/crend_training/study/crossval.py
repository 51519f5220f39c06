"""All runs of a study, spread over devices: one process a run, so that one that fails loses no other."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

from crend.errors import InputError

from .study import FAILED, Study


def devices_of(text: str) -> list[str]:
    """ "auto" -> every GPU, or the CPU; "cpu", "cpu,cpu", "0,1" or "cuda:0,cuda:1" -> those, each taking one run at a time."""
    if text == "auto":
        import torch

        return [str(i) for i in range(torch.cuda.device_count())] or ["cpu"]
    names = [name.strip().removeprefix("cuda:") for name in text.split(",")]
    if not all(name == "cpu" or name.isdigit() for name in names):
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
