"""What Slicer's views show of a review: the pair alone, with legends, surfaces and cameras, on a screen of 1280 pixels."""

import xml.etree.ElementTree as ElementTree

import pytest
import slicer
from host import readers, samples
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication

from CRendSegmentationLib.Runs.ReviewRun import ReviewSettings
from CRendSegmentationLib.Scene.ReviewDisplay import legendOf
from CRendSegmentationLib.Scene.ReviewLayout import ReviewLayout, registerLayouts

#: Of the bar above a 3D view of Slicer: its buttons and margins; of the module panel: what it has at first; of the window's frame.
BAR, PANEL, FRAME = 150, 440, 20


@pytest.fixture
def shown(reviewer, views, scene):
    """(review, layout): two readers side by side, and a third segmentation, a model and a volume in the scene."""
    volume = samples.addVolume("flipped")
    pair = readers.addTwoReaders(volume)
    readers.addReader(volume, "Third")
    model = scene.AddNewNodeByClass("vtkMRMLModelNode", "Somebody's model")
    model.CreateDefaultDisplayNodes()
    made = reviewer.start(*pair, ReviewSettings(sides=("compared",))).wait()
    layout = ReviewLayout()
    layout.show(made)
    yield made, layout
    layout.hide()


def visible(name):
    return bool(slicer.util.getNode(name).GetDisplayNode().GetVisibility())


def test_the_pair_is_seen_alone_and_what_was_hidden_comes_back(shown, scene):
    made, layout = shown
    assert visible("First") and visible("Second") and not visible("Third") and not visible("Somebody's model")
    layout.show(made)
    assert not visible("Third")
    layout.hide()
    assert visible("Third") and visible("Somebody's model")


def test_what_was_hidden_before_stays_hidden(reviewer, shown):
    made, layout = shown
    layout.hide()
    for name in ("Third", "Second"):
        slicer.util.getNode(name).GetDisplayNode().SetVisibility(False)
    layout.show(made)
    assert visible("Second"), "one of the pair is seen"
    layout.hide()
    assert not visible("Third") and not visible("Second")


def legendsDrawn(made, views):
    """Whether the view of each map has an actor for the map's legend."""
    return [
        all(legendOf(model).GetID() in views.legends[viewID] for viewID in legendOf(model).GetViewNodeIDs()) for model in made.maps.values()
    ]


def test_the_first_review_has_its_colour_bars(shown, views):
    made, _ = shown
    assert legendsDrawn(made, views) == [True, True]
    for model in made.maps.values():
        assert legendOf(model).GetPrimaryDisplayNode() is model.GetDisplayNode() and "mm to reference" in legendOf(model).GetTitleText()


def test_an_opened_scene_has_colour_bars_and_cameras_again(shown, views):
    made, _layout = shown
    for actors in views.legends.values():
        actors.clear()  # as views are that were made after the scene's nodes
    for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
        camera.GetCamera().SetClippingRange(0.1, 1.0)
    ReviewLayout().showAgain()
    assert legendsDrawn(made, views) == [True, True]
    for camera in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
        if camera.GetLayoutName().startswith("CRend"):
            near, far = camera.GetCamera().GetClippingRange()
            assert near < camera.GetCamera().GetDistance() < far


def test_a_segmentation_without_surfaces_gets_them(reviewer, views, scene):
    pair = readers.addTwoReaders(samples.addVolume("flipped"))
    surface = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    pair[1].GetSegmentation().RemoveRepresentation(surface)
    layout = ReviewLayout()
    layout.show(reviewer.start(*pair, ReviewSettings(structures=("ovary",))).wait())
    assert pair[1].GetSegmentation().ContainsRepresentation(surface)
    layout.hide()


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("maps", [0, 1, 2])
def test_every_layout_fits_a_screen_of_1280_pixels_with_its_titles_whole(layouts, scene, rows, maps):
    registerLayouts()
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    letters = QFontMetrics(QApplication.font())
    titles = {"CRendReference": "Reference", "CRendCompared": "Compared"}

    def width(element):
        if element.tag == "view":
            return BAR + letters.horizontalAdvance(titles.get(element.get("singletontag"), "Follicles"))
        parts = [width(child) for child in element if child.tag in ("layout", "item", "view")]
        across = element.tag == "layout" and element.get("type") == "horizontal"
        return sum(parts) if across else max(parts, default=0)

    layout = ElementTree.fromstring(node.GetLayoutDescription(7530 + 10 * rows + maps))
    tags = [view.get("singletontag") for view in layout.iter("view")]
    assert sum(tag.startswith("CRendMap") for tag in tags) == rows * maps and len(tags) == rows * maps + 5
    assert width(layout) + PANEL + FRAME <= 1280
