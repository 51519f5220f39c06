"""Slicer's four views of a scene, without a window: slicer-core's displayable managers, set up by trame-slicer."""

import os

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import numpy as np
from PIL import Image
from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFileOutputWindow, vtkLogger, vtkOutputWindow
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

SLICES = ("Red", "Green", "Yellow")
THREE_D = "1"
#: Light, so that a translucent organ shows its colour.
BACKGROUND = ("#cfd8e3", "#f7f9fb")


def log_to(path):
    """Send VTK's messages to a file: Slicer's libraries report every archived file as information."""
    messages = vtkFileOutputWindow()
    messages.SetFileName(str(path))
    messages.SetFlush(True)
    messages.SetAppend(True)
    vtkOutputWindow.SetInstance(messages)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)


class Stage:
    """Views tagged as in Slicer's four-up layouts, so that what is set up here is what Slicer shows when it opens the scene."""

    def __init__(self, scene, application_logic):
        self.scene = scene
        self.application_logic = application_logic
        self.factory = DirectViewFactory(do_render_offscreen=True)
        definitions = [
            ViewLayoutDefinition.axial_view(),
            ViewLayoutDefinition.coronal_view(),
            ViewLayoutDefinition.sagittal_view(),
            ViewLayoutDefinition.threed_view(name=THREE_D, background_color=BACKGROUND),
        ]
        self.views = {}
        for definition in definitions:
            view = self.factory.create_view(definition, scene, application_logic)
            view.set_render_blocked(True)
            view.set_mapped_in_layout(True)
            # Mesa's software renderer drops translucent surfaces when depth peeling meets multisampling.
            view.render_window().SetMultiSamples(0)
            self.views[definition.singleton_tag] = view
        renderer = self.views[THREE_D].renderer()
        renderer.SetMaximumNumberOfPeels(12)
        renderer.SetOcclusionRatio(0)

    def node(self, tag):
        """The view node (vtkMRMLSliceNode or vtkMRMLViewNode) of a view."""
        return self.views[tag].get_view_node()

    def resize(self, tag, width, height):
        """Give a view its size in pixels; the field of view follows as when a window is resized."""
        self.views[tag].render_window().SetSize(width, height)
        self.views[tag].update_size(width, height)
        if tag != THREE_D:
            self.application_logic.GetSliceLogic(self.node(tag)).ResizeSliceNode(width, height)

    def photograph(self, tag, width, height, fine):
        """The view as an RGB picture of width x height, drawn `fine` times larger and reduced."""
        view = self.views[tag]
        self.resize(tag, width * fine, height * fine)
        view.set_render_blocked(False)
        view.render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(view.render_window())
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.Update()
        view.set_render_blocked(True)
        image = grab.GetOutput()
        columns, rows, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3]
        return Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), Image.LANCZOS)

    def close(self):
        """Release the render windows before the interpreter ends."""
        for view in self.views.values():
            view.finalize()
