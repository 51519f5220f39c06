"""The export buttons: each asks where to, writes, and says what was written."""

import importlib.util
import traceback
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from crend.clinic.files import write_report
from crend.clinic.page import page_html
from crend.errors import InputError

from ..Runs.Run import referenceVolume
from ..Scene import Export
from . import Messages
from .Folders import keepFolder, lastFolder
from .Printing import writePdf

REPORTS, FINDINGS = (".pdf", ".html", ".htm"), (".csv", ".json")


class ExportTools:
    """What was written, or why not, is said below the buttons.

    report(segmentation node, whether to draw pictures): findings and pictures of both ovaries, as StudyPanel gives them.
    settle() lets the tables be measured that are not yet.
    """

    def __init__(self, ui, report, settle):
        self._ui = ui
        self._report = report
        self._settle = settle
        self._node = None
        ui.exportTableButton.clicked.connect(self.onTable)
        ui.exportReportButton.clicked.connect(self.onReport)
        ui.exportSegmentationButton.clicked.connect(self.onSegmentation)
        ui.exportSurfacesButton.clicked.connect(self.onSurfaces)
        ui.exportSceneButton.clicked.connect(self.onScene)
        ui.exportDicomButton.clicked.connect(self.onDicom)
        ui.exportFindingsButton.clicked.connect(self.onFindings)
        ui.exportStructuredReportButton.clicked.connect(self.onStructuredReport)
        self.show(None)

    def show(self, segmentationNode):
        """Export this segmentation; None: none."""
        if segmentationNode is not self._node:
            Messages.sayBelow(self._ui.exportStatusLabel, "")
        self._node = segmentationNode
        self._ui.exportSection.enabled = segmentationNode is not None
        self._ui.exportDicomButton.enabled = hasattr(slicer, "qSlicerDICOMExportDialog")
        if not self._ui.exportDicomButton.enabled:
            self._ui.exportDicomButton.toolTip = _("This Slicer has no DICOM export.")

    def onTable(self):
        """follicles.csv"""
        self._write((".csv",), _("Table (*.csv)"), lambda path: Export.exportTable(self._node, path))

    def onReport(self):
        """The report of both ovaries: PDF or HTML, by the ending."""
        self._write(REPORTS, _("Report (*.pdf *.html)"), self._writeReport)

    def onFindings(self):
        """The findings of both ovaries: CSV or JSON, by the ending."""
        self._write(FINDINGS, _("Findings (*.csv *.json)"), self._writeReport)

    def onStructuredReport(self):
        """The findings of both ovaries as a DICOM report."""
        if importlib.util.find_spec("highdicom") is None:
            needed = _("A DICOM report needs the Python package highdicom. Type once, in Slicer's Python console: {command}")
            # With blanks, so that no place to break it is put into what will be copied.
            said = needed.format(command="slicer.util.pip_install( 'highdicom' )")
            Messages.sayBelow(self._ui.exportStatusLabel, said, failed=True)
            return
        self._write((".dcm",), _("DICOM report (*.dcm)"), self._writeReport)

    def onSegmentation(self):
        """.seg.nrrd or a label image, by the ending."""
        kinds = _("Segmentation (*.seg.nrrd *.nii.gz *.nrrd)")
        self._write(Export.LABEL_ENDINGS, kinds, lambda path: Export.exportSegmentation(self._node, path))

    def onSurfaces(self):
        """A folder of surfaces."""
        folder = self.askForFolder()
        if folder:
            keepFolder("Export", folder)
            self._attempt(lambda: [Export.exportSurfaces(self._node, folder, name) for name in Export.SURFACE_FORMATS], folder)

    def onScene(self):
        """.mrb"""
        self._write((".mrb",), _("Scene (*.mrb)"), Export.exportScene)

    def onDicom(self):
        """Slicer's own export, with this segmentation selected."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        dialog = slicer.qSlicerDICOMExportDialog()
        dialog.setMRMLScene(slicer.mrmlScene)
        dialog.execDialog(hierarchy.GetItemByDataNode(self._node))

    def askForFile(self, ending, kinds):
        """A file name from the user, or an empty text."""
        proposed = Path(self._folder()) / f"{self._node.GetName()}{ending}".replace("/", "-")
        return qt.QFileDialog.getSaveFileName(None, _("Export"), str(proposed), kinds)

    def askForFolder(self):
        """A folder from the user, or an empty text."""
        return qt.QFileDialog.getExistingDirectory(None, _("Folder for the surfaces"), self._folder())

    def _folder(self):
        return lastFolder("Export", referenceVolume(self._node))

    def _write(self, endings, kinds, write):
        """Ask for a file, give it the first of `endings` unless it has one of them, and write it."""
        path = self.askForFile(endings[0], kinds)
        if not path:
            return
        keepFolder("Export", Path(path).parent)
        if not path.lower().endswith(tuple(endings)):
            # "patient 1.5" has no ending; and the dialog has asked about another file than this one.
            path += endings[0]
            if Path(path).exists() and not slicer.util.confirmYesNoDisplay(_("{path} exists. Replace it?").format(path=path)):
                return
        self._attempt(lambda: write(path), path)

    def _attempt(self, action, where):
        label = self._ui.exportStatusLabel
        try:
            self._settle()
            action()
        except InputError as error:
            Messages.sayBelow(label, str(error), failed=True)
        except Exception as error:
            traceback.print_exc()  # into Slicer's log
            Messages.sayBelow(label, _("It did not work: {error}").format(error=error), failed=True)
        else:
            Messages.sayBelow(label, _("Written to {where}").format(where=where))

    def _writeReport(self, path):
        findings, pictures = self._report(self._node, path.lower().endswith(REPORTS))
        if path.lower().endswith(REPORTS[0]):
            writePdf(page_html(findings, pictures, _), path)
        else:
            write_report(findings, path, pictures, _)
