"""Who runs the network. A predictor starts jobs; a job is polled from the main thread until it has a `crend` Segmentation."""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import SimpleITK as sitk

from crend.result import Segmentation
from crend.structures.measurements import Measurements
from crend.worker.client import WorkerClient
from crend.worker.surface_files import read_surface

from .WorkerJobs import WorkerJob, WorkerRequest


@dataclass(frozen=True)
class Settings:
    """What a user can choose, in the terms of crend.predict.segment. `None` leaves a choice to the model."""

    model: Optional[str] = None
    device: str = "auto"
    engine: str = "auto"
    search: bool = True
    smallestFollicleMm: Optional[float] = None
    split: bool = True
    keepProbabilities: bool = False
    box: Optional[dict] = None


class WorkerPredictor:
    """Runs the network in a process of its own, kept alive between volumes; nothing of torch comes into this process."""

    def __init__(self, client=None):
        self._client = client or WorkerClient([shutil.which("PythonSlicer") or sys.executable])
        self._kept = None

    def start(self, image, name, settings):
        """A job for a SimpleITK image; `name` is what messages call it."""
        return _WorkerSegmentJob(self._client, image, name, settings)

    def startFollicle(self, image, name, point, settings):
        """A job for the follicle around `point` (x, y, z; LPS): it ends with a SimpleITK mask. The image is kept as in `startOutline`."""
        return _WorkerFollicleJob(self._client, self._fileOf(image), name, settings, point=point)

    def startOutline(self, image, name, point, radiusMm, settings):
        """A job for the probabilities near `point` (x, y, z; LPS): it ends with two SimpleITK images, ovary and follicles (see crend.editing).

        The file of the image is kept for the next click in the same one, and what the worker made of it, too.
        """
        return _WorkerOutlineJob(self._client, self._fileOf(image), name, point, radiusMm, settings)

    def prepareOutline(self, image, name, settings):
        """Let the worker make ready what startOutline will need. Nobody has to wait for it."""
        path = self._fileOf(image)
        chosen = {"model": settings.model or None, "device": settings.device, "engine": settings.engine}
        return WorkerRequest(self._client, "outline", folder=os.path.dirname(path), image=path, name=name, **chosen)

    def _fileOf(self, image):
        if self._kept is None or self._kept[0] is not image:
            self._forget()
            folder = tempfile.TemporaryDirectory(prefix="crend-")
            self._kept = (image, folder, _written(image, folder.name))
        return self._kept[2]

    def _forget(self):
        if self._kept is not None:
            self._kept[1].cleanup()
            self._kept = None

    def startFolder(self, inputs, out, settings, again=False):
        """A job for many volumes (files, folders or lists, see crend.io.inputs) into the folder `out`: it ends with the rows of volumes.csv."""
        return _WorkerFolderJob(self._client, inputs, out, settings, again)

    def describe(self, settings):
        """Ask what the network would run on; the job's poll gives the words."""
        return _DescriptionJob(self._client, settings)

    def close(self):
        """End the process."""
        self._client.close()
        self._forget()


class InProcessPredictor:
    """Runs the network in this process, for tests and scripts: it imports torch, and blocks."""

    def start(self, image, name, settings):
        return _InProcessJob(image, name, settings)

    def close(self):
        pass


class _DescriptionJob(WorkerRequest):
    def __init__(self, client, settings):
        super().__init__(client, "describe", device=settings.device, engine=settings.engine)

    def poll(self):
        """ "CPU, OpenVINO", or None as long as it is not known."""
        event = self._final()
        return event and event["text"]


class _WorkerImageJob(WorkerJob):
    def __init__(self, client, image, name, settings, do, **what):
        super().__init__(
            client,
            do,
            lambda folder: {"image": _written(image, folder)},
            name=name,
            model=settings.model or None,
            device=settings.device,
            engine=settings.engine,
            **what,
        )


def _written(image, folder):
    path = str(Path(folder) / "image.nrrd")
    sitk.WriteImage(image, path)
    return path


class _WorkerSegmentJob(_WorkerImageJob):
    """`surfaces`: {segment ID: vtkPolyData} of what it ended with, so that Slicer need not make them."""

    def __init__(self, client, image, name, settings):
        self.surfaces = {}
        super().__init__(
            client,
            image,
            name,
            settings,
            "segment",
            search=settings.search,
            split=settings.split,
            smallest_follicle_mm=settings.smallestFollicleMm,
            keep_probabilities=settings.keepProbabilities,
            box=settings.box,
            surfaces=True,
        )

    def read(self, event):
        self.surfaces = {segmentID: read_surface(path) for segmentID, path in event["surfaces"].items()}
        kept = [sitk.ReadImage(event[part]) for part in ("ovary_probability", "follicles_probability") if part in event]
        return Segmentation(
            sitk.ReadImage(event["ovary"]),
            sitk.ReadImage(event["follicles"]),
            Measurements.from_dict(event["measurements"]),
            event["provenance"],
            tuple(kept) or None,
            sitk.ReadImage(event["ovaries"]) if "ovaries" in event else None,
        )


class _WorkerPointJob(WorkerJob):
    """path: a file of the image, which is left as it is."""

    def __init__(self, client, path, name, settings, do, **what):
        super().__init__(
            client,
            do,
            lambda folder: {"image": path},
            name=name,
            model=settings.model or None,
            device=settings.device,
            engine=settings.engine,
            **what,
        )


class _WorkerFollicleJob(_WorkerPointJob):
    def __init__(self, client, path, name, settings, point):
        super().__init__(client, path, name, settings, "follicle", point=point)

    def read(self, event):
        return sitk.ReadImage(event["follicle"])


class _WorkerOutlineJob(_WorkerPointJob):
    def __init__(self, client, path, name, point, radiusMm, settings):
        super().__init__(client, path, name, settings, "outline", point=point, radius_mm=radiusMm)

    def read(self, event):
        return tuple(sitk.ReadImage(event[part]) for part in ("ovary", "follicles"))


class _WorkerFolderJob(WorkerJob):
    """`rows` grows with every volume that is done. Files of a volume are written together, so that the worker may be ended at any time."""

    def __init__(self, client, inputs, out, settings, again):
        super().__init__(
            client,
            "batch",
            lambda folder: {"inputs": [os.path.abspath(path) for path in inputs], "out": os.path.abspath(out)},
            model=settings.model or None,
            device=settings.device,
            engine=settings.engine,
            search=settings.search,
            split=settings.split,
            smallest_follicle_mm=settings.smallestFollicleMm,
            again=again,
        )

    def read(self, event):
        return [*event["rows"], *event["left_out"]]


class _InProcessJob:
    stage, fraction = "starting", 0.0

    def __init__(self, image, name, settings):
        self._arguments = (image, name, settings)
        self._cancelled = False

    def poll(self):
        from crend.predict import segment

        image, name, settings = self._arguments
        return segment(
            image,
            settings.model or None,
            device=settings.device,
            engine=settings.engine,
            search=settings.search,
            smallest_follicle_mm=settings.smallestFollicleMm,
            split=settings.split,
            keep_probabilities=settings.keepProbabilities,
            box=settings.box,
            name=name,
            progress=self._onProgress,
            cancelled=lambda: self._cancelled,
        )

    def cancel(self):
        self._cancelled = True

    def _onProgress(self, stage, fraction):
        self.stage, self.fraction = stage, fraction
