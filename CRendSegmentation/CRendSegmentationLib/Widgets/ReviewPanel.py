"""The Review section: two segmentations against each other, figures, matched follicles, distance maps side by side."""

import html
import types
from pathlib import Path

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ..Scene.ReviewLayout import ReviewLayout
from ..Scene.ReviewNodes import reviewOf
from ..Scene.ReviewTables import metricsText
from ..Scene.Views import centreSlicesOn
from . import Messages
from .MapProbe import MapProbe
from .ResultView import FOLLOWED, PAINTING_MS
from .ReviewMatchTable import ReviewMatchTable
from .ReviewParameters import ReviewParameterNode, reviewSettingsOf
from .RunControl import RunControl


class ReviewPanel:
    """section: the collapsible section of the panel that it fills. reviewer: see ReviewRun."""

    def __init__(self, section, reviewer):
        self.reviewer = reviewer
        widget = slicer.util.loadUI(str(Path(__file__).resolve().parents[2] / "Resources" / "UI" / "CRendReview.ui"))
        section.layout().addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self._parameterNode = None
        self._guiTag = None
        self._observerTag = None
        self._pair = (None, None)
        self._followed = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAINTING_MS)
        self._timer.timeout.connect(self._showFigures)
        self.layout = ReviewLayout()
        self.probe = MapProbe(self.onProbed)
        self.matches = ReviewMatchTable(self.ui.matchTable, self.onFollicleSelected)
        parts = types.SimpleNamespace(
            applyButton=self.ui.computeButton,
            progressBar=self.ui.reviewProgressBar,
            statusLabel=self.ui.reviewStatusLabel,
            detailsText=self.ui.reviewDetailsText,
            detailsSection=self.ui.reviewDetailsSection,
        )
        self.run = RunControl(parts, self.onCompute, self.onFinished, self.onRunning, _("Compute"))
        self.ui.sideBySideButton.clicked.connect(self.onSideBySide)
        self.ui.ordinaryLayoutButton.clicked.connect(self.onOrdinaryLayout)
        self.ui.swapButton.clicked.connect(self.onSwap)
        self._show()

    def close(self):
        """End what is running and leave Slicer's views as they were."""
        self.run.cancel()
        self._pair = (None, None)
        self._follow()
        self.setParameterNode(None)
        self.probe.follow(None)
        self.layout.hide()

    def leaveScene(self):
        """The scene is about to be closed."""
        self.run.cancel()
        self.layout.hide()
        self.run.say("")
        self._pair = (None, None)
        self._show()

    def setParameterNode(self, node):
        """Show and follow the settings in a vtkMRMLScriptedModuleNode; None: none."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self._parameterNode.RemoveObserver(self._observerTag)
        self._parameterNode = None
        if node is None:
            return
        parameterNode = ReviewParameterNode(node)
        self._guiTag = parameterNode.connectGui(self.ui)
        self._observerTag = parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self._parameterNode = parameterNode
        self.onParametersModified(None, None)

    def onParametersModified(self, caller, event):
        """Follow the settings."""
        pair = (self._parameterNode.reviewReference, self._parameterNode.reviewCompared)
        if pair != self._pair:
            self._pair = pair
            self._show()
        if None in pair:
            self.run.setReady(False, _("Choose two segmentations first."))
        elif pair[0] is pair[1]:
            self.run.setReady(False, _("Choose two different segmentations."))
        else:
            self.run.setReady(True, _("Compare the two segmentations."))

    def onCompute(self):
        """Start on the chosen pair."""
        settings = reviewSettingsOf(self._parameterNode)
        self.run.begin(lambda: self.reviewer.start(*self._pair, settings))

    def onSegmentsChanged(self, caller, event):
        """An outline was changed, here or in Segment Editor: look whether the figures still hold when nobody paints any more."""
        self._timer.start()

    def onFinished(self, review):
        """A review is in the scene: show it. What came out is said above the figures."""
        self.run.say("")
        self._show()
        self.layout.show(review)
        self._showButtons(review)

    def onRunning(self, running):
        """Nothing is chosen while a review is on its way."""
        self.ui.reviewInputFrame.enabled = not running

    def onSwap(self):
        """Reference and compared change places."""
        if self._parameterNode is not None:
            reference, compared = self._pair
            self._parameterNode.reviewReference, self._parameterNode.reviewCompared = compared, reference

    def onSideBySide(self):
        """Show reference, compared and distance maps beside each other."""
        review = reviewOf(*self._pair)
        if review is not None:
            self.layout.show(review)
        self._showButtons(review)

    def onOrdinaryLayout(self):
        """Back to the layout that was there before."""
        self.layout.hide()
        self._showButtons(reviewOf(*self._pair))

    def onFollicleSelected(self, point):
        """A row was selected: show its place in the slices."""
        if self._pair[0] is not None:
            centreSlicesOn(self._pair[0], point)

    def onProbed(self, text):
        """The cursor is over a map, or over none ("")."""
        self.ui.reviewDistanceLabel.text = text or _("Cursor over a map: the distance there. Click: the slices jump to it.")

    def _show(self):
        """What the scene holds of this pair."""
        review = reviewOf(*self._pair)
        self._follow()
        self.matches.show(review.matchTableNode if review is not None else None)
        self._showFigures()
        self.ui.reviewResultFrame.visible = review is not None
        self._showButtons(review)

    def _showFigures(self):
        """The figures of this pair, and whether they still hold."""
        review, label = reviewOf(*self._pair), self.ui.reviewFiguresLabel
        if review is None:
            label.text = ""
            return
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in review.notes)
        if review.outdated:
            words = _("The outlines have changed since they were compared: press Compute again.")
            notes = f"<p style='color:{Messages.alertColour(label)}'>{html.escape(words)}</p>" + notes
        label.text = notes + metricsText(review.metricsTableNode, review.sides, review.percentile)

    def _follow(self):
        """Hear of every change of the outlines of this pair."""
        for subject, tag in self._followed:
            subject.RemoveObserver(tag)
        segmentations = [node.GetSegmentation() for node in self._pair if node is not None]
        self._followed = [(each, each.AddObserver(event, self.onSegmentsChanged)) for each in segmentations for event in FOLLOWED]
        self._timer.stop()

    def _showButtons(self, review):
        Messages.enable(self.ui.sideBySideButton, review is not None)
        Messages.enable(self.ui.ordinaryLayoutButton, self.layout.shown)
        self.ui.reviewDistanceLabel.visible = review is not None and self.layout.shown
        self.probe.follow(review if self.layout.shown else None)
        self.onProbed("")
