"""What is asked of the worker process: a request is sent at once, and polled from the main thread until its answer is there."""

import tempfile
import time

from crend.errors import Cancelled, InputError

#: How long a cancelled worker may take to reach the end of its window before the process is ended.
PATIENCE_SECONDS = 0.6


class PredictionFailed(RuntimeError):
    """The network could not be run. `details` is what a developer wants to read."""

    def __init__(self, message, details=""):
        super().__init__(message)
        self.details = details


class WorkerRequest:
    """One request to the worker; `poll` gives its final event, or None as long as it is under way."""

    def __init__(self, client, do, **what):
        self._client = client
        self.stage = "starting"
        self.fraction = 0.0
        self.rows = []
        try:
            self._number = client.ask(do, **what)
        except OSError as error:
            raise PredictionFailed(f"Slicer's Python cannot be started ({error.strerror}); install Slicer again.") from error

    def _final(self):
        for event in self._client.poll(self._number):
            if event["event"] == "progress":
                self.stage, self.fraction = event["stage"], event["fraction"]
            elif event["event"] == "row":
                self.rows.append(event["row"])
            elif event["event"] == "input_error":
                raise InputError(event["message"])
            elif event["event"] == "failure":
                raise PredictionFailed(event["message"], event["details"])
            elif event["event"] == "cancelled":
                raise Cancelled("stopped")
            else:
                return event
        return None


class WorkerJob(WorkerRequest):
    """A request with files in a folder of its own, which is gone afterwards.

    write(folder) -> what else the request says. A subclass has read(event) -> the result.
    """

    patience = PATIENCE_SECONDS

    def __init__(self, client, do, write, **what):
        self._folder = tempfile.TemporaryDirectory(prefix="crend-")
        self._cancelledAt = None
        super().__init__(client, do, folder=self._folder.name, **write(self._folder.name), **what)

    def poll(self):
        """The result, or None. Raises InputError, Cancelled or PredictionFailed."""
        try:
            event = self._final()
            if self._cancelledAt is not None and (event or time.monotonic() - self._cancelledAt > self.patience):
                if event is None:
                    self._client.close(self._number)
                raise Cancelled("stopped")
            if event is None:
                return None
            result = self.read(event)
        except Exception:
            self._folder.cleanup()
            raise
        self._folder.cleanup()
        return result

    def cancel(self):
        """Stop; the next polls raise Cancelled within a second."""
        if self._cancelledAt is None:
            self._cancelledAt = time.monotonic()
            self._client.cancel(self._number)
