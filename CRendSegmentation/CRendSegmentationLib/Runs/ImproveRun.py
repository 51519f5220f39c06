"""A model that learns from kept corrections: `crend_training improve` in a process of its own, at the lowest priority, polled from the main thread."""

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

import slicer
from slicer.i18n import tr as _

from crend.errors import InputError, Kept
from crend.worker.child import Child
from crend.worker.client import PACKAGE_FOLDER

from .Run import Waiting, timeWords
from .WorkerJobs import PredictionFailed

RESULT = Path("improve") / "result.json"
_PROGRESS = re.compile(r"\s*([\d.]+) % (.*)")
_BAD_INPUT, _CANCELLED = 2, 130


class Improvement(NamedTuple):
    """What came of it: message in words; bundle: folder of the new bundle, None where none is offered."""

    message: str
    bundle: "Path | None"


class ImproveRun(Waiting):
    """python: the interpreter that has the trainer. model: a bundle's name or folder, None for the default one.

    onlyEstimate: the run ends with an Improvement that says what would be done and how long it would take, and nothing is changed. What is done when it
    is stopped stays in the folder, and the next run goes on with it.
    """

    def __init__(self, python, folder, model=None, onlyEstimate=False):
        self.stage, self.fraction = _("Looking at the kept volumes") if onlyEstimate else _("Starting"), 0.0
        self._folder, self._onlyEstimate = Path(folder), onlyEstimate
        self._began = time.monotonic()
        command = [python, "-m", "crend_training", "improve", str(folder), *(["--model", model] if model else [])]
        try:
            self._child = Child([*command, *(["--estimate"] if onlyEstimate else [])], environmentOf(python))
        except OSError as error:
            raise InputError(f"{python}: cannot be started ({(error.strerror or str(error)).lower()}); choose a Python.") from error

    # Of `Waiting` these two are a job's; here they are this run's own.
    stage = ""
    fraction = 0.0

    def poll(self):
        """Improvement, or None as long as it works. Raises InputError, Kept (stopped) or PredictionFailed."""
        for line in self._child.lines():
            found = _PROGRESS.fullmatch(line)
            if found:
                self.fraction, self.stage = float(found.group(1)) / 100, found.group(2)
        code = self._child.ended()
        if self.cancelling or code == _CANCELLED:  # here, or by whoever ends processes
            raise Kept(_("Stopped. What was done is kept; Improve goes on with it.") if not self._onlyEstimate else _("Stopped."))
        if code is None:
            return None
        self.poll_rest()
        details = "\n".join(self._child.details)
        if code == _BAD_INPUT:
            raise InputError(_lastLine(details))
        if "No module named crend_training" in details or "No module named 'crend_training'" in details:
            raise InputError(
                _(
                    "Improving a model needs PyTorch and CRend's trainer. Install them into a Python of their own "
                    '(pip install "crend[training]", see "Bring your own ovaries" in the documentation) and choose it below.'
                )
            )
        if code:
            raise PredictionFailed(_("the trainer ended with an error ({line})").format(line=_lastLine(details)), details)
        if self._onlyEstimate:
            return Improvement(self._child.output().strip(), None)
        return readImprovement(self._folder) or Improvement(_("nothing came of it"), None)

    def poll_rest(self):
        """Take what was said last into the details."""
        self._child.lines()

    def cancel(self):
        """End the process; the next poll raises Kept."""
        self.cancelling = True
        self._child.end()

    def words(self):
        """ "Round 1 of 3: close look, step 40 of 400, 12 %, 3:31, about 25:00 left"."""
        elapsed = time.monotonic() - self._began
        stage = self.stage[:1].upper() + self.stage[1:]
        return stage if self._onlyEstimate else timeWords(stage, self.fraction, elapsed)


def readImprovement(folder):
    """What the last finished run in a folder came to; None where there is none that can be read, or its bundle is gone."""
    try:
        told = json.loads((Path(folder) / RESULT).read_text(encoding="utf-8"))
        # As bundles call themselves, whatever links led here.
        bundle = (Path(folder) / told["bundle"]).resolve() if told["offered"] else None
        return Improvement(str(told["words"]), bundle) if bundle is None or (bundle / "metadata.json").is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def slicersPython():
    """Slicer's own interpreter, where the trainer may be installed, too."""
    return shutil.which("PythonSlicer") or sys.executable


def environmentOf(python):
    """The variables for an interpreter: for Slicer's own with `crend`, which lies beside the module; for others those from before Slicer set its own."""
    if os.path.realpath(python) == os.path.realpath(slicersPython()):
        known = os.environ.get("PYTHONPATH")
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [PACKAGE_FOLDER, known]))}
    before = slicer.util.startupEnvironment() if hasattr(slicer.util, "startupEnvironment") else dict(os.environ)
    return {name: value for name, value in before.items() if name not in ("PYTHONHOME", "PYTHONPATH")}


def _lastLine(details):
    lines = [line for line in details.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else _("it said nothing")
