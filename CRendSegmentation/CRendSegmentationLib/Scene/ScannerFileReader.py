"""What Slicer calls when a GE Voluson file is dragged in: its interface for file readers written in Python."""

import vtk
from slicer.i18n import tr as _

from crend.errors import InputError

from .ScannerFiles import isScannerFile, loadScannerFile, showVolume, spacingWarnings


class CRendSegmentationFileReader:
    """Reads GE Voluson files, alone (.vol) or inside DICOM (.dcm), when they are dragged into Slicer or added as data."""

    def __init__(self, parent):
        self.parent = parent

    def description(self):
        """What the Add Data dialog calls such files."""
        return _("GE Voluson 3D ultrasound (CRend)")

    def fileType(self):
        """The name for slicer.util.loadNodeFromFile."""
        return "CRendScannerFile"

    def extensions(self):
        """Endings that the dialog offers; what is inside decides (`canLoadFile`)."""
        return [_("GE Voluson 3D ultrasound") + " (*.vol)", _("GE Voluson 3D ultrasound in DICOM") + " (*.dcm)"]

    def canLoadFile(self, filePath):
        """Whether the file is one, whatever its ending."""
        return isScannerFile(filePath)

    def canLoadFileConfidence(self, filePath):
        """Above Slicer's usual 0.5 for a file that is one: Slicer would load the wrapper's picture instead."""
        return 0.9 if self.canLoadFile(filePath) else 0.0

    def load(self, properties):
        """Load properties["fileName"]; Slicer shows the message of a file that cannot be read, or whose spacing is not confirmed."""
        try:
            nodes = loadScannerFile(properties["fileName"], properties.get("name"))
        except (InputError, OSError) as error:
            self.parent.userMessages().AddMessage(vtk.vtkCommand.ErrorEvent, str(error))
            return False
        for warning in spacingWarnings(nodes[0]):
            self.parent.userMessages().AddMessage(vtk.vtkCommand.WarningEvent, warning)
        if properties.get("show", True):
            showVolume(nodes[0])
        self.parent.loadedNodes = [node.GetID() for node in nodes]
        return True
