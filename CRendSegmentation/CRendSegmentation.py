"""Ovary and follicles in 3D ultrasound: the module as Slicer sees it. The work is in CRendSegmentationLib and crend."""

import os
import sys

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from CRendSegmentationLib.Runs.BrushRun import BrushRun, prepare
from CRendSegmentationLib.Runs.FolderRun import FolderRun
from CRendSegmentationLib.Runs.Predictors import Settings, WorkerPredictor
from CRendSegmentationLib.Runs.ReviewRun import Reviewer, ReviewSettings
from CRendSegmentationLib.Runs.Run import FollicleRun, SegmentationRun
from CRendSegmentationLib.Runs.SequenceRun import SequenceRun
from CRendSegmentationLib.Scene.Display import plainLooks
from CRendSegmentationLib.Scene.Frames import volumeOf
from CRendSegmentationLib.Scene.RegionBox import boxIn
from CRendSegmentationLib.Scene.ReviewLayout import ReviewLayout, registerLayouts
from CRendSegmentationLib.Scene.SampleVolume import registerSampleData
from CRendSegmentationLib.Scene.ScannerFileReader import CRendSegmentationFileReader  # noqa: F401 - Slicer looks for it in this file
from CRendSegmentationLib.Widgets.Panel import Panel
from CRendSegmentationLib.Widgets.ParameterNode import CRendSegmentationParameterNode

DOCUMENTATION = "https://github.com/SlicerCRend/SlicerCRend#readme"


