"""The modules `qt` and `ctk` that Slicer's Python has, made of PySide6 behind PythonQt's manners."""

import functools
import types
import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtGui, QtPrintSupport, QtUiTools, QtWidgets
from shiboken6 import Shiboken

from . import ctk_widgets, mrml_widgets
from .pythonqt import _Method, proxyClass, unwrap, wrap

_sources = (QtWidgets, QtGui, QtCore, QtPrintSupport)


class _QtModule(types.ModuleType):
    def __getattr__(self, name):
        for source in _sources:
            value = getattr(source, name, None)
            if (isinstance(value, type) and issubclass(value, Shiboken.Object)) or (name == "Qt" and value is not None):
                return proxyClass(value)
            if value is not None and callable(value) and name.startswith("q"):
                return _Method(name, value)
        raise AttributeError(f"module 'qt' has no attribute '{name}'")


@functools.cache
def _loader():
    """(the loader of this process, the widget classes that it knows): to make these known to it takes longer than to build a panel."""
    loader = QtUiTools.QUiLoader()
    known = {*loader.availableWidgets(), "Line"}
    for custom in ctk_widgets.CLASSES + mrml_widgets.CLASSES:
        loader.registerCustomWidget(custom)
        known.add(custom.__name__)
    return loader, known


class UiLoader:
    """`qt.QUiLoader`: builds the real .ui file, but refuses what Slicer could not build either.

    QUiLoader falls back to the base class for a class it does not know; here that raises. Connections whose signature has
    a vtkMRMLScene* are made by hand, because PySide6 has no such type.
    """

    def load(self, file):
        file = unwrap(file)
        root = ElementTree.fromstring(bytes(file.readAll()).decode())
        connections = self._takeSceneConnections(root)
        loader, known = _loader()
        used = {widget.get("class") for widget in root.iter("widget")}
        if used - known:
            raise RuntimeError(f"the stand-in has no widget class {', '.join(sorted(used - known))}")
        data = QtCore.QBuffer()
        data.setData(ElementTree.tostring(root))
        data.open(QtCore.QIODevice.ReadOnly)
        widget = loader.load(data)
        if widget is None:
            raise RuntimeError(loader.errorString())
        for sender, receiver in connections:
            source = widget if widget.objectName() == sender else widget.findChild(QtCore.QObject, sender)
            target = widget.findChild(QtCore.QObject, receiver)
            if source is None or target is None:
                raise RuntimeError(f"the .ui file connects {sender} to {receiver}, and one of them does not exist")
            source.mrmlSceneChanged.connect(target.setMRMLScene)
        return wrap(widget)

    @staticmethod
    def _takeSceneConnections(root):
        taken = []
        parent = root.find("connections")
        for connection in list(parent) if parent is not None else []:
            if connection.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)":
                assert connection.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
                taken.append((connection.findtext("sender"), connection.findtext("receiver")))
                parent.remove(connection)
        return taken


def makeQt():
    """The module `qt`."""
    module = _QtModule("qt")
    module.QUiLoader = UiLoader
    module.QTimer = proxyClass(QtCore.QTimer)
    return module


def makeCtk():
    """The module `ctk`, with only the classes the stand-in has."""
    module = types.ModuleType("ctk")
    for widget in ctk_widgets.CLASSES:
        setattr(module, widget.__name__, proxyClass(widget))
    return module
