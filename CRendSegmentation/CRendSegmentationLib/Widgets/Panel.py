"""The panel: brings its parts, the settings and the logic together."""

from dataclasses import replace

import vtk
from slicer.i18n import tr as _

from ..Runs.Run import extensionWords, referenceVolume
from ..Scene.Frames import browserOf, volumeOf
from ..Scene.Results import adopt, putEmptyResultIntoScene, resultOf, showResultsOf
from ..Scene.SegmentMeasurements import isEdited, measureSegments
from ..Scene.Views import centreOn, proposedVolume, showInSlices
from .BrushTools import BrushTools
from .ContourTools import ContourTools
from .EditTools import EditTools
from .ExportTools import ExportTools
from .FolderPanel import FolderPanel
from .FollicleReading import FollicleReading
from .FollowUpPanel import FollowUpPanel
from .InstallBar import InstallBar
from .LearningPanel import LearningPanel
from .ModelChoice import ModelChoice
from .ParameterNode import settingsOf
from .RegionTools import AUTOMATIC, RegionTools
from .ResultView import ResultView
from .ReviewPanel import ReviewPanel
from .RunControl import RunControl
from .StudyPanel import StudyPanel
from .SurfaceKeeper import SurfaceKeeper


class Panel:
    """Connects the widgets of CRendSegmentation.ui with the logic.

    ui: the named widgets of the .ui file. logic: CRendSegmentationLogic.
    """

    def __init__(self, ui, logic):
        self.ui = ui
        self.logic = logic
        self._parameterNode = None
        self._guiTag = None
        self._observerTag = None
        self._inputID = None
        self.run = RunControl(ui, self.onApply, self.onFinished, self.onRunning)
        self.models = ModelChoice(ui.modelComboBox, ui.modelSummaryLabel, self.onModelChosen, self.onProblem)
        self.region = RegionTools(ui, lambda: self._parameterNode, self._updateApply, self.onProblem)
        self.surfaces = SurfaceKeeper(lambda: logic.reviewer.client)
        self.result = ResultView(ui, self.surfaces.measured)
        self.edit = EditTools(ui, self.result.table, self.result.updateTables, self.onAddFollicle, self.surfaces.request)
        self.brush = BrushTools(ui, self.result.table, self.edit, self.onBrushClick, self.onBrushReady)
        self.contours = ContourTools(ui, self.onContours)
        self.reading = FollicleReading(ui, self.result, self.edit)
        self.install = InstallBar(ui, lambda: logic.predictor, self._updateApply, self.run.say, self.run.sayError)
        self.study = StudyPanel(ui.studySection, lambda: self._parameterNode and self._parameterNode.inputVolume, self.result.refresh)
        self.result.onSide = self.study.follow
        self.export = ExportTools(ui, self.study.report, self.result.settle)
        self.review = ReviewPanel(ui.reviewSection, logic.reviewer)
        self.followUp = FollowUpPanel(ui.followUpSection, self.onSideInFollowUp)
        self.folder = FolderPanel(ui.folderSection, self.startFolder, self.onFolderRunning, self.onFolderResult, self.surfaces.request)
        self.learning = LearningPanel(ui.learningSection, lambda: logic.getParameterNode().model, self.onModelTaken)

    def close(self):
        """End what is running and let go of the scene."""
        self.run.cancel()
        self.folder.close()
        self.learning.close()
        self.install.close()
        self.setParameterNode(None)
        self.review.close()
        self._show(None)
        self.reading.close()
        self.surfaces.close()

    def leaveScene(self):
        """The scene is about to be closed: let it go, and what is running with it. A folder's run goes on, from files to files."""
        self.run.cancel()
        self.edit.stopAdding()
        self.brush.stop()
        self.edit.say("")
        self.contours.show(None, None)
        self.run.say("")
        self.export.show(None)
        self.learning.show(None)
        self.review.leaveScene()
        self.setParameterNode(None)

    def setParameterNode(self, parameterNode):
        """Show and follow these settings; None: none."""
        if parameterNode is self._parameterNode:
            return
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self._parameterNode.RemoveObserver(self._observerTag)
        self._parameterNode = parameterNode
        self.review.setParameterNode(parameterNode.parameterNode if parameterNode is not None else None)
        self.study.setParameterNode(parameterNode.parameterNode if parameterNode is not None else None)
        if parameterNode is None:
            return
        self._inputID = _idOf(parameterNode.inputVolume)
        if parameterNode.inputVolume is None:
            parameterNode.inputVolume = proposedVolume()
        self._guiTag = parameterNode.connectGui(self.ui)
        self._observerTag = parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self.onParametersModified(None, None)

    def onParametersModified(self, caller, event):
        """Follow the settings."""
        self._followInputVolume()
        self.models.show(self._parameterNode.model)
        self.learning.followModel()
        self.install.follow(self._parameterNode.device)
        self.region.follow()
        if self._parameterNode.segmentation is not self.result.segmentationNode:
            self._show(self._parameterNode.segmentation)
        self._showContours()
        self._updateApply()

    def enter(self):
        """The user opened the module: let the worker, started for that, say what the network runs on."""
        self.result.followSegmentEditor()
        self.edit.comeBack()
        self.result.refresh()  # it may lie under another transform
        self.reading.listen(True)
        self.followUp.refresh()
        self.install.look(self._parameterNode.device if self._parameterNode is not None else "auto")

    def exit(self):
        """The user opened another module: let go of the settings, and of the next click, which is meant for that module."""
        self.edit.leave()
        self.brush.stop()
        self.contours.stopDrawing()
        self.reading.listen(False)
        self.setParameterNode(None)

    def onApply(self):
        """Start on the chosen volume. What somebody edited or drew is not written over: the result then goes into a new segmentation."""
        volume, target, settings = self._parameterNode.inputVolume, self._parameterNode.segmentation, settingsOf(self._parameterNode)
        kept = target.GetName() if target is not None and not volume.IsA("vtkMRMLSequenceNode") else ""
        if kept and browserOf(target) is None and isEdited(target):
            target = None
        showInSlices(volumeOf(volume))
        self.run.begin(
            lambda: self.logic.start(volume, target, replace(settings, box=self.region.box())),
            lambda nodes: self.onFinished(nodes, "" if nodes.segmentationNode is target else kept),
        )

    def onFinished(self, nodes, edited=""):
        """A run ended well: show what came out. The user may be in another module by now, where the panel has let go of its settings.
        edited: the name of a segmentation that was left as it is."""
        first = nodes.segmentationNode is not self.result.segmentationNode
        self.logic.getParameterNode().segmentation = nodes.segmentationNode
        self._show(nodes.segmentationNode)
        self.edit.forget()
        showInSlices(referenceVolume(nodes.segmentationNode))
        showResultsOf(referenceVolume(nodes.segmentationNode))
        if first:
            centreOn(nodes.segmentationNode)
            self.ui.editSection.collapsed = False
            self.ui.exportSection.collapsed = False
        if edited:
            stays = _("It is in {name}; {edited} stays as you edited it.").format(name=nodes.segmentationNode.GetName(), edited=edited)
            self.run.say(f"{nodes.message[:1].upper()}{nodes.message[1:]}. {stays}")

    def startFolder(self, inputs, out, again):
        """Start on all volumes of a folder, with the model and the settings that are chosen."""
        return self.logic.startFolder(inputs, out, settingsOf(self.logic.getParameterNode()), again)

    def onFolderRunning(self, running):
        """The network does one thing at a time: no Apply and no Add beside a folder."""
        self.edit.allowAdding(not running)
        self.brush.allow(not running)
        self._updateApply()

    def onFolderResult(self, nodes):
        """A result of the folder was loaded: choose it, and the volume that it was made from."""
        chosen = self.logic.getParameterNode()
        chosen.inputVolume = referenceVolume(nodes.segmentationNode) or chosen.inputVolume
        self.onFinished(nodes)

    def onAddFollicle(self, editing, point):
        """The user clicked at a follicle that is to be added."""
        settings = settingsOf(self.logic.getParameterNode())
        self.run.begin(lambda: self.logic.startFollicle(editing, point, settings), self.onFollicleAdded, self.ui.editStatusLabel)

    def onBrushReady(self, editing):
        """The user is about to click at an outline: the worker may get ready meanwhile."""
        if not self.run.running and not self.folder.run.running and not self.install.missing:
            self.logic.prepareOutline(editing, settingsOf(self.logic.getParameterNode()))

    def onBrushClick(self, editing, segmentID, point, grow, radiusMm):
        """The user clicked at an outline that is to be moved."""
        settings = settingsOf(self.logic.getParameterNode())
        self.run.begin(
            lambda: self.logic.startOutline(editing, segmentID, point, grow, radiusMm, settings),
            lambda nodes: self.edit.show(nodes.segmentationNode),
            self.ui.editStatusLabel,
        )

    def onFollicleAdded(self, nodes):
        """A follicle was found at the click."""
        self.edit.show(nodes.segmentationNode)

    def onContours(self, mask, volumeNode, number, unseenMm=None):
        """The user drew the ovary: it goes into the result of the volume, or into a new one. Returns what is said of it."""
        chosen = self.logic.getParameterNode()
        node = resultOf(volumeNode, chosen.segmentation) or putEmptyResultIntoScene(volumeNode)
        chosen.segmentation = node
        self._show(node)
        drawn, names = self.edit.change(lambda editing: editing.setOvary(mask))
        found = measureSegments(node)
        ovary = next((each for each in found.ovaries if each.segment == drawn), found.ovary)
        words = [_("{name} of {volume:.1f} ml from {number} contours.").format(name=drawn, volume=ovary.volume_ml, number=number)]
        if names:
            extension = _("{extension}, since {names} reached out of it.")
            words.append(extension.format(extension=extensionWords(self.edit.editing), names=", ".join(names)))
        if number == 2:
            words.append(_("Two planes say little of what lies between: add a third one."))
        elif unseenMm is not None:
            words.append(
                _("A part of the outline is {mm:.0f} mm from all contours, and a guess: turn or move the view there, and draw one.").format(
                    mm=unseenMm
                )
            )
        return " ".join([*words, _("Undo takes it back.")])

    def onSideInFollowUp(self, segmentationNode):
        """The side of a scan was stated in the follow-up; the Study knows of it where it is the one that is shown."""
        if segmentationNode is self.result.segmentationNode:
            self.study.follow(segmentationNode)
        self.result.refresh()

    def onRunning(self, running):
        """Nothing is chosen or edited while a run is on, and no folder begun: the network does one thing at a time."""
        self.ui.inputSection.enabled = not running
        self.ui.advancedSection.enabled = not running
        self.ui.folderSection.enabled = not running
        self.ui.folderSection.toolTip = _("The network is busy with one volume; cancel that or wait.") if running else ""
        self.edit.setEnabled(not running)
        self.brush.setEnabled(not running)
        self.contours.setEnabled(not running)

    def onModelChosen(self, nameOrFolder):
        """The user picked a model."""
        if self._parameterNode is not None:
            self._parameterNode.model = nameOrFolder

    def onModelTaken(self, nameOrFolder):
        """The user takes a model that has learned, or the one from before it."""
        self.logic.getParameterNode().model = nameOrFolder
        self.models.show(nameOrFolder)

    def onProblem(self, text):
        """Something that the user asked for cannot be."""
        self.run.say(f"{text[:1].upper()}{text[1:]}", failed=True)

    def _followInputVolume(self):
        """Another volume was chosen: its result must not overwrite that of the former one."""
        volume = self._parameterNode.inputVolume
        if _idOf(volume) == self._inputID:
            return
        self._inputID = _idOf(volume)
        if volume is not None:
            showInSlices(volumeOf(volume))
            showResultsOf(volumeOf(volume))
            self._parameterNode.segmentation = resultOf(volume, self._parameterNode.segmentation)

    def _show(self, segmentationNode):
        if segmentationNode is not None:
            adopt(segmentationNode, self.surfaces.request)
            self.study.follow(segmentationNode)
        self.result.show(segmentationNode)
        self.edit.show(segmentationNode)
        self.export.show(segmentationNode)
        self.learning.show(segmentationNode)
        self.followUp.show(segmentationNode)

    def _showContours(self):
        volume = self._parameterNode.inputVolume
        one = volume if volume is not None and not volume.IsA("vtkMRMLSequenceNode") else None
        result = resultOf(one, self._parameterNode.segmentation)
        if browserOf(result) is not None:  # the next frame would undo what is drawn
            one = result = None
        self.contours.show(one, result)

    def _updateApply(self):
        if self.install.missing:
            self.run.setReady(False, _("Install what is missing first."))
        elif self.folder.run.running:
            self.run.setReady(False, _("A folder is being segmented; stop it or wait."))
        elif not self.models.any:
            self.run.setReady(False, _("No model is installed: reinstall the CRend extension, or choose a model's folder."))
        elif self._parameterNode is None or self._parameterNode.inputVolume is None:
            self.run.setReady(False, _("Choose an ultrasound volume first."))
        elif self.region.missing:
            self.run.setReady(False, _("Place the box round the ovary first."))
        elif self._parameterNode.region != AUTOMATIC:
            self.run.setReady(True, _("Find the follicles in the box, and the ovary that fills it."))
        else:
            self.run.setReady(True, _("Find the ovary and its follicles in the chosen volume."))


def _idOf(node):
    return node.GetID() if node is not None else None
