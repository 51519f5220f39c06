"""CTK widgets, as far as Slicer's parameter node connectors and CRend's panel need them."""

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QHBoxLayout, QLineEdit, QPushButton, QSizePolicy, QSlider, QWidget


class ctkCollapsibleButton(QWidget):
    """A titled section that folds; the real one draws its own header, here a flat button does."""

    contentsCollapsed = Signal(bool)
    toggled = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._text = ""
        self._collapsed = False
        self._header = QPushButton(self)
        self._header.setObjectName("")
        self._header.setStyleSheet("text-align: left; font-weight: bold; padding: 3px")
        self._header.clicked.connect(lambda: self.setCollapsed(not self._collapsed))
        self.setContentsMargins(0, self._header.sizeHint().height() + 2, 0, 0)
        self._draw()

    def resizeEvent(self, event):
        super().resizeEvent(event)
        self._header.setGeometry(0, 0, self.width(), self._header.sizeHint().height())

    def childEvent(self, event):
        super().childEvent(event)
        if self._collapsed and event.added() and event.child().isWidgetType():
            event.child().setVisible(False)

    def _draw(self):
        self._header.setText(
            ("\N{BLACK RIGHT-POINTING SMALL TRIANGLE} " if self._collapsed else "\N{BLACK DOWN-POINTING SMALL TRIANGLE} ") + self._text
        )

    def text(self):
        return self._text

    def setText(self, text):
        self._text = text
        self._draw()

    def collapsed(self):
        return self._collapsed

    def setCollapsed(self, collapsed):
        self._collapsed = bool(collapsed)
        for child in self.findChildren(QWidget, options=Qt.FindDirectChildrenOnly):
            if child is not self._header:
                child.setVisible(not self._collapsed)
        self._draw()
        self.contentsCollapsed.emit(self._collapsed)
        self.toggled.emit(not self._collapsed)

    text = Property(str, text, setText)
    collapsed = Property(bool, collapsed, setCollapsed)


class ctkDoubleSpinBox(QDoubleSpinBox):
    pass


class ctkComboBox(QComboBox):
    pass


class ctkCheckBox(QCheckBox):
    pass


class ctkPushButton(QPushButton):
    pass


class ctkCheckablePushButton(QPushButton):
    checkBoxControlsButtonToggleState = Property(bool, lambda self: False)


class ctkDoubleSlider(QSlider):
    pass


class ctkSliderWidget(QWidget):
    """A slider with a spin box; here only the spin box."""

    valueChanged = Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QDoubleSpinBox(self)
        self._box.setObjectName("")
        self._box.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.valueChanged.connect(self.valueChanged)

    value = Property(float, lambda self: self._box.value(), lambda self, v: self._box.setValue(v))
    minimum = Property(float, lambda self: self._box.minimum(), lambda self, v: self._box.setMinimum(v))
    maximum = Property(float, lambda self: self._box.maximum(), lambda self, v: self._box.setMaximum(v))
    singleStep = Property(float, lambda self: self._box.singleStep(), lambda self, v: self._box.setSingleStep(v))
    decimals = Property(int, lambda self: self._box.decimals(), lambda self, v: self._box.setDecimals(v))
    suffix = Property(str, lambda self: self._box.suffix(), lambda self, v: self._box.setSuffix(v))


class _PathWidget(QWidget):
    def __init__(self, parent=None):
        super().__init__(parent)
        self._edit = QLineEdit(self)
        self._edit.setObjectName("")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit)


class ctkPathLineEdit(_PathWidget):
    currentPathChanged = Signal(str)
    Dirs, Files = 0x001, 0x002

    def __init__(self, parent=None):
        super().__init__(parent)
        self._filters = 0
        self._edit.textChanged.connect(self.currentPathChanged)

    currentPath = Property(str, lambda self: self._edit.text(), lambda self, path: self._edit.setText(path))
    filters = Property(int, lambda self: self._filters, lambda self, filters: setattr(self, "_filters", filters))


class ctkDirectoryButton(_PathWidget):
    directoryChanged = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._edit.textChanged.connect(self.directoryChanged)

    directory = Property(str, lambda self: self._edit.text(), lambda self, path: self._edit.setText(path))


class ctkColorPickerButton(QPushButton):
    pass


class ctkRangeWidget(QWidget):
    pass


class ctkDoubleRangeSlider(QWidget):
    pass


CLASSES = [
    ctkCollapsibleButton,
    ctkDoubleSpinBox,
    ctkComboBox,
    ctkCheckBox,
    ctkPushButton,
    ctkCheckablePushButton,
    ctkDoubleSlider,
    ctkSliderWidget,
    ctkPathLineEdit,
    ctkDirectoryButton,
    ctkColorPickerButton,
    ctkRangeWidget,
    ctkDoubleRangeSlider,
]
