"""The cursor over a distance map: the distance there, in the view and in the panel; a click moves the slices to that place."""

import slicer
import vtk

from ..Scene.MapPicking import MapPicker, jumpTo, viewsOf

#: Before Slicer's own observers, which may keep an event to themselves; ours never does.
_PRIORITY = 1.0
_STILL = 3  # pixels between press and release of what is a click and no turning of the camera
_INK = (0.1, 0.1, 0.1)


class MapProbe:
    """Follows the mouse in the 3D views of a review's maps. say(text) shows what is under the cursor."""

    def __init__(self, say):
        self._say = say
        self._probes = []

    def follow(self, review):
        """Follow the maps of this review; None: none."""
        for probe in self._probes:
            probe.close()
        self._probes = []
        manager = slicer.app.layoutManager()
        if review is None or manager is None:
            return
        views = [manager.threeDWidget(number).threeDView() for number in range(manager.threeDViewCount)]
        byID = {view.mrmlViewNode().GetID(): view for view in views if view.mrmlViewNode() is not None}
        for model in review.maps.values():
            self._probes += [_ViewProbe(byID[viewID], MapPicker(model), self._say) for viewID in viewsOf(model) if viewID in byID]

    @property
    def following(self):
        """How many views are followed."""
        return len(self._probes)


class _ViewProbe:
    """One map in one view."""

    def __init__(self, view, picker, say):
        self._view = view
        self._picker = picker
        self._say = say
        self._text = ""
        self._pressed = None
        self._interactor = view.interactor()
        self._tags = [
            self._interactor.AddObserver(event, action, _PRIORITY)
            for event, action in (
                (vtk.vtkCommand.MouseMoveEvent, self.onMove),
                (vtk.vtkCommand.LeaveEvent, self.onLeave),
                (vtk.vtkCommand.LeftButtonPressEvent, self.onPress),
                (vtk.vtkCommand.LeftButtonReleaseEvent, self.onRelease),
            )
        ]
        annotation = view.cornerAnnotation()
        annotation.SetMaximumFontSize(16)
        annotation.GetTextProperty().SetColor(*_INK)
        annotation.GetTextProperty().ShadowOff()

    def close(self):
        """Let go of the view."""
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._show("")

    def onMove(self, caller, event):
        """The cursor is somewhere else. While a button is down the camera turns, and nothing is asked."""
        if self._pressed is None:
            found = self._pick()
            self._show(found.words if found is not None else "")

    def onLeave(self, caller, event):
        """The cursor has left the view."""
        self._show("")

    def onPress(self, caller, event):
        """A click begins, or a turn of the camera."""
        self._pressed = self._interactor.GetEventPosition()

    def onRelease(self, caller, event):
        """It was a click if the mouse has hardly moved."""
        pressed, self._pressed = self._pressed, None
        now = self._interactor.GetEventPosition()
        if pressed is None or max(abs(one - other) for one, other in zip(pressed, now)) > _STILL:
            return
        found = self._pick()
        if found is not None:
            jumpTo(found.world)

    def _pick(self):
        x, y = self._interactor.GetEventPosition()
        renderer = self._interactor.FindPokedRenderer(x, y)
        return self._picker.at(renderer, x, y) if renderer is not None else None

    def _show(self, text):
        if text == self._text:
            return
        self._text = text
        self._view.cornerAnnotation().SetText(vtk.vtkCornerAnnotation.UpperLeft, text)
        self._view.scheduleRender()
        self._say(text)
