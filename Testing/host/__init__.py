"""Slicer's Qt side for tests: see README.md beside this file for what is doubled and what is real."""

import importlib
import os
import sys
import types
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "CRendSegmentation"
SLICER_CHECKOUT = os.environ.get("CREND_SLICER_SOURCE", "")


def install():
    """Make `import qt`, `import ctk` and the Qt part of `slicer` work. Safe to call again."""
    if "qt" in sys.modules:
        return
    from . import qt_modules

    sys.modules["qt"] = qt_modules.makeQt()
    sys.modules["ctk"] = qt_modules.makeCtk()
    from . import application

    application.makeApplication()
    if SLICER_CHECKOUT:
        slicer.__path__.append(str(Path(SLICER_CHECKOUT) / "Base" / "Python" / "slicer"))
        importlib.import_module("slicer.ScriptedLoadableModule")
        importlib.import_module("slicer.parameterNodeWrapper")
        sys.path.append(str(Path(SLICER_CHECKOUT) / "Modules" / "Scripted" / "SampleData"))
    else:
        from . import parameter_node, scripted_module

        sys.modules["slicer.ScriptedLoadableModule"] = scripted_module
        sys.modules["slicer.parameterNodeWrapper"] = parameter_node
        i18n = types.ModuleType("slicer.i18n")
        i18n.tr = lambda text: text
        i18n.translate = lambda context, text: text
        sys.modules["slicer.i18n"] = i18n
        sys.modules["SampleData"] = application.makeSampleData()
        slicer.i18n, slicer.parameterNodeWrapper, slicer.ScriptedLoadableModule = i18n, parameter_node, scripted_module
    if str(MODULE_FOLDER) not in sys.path:
        sys.path.insert(0, str(MODULE_FOLDER))


def newScene():
    """A fresh slicer.mrmlScene as Slicer makes it at start."""
    from . import application

    return application.newScene()


def loadModule():
    """Load CRendSegmentation as Slicer does: module object, then (when first asked for) its widget. Returns the widget."""
    from . import application, scripted_module

    path = str(MODULE_FOLDER / "CRendSegmentation.py")
    module = importlib.import_module("CRendSegmentation")
    entry = application.ScriptedModule("CRendSegmentation", None, path)
    slicer.modules.crendsegmentation = entry
    module.CRendSegmentation(scripted_module.makeParent(path))
    slicer.app.fire("startupCompleted()")
    entry.representation = application.ModuleWidget("CRendSegmentation", scripted_module.makeWidgetParent())
    entry.representation.reload()
    return entry.representation.self()
