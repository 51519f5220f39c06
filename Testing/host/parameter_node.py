"""slicer.parameterNodeWrapper in small: typed attributes stored in a vtkMRMLScriptedModuleNode, bound to widgets by exact type.

As in Slicer, a parameter is a node reference or a string; a widget is bound when it has the property SlicerParameterName and its
type is one that the connectors know, otherwise connectGui raises.
"""

import typing

import ctk
import qt
import slicer
import vtk


class Choice:
    """The values that a parameter may have."""

    def __init__(self, choices):
        self.choices = choices


class WithinRange:
    """The range that a number may have."""

    def __init__(self, minimum, maximum):
        self.minimum = minimum
        self.maximum = maximum


def parameterNodeWrapper(cls):
    """Make a class of annotations a wrapper of a parameter node."""
    parameters = {}
    for name, annotated in typing.get_type_hints(cls, include_extras=True).items():
        kind, *notes = typing.get_args(annotated) if typing.get_origin(annotated) is typing.Annotated else (annotated,)
        parameters[name] = _Parameter(name, kind, notes, getattr(cls, name, None))
        setattr(cls, name, property(parameters[name].read, parameters[name].write))
    cls.allParameters = parameters
    for function in (__init__, connectGui, disconnectGui, AddObserver, RemoveObserver, StartModify, EndModify):
        setattr(cls, function.__name__, function)
    return cls


class _Parameter:
    def __init__(self, name, kind, notes, default):
        self.name = name
        self.kind = kind
        self.notes = notes
        members = typing.get_args(kind) if typing.get_origin(kind) is typing.Union else (kind,)
        self.nodeTypes = tuple(m for m in members if isinstance(m, type) and issubclass(m, slicer.vtkMRMLNode))
        self.isNode = bool(self.nodeTypes)
        if not self.isNode and kind not in (str, bool, int, float):
            raise TypeError(f"the stand-in has no parameter of type {kind}")
        choice = next((note for note in notes if isinstance(note, Choice)), None)
        self.default = default if default is not None or self.isNode else choice.choices[0] if choice else kind()

    def read(self, wrapper):
        node = wrapper.parameterNode
        if self.isNode:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if node.HasParameter(self.name) if hasattr(node, "HasParameter") else text != "":
            return text == "True" if self.kind is bool else self.kind(text)
        return self.default

    def write(self, wrapper, value):
        if self.isNode:
            if value is not None and not isinstance(value, self.nodeTypes):
                raise TypeError(f"{self.name}: {value!r} is no {self.kind}")
            wrapper.parameterNode.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            return
        if not isinstance(value, self.kind) and not (self.kind is float and isinstance(value, int)):
            raise TypeError(f"{self.name}: {value!r} is no {self.kind.__name__}")
        wrapper.parameterNode.SetParameter(self.name, str(self.kind(value)))


# kind -> {exact widget type: (read, write, name of the signal)}
def _connectors():
    value = (lambda w: w.value, lambda w, v: setattr(w, "value", v), "valueChanged")
    checked = (lambda w: w.checked, lambda w, v: setattr(w, "checked", v), "stateChanged")
    return {
        "node": {slicer.qMRMLNodeComboBox: (lambda w: w.currentNode(), lambda w, v: w.setCurrentNode(v), "currentNodeChanged")},
        bool: {qt.QCheckBox: checked, ctk.ctkCheckBox: checked, qt.QPushButton: (checked[0], checked[1], "toggled")},
        int: {qt.QSpinBox: value, qt.QSlider: value},
        float: {qt.QDoubleSpinBox: value, ctk.ctkDoubleSpinBox: value, ctk.ctkSliderWidget: value},
        str: {qt.QLineEdit: (lambda w: w.text, lambda w, v: setattr(w, "text", v), "textChanged")},
    }


def __init__(self, parameterNode):
    self.parameterNode = parameterNode
    self._bound = {}
    self._updating = False


def connectGui(self, gui):
    """Bind every named widget that carries SlicerParameterName; returns a tag for disconnectGui."""
    bindings = []
    for widget in gui.__dict__.values():
        name = widget.property("SlicerParameterName")
        if not name:
            continue
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        bindings.append(_Binding(self, self.allParameters[name], widget))
    tag = len(self._bound)
    observer = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: _update(self, bindings))
    self._bound[tag] = (bindings, observer)
    return tag


class _Binding:
    def __init__(self, wrapper, parameter, widget):
        known = _connectors()["node" if parameter.isNode else parameter.kind]
        if type(widget) not in known and any(isinstance(note, Choice) for note in parameter.notes):
            known = _choiceConnector(parameter)
        if type(widget) not in known:
            raise RuntimeError(f"Unable to create GUI connector from {parameter.kind} to {type(widget)} (exact types are compared)")
        self.wrapper, self.parameter, self.widget = wrapper, parameter, widget
        self.readWidget, self.writeWidget, signal = known[type(widget)]
        for note in parameter.notes:
            if isinstance(note, Choice):
                widget.clear()
                for choice in note.choices:
                    widget.addItem(str(choice))
            if isinstance(note, WithinRange):
                widget.minimum, widget.maximum = note.minimum, note.maximum
        self.signal = getattr(widget, signal)
        if parameter.isNode:
            widget.nodeTypes = [kind().GetClassName() for kind in parameter.nodeTypes]
        self.show()
        self.signal.connect(self.changed)

    def show(self):
        self.writeWidget(self.widget, self.parameter.read(self.wrapper))

    def changed(self):
        if not self.wrapper._updating:
            self.parameter.write(self.wrapper, self.readWidget(self.widget))


def _choiceConnector(parameter):
    choices = next(note.choices for note in parameter.notes if isinstance(note, Choice))
    return {
        qt.QComboBox: (lambda w: choices[w.currentIndex], lambda w, v: setattr(w, "currentIndex", choices.index(v)), "currentIndexChanged")
    }


def _update(wrapper, bindings):
    if wrapper._updating:
        return
    wrapper._updating = True
    try:
        for binding in bindings:
            binding.show()
    finally:
        wrapper._updating = False


def disconnectGui(self, tag):
    bindings, observer = self._bound.pop(tag)
    self.parameterNode.RemoveObserver(observer)
    for binding in bindings:
        binding.signal.disconnect(binding.changed)


def AddObserver(self, event, callback, priority=0.0):
    return self.parameterNode.AddObserver(event, callback, priority)


def RemoveObserver(self, tag):
    self.parameterNode.RemoveObserver(tag)


def StartModify(self):
    return self.parameterNode.StartModify()


def EndModify(self, wasModified):
    self.parameterNode.EndModify(wasModified)
