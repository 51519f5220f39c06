"""The panel: what the user chooses, Apply, how it goes, what came out."""

import logging
import traceback

import slicer
import vtk

from crend.errors import Cancelled, InputError

from .FollicleTable import FollicleTable
from .Results import FOLLICLE_TABLE_ROLE, SUMMARY_TABLE_ROLE, tableOf
from .ResultTables import summaryText


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
        self._models = []
        self._running = False
        self.table = FollicleTable(ui.follicleTable)
        ui.applyButton.clicked.connect(self.onApply)
        ui.modelComboBox.currentIndexChanged.connect(self.onModelChosen)
        self.fillModels()
        self.showResult(None)

    def close(self):
        """Let go of the scene."""
        self.setParameterNode(None)

    def setParameterNode(self, parameterNode):
        """Show and follow these settings; None: none."""
        if parameterNode is self._parameterNode:
            return
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self._parameterNode.RemoveObserver(self._observerTag)
        self._parameterNode = parameterNode
        if parameterNode is None:
            return
        if parameterNode.inputVolume is None:
            parameterNode.inputVolume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        self._guiTag = parameterNode.connectGui(self.ui)
        self._observerTag = parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self.onParametersModified(None, None)

    def onParametersModified(self, caller, event):
        """Follow the settings: Apply, the model's line, the result that is shown."""
        names = [model.name for model in self._models]
        wanted = self._parameterNode.model
        if wanted in names and self.ui.modelComboBox.currentIndex != names.index(wanted):
            self.ui.modelComboBox.currentIndex = names.index(wanted)
        self.showResult(self._parameterNode.segmentation)
        self._updateApply()

    def fillModels(self):
        """List the models that are there."""
        from crend import bundle

        self._models = bundle.available()
        combo = self.ui.modelComboBox
        blocked = combo.blockSignals(True)
        combo.clear()
        for model in self._models:
            combo.addItem(model.name)
        combo.blockSignals(blocked)
        self._showModelSummary()

    def onModelChosen(self, index):
        """The user picked a model."""
        self._showModelSummary()
        if self._parameterNode is not None and 0 <= index < len(self._models):
            self._parameterNode.model = self._models[index].name

    def onApply(self):
        """Segment the chosen volume; every outcome is said in the status line."""
        self._setRunning(True)
        try:
            nodes = self.logic.segment(self._parameterNode.inputVolume, self._parameterNode.segmentation,
                                       model=self._parameterNode.model or None, progress=self.onProgress)
            self._parameterNode.segmentation = nodes.segmentationNode
            self.showResult(nodes.segmentationNode)
            self._say(_sentence(nodes.message))
        except InputError as error:
            self._say(str(error), failed=True)
        except Cancelled:
            self._say("Cancelled. The scene is as it was before.")
        except Exception as error:
            logging.error(traceback.format_exc())
            self._say(f"The segmentation failed: {error} (details are in the application log)", failed=True)
        finally:
            self._setRunning(False)

    def onProgress(self, stage, fraction):
        """A step forward: fraction is 0 to 1."""
        self.ui.progressBar.value = int(100 * fraction)
        self._say(f"{stage[:1].upper()}{stage[1:]}...")
        slicer.app.processEvents()

    def showResult(self, segmentationNode):
        """Show the summary and the follicles of a segmentation; None: nothing."""
        summary = tableOf(segmentationNode, SUMMARY_TABLE_ROLE)
        follicles = tableOf(segmentationNode, FOLLICLE_TABLE_ROLE)
        self.ui.summaryLabel.text = summaryText(summary) if summary else "No result yet."
        self.table.show(follicles, segmentationNode)

    def _say(self, text, failed=False):
        self.ui.statusLabel.styleSheet = "color: #c62828" if failed else ""
        self.ui.statusLabel.text = text

    def _setRunning(self, running):
        self._running = running
        self.ui.progressBar.value = 0
        self.ui.progressBar.visible = running
        self.ui.inputSection.enabled = not running
        self._updateApply()

    def _updateApply(self):
        button = self.ui.applyButton
        if not self._models:
            button.toolTip = "No model is installed: reinstall the CRend extension."
        elif self._parameterNode is None or self._parameterNode.inputVolume is None:
            button.toolTip = "Choose an ultrasound volume first."
        else:
            button.toolTip = "Find the ovary and its follicles in the chosen volume."
            button.enabled = not self._running
            return
        button.enabled = False

    def _showModelSummary(self):
        index = self.ui.modelComboBox.currentIndex
        chosen = self._models[index] if 0 <= index < len(self._models) else None
        self.ui.modelSummaryLabel.text = chosen.summary if chosen else "No model is installed."


def _sentence(message):
    return f"{message[:1].upper()}{message[1:]}."
