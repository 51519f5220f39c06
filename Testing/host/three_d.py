"""Slicer's 3D views with everything but their window: real displayable managers, renderer, interactor and camera, drawn into memory."""

import numpy as np
import slicer
import vtk
from trame_slicer.views.threed_view import ThreeDView as TrameView
from vtk.util.numpy_support import vtk_to_numpy

_MARKUPS = "vtkMRMLMarkupsDisplayableManager"


class _TrameView(TrameView):
    """A view of a view node that is there already."""

    def __init__(self, viewNode, *arguments):
        self._given = viewNode
        super().__init__(*arguments)

    def _initialize_displayable_manager_group(self, factory_type, app_logic, manager_types):
        """All of Slicer's managers but that of markups, which crashes in this library where a box gets its size."""
        wanted = [manager for manager in manager_types if manager is not slicer.vtkMRMLMarkupsDisplayableManager]
        if factory_type.GetInstance().IsDisplayableManagerRegistered(_MARKUPS):
            factory_type.GetInstance().UnRegisterDisplayableManager(_MARKUPS)
        super()._initialize_displayable_manager_group(factory_type, app_logic, wanted)

    def set_scene(self, scene):
        super(TrameView, self).set_scene(scene)
        self._logic.SetMRMLScene(scene)
        self.set_view_node(self._given)


class ThreeDView:
    """slicer.qMRMLThreeDView of a view node, as far as the module uses it."""

    def __init__(self, viewNode, width, height):
        scene, logic = slicer.mrmlScene, slicer.app.applicationLogic()
        self.trame = _TrameView(viewNode, scene, logic, viewNode.GetLayoutName())
        self.trame.set_render_blocked(True)
        self.trame.set_mapped_in_layout(True)
        # Mesa's software renderer drops translucent surfaces when depth peeling meets multisampling.
        self.trame.render_window().SetMultiSamples(0)
        self.trame.render_window().SetSize(width, height)
        self.trame.interactor().UpdateSize(width, height)
        self._annotation = vtk.vtkCornerAnnotation()
        self.trame.renderer().AddViewProp(self._annotation)
        self.rendersAsked = 0

    def mrmlViewNode(self):
        return self.trame.get_view_node()

    def interactor(self):
        return self.trame.interactor()

    def renderWindow(self):
        return self.trame.render_window()

    def cornerAnnotation(self):
        return self._annotation

    def scheduleRender(self):
        self.rendersAsked += 1

    def forceRender(self):
        self.trame.set_render_blocked(False)
        self.trame.render()
        self.trame.set_render_blocked(True)

    def move(self, x, y, event="MouseMoveEvent"):
        """The mouse goes to a pixel, counted from the lower left, as Qt's events reach the view's interactor."""
        self.interactor().SetEventInformation(int(x), int(y), 0, 0, chr(0), 0, None)
        self.interactor().InvokeEvent(event)

    def click(self, x, y, endX=None, endY=None):
        """Press and release the left button; with an end, the mouse moves there between the two."""
        self.move(x, y, "LeftButtonPressEvent")
        if endX is not None:
            self.move(endX, endY)
        self.move(x if endX is None else endX, y if endY is None else endY, "LeftButtonReleaseEvent")

    def pixelOf(self, world):
        """(x, y) of the pixel at which a point (r, a, s) is seen."""
        renderer = self.trame.renderer()
        renderer.SetWorldPoint(*world, 1.0)
        renderer.WorldToDisplay()
        return renderer.GetDisplayPoint()[:2]

    def picture(self):
        """What is drawn, RGB (height, width, 3), uint8."""
        self.forceRender()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.renderWindow())
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.Update()
        columns, rows, _ = grab.GetOutput().GetDimensions()
        pixels = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(rows, columns, -1)
        return np.ascontiguousarray(pixels[::-1, :, :3])


class LayoutManager:
    """slicer.app.layoutManager() with a 3D view for every view node, made when the node comes."""

    def __init__(self, width=320, height=240):
        self._size = width, height
        self._views = {}
        for className in ("vtkMRMLInteractionNode", "vtkMRMLCrosshairNode"):  # as Slicer has them from the start
            if slicer.mrmlScene.GetFirstNodeByClass(className) is None:
                node = slicer.mrmlScene.CreateNodeByClass(className)
                node.UnRegister(None)
                node.SetSingletonTag("Singleton" if "Interaction" in className else "default")
                slicer.mrmlScene.AddNode(node)
        self._tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, self._onAdded)
        self.views()

    def close(self):
        """Release the windows."""
        slicer.mrmlScene.RemoveObserver(self._tag)
        for view in self._views.values():
            view.trame.finalize()
        self._views = {}

    def views(self):
        """All views."""
        for node in slicer.util.getNodesByClass("vtkMRMLViewNode"):
            if node.GetID() not in self._views:
                self._views[node.GetID()] = ThreeDView(node, *self._size)
        return list(self._views.values())

    def view(self, tag):
        """The view of a view node's singleton tag."""
        return next(view for view in self.views() if view.mrmlViewNode().GetSingletonTag() == tag)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onAdded(self, scene, event, node):
        if node.IsA("vtkMRMLViewNode"):
            self.views()

    threeDViewCount = property(lambda self: len(self.views()))

    def threeDWidget(self, number):
        view = self.views()[number]

        class Widget:
            def threeDView(self):
                return view

        return Widget()
