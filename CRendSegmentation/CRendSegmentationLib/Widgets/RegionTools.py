"""Where the ovary is looked for: in the whole volume, or in a box that the user places."""

from crend.errors import InputError

from ..Scene.Frames import volumeOf
from ..Scene.RegionBox import boxIn, isOfAnother, placeBox, showBox
from ..Scene.Results import resultOf
from . import Messages

AUTOMATIC, IN_A_BOX = "automatic", "in a box"
REGIONS = [AUTOMATIC, IN_A_BOX]


class RegionTools:
    """The choice of a region and the button that places its box. onPlaced() is called when it is placed, onProblem(text) when it cannot be."""

    def __init__(self, ui, parameterNode, onPlaced, onProblem):
        """parameterNode(): the settings, or None."""
        self._ui = ui
        self._settings = parameterNode
        self._onPlaced, self._onProblem = onPlaced, onProblem
        self._shown = None
        ui.placeBoxButton.clicked.connect(self.onPlace)

    def follow(self):
        """Show the box while it is what counts; say what is missing."""
        settings = self._settings()
        box = settings.box if settings is not None else None
        boxed = settings is not None and settings.region == IN_A_BOX and not self.missing
        if (box, boxed) != self._shown:
            self._shown = (box, boxed)
            showBox(box, boxed)
        Messages.enable(self._ui.placeBoxButton, settings is not None and volumeOf(settings.inputVolume) is not None)

    @property
    def missing(self):
        """Whether the region is a box that is not placed, or not on this volume."""
        settings = self._settings()
        if settings is None or settings.region != IN_A_BOX:
            return False
        return settings.box is None or isOfAnother(settings.box, volumeOf(settings.inputVolume))

    def box(self):
        """The box in the chosen volume's coordinates as crend takes it, None for the whole volume. InputError for one that will not do."""
        settings = self._settings()
        if settings.region != IN_A_BOX:
            return None
        if self.missing:
            raise InputError("the box is not placed on this volume yet; press Place box.")
        return boxIn(volumeOf(settings.inputVolume), settings.box)

    def onPlace(self):
        """Place the box, or place it anew."""
        settings = self._settings()
        volume = volumeOf(settings.inputVolume)
        try:
            settings.box = placeBox(volume, resultOf(settings.inputVolume, settings.segmentation), settings.box)
        except InputError as error:
            self._onProblem(str(error))
            return
        settings.region = IN_A_BOX
        self.follow()
        showBox(settings.box, True)  # its user may have hidden it
        self._onPlaced()
