"""A bundle whose volumes are resized in plane, as the paper's are: the grid is the input's, and millilitres and millimetres are true."""

import numpy as np
import pytest
import SimpleITK as sitk
from standin import BACKGROUND, FOLLICLE, ORGAN, bundle_for, image_of

from crend.editing import follicle_at
from crend.inference.model_grid import grid_spacing
from crend.predict import segment

OBLIQUE = np.reshape(sitk.Euler3DTransform((0, 0, 0), 0.3, -0.5, 0.8).GetMatrix(), (3, 3))
IN_PLANE = [48, 40]
SPACINGS = [(0.6, 0.6, 0.6), (0.5, 0.9, 1.3)]


def balls(spacing):
    """An oblique image of 40 x 36 x 52 mm (x, y, z): an ovary of radius 13 mm with a follicle of radius 5 mm."""
    sizes = [round(side / s) for side, s in zip((40, 36, 52), spacing)]
    z, y, x = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * s for n, s in zip(reversed(sizes), reversed(spacing))], indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    array = np.select([radius < 5, radius < 13], [FOLLICLE, ORGAN], BACKGROUND).astype(np.uint8)
    return array, image_of(array, spacing, (11.0, -22.0, 33.0), OBLIQUE)


def resizing(array, overview=False, **arguments):
    bundle = bundle_for(array, spacing=0.2, **arguments, overview=bundle_for(array).network if overview else None)
    settings = bundle.metadata["crend"]
    settings["in_plane"] = IN_PLANE
    if overview:
        settings["overview"]["in_plane"] = [32, 32]
    return bundle


@pytest.mark.parametrize("overview", [False, True], ids=["one look", "two looks"])
@pytest.mark.parametrize("spacing", SPACINGS, ids=["isotropic", "anisotropic"])
def test_a_volume_resized_in_plane_is_segmented_on_its_own_grid_in_true_millimetres(spacing, overview):
    array, image = balls(spacing)
    bundle = resizing(array, overview)
    found = segment(image, bundle, engine="torch", device="cpu", keep_probabilities=True)
    for labels in (found.ovary, found.follicles):
        assert labels.GetSize() == image.GetSize() and labels.GetSpacing() == image.GetSpacing()
        assert labels.GetOrigin() == image.GetOrigin() and labels.GetDirection() == image.GetDirection()
    ml = {"ovary": (array >= ORGAN).sum(), "follicle": (array == FOLLICLE).sum()}
    ml = {name: voxels * np.prod(spacing) / 1000 for name, voxels in ml.items()}
    assert found.measurements.ovary.volume_ml == pytest.approx(ml["ovary"], rel=0.03)
    (follicle,) = found.measurements.follicles
    assert follicle.volume_ml == pytest.approx(ml["follicle"], rel=0.08)
    assert follicle.mean_diameter_mm == pytest.approx(10, abs=0.6)
    about = found.provenance
    assert about["model_size"][:2] == IN_PLANE and about["model_spacing_mm"] == list(grid_spacing(image, bundle.metadata["crend"]))
    x, y, z = about["model_spacing_mm"]
    assert (48 * x, 40 * y) == pytest.approx((image.GetSize()[0] * spacing[0], image.GetSize()[1] * spacing[1]))
    assert z == pytest.approx(np.sqrt(x * y))
    assert found.probabilities[0].GetSpacing() == pytest.approx((x, y, z))


def test_a_resize_gives_what_a_bundle_of_that_spacing_gives():
    array, image = balls(SPACINGS[1])
    resized = resizing(array)
    fixed = bundle_for(array)
    fixed.metadata["crend"]["spacing_mm"] = list(grid_spacing(image, resized.metadata["crend"]))
    one, other = (segment(image, bundle, engine="torch", device="cpu") for bundle in (resized, fixed))
    for a, b in ((one.ovary, other.ovary), (one.follicles, other.follicles)):
        assert np.array_equal(sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b))
    assert one.measurements == other.measurements


def test_the_follicle_at_a_point_is_found_on_a_grid_resized_in_plane():
    array, image = balls(SPACINGS[1])
    centre = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    found = sitk.GetArrayFromImage(follicle_at(image, centre, resizing(array), engine="torch", device="cpu")) > 0
    truth = array == FOLLICLE
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9
