"""Measurements of masks on their way: made by a worker process, remembered by the last poll."""

from crend.structures.measurements import Ovary
from crend.worker.surface_files import write_masks

from ..Scene.KnownMeasurements import rememberMeasured
from .Run import Waiting
from .WorkerJobs import WorkerJob


class MeasureRun(Waiting):
    """What masks, as maskOf gives them, measure. client: a WorkerClient; it loads no network for this."""

    def __init__(self, client, masks):
        self._masks = {str(number): mask for number, mask in enumerate(masks)}
        self._job = _MeasureJob(client, "surfaces", lambda folder: write_masks(folder, self._masks), measure=True, draw=False)

    def poll(self):
        """True when all are remembered, or None as long as it works. Raises Cancelled or PredictionFailed."""
        measured = self._job.poll()
        if measured is None:
            return None
        for name, mask in self._masks.items():
            rememberMeasured(mask, Ovary(**measured[name]))
        return True


class _MeasureJob(WorkerJob):
    def read(self, event):
        """{name of a mask: its measurements}."""
        return event["measured"]
