"""A batch on a cluster: volumes as tasks of Dask, with retries; what a lost worker had is done by another one.

Needs the package distributed (the extra "cluster") here and on the workers, and paths that mean the same everywhere.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import Cancelled, InputError, reason_of
from .io.folders import Volume
from .results.volume_files import note_failure, segment_volume

if TYPE_CHECKING:
    from distributed import Client

RETRIES = 2  # of a volume whose worker fails, beside Dask's own for workers that die
PAUSE = 0.05  # seconds
_loaded: dict = {}


class DaskRunner:
    """A `batch.Runner` whose volumes are tasks of a Dask client. cancelled: asked all the time; True ends a run with Cancelled.

    resources: what a task needs of a worker, e.g. {"GPU": 1}, where workers were started with such.
    """

    def __init__(self, client: Client, *, model, device: str = "auto", engine: str = "auto", resources=None, cancelled=None):
        self._client = client
        self._network = (None if model is None else str(model), device, engine)
        self._resources = resources
        self._cancelled = cancelled or (lambda: False)

    def load(self) -> tuple[str, str]:
        """Load the model on one worker; returns its name and version. InputError, one line, where it cannot be used there."""
        return self._client.submit(_model_of, self._network, pure=False, resources=self._resources).result()

    def run(self, volumes: list[Volume], out: Path, options: dict, report, finished) -> None:
        """See `batch.Runner`."""
        from distributed import as_completed

        submit = {"pure": False, "retries": RETRIES, "resources": self._resources}
        given = (str(Path(out).resolve()), options, self._network)
        tasks = {
            self._client.submit(_segment, replace(volume, path=Path(os.path.abspath(volume.path))), *given, **submit): volume
            for volume in volumes
        }
        waiting = as_completed(tasks, loop=self._client.loop)
        try:
            while tasks:
                if self._cancelled():
                    raise Cancelled("stopped amid the volumes")
                for done in waiting.next_batch(block=False):
                    volume = tasks.pop(done)
                    finished(volume, self._message(done, volume, out))
                time.sleep(PAUSE)
        finally:
            self._client.cancel(list(tasks), force=True)

    def _message(self, task, volume: Volume, out: Path) -> str:
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, InputError):
            raise error  # nothing can be written any more
        reason = (
            f"{volume.path}: no worker could do it ({reason_of(error)[:300]}); it may need more memory, or crash a library: try it alone."
        )
        note_failure(volume, Path(out), reason, ours=True)
        return f"failed: {reason}"


def connect(address: str) -> Client:
    """A client of the scheduler at tcp://HOST:PORT. InputError where there is none, or the package is missing."""
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            '--scheduler needs the package distributed, which is not installed; install it: pip install "crend[cluster]"'
        ) from error
    if not address.startswith(("tcp://", "tls://", "ucx://")):
        raise InputError(f"--scheduler {address}: give the address of a Dask scheduler, such as tcp://host:8786.")
    try:
        return Client(address, timeout="15s", set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        words = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"--scheduler {address}: no scheduler answers there ({words[0]}); start one with `dask scheduler`.") from error


def _segment(volume: Volume, out: str, options: dict, network: tuple) -> str:
    """Runs on a worker: files of one volume, and what came of it."""
    from .batch import segment_file

    bundle, engine = _load(network)

    def one(path, progress, **reading):
        made, image = segment_file(path, bundle, engine=engine, progress=progress, **reading, **options)
        made.provenance["host"] = socket.gethostname()
        return made, image

    return segment_volume(volume, Path(out), one, options)


def _model_of(network: tuple) -> tuple[str, str]:
    bundle, _ = _load(network)
    return bundle.name, bundle.metadata.get("version")


def _load(network: tuple):
    """(bundle, engine), kept for the next volume of this process."""
    if network not in _loaded:
        from .bundle.bundle import load
        from .inference.engines import make_engine

        bundle = load(network[0])
        _loaded.clear()
        _loaded[network] = (bundle, make_engine(bundle.model, *network[1:]))
    return _loaded[network]
