"""Side by side: reference, compared, and each distance map in a 3D view of its own, with linked cameras; the slices below."""

import math

import slicer

from .ReviewDisplay import legendOf, showOnlyIn
from .ReviewNodes import reviews

#: Numbers of our layouts in Slicer's list: one for each number of rows of 3D views (1, 2) and of maps in a row (0 to 2).
_LAYOUTS = {(rows, maps): 7530 + 10 * rows + maps for rows in (1, 2) for maps in (0, 1, 2)}
_ORDINARY = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
_SLICES = (("Red", "Axial", "R", "#F34A33"), ("Yellow", "Sagittal", "Y", "#EDD54C"), ("Green", "Coronal", "G", "#6EB04B"))
_VIEW_GROUP = 753
#: Light, so that a translucent organ and the legend's dark letters show well.
_GROUND = (0.81, 0.85, 0.89), (0.97, 0.98, 0.98)
_VIEWS_BEFORE, _ALL = "CRend.Review.ViewsBefore", "all"
_TO = {"reference": "Reference to compared", "compared": "Compared to reference"}


def registerLayouts():
    """Tell Slicer our layouts, so that a scene that was saved in one opens in it."""
    node = _layoutNode()
    for (rows, maps), number in _LAYOUTS.items():
        if node is not None and not node.IsLayoutDescription(number):
            node.AddLayoutDescription(number, _description(rows, maps))


class ReviewLayout:
    """Shows one review at a time, and leads back to the layout that was there before."""

    def __init__(self):
        self._before = None

    @property
    def shown(self):
        """Whether Slicer shows one of our layouts."""
        node = _layoutNode()
        return node is not None and node.GetViewArrangement() in _LAYOUTS.values()

    def show(self, review):
        """Show this review, and hide all others."""
        registerLayouts()
        self._hideAll()
        node = _layoutNode()
        if not self.shown:
            self._before = node.GetViewArrangement()
        rows = [side for side in ("reference", "compared") if side in review.sides]
        maps = list(review.maps)
        width = max((sum(side == row for _, side in maps) for row in rows), default=0)
        node.SetViewArrangement(_LAYOUTS[len(rows), width])
        self._show(review, rows)

    def hide(self):
        """Back to the ordinary layout, every segmentation in the views where it was."""
        self._hideAll()
        if self.shown:
            _layoutNode().SetViewArrangement(self._before or _ORDINARY)
        self._before = None

    def _show(self, review, rows):
        slices = [_sliceNode(tag).GetID() for tag, *_ in _SLICES]
        views = {"reference": _viewNode("Reference"), "compared": _viewNode("Compared")}
        for side, segmentation in (("reference", review.referenceNode), ("compared", review.comparedNode)):
            if segmentation is not None:
                segmentation.CreateDefaultDisplayNodes()
                display = segmentation.GetDisplayNode()
                segmentation.SetAttribute(_VIEWS_BEFORE, " ".join(display.GetViewNodeIDs()) or _ALL)
                showOnlyIn(display, [views[side].GetID(), *slices])
        marked = {"missed": [views["reference"].GetID()], "false": [views["compared"].GetID()]}
        places = dict.fromkeys(rows, 0)
        for (structure, side), model in review.maps.items():
            places[side] += 1
            view = _viewNode(f"Map{rows.index(side) + 1}{places[side]}")
            view.SetLayoutLabel(f"{structure.capitalize()}: {_TO[side].lower()}")
            views[structure, side] = view
            showOnlyIn(model.GetDisplayNode(), [view.GetID(), *slices])
            showOnlyIn(legendOf(model), [view.GetID()])
            # A surface of one side does not have the follicles that only the other has.
            marked["false" if side == "reference" else "missed"].append(view.GetID())
            model.GetDisplayNode().SetVisibility(True)
        for kind, model in review.marks.items():
            showOnlyIn(model.GetDisplayNode(), marked[kind] + slices)
            model.GetDisplayNode().SetVisibility(True)
        _lookAt(review.referenceNode, list(views.values()))

    def _hideAll(self):
        for review in reviews():
            for model in (*review.maps.values(), *review.marks.values()):
                model.GetDisplayNode().SetVisibility(False)
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            before = node.GetAttribute(_VIEWS_BEFORE)
            if before is not None:
                node.RemoveAttribute(_VIEWS_BEFORE)
                if node.GetDisplayNode() is not None:
                    showOnlyIn(node.GetDisplayNode(), [] if before == _ALL else before.split())


def _lookAt(segmentationNode, views):
    """Prepare the 3D views alike, link them, and point them at a segmentation from where Slicer looks at first, from anterior."""
    bounds = [0.0] * 6
    if segmentationNode is not None:
        segmentationNode.GetRASBounds(bounds)
    centre = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    radius = max(math.dist(bounds[::2], bounds[1::2]) / 2, 1.0)
    for view in views:
        blocker = view.StartModify()
        view.SetBoxVisible(False)
        view.SetAxisLabelsVisible(False)
        view.SetBackgroundColor(*_GROUND[0])
        view.SetBackgroundColor2(*_GROUND[1])
        view.SetLinkedControl(True)
        view.EndModify(blocker)
        camera = slicer.modules.cameras.logic().GetViewActiveCameraNode(view)
        if camera is not None:
            distance = 0.85 * radius / math.sin(math.radians(camera.GetViewAngle() / 2))
            camera.SetFocalPoint(*centre)
            camera.SetPosition(centre[0], centre[1] + distance, centre[2])
            camera.SetViewUp(0.0, 0.0, 1.0)
            camera.ResetClippingRange()


def _description(rows, maps):
    """Slicer's XML of a layout: reference and compared one above the other or side by side, their maps to the right, slices below."""
    left = [["Reference", "Compared"]] if rows == 1 else [["Reference"], ["Compared"]]
    grid = "".join(_row([*tags, *(f"Map{row + 1}{place + 1}" for place in range(maps))]) for row, tags in enumerate(left))
    slices = "".join(
        f'<item><view class="vtkMRMLSliceNode" singletontag="{tag}"><property name="orientation" action="default">{orientation}</property>'
        f'<property name="viewlabel" action="default">{label}</property><property name="viewcolor" action="default">{colour}</property></view></item>'
        for tag, orientation, label, colour in _SLICES
    )
    return f'<layout type="vertical" split="true">{grid}<item splitSize="300"><layout type="horizontal">{slices}</layout></item></layout>'


def _row(tags):
    views = "".join(
        f'<item><view class="vtkMRMLViewNode" singletontag="CRend{tag}"><property name="viewlabel" action="default">{tag}</property>'
        f'<property name="viewgroup" action="default">{_VIEW_GROUP}</property></view></item>'
        for tag in tags
    )
    return f'<item splitSize="400"><layout type="horizontal">{views}</layout></item>'


def _layoutNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _viewNode(tag):
    return slicer.mrmlScene.GetSingletonNode(f"CRend{tag}", "vtkMRMLViewNode")


def _sliceNode(tag):
    return slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLSliceNode")
