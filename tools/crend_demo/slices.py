"""The three slices of the saved scene without its segmentation: the volume as somebody sees it who has just loaded it."""

from .picture import FINE, PLANES, SLICE_SIZE, Panel, open_scene
from .sheet import compose_row
from .stage import SLICES


def make_slices(folder, path):
    """Draw the slices of scene.mrb in `folder` side by side into the PNG file `path`."""
    stage = open_scene(folder / "scene.mrb", folder / "slicer.log")
    stage.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode").GetDisplayNode().SetVisibility(False)
    width, height = SLICE_SIZE
    panels = []
    for tag in SLICES:
        node = stage.node(tag)
        node.SetRulerType(node.RulerTypeNone)
        picture = stage.photograph(tag, width, height, FINE)
        panels.append(Panel(*PLANES[tag], picture, [], width / node.GetFieldOfView()[0]))
    compose_row(panels).save(path, optimize=True)
    stage.close()
