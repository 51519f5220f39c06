"""Worker processes that share the volumes of a batch: one that dies costs the volume it had, and is replaced."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cancelled, InputError
from ..inference.graph_engines import thread_count
from ..io.atomic import remove_forgotten
from ..io.folders import Volume
from ..results.volume_files import note_failure
from .client import FINAL, WorkerClient

PAUSE = 0.03  # seconds between two looks at the workers
STUCK_SECONDS = 1800  # without a word, after which a worker is taken for stuck: a window takes seconds, a file minutes
OPTIONS = ("search", "split", "smallest_follicle_mm", "identify")


@dataclass
class _Job:
    number: int
    volume: Volume
    heard: float


class Pool:
    """`count` workers with the same model, device and engine, each with a network of its own. A `batch.Runner`; to be closed.

    cancelled: asked all the time; True ends a run with Cancelled within a second. command: as of `WorkerClient`.
    """

    def __init__(self, count: int, *, model, device: str, engine: str, cancelled=None, stuck_seconds: float = STUCK_SECONDS, command=None):
        self._network = {"model": None if model is None else str(model), "device": device, "engine": engine}
        self._cancelled = cancelled or (lambda: False)
        self._stuck = stuck_seconds
        # Workers that each take all processors wait for each other most of the time.
        share = max(1, (thread_count() or os.cpu_count() or 1) // count)
        environment = {"OMP_NUM_THREADS": str(share)} if count > 1 and "OMP_NUM_THREADS" not in os.environ else {}
        self._clients = [WorkerClient(command, environment=environment) for _ in range(count)]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the processes at once."""
        for client in self._clients:
            client.close()

    def load(self) -> tuple[str, str, str]:
        """Load the model in the first worker; returns its `Bundle.identity`. InputError, one line, where it cannot be used."""
        client = self._clients[0]
        number = client.ask("load", **self._network)
        while True:
            self._check_cancelled()
            for event in client.poll(number):
                if event["event"] == "input_error":
                    raise InputError(event["message"])
                if event["event"] == "failure":
                    raise RuntimeError(event["message"])
                if event["event"] in FINAL:
                    return event["bundle"], event["version"], event["digest"]
            time.sleep(PAUSE)

    def run(self, volumes: list[Volume], out: Path, options: dict, report: Callable, finished: Callable) -> None:
        """See `batch.Runner`."""
        waiting = deque(volumes)
        busy: dict[WorkerClient, _Job] = {}
        request = {"out": str(out), "options": options, **self._network}
        try:
            while waiting or busy:
                self._check_cancelled()
                for client in self._clients:
                    if client not in busy and waiting:
                        volume = waiting.popleft()
                        where = {"path": os.path.abspath(volume.path), "name": volume.name}
                        number = client.ask("volume", **where, **volume.reading, **request)
                        busy[client] = _Job(number, volume, time.monotonic())
                for client, job in list(busy.items()):
                    message = self._message(client, job, out, report)
                    if message is not None:
                        del busy[client]
                        finished(job.volume, message)
                time.sleep(PAUSE)
        finally:
            if busy:
                self.close()
                for job in busy.values():
                    _clean_up(job.volume, out)

    def _message(self, client: WorkerClient, job: _Job, out: Path, report) -> str | None:
        """What came of a volume, or None as long as it is under way. InputError where nothing can be written any more."""
        for event in client.poll(job.number):
            job.heard = time.monotonic()
            if event["event"] == "progress":
                report(job.volume, event["fraction"])
            elif event["event"] == "result":
                return event["message"]
            elif event["event"] == "input_error":
                raise InputError(event["message"])
            elif event["event"] == "failure":
                return self._lost(job.volume, out, f"{_why(event['message'])}; it may need more memory, or crash a library: try it alone.")
        if time.monotonic() - job.heard > self._stuck:
            client.close(job.number)
            return self._lost(job.volume, out, f"nothing happened for {self._stuck / 60:.3g} minutes; try it alone.")
        return None

    def _lost(self, volume: Volume, out: Path, reason: str) -> str:
        _clean_up(volume, out)
        reason = f"{volume.path}: {reason}"
        note_failure(volume, out, reason, ours=True)
        return f"failed: {reason}"

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled("stopped amid the volumes")


def _clean_up(volume: Volume, out: Path) -> None:
    remove_forgotten(Path(str(out / volume.name)).parent)


def _why(message: str) -> str:
    """ "the worker process ended unexpectedly (exit code -9)" with the signal's name for its number."""
    for number in signal.Signals if os.name == "posix" else ():
        message = message.replace(f"(exit code -{number.value})", f"({number.name})")
    return message
