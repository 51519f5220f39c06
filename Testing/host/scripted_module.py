"""Slicer's base classes for scripted modules, as far as a module relies on them (slicer.ScriptedLoadableModule)."""

import os
import unittest

import qt
import slicer


class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent
        self.moduleName = type(self).__name__

    def resourcePath(self, name):
        return os.path.join(os.path.dirname(self.parent.path), "Resources", name)


class ScriptedLoadableModuleWidget:
    def __init__(self, parent=None):
        self.moduleName = type(self).__name__[: -len("Widget")]
        self.developerMode = False
        self.parent = parent
        self.layout = parent.layout()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, name):
        return os.path.join(os.path.dirname(slicer.util.modulePath(self.moduleName)), "Resources", name)

    def setup(self):
        pass

    def cleanup(self):
        pass

    def onReload(self):
        slicer.util.reloadScriptedModule(self.moduleName)

    def _onModuleAboutToBeUnloaded(self, name):
        if name == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)


class ScriptedLoadableModuleLogic:
    def __init__(self, parent=None):
        self.moduleName = type(self).__name__[: -len("Logic")]

    def getParameterNode(self):
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(self.moduleName)
            node.SetName(self.moduleName)
            node = slicer.mrmlScene.AddNode(node)
        node.SetAttribute("ModuleName", self.moduleName)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    def runTest(self):
        pass

    def delayDisplay(self, message, requestedDelay=None, msec=None):
        print(message)


class ScriptedFileReader:
    """Slicer's qSlicerScriptedFileReader around a module's class of that name: what its methods return must be of the types that C++ takes."""

    def __init__(self, module):
        self.loadedNodes = []
        self._messages = slicer.vtkMRMLMessageCollection()
        self._reader = getattr(module, module.__name__ + "FileReader")(self)

    def userMessages(self):
        return self._messages

    def messages(self):
        """[(event, text)] of what Slicer would show."""
        return [
            (self._messages.GetNthMessageType(n), self._messages.GetNthMessageText(n)) for n in range(self._messages.GetNumberOfMessages())
        ]

    def _returned(self, kind, name, *arguments):
        value = getattr(self._reader, name)(*arguments)
        assert type(value) is kind, f"{name} returned {value!r}"
        return value

    def description(self):
        return self._returned(str, "description")

    def fileType(self):
        return self._returned(str, "fileType")

    def extensions(self):
        return self._returned(list, "extensions")

    def canLoadFile(self, path):
        return self._returned(bool, "canLoadFile", str(path))

    def canLoadFileConfidence(self, path):
        return self._returned(float, "canLoadFileConfidence", str(path))

    def load(self, path, **properties):
        """The nodes that were loaded, or None. Slicer adds the file's name without its ending as `name`."""
        if not self._returned(bool, "load", {"fileName": str(path), **properties}):
            return None
        return [slicer.mrmlScene.GetNodeByID(node) for node in self.loadedNodes]


def makeParent(path):
    """What Slicer hands to a module's class: a place for title, category and texts."""

    class Parent:
        pass

    parent = Parent()
    parent.path = path
    parent.title, parent.categories, parent.dependencies, parent.contributors = "", [], [], []
    parent.helpText = parent.acknowledgementText = ""
    return parent


def makeWidgetParent():
    """What Slicer hands to a module's widget: a qSlicerModuleWidget with a vertical layout that knows whether it is shown."""
    widget = slicer.qSlicerModuleWidget()
    widget.setLayout(qt.QVBoxLayout())
    widget.setMRMLScene(slicer.mrmlScene)
    return widget
