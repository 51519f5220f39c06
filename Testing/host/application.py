"""slicer.app, slicer.modules and a fresh scene: what the Slicer application makes before any module is loaded."""

import importlib.util
import os
import sys
import tempfile
import types
from pathlib import Path

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .pythonqt import proxyClass, unwrap, wrap

#: Module logics of Slicer that CRend or slicer.util asks for, by the name in slicer.modules.
LOGICS = {
    "cameras": slicer.vtkSlicerCamerasModuleLogic,
    "colors": slicer.vtkSlicerColorLogic,
    "segmentations": slicer.vtkSlicerSegmentationsModuleLogic,
    "subjecthierarchy": slicer.vtkSlicerSubjectHierarchyModuleLogic,
    "tables": slicer.vtkSlicerTablesLogic,
    "terminologies": slicer.vtkSlicerTerminologiesModuleLogic,
    "volumes": slicer.vtkSlicerVolumesLogic,
    "sequences": slicer.vtkSlicerSequencesLogic,
    "plots": slicer.vtkSlicerPlotsLogic,
    "markups": slicer.vtkSlicerMarkupsLogic,
}


class _Module:
    """A module as slicer.modules holds it."""

    def __init__(self, name, logic, path=""):
        self.name = name
        self.path = path
        self._logic = logic
        self.representation = None

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        return self.representation


class ScriptedModule(_Module):
    """slicer.qSlicerScriptedLoadableModule."""


class ModuleWidget:
    """slicer.qSlicerScriptedLoadableModuleWidget: makes the Python widget in a parent, hands it out, and makes it anew."""

    def __init__(self, moduleName, parent):
        self._name = f"{moduleName}Widget"
        self._module = moduleName
        self._parent = parent
        self._widget = None
        unwrap(parent).onReload = self.reload

    def self(self):
        return self._widget

    def reload(self):
        """What the C++ class does: the class as Python has it by now, then setup. It does not enter."""
        self._widget = getattr(sys.modules[self._module], self._name)(self._parent)
        setattr(slicer.modules, self._name, self._widget)
        self._widget.setup()

    def children(self):
        return self._parent.children()

    def layout(self):
        return self._parent.layout()


class _ModuleManager:
    """Finds modules by name and lets module widgets listen for the unloading of a module."""

    def __init__(self):
        self._slots = []

    def module(self, name):
        return getattr(slicer.modules, name.lower(), None)

    def connect(self, signal, slot):
        assert signal == "moduleAboutToBeUnloaded(QString)", signal
        self._slots.append(slot)

    def disconnect(self, signal, slot):
        self._slots.remove(slot)

    def unload(self, name):
        for slot in list(self._slots):
            slot(name)


class Application:
    """slicer.app."""

    applicationName = "Slicer"

    def __init__(self):
        self.qtApplication = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["crend-tests"])
        self.temporaryPath = tempfile.gettempdir()
        self._manager = _ModuleManager()
        self._slots = []
        self._logic = None
        self._settingsFolder = tempfile.TemporaryDirectory(prefix="crend-settings-")

    def userSettings(self):
        """The user's settings, in a file that is gone afterwards."""
        return wrap(QtCore.QSettings(os.path.join(self._settingsFolder.name, "Slicer.ini"), QtCore.QSettings.IniFormat))

    def startupEnvironment(self):
        """The variables that Slicer was started with."""
        return wrap(QtCore.QProcessEnvironment.systemEnvironment())

    def connect(self, signal, slot):
        assert signal in ("startupCompleted()", "aboutToQuit()"), signal
        self._slots.append((signal, slot))

    def fire(self, signal):
        """Emit a signal of the application once; its listeners are then forgotten."""
        slots, self._slots = self._slots, [entry for entry in self._slots if entry[0] != signal]
        for name, slot in slots:
            if name == signal:
                slot()

    def moduleManager(self):
        return self._manager

    def applicationLogic(self):
        return self._logic

    def processEvents(self):
        self.qtApplication.processEvents()

    def testingEnabled(self):
        return True

    def topLevelWidgets(self):
        return []

    def layoutManager(self):
        return None

    def translate(self, context, text):
        return text


def _terminologies():
    """Slicer's own terminology lists, which trame-slicer brings along."""
    return Path(importlib.util.find_spec("trame_slicer").origin).parent / "resources" / "terminologies"


def newScene():
    """Make slicer.mrmlScene anew, with the node classes, the logics and the default nodes that Slicer's modules register."""
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    logic = slicer.vtkSlicerApplicationLogic()
    slicer.app._logic = logic
    logic.SetMRMLScene(scene)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    slicer.modules = types.SimpleNamespace()
    for name, kind in LOGICS.items():
        module = kind()
        if name == "terminologies":
            module.SetModuleShareDirectory(str(_terminologies()))
        module.SetMRMLApplicationLogic(logic)
        if name != "colors":  # the application logic's own has the scene already; this one would look for Slicer's colour files
            module.SetMRMLScene(scene)
        setattr(slicer.modules, name, _Module(name, module))
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    scene.AddObserver(scene.NodeAddedEvent, _addToHierarchy)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, _removeFromHierarchy)
    return scene


@vtk.calldata_type(vtk.VTK_OBJECT)
def _addToHierarchy(scene, event, node):
    """qSlicerSubjectHierarchyPluginLogic: every node that a user can see gets an item."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    wanted = node.IsA("vtkMRMLDisplayableNode") or node.IsA("vtkMRMLTableNode") or node.IsA("vtkMRMLPlotChartNode")
    if wanted and not node.GetHideFromEditors() and not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


@vtk.calldata_type(vtk.VTK_OBJECT)
def _removeFromHierarchy(scene, event, node):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is not None and hierarchy.GetItemByDataNode(node):
        hierarchy.RemoveItem(hierarchy.GetItemByDataNode(node), False, False)


def makeSampleData():
    """The module SampleData, as far as registering a volume goes."""

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(
            category="Custom",
            sampleName=None,
            uris=None,
            fileNames=None,
            nodeNames=None,
            thumbnailFileName=None,
            loadFileTypes=None,
            checksums=None,
        ):
            source = types.SimpleNamespace(
                sampleName=sampleName,
                uris=[uris],
                fileNames=[fileNames],
                nodeNames=[nodeNames],
                thumbnailFileName=thumbnailFileName,
                loadFileTypes=[loadFileTypes],
                checksums=[checksums],
            )
            if not hasattr(slicer.modules, "sampleDataSources"):
                slicer.modules.sampleDataSources = {}
            slicer.modules.sampleDataSources.setdefault(category, []).append(source)

    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    return module


def makeApplication():
    """Set slicer.app and the module classes, once a process."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if not hasattr(slicer, "app"):
        slicer.app = Application()
        slicer.qSlicerScriptedLoadableModule = ScriptedModule
        slicer.qSlicerScriptedLoadableModuleWidget = ModuleWidget
        from . import mrml_widgets

        for widget in mrml_widgets.CLASSES:
            setattr(slicer, widget.__name__, proxyClass(widget))
