"""The line that says what is missing, with its button; the offer to use an NVIDIA card; then what the network runs on."""

import qt
from slicer.i18n import tr as _

from crend.errors import InputError

from ..Runs import Installation
from ..Runs.Predictors import Settings

INTERVAL_MS = 200
#: How the errors begin that a package raises that is there and cannot be imported.
UNUSABLE = ("ImportError", "ModuleNotFoundError", "OSError")


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
        self._complained = False
        self._broken = ""
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
        self._lookForPackages()
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
        """Install what is missing, or anew what cannot be used, then let the worker import it."""
        self._run(lambda: Installation.install(self.missing or list(Installation.PACKAGES), bool(self._broken)))

    def onInstallTorch(self):
        """Install PyTorch for the NVIDIA card, then let the worker import it."""
        self._run(Installation.installTorch)

    def _run(self, install):
        self._say(_("Installing... Slicer does not react until it is done."))
        try:
            install()
        except Exception as error:
            self._sayError(error)
            self._complained = True
        else:
            self._afterInstall = True
            self._broken = ""
            self._say(_("Installed. Trying it out..."))
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
            if str(error).startswith(UNUSABLE):
                self._broken = str(error)
                self._show()
            if self._afterInstall:
                self._sayError(error)
                self._complained = True
            self._afterInstall = False
            return
        if words is not None:
            self.close()
            self._ui.deviceFoundLabel.text = words
            self._broken = ""
            self._show()
            if self._afterInstall:
                self._say(_("Installed and working ({words}).").format(words=words))
            elif self._complained:
                self._say("")
            self._afterInstall = self._complained = False

    def _lookForPackages(self):
        """What is missing may have been installed elsewhere meanwhile, e.g. by the PyTorch module."""
        missing = Installation.missing()
        if missing != self.missing:
            self.missing = missing
            if not missing and self._complained:
                self._say("")
                self._complained = False
            self._show()
            self._onChanged()

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
        needed, card = bool(self.missing or self._broken), not self.missing and Installation.cardWithoutTorch()
        if (self._ui.installButton.focus and not needed) or (self._ui.cardButton.focus and not card):
            self._ui.applyButton.setFocus()  # it stands below; from a hidden button the focus would go to the panel's first one
        self._ui.installFrame.visible = needed
        self._ui.cardFrame.visible = card
        if self.missing:
            self._ui.installLabel.text = Installation.words(self.missing)
        else:
            self._ui.installLabel.text = _("What is installed cannot be used ({error}). Install puts it there anew.").format(
                error=self._broken
            )
