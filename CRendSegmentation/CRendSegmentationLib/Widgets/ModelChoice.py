"""The list of models: those that are installed by name, and any from a folder."""

from pathlib import Path

import qt
from slicer.i18n import tr as _

from crend.bundle import bundle
from crend.errors import InputError

from .Folders import keepFolder, lastFolder

FROM_FOLDER = _("From folder...")


class ModelChoice:
    """Fills the model list and says what the chosen one does. onChosen(nameOrFolder) is called when the user picks one."""

    def __init__(self, comboBox, summaryLabel, onChosen, onProblem):
        self._combo = comboBox
        self._summary = summaryLabel
        self._onChosen = onChosen
        self._onProblem = onProblem
        self._models = bundle.available()
        self._updating = False
        self._fill()
        self._combo.currentIndexChanged.connect(self.onIndexChanged)
        self._say(0)

    @property
    def any(self):
        """Whether there is a model to run."""
        return bool(self._models)

    def show(self, nameOrFolder):
        """Select a model by name or folder; empty is the default. One that is not there is left out."""
        if not nameOrFolder:
            index = 0
        else:
            index = self._find(nameOrFolder)
            if index is None:
                index = self._add(nameOrFolder)
        if index is not None and self._combo.currentIndex != index:
            self._updating = True
            self._combo.currentIndex = index
            self._updating = False
        self._say(self._combo.currentIndex)

    def onIndexChanged(self):
        """The user picked an entry."""
        # The signal is not asked for its value: it comes as a number or as a text, whichever overload was connected.
        index = self._combo.currentIndex
        if self._updating or index < 0:
            return
        if index == len(self._models):
            folder = self.askForFolder()
            index = self._add(folder) if folder else None
            if index is None:
                self._updating = True
                self._combo.currentIndex = 0
                self._updating = False
                index = 0
            self.show(self._key(index))
        self._say(index)
        if self.any:
            self._onChosen(self._key(index))

    def askForFolder(self):
        """The folder of a bundle that the user points to, or an empty text."""
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of a model bundle"), lastFolder("Model"))
        if folder:
            keepFolder("Model", folder)
        return folder

    def _fill(self):
        self._updating = True
        self._combo.clear()
        for model in self._models:
            self._combo.addItem(model.name)
        self._combo.addItem(FROM_FOLDER)
        self._combo.currentIndex = 0
        self._updating = False

    def _find(self, nameOrFolder):
        folder = Path(nameOrFolder).resolve()
        for index, model in enumerate(self._models):
            if nameOrFolder == model.name or folder == model.folder:
                return index
        return None

    def _add(self, folder):
        known = self._find(folder)
        if known is not None:
            return known
        try:
            self._models.append(bundle.info(folder))
        except InputError as error:
            self._onProblem(str(error))
            return None
        self._fill()
        return len(self._models) - 1

    def _key(self, index):
        """What predict calls the model: its name where it is installed, else its folder."""
        model = self._models[index]
        return model.name if any(known.folder == model.folder for known in bundle.available()) else str(model.folder)

    def _say(self, index):
        inside = 0 <= index < len(self._models)
        self._summary.text = self._models[index].summary if inside else _("No model is installed.")
