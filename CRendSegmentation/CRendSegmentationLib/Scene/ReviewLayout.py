"""Side by side: reference, compared, and each distance map in a 3D view of its own, with linked cameras; the slices below."""

import slicer

from .Display import removeRim
from .ReviewDisplay import legendOf, renewLegend, showOnlyIn
from .ReviewNodes import reviews
from .SegmentationWriter import dress
from .Views import lookAt

#: Numbers of our layouts in Slicer's list: one for each number of rows of 3D views (1, 2) and of maps in a row (0 to 2).
_LAYOUTS = {(rows, maps): 7530 + 10 * rows + maps for rows in (1, 2) for maps in (0, 1, 2)}
_ORDINARY = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
_SLICES = (("Red", "Axial", "R", "#F34A33"), ("Yellow", "Sagittal", "Y", "#EDD54C"), ("Green", "Coronal", "G", "#6EB04B"))
_VIEW_GROUP = 753
#: Light, so that a translucent organ and the legend's dark letters show well.
_GROUND = (0.81, 0.85, 0.89), (0.97, 0.98, 0.98)
_VIEWS_BEFORE, _ALL = "CRend.Review.ViewsBefore", "all"
_SHOWN_BEFORE, _HIDDEN_BEFORE = "CRend.Review.ShownBefore", "CRend.Review.HiddenBefore"


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
        """Show this review alone, and hide all else."""
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

    def showAgain(self):
        """Show once more what is shown: after the opening of a scene its views have neither legends nor cameras that fit."""
        shown = next((each for each in reviews() if any(model.GetDisplayVisibility() for model in each.maps.values())), None)
        if self.shown and shown is not None:
            self.show(shown)

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
                dress(segmentation)
                display = segmentation.GetDisplayNode()
                if not display.GetVisibility():
                    segmentation.SetAttribute(_HIDDEN_BEFORE, "1")
                    display.SetVisibility(True)
                segmentation.SetAttribute(_VIEWS_BEFORE, " ".join(display.GetViewNodeIDs()) or _ALL)
                showOnlyIn(display, [views[side].GetID(), *slices])
        marked = {"missed": [views["reference"].GetID()], "false": [views["compared"].GetID()]}
        places = dict.fromkeys(rows, 0)
        for (structure, side), model in review.maps.items():
            places[side] += 1
            view = _viewNode(f"Map{rows.index(side) + 1}{places[side]}")
            # Short, since a view is at least as wide as its title; the legend says from where to where.
            view.SetLayoutLabel(structure.capitalize())
            views[structure, side] = view
            showOnlyIn(model.GetDisplayNode(), [view.GetID(), *slices])
            renewLegend(model)
            showOnlyIn(legendOf(model), [view.GetID()])
            # A surface of one side does not have the follicles that only the other has.
            marked["false" if side == "reference" else "missed"].append(view.GetID())
            model.GetDisplayNode().SetVisibility(True)
        for kind, model in review.marks.items():
            showOnlyIn(model.GetDisplayNode(), marked[kind] + slices)
            model.GetDisplayNode().SetVisibility(True)
        self._hideOthers({review.referenceNode, review.comparedNode, *review.maps.values(), *review.marks.values()})
        _prepare(views.values())
        lookAt(review.referenceNode, list(views.values()))

    def _hideOthers(self, ours):
        """The views show the pair alone: all else is hidden until the way back, also when the scene was saved and opened meanwhile."""
        removeRim()
        for node in slicer.util.getNodesByClass("vtkMRMLDisplayableNode"):
            shown = [index for index in range(node.GetNumberOfDisplayNodes()) if _visible(node, index)]
            if shown and node not in ours and not node.GetHideFromEditors():
                node.SetAttribute(_SHOWN_BEFORE, " ".join(map(str, shown)))
                for index in shown:
                    node.GetNthDisplayNode(index).SetVisibility(False)

    def _hideAll(self):
        for node in slicer.util.getNodesByClass("vtkMRMLDisplayableNode"):
            shown = node.GetAttribute(_SHOWN_BEFORE)
            if shown is not None:
                node.RemoveAttribute(_SHOWN_BEFORE)
                for index in map(int, shown.split()):
                    if index < node.GetNumberOfDisplayNodes() and node.GetNthDisplayNode(index) is not None:
                        node.GetNthDisplayNode(index).SetVisibility(True)
        for review in reviews():
            for model in (*review.maps.values(), *review.marks.values()):
                model.GetDisplayNode().SetVisibility(False)
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            before = node.GetAttribute(_VIEWS_BEFORE)
            if before is not None:
                node.RemoveAttribute(_VIEWS_BEFORE)
                if node.GetDisplayNode() is not None:
                    showOnlyIn(node.GetDisplayNode(), [] if before == _ALL else before.split())
                    if node.GetAttribute(_HIDDEN_BEFORE):
                        node.GetDisplayNode().SetVisibility(False)
                node.RemoveAttribute(_HIDDEN_BEFORE)


def _prepare(views):
    """Make the 3D views alike and link them."""
    for view in views:
        blocker = view.StartModify()
        view.SetBoxVisible(False)
        view.SetAxisLabelsVisible(False)
        view.SetBackgroundColor(*_GROUND[0])
        view.SetBackgroundColor2(*_GROUND[1])
        view.SetLinkedControl(True)
        view.EndModify(blocker)


def _description(rows, maps):
    """Slicer's XML of a layout, at most three views wide, so that it fits a small screen beside the panel; slices below.

    Two rows: reference and compared one above the other, their maps to the right. One: side by side, the maps to the right or below.
    """
    shown = [[f"Map{row + 1}{place + 1}" for place in range(maps)] for row in range(rows)]
    if rows == 2:
        tags = [["Reference", *shown[0]], ["Compared", *shown[1]]]
    else:
        tags = [["Reference", "Compared", *shown[0]]] if maps < 2 else [["Reference", "Compared"], shown[0]]
    grid = "".join(map(_row, tags))
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


def _visible(node, index):
    """Whether a display node of a segmentation, a model, markups or a rendered volume is on; what slices show is not its business."""
    display = node.GetNthDisplayNode(index)
    return display is not None and not display.IsA("vtkMRMLVolumeDisplayNode") and bool(display.GetVisibility())


def _layoutNode():
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _viewNode(tag):
    return slicer.mrmlScene.GetSingletonNode(f"CRend{tag}", "vtkMRMLViewNode")


def _sliceNode(tag):
    return slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLSliceNode")
