"""The panel with a volume chosen in it, under the stand-in for Slicer: for benchmarks that press its buttons."""

import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import host


@contextmanager
def panel_with(image, predictor):
    """(the module's widget, the volume's node) in a scene and views of their own; image: SimpleITK. The predictor is closed with them."""
    import SimpleITK as sitk
    import slicer
    from host.views import Views

    from CRendSegmentationLib.Scene.VolumeImage import ijkToRasMatrix

    scene = host.newScene()
    layouts = slicer.vtkMRMLLayoutLogic()
    layouts.SetMRMLScene(scene)
    layouts.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    views = Views(scene)
    made = host.loadModule()
    made.logic.predictor = predictor
    volume = slicer.util.addVolumeFromArray(sitk.GetArrayFromImage(image), ijkToRasMatrix(image), name="Ultrasound")
    made.parent.enter()
    made.enter()
    made.ui.inputVolumeSelector.setCurrentNode(volume)
    made.ui.editSection.collapsed = False
    try:
        yield made, volume
    finally:
        made.logic.close()
        views.close()
        layouts.SetMRMLScene(None)
        made.cleanup()
        scene.Clear(1)
