"""A batch on a cluster: volumes as tasks of Dask, with retries; what a lost worker had is done by another one.

Needs the package distributed (the extra "cluster") here and on the workers, and paths that mean the same everywhere.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, reason_of
from ..io.folders import Volume
from ..results.volume_files import note_failure, segment_volume
from .tasks import run_tasks

if TYPE_CHECKING:
    from distributed import Client

RETRIES = 2  # of a volume whose worker fails, beside Dask's own for workers that die
_loaded: dict = {}


class DaskRunner:
    """A `batch.Runner` whose volumes are tasks of a Dask client. cancelled: asked all the time; True ends a run with Cancelled.

    resources: what a task needs of a worker, e.g. {"GPU": 1}, where workers were started with such. tell: gets a line where no worker
    takes the volumes.
    """

    def __init__(
        self,
        client: Client,
        *,
        model,
        device: str = "auto",
        engine: str = "auto",
        resources=None,
        cancelled=None,
        tell=lambda line: None,
    ):
        self._client = client
        self._network = (None if model is None else str(model), device, engine)
        self._how = {"resources": resources, "cancelled": cancelled or (lambda: False), "tell": tell}

    def load(self) -> tuple[str, str, str]:
        """Load the model on one worker; returns its `Bundle.identity`. InputError, one line, where it cannot be used there."""
        (loaded,) = (done.result() for _, done in run_tasks(self._client, _model_of, [(None, (self._network,))], **self._how))
        return loaded

    def run(self, volumes: list[Volume], out: Path, options: dict, report, finished) -> None:
        """See `batch.Runner`."""
        given = (str(Path(out).resolve()), options, self._network)
        calls = [(volume, (replace(volume, path=Path(os.path.abspath(volume.path))), *given)) for volume in volumes]
        for volume, done in run_tasks(self._client, _segment, calls, retries=RETRIES, **self._how):
            finished(volume, self._message(done, volume, out))

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


def _segment(volume: Volume, out: str, options: dict, network: tuple) -> str:
    """Runs on a worker: files of one volume, and what came of it."""
    from ..batch import segment_file

    bundle, engine = _load(network)

    def one(path, progress, **reading):
        made, image = segment_file(path, bundle, engine=engine, progress=progress, **reading, **options)
        made.provenance["host"] = socket.gethostname()
        return made, image

    return segment_volume(volume, Path(out), one, options)


def _model_of(network: tuple) -> tuple[str, str, str]:
    return _load(network)[0].identity


def _load(network: tuple):
    """(bundle, engine), kept for the next volume of this process."""
    from ..bundle.bundle import load, stamp

    key = (network, stamp(network[0]))
    if key not in _loaded:
        from ..inference.engines import make_engine

        bundle = load(network[0])
        _loaded.clear()
        _loaded[key] = (bundle, make_engine(bundle.model, *network[1:]))
    return _loaded[key]
