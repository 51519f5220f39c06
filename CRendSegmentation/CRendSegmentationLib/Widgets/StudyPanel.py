"""The Study section: whose ovaries, when, and which segmentation is which side."""

from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from crend.clinic.findings import findings_of
from crend.clinic.study import ASSESSED, NOT_STATED, SIDES
from crend.errors import InputError

from ..Scene.Frames import volumeOf
from ..Scene.OvaryReport import picturesOf, sideFrom
from ..Scene.Patient import patientOf
from ..Scene.Sides import guessSide, setSide, sideOf
from . import Messages
from .StudyParameters import StudyParameterNode, segmentationsOf, statedOf, studyOf

#: Line edits are bound by hand: Slicer's own connector writes back at every key, and the cursor would jump to the end.
_TEXTS = {
    "patientEdit": "studyPatient",
    "patientIDEdit": "studyPatientID",
    "dateEdit": "studyDate",
    "readByEdit": "studyReadBy",
    "cohortsEdit": "studyCohorts",
}


class StudyPanel:
    """section: the collapsible section of the panel that it fills. volume(): the chosen ultrasound, or None. onSides() is called when a
    segmentation became left or right."""

    def __init__(self, section, volume, onSides):
        self._volume, self._onSides = volume, onSides
        widget = slicer.util.loadUI(str(Path(__file__).resolve().parents[2] / "Resources" / "UI" / "CRendStudy.ui"))
        section.layout().addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self._parameterNode = self._guiTag = self._observerTag = None
        self._sides, self._shown = dict.fromkeys(SIDES), {}
        for name in _TEXTS:
            getattr(self.ui, name).editingFinished.connect(self.commit)
        self.ui.dicomButton.clicked.connect(self.onDicom)
        Messages.sayBelow(self.ui.studyStatusLabel, "")

    def setParameterNode(self, node):
        """Show and follow what a vtkMRMLScriptedModuleNode says; None: nothing. What is being typed is kept first."""
        if self._parameterNode is not None:
            self.commit()
            self._parameterNode.disconnectGui(self._guiTag)
            self._parameterNode.RemoveObserver(self._observerTag)
        self._parameterNode = StudyParameterNode(node) if node is not None else None
        Messages.sayBelow(self.ui.studyStatusLabel, "")
        if node is None:
            return
        self._sides, self._shown = segmentationsOf(self._parameterNode), {}
        self._guiTag = self._parameterNode.connectGui(self.ui)
        self._observerTag = self._parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self.onModified)
        self._showTexts()

    def commit(self):
        """Keep what stands in the line edits, and say what is wrong with it."""
        if self._parameterNode is None:
            return
        for edit, name in _TEXTS.items():
            text = getattr(self.ui, edit).text
            if text != getattr(self._parameterNode, name):
                setattr(self._parameterNode, name, text)
        try:
            studyOf(self._parameterNode)
        except InputError as error:
            text = str(error)
            Messages.sayBelow(self.ui.studyStatusLabel, f"{text[:1].upper()}{text[1:]}", failed=True)
        else:
            Messages.sayBelow(self.ui.studyStatusLabel, "")

    def onModified(self, caller, event):
        """Follow what was said, here or by somebody else; a segmentation that was chosen for a side is of that side."""
        self._showTexts()
        before, now = self._sides, segmentationsOf(self._parameterNode)
        if now == before:
            return
        self._sides = now
        for side in SIDES:
            if now[side] is before[side]:
                continue
            if now[side] is None:
                if before[side] is not None and before[side] not in now.values() and before[side].GetScene() is not None:
                    setSide(before[side], NOT_STATED)
                continue
            self._leave(now[side], besides=side)
            if sideOf(now[side]) != side:
                setSide(now[side], side)
        self._onSides()

    def follow(self, segmentationNode):
        """A segmentation is shown, or its side was stated: it counts for its side. One of which nothing was said yet is asked for its name."""
        if segmentationNode is None or self._parameterNode is None:
            return
        guessSide(segmentationNode)
        side = sideOf(segmentationNode)
        self._leave(segmentationNode, besides=side)
        if side in SIDES and segmentationsOf(self._parameterNode)[side] is not segmentationNode:
            setattr(self._parameterNode, f"study{side.capitalize()}", segmentationNode)

    def onDicom(self):
        """Take name, ID and date over from the volume's DICOM headers."""
        volume = volumeOf(self._volume())
        found = patientOf(volume) if volume is not None else {}
        if not any(found.values()):
            Messages.sayBelow(
                self.ui.studyStatusLabel, _("Neither DICOM nor the volume's file says who it is of. Type the name."), failed=True
            )
            return
        for key, name in (("name", "studyPatient"), ("id", "studyPatientID"), ("date", "studyDate")):
            if found[key]:
                setattr(self._parameterNode, name, found[key])
        self._showTexts()
        self.commit()

    def report(self, shown, pictures=True):
        """(findings, {side: pictures}) of both ovaries; where no side is stated, of the segmentation that is shown. pictures: whether to draw
        any. InputError for a date or cohorts that are none."""
        self.commit()
        for node in segmentationsOf(self._parameterNode).values():
            self.follow(node)  # its side may have been stated elsewhere since
        study, nodes = studyOf(self._parameterNode), segmentationsOf(self._parameterNode)
        stated = {side: statedOf(self._parameterNode, side) for side in SIDES}
        if not any(nodes.values()) and all(each["state"] == ASSESSED for each in stated.values()):
            nodes, stated = {NOT_STATED: shown}, {NOT_STATED: {}}
        sides = {side: sideFrom(node, **stated[side]) for side, node in nodes.items()}
        drawn = {side: picturesOf(node, sides[side]) for side, node in nodes.items()} if pictures else {}
        return findings_of(study, sides), drawn

    def _leave(self, segmentationNode, besides):
        """Let a segmentation count for no other side."""
        for side, node in segmentationsOf(self._parameterNode).items():
            if node is segmentationNode and side != besides:
                setattr(self._parameterNode, f"study{side.capitalize()}", None)

    def _showTexts(self):
        """Show the texts that changed in the scene; what is being typed stays."""
        for edit, name in _TEXTS.items():
            text = getattr(self._parameterNode, name)
            if self._shown.get(edit) != text:
                self._shown[edit] = text
                getattr(self.ui, edit).text = text