class CRendSegmentation(ScriptedLoadableModule):
    """Title, category and texts."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("CRend Ovary and Follicles")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation"), translate("qSlicerAbstractCoreModule", "Ultrasound")]
        parent.dependencies = [
            "Cameras", "Colors", "Markups", "Plots", "SegmentEditor", "Segmentations",
            "Sequences", "SubjectHierarchy", "Tables", "Terminologies", "Volumes",
        ]  # fmt: skip
        parent.contributors = ["CRend developers"]
        parent.helpText = _(
            "Finds the ovary and every follicle in a 3D ultrasound volume, shows them in 3D and measures them. "
            "Choose a volume and press Apply.<br><b>Research use only.</b> The bundled model was trained on simulated ultrasound."
            '<br>See the <a href="{documentation}">documentation</a>.'
        ).format(documentation=DOCUMENTATION)
        parent.acknowledgementText = _(
            "The method is that of <i>Contrastive Rendering for Ultrasound Image Segmentation</i> (Li, Yang, Liang et al., MICCAI 2020)."
        )
        slicer.app.connect("startupCompleted()", self.onStartupCompleted)

    def onStartupCompleted(self):
        """Tell Slicer the code of an ovarian follicle, which its own lists lack, and list the sample volume."""
        registerSampleData(self.resourcePath(""))
        registerLayouts()
        slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        terminology = self.resourcePath("Terminology/CRend.term.json")
        if os.path.isfile(terminology):
            slicer.modules.terminologies.logic().LoadTerminologyFromFile(terminology)

    def onSceneEndImport(self, caller, event):
        """No follicle is dimmed in a scene that an earlier version saved; a review that it was saved with is shown, once Slicer has made the views."""
        import qt

        plainLooks()
        qt.QTimer.singleShot(0, lambda: ReviewLayout().showAgain())


class CRendSegmentationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel's life: made, entered, left, scene closed, reloaded. What it does is in Panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        """Build the panel from its .ui file."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/CRendSegmentation.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = CRendSegmentationLogic()
        self.panel = Panel(self.ui, self.logic)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.panel.setParameterNode(self.logic.getParameterNode())

    def cleanup(self):
        """Called when the application closes or the module is reloaded."""
        self.removeObservers()
        self.panel.close()
        self.logic.close()

    def enter(self):
        """Called each time the user opens the module."""
        self.panel.setParameterNode(self.logic.getParameterNode())
        self.panel.enter()

    def exit(self):
        """Called each time the user opens another module."""
        self.panel.exit()

    def onSceneStartClose(self, caller, event):
        """The parameter node is about to be reset: let it go, and what is running with it."""
        self.panel.leaveScene()

    def onSceneEndClose(self, caller, event):
        """Start again in the empty scene, if the module is shown."""
        if self.parent.isEntered:
            self.panel.setParameterNode(self.logic.getParameterNode())

    def onSceneEndImport(self, caller, event):
        """Read the settings anew: those of a scene that was opened were looked at while the nodes that they name were not there yet."""
        self.panel.setParameterNode(None)
        self.logic.forgetParameterNode()
        if self.parent.isEntered:
            self.panel.setParameterNode(self.logic.getParameterNode())

    def onReload(self):
        """Reload the packages beside the module file, too."""
        for name in [name for name in sys.modules if name.split(".")[0] in ("CRendSegmentationLib", "crend")]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class CRendSegmentationLogic(ScriptedLoadableModuleLogic):
    """What can be done without the panel.

    logic = slicer.util.getModuleLogic("CRendSegmentation")
    nodes = logic.segment(volumeNode)
    """

    def __init__(self, predictor=None):
        ScriptedLoadableModuleLogic.__init__(self)
        self.predictor = predictor or WorkerPredictor()
        self.reviewer = Reviewer()
        self._parameterNode = None
        self._preparing = None

    def getParameterNode(self):
        """The panel's settings, typed; always of the present scene."""
        node = super().getParameterNode()
        if self._parameterNode is None or self._parameterNode.parameterNode is not node:
            self._parameterNode = CRendSegmentationParameterNode(node)
        return self._parameterNode

    def forgetParameterNode(self):
        """Let the next `getParameterNode` read everything from the scene: the typed node remembers what it has read."""
        self._parameterNode = None

    def segment(
        self,
        volumeNode,
        segmentationNode=None,
        *,
        model=None,
        device="auto",
        engine="auto",
        search=True,
        smallestFollicleMm=None,
        split=True,
        keepProbabilities=False,
        box=None,
        progress=None,
        cancelled=None,
    ):
        """Segment ovary and follicles in a volume node, block until it is done, and return the nodes.

        segmentationNode: written into if given, else a new one is made. model: a bundle's name or folder, None for the default.
        device: auto, cpu or cuda; engine: auto, torch or openvino. search: look closely only where a quick look saw an ovary.
        smallestFollicleMm: smaller ones are dropped, None: as the model says. split: separate follicles that touch.
        box: where the ovary lies, a vtkMRMLMarkupsROINode of any orientation; None: anywhere. Follicles in it count whatever the ovary's outline; where
        the model sees no ovary there, the outline is the ellipsoid of the box, a guide that is not measured.
        keepProbabilities: add the network's probabilities as volumes, too.
        progress(stage, fraction) is called on the way; cancelled() -> True ends the run with crend.errors.Cancelled.
        Returns ResultNodes: segmentationNode, follicleTableNode, summaryTableNode, message. The segmentation is placed under the
        volume's parent transform and in its study. Measurements are in the volume's own coordinates, before that transform.
        Raises crend.errors.InputError, one line, for a volume or model that cannot be used. On any exception the scene is as before.
        """
        boxed = None if box is None else boxIn(volumeOf(volumeNode), box)
        settings = Settings(model, device, engine, search, smallestFollicleMm, split, keepProbabilities, boxed)
        return self.start(volumeNode, segmentationNode, settings).wait(progress, cancelled)

    def start(self, volumeNode, segmentationNode=None, settings=Settings()):
        """As `segment`, without blocking: returns a run to be polled from the main thread.

        volumeNode may be a sequence of volumes: then every frame is segmented into a new sequence (SequenceNodes).
        """
        if volumeNode is not None and volumeNode.IsA("vtkMRMLSequenceNode"):
            return SequenceRun(self.predictor, volumeNode, settings)
        return SegmentationRun(self.predictor, volumeNode, segmentationNode, settings)

    def startFollicle(self, editing, point, settings=Settings()):
        """Find the follicle around a point (r, a, s; the segmentation's own coordinates) and add it to what `editing`, a FollicleEditing,
        edits. Returns a run to be polled, as `start` does."""
        return FollicleRun(self.predictor, editing, point, settings)

    def startOutline(self, editing, segmentID, point, grow, radiusMm=4.0, settings=Settings()):
        """Grow (or shrink) a segment's outline at a point (r, a, s; the segmentation's own coordinates) by the model's probabilities near it, in
        what `editing`, a FollicleEditing, edits. segmentID: a follicle, None: the ovary. Nothing further away than radiusMm changes.
        Returns a run to be polled, as `start` does."""
        return BrushRun(self.predictor, editing, segmentID, point, grow, radiusMm, settings)

    def prepareOutline(self, editing, settings=Settings()):
        """Let the worker make ready what the first `startOutline` in a volume would wait for. Returns at once."""
        self._preparing = prepare(self.predictor, editing, settings)

    def segmentFolder(
        self, inputs, out, *, model=None, device="auto", engine="auto", search=True, again=False, progress=None, cancelled=None
    ):
        """Segment many volumes, block until it is done, and return FolderNodes: tableNode, rows, message.

        inputs: paths of volumes, of folders (searched to any depth) or of CSV lists, or one of them. out: the folder for NAME.seg.nrrd,
        NAME.csv and NAME.json of each, volumes.csv and follicles.csv. What has results of this model there is not segmented again unless
        `again`; a volume that fails is a row with its reason. progress(name of the volume, fraction of the whole). The volumes stay out of the scene.
        """
        settings = Settings(model, device, engine, search)
        return self.startFolder([inputs] if isinstance(inputs, (str, os.PathLike)) else inputs, out, settings, again).wait(
            progress, cancelled
        )

    def startFolder(self, inputs, out, settings=Settings(), again=False):
        """As `segmentFolder`, without blocking: returns a run to be polled from the main thread."""
        return FolderRun(self.predictor, inputs, out, settings, again)

    def review(self, referenceNode, comparedNode, settings=ReviewSettings(), *, progress=None, cancelled=None):
        """Compare two segmentation nodes, block until it is done, and return a Review: its metricsTableNode, matchTableNode, maps, marks.

        Figures are in the reference's own millimetres, whatever the parent transforms. The models are hidden until the panel, or a
        ReviewLayout, shows them. Raises crend.errors.InputError for segmentations that cannot be compared; the scene is then as before.
        """
        return self.reviewer.start(referenceNode, comparedNode, settings).wait(progress, cancelled)

    def close(self):
        """End the worker processes; a later call starts them again."""
        self.predictor.close()
        self.reviewer.close()


class CRendSegmentationTest(ScriptedLoadableModuleTest):
    """Slicer's self test (Reload and Test): all that can be tried of the module by code, numbered, in this Slicer. It empties the scene."""

    def runTest(self):
        """Run every check, and say at last how many passed, failed and were skipped. A check that fails stops no other."""
        self.test_what_can_be_tried_by_code()

    def test_what_can_be_tried_by_code(self):
        """See CRendSegmentationLib.SelfTest: each check prints PASS, FAIL or SKIP with its number and a reason."""
        from CRendSegmentationLib.SelfTest.Run import runChecks

        failed, totals = runChecks()
        self.delayDisplay(totals)
        self.assertEqual(failed, [], totals)
