"""qMRML widgets that read and write a real MRML scene."""

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget


class qMRMLWidget(QWidget):
    mrmlSceneChanged = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qSlicerModuleWidget(qMRMLWidget):
    """The parent that Slicer gives to a module's widget; `isEntered` while the module is shown."""

    isEntered = Property(bool, lambda self: getattr(self, "_entered", False))

    def enter(self):
        self._entered = True

    def leave(self):
        self._entered = False

    def reload(self):
        self.onReload()


def _plain(kind, name, default):
    """A property of `kind` that only stores its value and refreshes the list."""

    def get(self):
        return self._settings.get(name, default)

    def set_(self, value):
        self._settings[name] = value
        self._refresh()

    return Property(kind, get, set_)


class qMRMLNodeComboBox(QWidget):
    """The node selector: lists the scene's nodes of its types, follows additions, removals and renames."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeAddedByUser = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._settings = {}
        self._scene = None
        self._observers = []
        self._nodeTypes = []
        self._currentID = ""
        self._entries = [""]
        self._box = QComboBox(self)
        self._box.setObjectName("")
        # As Slicer's, it wants to be as wide as its longest name.
        self._box.setSizeAdjustPolicy(QComboBox.AdjustToContents)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.activated.connect(lambda index: self._choose(self._entries[index]))

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        for tag in self._observers:
            self._scene.RemoveObserver(tag)
        self._scene = scene
        self._observers = (
            []
            if scene is None
            else [
                scene.AddObserver(event, lambda *_: self._refresh())
                for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent)
            ]
        )
        self._refresh()

    def _eligible(self, node):
        if not self._settings.get("showHidden", False) and node.GetHideFromEditors():
            return False
        if self._settings.get("showChildNodeTypes", True):
            return any(node.IsA(kind) for kind in self._nodeTypes)
        return node.GetClassName() in self._nodeTypes

    def _refresh(self):
        nodes = []
        if self._scene is not None:
            nodes = [self._scene.GetNthNode(i) for i in range(self._scene.GetNumberOfNodes())]
            nodes = [node for node in nodes if self._eligible(node)]
        none = self._settings.get("noneEnabled", False) or not nodes
        self._entries = ([""] if none else []) + [node.GetID() for node in nodes]
        self._box.blockSignals(True)
        self._box.clear()
        self._box.addItems(([self._settings.get("noneDisplay", "None")] if none else []) + [n.GetName() for n in nodes])
        self._box.blockSignals(False)
        self._choose(self._currentID if self._currentID in self._entries else self._entries[0])

    def _choose(self, nodeID):
        self._box.setCurrentIndex(self._entries.index(nodeID))
        if nodeID != self._currentID:
            self._currentID = nodeID
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(nodeID)

    def currentNode(self):
        return self._scene.GetNodeByID(self._currentID) if self._scene is not None and self._currentID else None

    def setCurrentNode(self, node):
        nodeID = node.GetID() if node is not None else ""
        if nodeID in self._entries:
            self._choose(nodeID)
        elif not nodeID:
            self._choose(self._entries[0])

    def setCurrentNodeID(self, nodeID):
        self.setCurrentNode(self._scene.GetNodeByID(nodeID) if nodeID else None)

    def addNode(self):
        """What the user's "Create new" entry does."""
        node = self._scene.AddNewNodeByClass(self._nodeTypes[0], self._settings.get("baseName", ""))
        self._choose(node.GetID())
        self.nodeAddedByUser.emit(node)
        return node

    def _setNodeTypes(self, types):
        self._nodeTypes = list(types)
        self._refresh()

    nodeTypes = Property("QStringList", lambda self: self._nodeTypes, _setNodeTypes)
    currentNodeID = Property(str, lambda self: self._currentID, setCurrentNodeID)
    showHidden = _plain(bool, "showHidden", False)
    showChildNodeTypes = _plain(bool, "showChildNodeTypes", True)
    hideChildNodeTypes = _plain("QStringList", "hideChildNodeTypes", [])
    baseName = _plain(str, "baseName", "")
    noneEnabled = _plain(bool, "noneEnabled", False)
    addEnabled = _plain(bool, "addEnabled", True)
    removeEnabled = _plain(bool, "removeEnabled", True)
    editEnabled = _plain(bool, "editEnabled", False)
    renameEnabled = _plain(bool, "renameEnabled", False)
    selectNodeUponCreation = _plain(bool, "selectNodeUponCreation", True)
    noneDisplay = _plain(str, "noneDisplay", "None")


class qMRMLSliderWidget(QWidget):
    pass


class qMRMLSpinBox(QWidget):
    pass


class qMRMLRangeWidget(QWidget):
    pass


CLASSES = [qMRMLWidget, qSlicerModuleWidget, qMRMLNodeComboBox, qMRMLSliderWidget, qMRMLSpinBox, qMRMLRangeWidget]
