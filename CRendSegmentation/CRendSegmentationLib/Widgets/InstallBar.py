"""The line that says what is missing, with its button; the offer to use an NVIDIA card; then what the network runs on."""

import qt
from slicer.i18n import tr as _

from crend.errors import InputError

from ..Runs import Installation
from ..Runs.Predictors import Settings

INTERVAL_MS = 200


class InstallBar:
    """onChanged() is called when what is installed may have changed. say(text, failed, details), sayError(exception): lines of the panel."""

    def __init__(self, ui, predictor, onChanged, say, sayError):
        self._ui = ui
        self._predictor = predictor
        self._onChanged = onChanged
        self._say = say
        self._sayError = sayError
        self._job = None
        self._afterInstall = False
        self._device = None
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.onTimer)
        ui.installButton.clicked.connect(self.onInstall)
        ui.cardButton.clicked.connect(self.onInstallTorch)
        self.missing = Installation.missing()
        self._show()

    def look(self, device="auto"):
        """Find out what the network would run on, and say so beside the device."""
        self._device = device
        if not self.missing:
            self._ask(Settings(device=device))

    def follow(self, device):
        """As `look`, if it is for another device than the last time; nothing before that time."""
        if self._device is not None and device != self._device:
            self._ui.deviceFoundLabel.text = ""
            self.look(device)

    def close(self):
        """Do not wait for an answer any more."""
        self._timer.stop()
        self._job = None

    def onInstall(self):
        """Install what is missing, then let the worker import it."""
        self._run(self._ui.installButton, lambda: Installation.install(self.missing))

    def onInstallTorch(self):
        """Install PyTorch for the NVIDIA card, then let the worker import it."""
        self._run(self._ui.cardButton, Installation.installTorch)

    def _run(self, button, install):
        button.enabled = False
        self._say(_("Installing... Slicer does not react until it is done."))
        try:
            install()
        except Exception as error:
            self._sayError(error)
        else:
            self._afterInstall = True
            self._say(_("Installed. Trying it out..."))
        button.enabled = True
        self.missing = Installation.missing()
        self._show()
        self._onChanged()
        if self._afterInstall:
            self._predictor().close()
            self._ask(Settings())

    def onTimer(self):
        """Look whether the worker has answered."""
        try:
            words = self._job.poll()
        except Exception as error:
            self.close()
            self._ui.deviceFoundLabel.text = str(error) if isinstance(error, InputError) else ""
            if self._afterInstall:
                self._sayError(error)
            self._afterInstall = False
            return
        if words is not None:
            self.close()
            self._ui.deviceFoundLabel.text = words
            if self._afterInstall:
                self._say(_("Installed and working ({words}).").format(words=words))
            self._afterInstall = False

    def _ask(self, settings):
        predictor = self._predictor()
        if not hasattr(predictor, "describe"):
            return
        try:
            self._job = predictor.describe(settings)
        except Exception as error:
            self._sayError(error)
            return
        self._timer.start()

    def _show(self):
        self._ui.installFrame.visible = bool(self.missing)
        self._ui.installLabel.text = Installation.words(self.missing) if self.missing else ""
        self._ui.cardFrame.visible = not self.missing and Installation.cardWithoutTorch()
