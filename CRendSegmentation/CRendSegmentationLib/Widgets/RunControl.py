"""Apply, Cancel, progress, and how it ended, in words."""

import traceback

import qt
from slicer.i18n import tr as _

from crend.errors import Cancelled, InputError, Kept

from . import Messages

INTERVAL_MS = 100


class RunControl:
    """Polls a run with a timer, so that the window stays alive; Apply is Cancel as long as a run is on.

    onApply() is called when the user presses Apply; onFinished(nodes) when a run ended well; onRunning(bool) when one starts or ends;
    onProgress(run) when it was polled. word: what the button says, Apply if nothing else.
    """

    def __init__(self, ui, onApply, onFinished, onRunning, word=None, onProgress=None):
        self._word = word or _("Apply")
        self._ui = ui
        self._onApply = onApply
        self._onFinished = onFinished
        self._onRunning = onRunning
        self._onProgress = onProgress or (lambda run: None)
        self._run = None
        self._finishing = onFinished
        self._label = ui.statusLabel
        self._hint = ""
        self._ready = False
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.onTimer)
        ui.applyButton.clicked.connect(self.onClicked)

    @property
    def running(self):
        """Whether a run is under way."""
        return self._run is not None

    def setReady(self, ready, hint):
        """Whether Apply can be pressed, and what its tool tip says."""
        self._ready, self._hint = ready, hint
        self._showButton()

    def begin(self, start, onFinished=None, label=None):
        """Start a run: start() returns it, or raises what is then said in the panel. onFinished, label (where it is said how the run
        goes): in place of the usual ones."""
        if self._run is not None:
            return
        self._finishing = onFinished or self._onFinished
        self.say("")
        self._label = label or self._ui.statusLabel
        try:
            self._run = start()
        except Exception as error:
            self.sayError(error)
            return
        self._ui.progressBar.value = 0
        self._ui.progressBar.visible = True
        self._timer.start()
        self._showButton()
        self._onRunning(True)
        self.say(self._run.words())

    def cancel(self):
        """End the run, if there is one, before this returns."""
        if self._run is None:
            return
        self._run.cancel()
        self._poll(wait=True)

    def onClicked(self):
        """Apply, or Cancel."""
        if self._run is None:
            self._onApply()
        elif not self._run.cancelling:
            self._run.cancel()
            self._showButton()
            self.say(_("Cancelling..."))

    def onTimer(self):
        """Look how the run is."""
        self._poll(wait=False)

    def say(self, text, failed=False, details=""):
        """Put `text` into the status line; `details` can be folded out."""
        (Messages.say if self._label is self._ui.statusLabel else Messages.sayBelow)(self._label, text, failed)
        self._ui.detailsText.plainText = details
        self._ui.detailsSection.visible = bool(details)
        self._ui.detailsSection.collapsed = True

    def sayError(self, error):
        """Say in words what went wrong."""
        if isinstance(error, Kept):
            self.say(str(error))
        elif isinstance(error, Cancelled):
            self.say(_("Cancelled. The scene is as it was before."))
        elif isinstance(error, InputError):
            self.say(str(error), failed=True)
        else:
            details = getattr(error, "details", "") or "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self.say(_("It did not work: {error}").format(error=error), failed=True, details=details)

    def _poll(self, wait):
        if self._run is None:
            return
        try:
            nodes = self._run.wait() if wait else self._run.poll()
        except Exception as error:
            self._end()
            self.sayError(error)
        else:
            if nodes is not None:
                self._end()
                self.say(f"{nodes.message[:1].upper()}{nodes.message[1:]}.")
                self._finishing(nodes)
            elif not self._run.cancelling:
                self._ui.progressBar.value = int(100 * self._run.fraction)
                self.say(self._run.words())
                self._onProgress(self._run)
        if self._run is None:
            self._label = self._ui.statusLabel

    def _end(self):
        self._timer.stop()
        self._run = None
        self._ui.progressBar.visible = False
        self._showButton()
        self._onRunning(False)

    def _showButton(self):
        # Never disabled while it has the focus: not even when a run is being cancelled, which its words say instead.
        button = self._ui.applyButton
        cancelling = self.running and self._run.cancelling
        button.text = _("Cancelling...") if cancelling else _("Cancel") if self.running else self._word
        Messages.enable(button, self.running or self._ready)
        button.toolTip = _("Stop; the scene stays as it is.") if self.running else self._hint
