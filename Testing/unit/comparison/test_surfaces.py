"""Sub-voxel surfaces and distance maps: spheres of known radii, shapes that must keep their shape, pictures that show something."""

import numpy as np
import pytest
import SimpleITK as sitk

from crend.comparison.distance_maps import distance_map, write_distances
from crend.comparison.subvoxel import smooth_field
from crend.comparison.surfaces import signed_distances, surface_of
from crend.errors import InputError
from crend.io.labels import Labels
from crend.pictures.figure import figure, picture_distances

TURN = sitk.VersorRigid3DTransform()
TURN.SetRotation((0.3, -0.5, 0.8), 0.7)
OBLIQUE = np.array(TURN.GetMatrix()).reshape(3, 3)
MIRRORED = OBLIQUE @ np.diag([1, -1, 1])


def ball(radius, spacing=(0.3, 0.3, 0.3), direction=OBLIQUE, centre=(0, 0, 0), seed=0, extent=None):
    """Image of a ball around `centre` (LPS mm), on a grid that lies between the voxels at random."""
    size = np.array([int(2 * (extent or radius) / s) + 8 for s in spacing])
    jitter = np.random.default_rng(seed).uniform(-0.5, 0.5, 3) * spacing
    origin = -direction @ ((size - 1) / 2 * spacing) + jitter
    points = np.stack(np.indices(size[::-1]), axis=-1)[..., ::-1] * spacing @ direction.T + origin
    image = sitk.GetImageFromArray((np.linalg.norm(points - centre, axis=-1) < radius).astype(np.uint8))
    image.SetSpacing(spacing)
    image.SetOrigin(origin.tolist())
    image.SetDirection(direction.ravel().tolist())
    return image


def labels(ovary, follicles=None):
    return Labels(ovary, sitk.Cast(follicles if follicles is not None else ovary * 0, sitk.sitkUInt16))


@pytest.mark.slow
@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE, MIRRORED], ids=["straight", "oblique", "mirrored"])
@pytest.mark.parametrize(("spacing", "radius"), [((0.3, 0.3, 0.3), 3), ((0.3, 0.3, 0.3), 8), ((0.3, 0.3, 0.6), 5)])
def test_a_ball_has_its_radius_everywhere(direction, spacing, radius):
    surface = surface_of(ball(radius, spacing, direction))
    error = (np.linalg.norm(surface.points, axis=1) - radius) / min(spacing)
    assert abs(error.mean()) < 0.05 and np.percentile(np.abs(error), 95) < (0.1 if spacing[2] == 0.3 else 0.2)
    assert surface.volume() == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.03)
    assert surface.area() == pytest.approx(4 * np.pi * radius**2, rel=0.02)
    outward = np.einsum("ij,ij->i", surface.normals, surface.points / np.linalg.norm(surface.points, axis=1, keepdims=True))
    assert outward.min() > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("inner", "outer"), [(3, 4), (6, 6.5), (8, 11)])
def test_concentric_spheres_agree_within_a_tenth_of_a_voxel_both_ways(inner, outer):
    # Two grids with different geometry: nothing is resampled.
    small, large = surface_of(ball(inner)), surface_of(ball(outer, direction=np.eye(3), seed=1))
    for surface, other, true in ((small, large, inner - outer), (large, small, outer - inner)):
        error = (signed_distances(surface.points, other) - true) / 0.3
        assert abs(error.mean()) < 0.05 and np.percentile(np.abs(error), 95) < 0.1 + 0.05 * (inner < 5)


def test_the_sign_says_outside_or_inside():
    surface = surface_of(ball(5))
    points = np.array([[0, 0, 7.0], [0, 0, 4.0], [30.0, 40, 0], [0, 0, 0]])
    assert signed_distances(points, surface) == pytest.approx([2, -1, 45, -5], abs=0.05)


def cube(side=30, margin=6):
    mask = np.zeros((side + 2 * margin,) * 3, bool)
    mask[(slice(margin, -margin),) * 3] = True
    return mask


def test_corners_bumps_and_holes_are_kept_voxel_by_voxel():
    at = np.indices((42, 42, 42)) - 20.5
    bump = ((at**2).sum(axis=0) < 14**2) | ((np.abs(at[0]) < 2) & (np.abs(at[1]) < 2) & (np.abs(at[2]) < 18))
    hollow = ((at**2).sum(axis=0) < 15**2) & ((at**2).sum(axis=0) > 11**2)
    for mask in (cube(), bump, hollow):
        field, margin = smooth_field(mask, (1, 1, 1))
        wrong = (field > 0) != np.pad(mask, margin)
        # What changes sides lies within a quarter of a voxel of the surface.
        assert np.abs(field[wrong]).max(initial=0) < 0.3


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (1, 8, 8), (2, 2, 2)])
def test_the_smallest_shapes_have_a_surface(shape):
    surface = surface_of(sitk.GetImageFromArray(np.ones(shape, np.uint8)))
    assert surface.volume() > 0 and np.isfinite(surface.points).all()


