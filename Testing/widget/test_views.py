"""Which volume the slice views show, and where they look."""

import pytest
import slicer
from host import samples
from test_panel import apply, models, panel  # noqa: F401


def offsets(scene):
    """Where the middle of each slice view is, in the world."""
    matrices = [scene.GetSingletonNode(tag, "vtkMRMLSliceNode").GetSliceToRAS() for tag in ("Red", "Yellow", "Green")]
    return [[matrix.GetElement(axis, 3) for axis in range(3)] for matrix in matrices]


def test_choosing_an_input_shows_it_in_the_slices_fitted(panel, views, scene):  # noqa: F811
    first, second = samples.addVolume("axial", "First"), samples.addVolume("axial", "Second")
    panel.ui.inputVolumeSelector.setCurrentNode(second)
    assert views.backgrounds() == [second.GetID()] * 3
    panel.ui.inputVolumeSelector.setCurrentNode(first)
    assert views.backgrounds() == [first.GetID()] * 3
    middle = (samples.ijkToRas("axial") @ (27.5, 23.5, 19.5, 1))[:3]
    assert offsets(scene)[0][:2] == pytest.approx(list(middle[:2]), abs=0.6)


def test_apply_shows_its_volume_and_fits_it_no_second_time(panel, views, scene):  # noqa: F811
    volume, other = samples.addVolume("axial"), samples.addVolume("axial", "Other")
    panel.ui.inputVolumeSelector.setCurrentNode(volume)
    slicer.util.setSliceViewerLayers(background=other)
    apply(panel)
    assert views.backgrounds() == [volume.GetID()] * 3
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, 12.0, -20.0, 40.0, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    apply(panel)
    assert offsets(scene)[0] == pytest.approx([12.0, -20.0, 40.0]), "where the user looks stays so when there is a result already"


def test_the_volume_that_is_shown_is_the_one_that_is_proposed(models, views):  # noqa: F811
    import host

    samples.addVolume(name="First")
    shown = samples.addVolume(name="Second")
    slicer.app.applicationLogic().GetSelectionNode().SetActiveVolumeID(shown.GetID())
    made = host.loadModule()
    assert made.ui.inputVolumeSelector.currentNode() is shown
    made.cleanup()


def test_a_sequence_is_shown_with_its_result(panel, views, scene):  # noqa: F811
    other = samples.addVolume(name="Other")
    panel.ui.inputVolumeSelector.setCurrentNode(other)
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addSequence(1))
    apply(panel)
    browser = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    assert views.backgrounds() == [browser.GetProxyNode(scene.GetFirstNodeByName("Cine")).GetID()] * 3


def test_the_first_result_is_centred_in_slices_and_3d(panel, views, scene):  # noqa: F811
    panel.ui.inputVolumeSelector.setCurrentNode(samples.addVolume("axial"))
    apply(panel)
    (z, y, x), radius = samples.OVARY
    centre = (samples.ijkToRas("axial") @ (x, y, z, 1))[:3]
    for place in offsets(scene):
        assert place == pytest.approx(list(centre), abs=0.5)
    (camera,) = slicer.util.getNodesByClass("vtkMRMLCameraNode")
    assert camera.GetFocalPoint() == pytest.approx(list(centre), abs=1.0)
    near, far = camera.GetCamera().GetClippingRange()
    distance = camera.GetCamera().GetDistance()
    assert 0 < near < distance - radius and far > distance + radius and distance < 6 * radius
