"""The Learning section: keep corrected volumes in a folder of the user's, let the model learn from them, take the new one, and go back."""

import secrets
import traceback
import types
from pathlib import Path

import ctk
import slicer
from slicer.i18n import tr as _

from crend.bundle import bundle
from crend.errors import InputError
from crend.io.kept import count_kept, kept_copy

from ..Runs.ImproveRun import ImproveRun, readImprovement, slicersPython
from ..Runs.Run import referenceVolume
from ..Scene.KeptCorrections import canBeKept, keepForTraining, keptBefore, patientCode
from . import Messages
from .RunControl import RunControl

FOLDER, READER, TRAINER, KEY, FORMER, TAKEN = (
    f"CRend/{name}" for name in ("KeptFolder", "CorrectedBy", "TrainerPython", "PatientKey", "FormerModel", "TakenModel")
)


class LearningPanel:
    """section: the collapsible section of the panel that it fills. model(): the name or folder of the chosen model, "" for the default one.
    onModel(nameOrFolder): the user takes another one. Nothing is written before a folder was chosen and a button pressed."""

    def __init__(self, section, model, onModel):
        self._model = model
        self._onModel = onModel
        self._node, self._volume = None, None
        self._found = None
        widget = slicer.util.loadUI(str(Path(__file__).resolve().parents[2] / "Resources" / "UI" / "CRendLearning.ui"))
        section.layout().addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        parts = types.SimpleNamespace(
            applyButton=self.ui.improveButton,
            progressBar=self.ui.improveProgressBar,
            statusLabel=self.ui.improveStatusLabel,
            detailsText=self.ui.improveDetailsText,
            detailsSection=self.ui.improveDetailsSection,
        )
        self.run = RunControl(parts, self.onImprove, self.onImproved, self.onRunning, _("Improve the model..."))
        self.ui.keptFolderEdit.filters = ctk.ctkPathLineEdit.Dirs
        self.ui.trainerEdit.filters = ctk.ctkPathLineEdit.Files
        self.ui.keptFolderEdit.currentPath = _setting(FOLDER)
        self.ui.correctedByEdit.text = _setting(READER)
        self.ui.trainerEdit.currentPath = _setting(TRAINER)
        self.ui.keptFolderEdit.currentPathChanged.connect(self.onFolderChanged)
        self.ui.keepButton.clicked.connect(self.onKeep)
        self.ui.useModelButton.clicked.connect(self.onUseModel)
        self.onFolderChanged("")

    def show(self, segmentationNode):
        """Keep this segmentation; None: none."""
        volume = referenceVolume(segmentationNode) if segmentationNode is not None else None
        if (segmentationNode, volume) != (self._node, self._volume):  # one node may get the result of another patient's volume
            self._node, self._volume = segmentationNode, volume
            self.ui.patientEdit.text = patientCode(segmentationNode, _key())
        self._update()

    def close(self):
        """End what is running; what is done stays in the folder."""
        self.run.cancel()

    def onFolderChanged(self, path):
        """Another folder was chosen: say what is in it."""
        self._found = readImprovement(self._folder()) if self._folder() else None
        self._sayCounts()
        if self._found is not None and not self.run.running:
            self.run.say(f"{self._found.message}.")
        self._update()

    def onKeep(self):
        """Write the volume and its labels into the folder."""
        for name, value in ((FOLDER, self._folder()), (READER, self.ui.correctedByEdit.text)):
            slicer.app.userSettings().setValue(name, value)
        reader = self.ui.correctedByEdit.text.strip()
        try:
            with slicer.util.WaitCursor(True):  # a large volume takes seconds
                before = keptBefore(self._node, self._folder())
            if before and before["corrected_by"] != reader and not self._mayReplace(before):
                self._sayCounts(_("Nothing was kept. "))
                return
            with slicer.util.WaitCursor(True):
                kept = keepForTraining(self._node, self._folder(), reader, self.ui.patientEdit.text)
                copy = kept_copy(self._folder(), kept.name)
        except InputError as error:
            self._say(str(error), failed=True)
        except Exception as error:
            traceback.print_exc()  # into Slicer's log
            self._say(_("It did not work: {error}").format(error=error), failed=True)
        else:
            self._sayCounts(_keptWords(kept) + (_copyWords(*copy) if copy else ""))
        self._update()

    def _mayReplace(self, row):
        """Ask whether what somebody else kept of this volume may give way."""
        text = _(
            "{reader} kept this volume on {date} ({corrections}). A model learns from one segmentation of a volume: yours would take the place of "
            "that one, whose labels stay in the folder under another name. Replace it?"
        ).format(reader=_readerOf(row), date=row["kept_on"] or "?", corrections=row["corrections"] or "?")
        return slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Keep for training"))

    def onImprove(self):
        """Find out what would be done and how long it takes, then ask."""
        slicer.app.userSettings().setValue(TRAINER, self.ui.trainerEdit.currentPath.strip())
        slicer.app.userSettings().setValue(FOLDER, self._folder())
        self.run.begin(lambda: self._start(onlyEstimate=True), self.onEstimated)

    def onEstimated(self, found):
        """Start if the user wants that."""
        text = _("{words}.\n\nYou can go on working, stop at any time, and go on later. Start?").format(words=found.message)
        if slicer.util.confirmOkCancelDisplay(text, windowTitle=_("Improve the model")):
            self.run.begin(self._start)

    def onImproved(self, found):
        """A run came to its end: offer the new model if there is one."""
        self._found = found
        self._update()

    def onRunning(self, running):
        """Another folder would not be the one that is learned from."""
        self.ui.learningInputFrame.enabled = not running
        self.ui.trainerFrame.enabled = not running
        self._update()

    def onUseModel(self):
        """Take the new model, or the one from before it again."""
        settings, new = slicer.app.userSettings(), self._offered()
        if new:
            settings.setValue(FORMER, self._model())
            settings.setValue(TAKEN, new)
            self._onModel(new)
        else:
            self._onModel(_setting(FORMER))
        self._update()

    def followModel(self):
        """Another model was chosen."""
        self._update()

    def _start(self, onlyEstimate=False):
        python = self.ui.trainerEdit.currentPath.strip() or slicersPython()
        return ImproveRun(python, self._folder(), self._model() or None, onlyEstimate)

    def _update(self):
        folder, running = self._folder(), self.run.running
        Messages.enable(self.ui.keepButton, bool(folder) and canBeKept(self._node) and not running)
        if not folder:
            hint = _("Choose a folder of yours first.")
        elif not canBeKept(self._node):
            hint = _("Segment a volume, or draw an ovary on one, and correct it first.")
        else:
            hint = _(
                "Write the volume without names, and the outlines as they are now, into the folder. Of a volume that is kept again the last outlines are "
                "learned from; the earlier ones stay beside them."
            )
        self.ui.keepButton.toolTip = hint
        self.run.setReady(
            bool(folder),
            _("Learn from the kept volumes, for some hours, in a process of its own; it needs PyTorch. Asks before it starts.")
            if folder
            else _("Choose a folder of yours first."),
        )
        new, taken = self._offered(), self._chosen() != "" and self._chosen() == _setting(TAKEN)
        self.ui.useModelButton.visible = bool(new or taken) and not running
        if new:
            self.ui.useModelButton.text = _("Use {name}").format(name=Path(new).name)
        elif taken:
            self.ui.useModelButton.text = _("Back to {name}").format(name=Path(_setting(FORMER) or bundle.DEFAULT).name)

    def _offered(self):
        """The new model's folder, "" where none is offered or it is chosen already."""
        new = str(self._found.bundle) if self._found is not None and self._found.bundle is not None else ""
        return new if new != self._chosen() else ""

    def _chosen(self):
        """The chosen model by its name, or by its folder as bundles call it."""
        model = self._model()
        return str(Path(model).resolve()) if model and Path(model).is_dir() else model

    def _sayCounts(self, before=""):
        if not self._folder():
            self._say(_("Nothing is kept unless you choose a folder."))
            return
        try:
            volumes, patients = count_kept(self._folder())
        except InputError as error:
            self._say(str(error), failed=True)
            return
        self._say(before + _("Volumes kept: {volumes}, of patients: {patients}.").format(volumes=volumes, patients=patients))

    def _say(self, text, failed=False):
        Messages.say(self.ui.keptLabel, text, failed)

    def _folder(self):
        return self.ui.keptFolderEdit.currentPath.strip()


def _keptWords(kept):
    """That the volume was kept, and what became of what was kept of it before."""
    if not kept.replaced:
        return _("Kept. ")
    row = kept.replaced[-1]
    if kept.aside:
        words = _("Kept, in place of what {reader} kept on {date}; those labels are now {file}, from which nothing learns. ")
    elif row["label"] and row["label"] != f"{kept.name}-labels.nrrd":
        words = _("Kept, in place of the row of {file}, which is as it was, and from which nothing learns any more. ")
    else:
        return _("Kept. ")
    return words.format(reader=_readerOf(row), date=row["kept_on"] or "?", file=kept.aside or row["label"])


def _readerOf(row):
    return row["corrected_by"] or _("somebody")


def _copyWords(name, words):
    """That a volume was kept before, though changed."""
    return _("It is {words} of {name}, which is kept, too: Improve uses only one of them. ").format(words=words, name=name)


def _setting(name):
    return str(slicer.app.userSettings().value(name) or "")


def _key():
    """The key of patients' codes, made once and kept in this user's settings."""
    if not _setting(KEY):
        slicer.app.userSettings().setValue(KEY, secrets.token_hex(16))
    return _setting(KEY)