def test_every_part_is_closed_and_has_its_place():
    array = np.zeros((20, 20, 40), np.uint8)
    array[5:12, 5:12, 5:12] = 1
    array[8:14, 8:14, 25:31] = 4
    surface = surface_of(sitk.GetImageFromArray(array))
    assert surface.volume() == pytest.approx(7**3 + 6**3, rel=0.06)
    edges = np.sort(np.concatenate([surface.triangles[:, pair] for pair in ((0, 1), (1, 2), (2, 0))]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_nothing_has_no_surface():
    assert surface_of(sitk.Image([5, 5, 5], sitk.sitkUInt8)) is None
    assert distance_map(labels(ball(3)), labels(ball(3) * 0)) is None


def test_a_map_of_one_matched_pair_ignores_the_others():
    array = np.zeros((20, 20, 40), np.uint16)
    array[5:12, 5:12, 5:12], array[8:14, 8:14, 25:31] = 1, 2
    image = sitk.GetImageFromArray(array)
    both = Labels(image != 0, image)
    mesh = distance_map(both, both, (2, 2))
    assert mesh.GetBounds()[0] > 20
    assert mesh.GetPointData().GetScalars().GetName() == "SignedDistance"
    assert max(map(abs, mesh.GetPointData().GetScalars().GetRange())) < 1e-5


def test_ras_is_lps_turned_round():
    lps, ras = (
        distance_map(labels(ball(3)), labels(ball(3, centre=(1, 2, 3), extent=6)), coordinates=c).GetBounds() for c in ("LPS", "RAS")
    )
    assert ras == pytest.approx((-lps[1], -lps[0], -lps[3], -lps[2], lps[4], lps[5]))


@pytest.mark.slow
def test_written_surfaces_carry_distance_and_structure(tmp_path):
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    reference = labels(ball(6), ball(2, extent=6))
    prediction = labels(ball(7), ball(2.5, extent=7))
    write_distances(reference, prediction, tmp_path / "map.vtp")
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "map.vtp"))
    reader.Update()
    data = reader.GetOutput().GetPointData()
    signed, structure = (vtk_to_numpy(data.GetArray(name)) for name in ("SignedDistance", "Structure"))
    assert signed[structure == 0].mean() == pytest.approx(1, abs=0.03) and signed[structure == 1].mean() == pytest.approx(0.5, abs=0.03)
    with pytest.raises(InputError, match="nothing to measure"):
        write_distances(reference, labels(ball(3) * 0), tmp_path / "none.vtp")
    assert [p.name for p in tmp_path.iterdir()] == ["map.vtp"]


def picture(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(int)


@pytest.mark.slow
def test_the_picture_of_distances_shows_both_structures(tmp_path):
    picture_distances(labels(ball(6), ball(2, extent=6)), labels(ball(7), ball(2.5, extent=7)), tmp_path / "map.png", size=(300, 250))
    shown = picture(tmp_path / "map.png")
    assert shown.shape == (250, 600, 3)
    for half in (shown[40:, :200], shown[40:, 300:500]):
        assert (half.min(axis=-1) < 200).mean() > 0.02


@pytest.mark.slow
def test_the_figure_has_three_rows_and_a_column_a_system(tmp_path):
    reference = labels(ball(6), ball(2, extent=6))
    volume = sitk.Cast(ball(6), sitk.sitkFloat32) * 100
    systems = {"one": labels(ball(7), ball(2.5, extent=7)), "empty": labels(ball(7) * 0)}
    ranges = figure(volume, reference, systems, tmp_path / "figure.png", size=(200, 160))
    shown = picture(tmp_path / "figure.png")
    assert shown.shape == (480, 600, 3)
    panels = shown.reshape(3, 160, 3, 200, 3).swapaxes(1, 2)
    assert all(panels[row, column].std() > 3 for row in range(3) for column in range(3))
    assert ranges["one"]["ovary"][1] == pytest.approx(1, abs=0.03) and ranges["empty"] == {"ovary": None, "follicles": None}
    with pytest.raises(InputError, match="reference has no ovary"):
        figure(volume, labels(ball(6) * 0), systems, tmp_path / "none.png")
