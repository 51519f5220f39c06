"""The Study section: whose ovaries, when, and which segmentation is which side."""

from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from crend.clinic.findings import findings_of
from crend.clinic.study import DAYS_OF, NOT_STATED, SIDES, read_date
from crend.errors import InputError

from ..Scene.Frames import volumeOf
from ..Scene.OvaryReport import picturesOf, reportSides
from ..Scene.Patient import patientOf
from ..Scene.Sides import SIDE_WORDS, guessSide, ovaryOf, ovarySides, setOvarySide, setSide, sideOf
from ..Scene.Sides import SIDES as EVERY_SIDE
from ..Scene.StudyFacts import isDateFromStudy, sayInStudy
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
        self._followed = self._said = None
        self._ovaryRows = ((self.ui.ovary1Label, self.ui.ovary1ComboBox), (self.ui.ovary2Label, self.ui.ovary2ComboBox))
        for number, (_label, box) in enumerate(self._ovaryRows):
            for side in EVERY_SIDE:
                box.addItem(SIDE_WORDS[side])
            box.currentIndexChanged.connect(lambda index, number=number: self.onOvarySide(number))
        for name in _TEXTS:
            getattr(self.ui, name).editingFinished.connect(self.commit)
        self.ui.dicomButton.clicked.connect(self.onDicom)
        Messages.sayBelow(self.ui.studyStatusLabel, "")
        self._showOvaries()

    def setParameterNode(self, node):
        """Show and follow what a vtkMRMLScriptedModuleNode says; None: nothing. What is being typed is kept first."""
        if self._parameterNode is not None:
            self.commit()
            self._parameterNode.disconnectGui(self._guiTag)
            self._parameterNode.RemoveObserver(self._observerTag)
        self._parameterNode = StudyParameterNode(node) if node is not None else None
        Messages.sayBelow(self.ui.studyStatusLabel, "")
        if node is None:
            self._followed = None
            self._showOvaries()
            return
        self._sides, self._shown = segmentationsOf(self._parameterNode), {}
        self._said = _said(self._parameterNode)
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
            Messages.sayBelow(self.ui.studyStatusLabel, self._dateWords())

    def onModified(self, caller, event):
        """Follow what was said, here or by somebody else; a segmentation that was chosen for a side is of that side."""
        self._showTexts()
        self._sayDate()
        before, now = self._sides, segmentationsOf(self._parameterNode)
        if now == before:
            return
        self._sides = now
        for side in SIDES:
            if now[side] is before[side]:
                continue
            if now[side] is None:
                if before[side] is not None and before[side].GetScene() is not None:
                    self._unsay(before[side], side, now)
                continue
            self._leave(now[side], besides=side)
            if sideOf(now[side]) != side and not ovarySides(now[side]):
                setSide(now[side], side)
            # Of another volume than the one before it may be another scan, and the date still that of the former.
            if before[side] is None or _volumeOf(before[side]) is _volumeOf(now[side]):
                sayInStudy(now[side], *_said(self._parameterNode))
        self._showOvaries()
        self._onSides()

    def follow(self, segmentationNode):
        """A segmentation is shown, or its side was stated: it counts for its side. One of which nothing was said yet is asked for its name."""
        if segmentationNode is None or self._parameterNode is None:
            return
        self._followed = segmentationNode
        guessSide(segmentationNode)
        self._count(segmentationNode)
        self._showOvaries()

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
        for node in filter(None, segmentationsOf(self._parameterNode).values()):
            self._count(node)  # its side may have been stated elsewhere since
        study, nodes = studyOf(self._parameterNode), segmentationsOf(self._parameterNode)
        stated = {side: statedOf(self._parameterNode, side) for side in SIDES}
        sides, nodes, notes = reportSides(nodes, stated, shown)
        drawn = {side: picturesOf(node, sides[side]) for side, node in nodes.items()} if pictures else {}
        return findings_of(study, sides, notes), drawn

    def onOvarySide(self, number):
        """The user said of which side one of several ovaries is, the first or the second."""
        node, side = self._several(), EVERY_SIDE[self._ovaryRows[number][1].currentIndex]
        if node is None:
            return
        segmentID, former = list(ovarySides(node).items())[number]
        if side == former:
            return
        setOvarySide(node, segmentID, side)
        if former in SIDES and ovaryOf(node, former) is None and segmentationsOf(self._parameterNode)[former] is node:
            self._choose(former, None)
        self._count(node)
        self._showOvaries()
        self._onSides()

    def _count(self, segmentationNode):
        """A segmentation counts for the side that it is of, or for those that its ovaries are of, and for no other."""
        own = sideOf(segmentationNode)
        stated = [side for side in SIDES if side == own or ovaryOf(segmentationNode, side) is not None]
        self._leave(segmentationNode, besides=own)
        for side in stated:
            if segmentationsOf(self._parameterNode)[side] is not segmentationNode:
                self._choose(side, segmentationNode)

    def _choose(self, side, segmentationNode):
        setattr(self._parameterNode, f"study{side.capitalize()}", segmentationNode)

    def _unsay(self, segmentationNode, side, chosen):
        """A segmentation counts for this side no more: so its side, or that of its ovary, is not stated."""
        if ovarySides(segmentationNode):
            if ovaryOf(segmentationNode, side) is not None:
                setOvarySide(segmentationNode, ovaryOf(segmentationNode, side), NOT_STATED)
        elif segmentationNode not in chosen.values():
            setSide(segmentationNode, NOT_STATED)

    def _several(self):
        """The segmentation whose ovaries are to be told apart here, or None: the one that is shown, else one that counts for a side."""
        if self._parameterNode is None:
            return None
        for node in (self._followed, *segmentationsOf(self._parameterNode).values()):
            if node is not None and node.GetScene() is not None and ovarySides(node):
                return node
        return None

    def _showOvaries(self):
        """A row for each ovary of a segmentation that has several: its name, and of which side it is."""
        node = self._several()
        sides = ovarySides(node) if node is not None else {}
        self.ui.ovariesFrame.visible = bool(sides)
        if not sides:
            return
        words = _("{name} shows two ovaries. Which is which?")
        if len(sides) > len(self._ovaryRows):
            words = _("{name} has {number} segments that are an ovary. Rename or delete those that are none.")
        self.ui.ovariesLabel.text = Messages.breakable(words.format(name=node.GetName(), number=len(sides)))
        for (label, box), (segmentID, side) in zip(self._ovaryRows, sides.items()):
            label.text = f"{node.GetSegmentation().GetSegment(segmentID).GetName()}:"
            box.currentIndex = EVERY_SIDE.index(side)
            label.visible = box.visible = len(sides) == len(self._ovaryRows)

    def _sayDate(self):
        """The segmentations that count for a side have the date and the day that stand here, where nothing better is known."""
        said = _said(self._parameterNode)
        if said == self._said:
            return
        self._said = said
        for node in segmentationsOf(self._parameterNode).values():
            if node is not None:
                sayInStudy(node, *said)

    def _dateWords(self):
        """For which segmentations the date that stands here is that of the follow-up, too; "" for none."""
        nodes = [node for node in segmentationsOf(self._parameterNode).values() if node is not None and isDateFromStudy(node)]
        if not nodes:
            return ""
        names = ", ".join(dict.fromkeys(node.GetName() for node in nodes))
        return _("In the follow-up this date counts for {names}.").format(names=names)

    def _leave(self, segmentationNode, besides):
        """Let a segmentation count for no other side; one of several ovaries may count for both."""
        if ovarySides(segmentationNode):
            return
        for side, node in segmentationsOf(self._parameterNode).items():
            if node is segmentationNode and side != besides:
                self._choose(side, None)

    def _showTexts(self):
        """Show the texts that changed in the scene; what is being typed stays."""
        for edit, name in _TEXTS.items():
            text = getattr(self._parameterNode, name)
            if self._shown.get(edit) != text:
                self._shown[edit] = text
                getattr(self.ui, edit).text = text


def _volumeOf(segmentationNode):
    return segmentationNode.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())


def _said(parameterNode):
    """(ISO date, day of the cycle) of the study; "" and None for what nobody stated."""
    try:
        date = read_date(parameterNode.studyDate)
    except InputError:
        date = ""
    return date, (parameterNode.studyDay or None) if parameterNode.studyDayOf == DAYS_OF[0] else None
