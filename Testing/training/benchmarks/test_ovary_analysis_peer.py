"""The peer's rules on a volume whose ovary and follicles are plain to see; grey values stand in for its trained networks."""

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("torch")
import ovary_analysis

OVARY, FOLLICLE, AROUND = 250, 40, 170


def bright(volume):
    """A network of two classes: what is nearer to the ovary's grey than to its surroundings' is class 1."""
    grey = sitk.GetArrayFromImage(volume)
    limit = ((OVARY + AROUND) / 2 - grey.mean()) / grey.std()
    return lambda patch: np.stack([patch[:, 0] * 0, 20 * (patch[:, 0] - limit)], axis=1)


def dark(patch):
    """A network of three classes: what is darker than the middle between the patch's extremes is class 1."""
    contrast = 20 * ((patch[:, 0].min() + patch[:, 0].max()) / 2 - patch[:, 0])
    return np.stack([-contrast, contrast, patch[:, 0] * 0 - 99], axis=1)


@pytest.fixture(scope="module")
def scene():
    """An oblique, anisotropic volume: a bright ball of 8 mm radius that holds a dark one of 3 mm."""
    size, spacing = (60, 50, 44), (0.4, 0.5, 0.6)
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin((5.0, -7.0, 11.0))
    image.SetDirection((0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    z, y, x = np.meshgrid(*(np.arange(n) * s for n, s in zip(size[::-1], spacing[::-1])), indexing="ij")
    ovary = (x - 12) ** 2 + (y - 12) ** 2 + (z - 13) ** 2 < 8**2
    follicle = (x - 13) ** 2 + (y - 11) ** 2 + (z - 14) ** 2 < 3**2
    grey = np.where(follicle, FOLLICLE, np.where(ovary, OVARY, AROUND)).astype(np.uint8)
    volume = sitk.GetImageFromArray(grey)
    volume.CopyInformation(image)
    return volume, ovary, follicle


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_peer_gives_ovary_and_follicle_on_the_volumes_own_grid(scene):
    volume, ovary, follicle = scene
    # The dark hole in the bright ball is filled by the peer's own rule, then found as a follicle.
    systems = ovary_analysis.by(bright(volume), dark)
    delivered, found = (run(volume) for run in systems.values())
    assert found.ovary.GetSize() == volume.GetSize() and found.ovary.GetDirection() == volume.GetDirection()
    assert dice(sitk.GetArrayFromImage(found.ovary) > 0, ovary) > 0.95
    # Its command delivers the ovary dilated: by half a cube of 10 voxels of 0.157 mm on each side.
    wider = delivered.measurements.ovary.dv_mm - found.measurements.ovary.dv_mm
    assert 1.3 < wider < 2.2
    assert dice(sitk.GetArrayFromImage(found.follicles) > 0, follicle) > 0.9
    assert [round(row.dv_mm) for row in found.measurements.follicles] == [6]


def test_peer_finds_nothing_in_a_volume_without_bright_tissue(scene):
    volume, _, _ = scene
    systems = ovary_analysis.by(lambda patch: np.full((1, 2, *patch.shape[2:]), -6, np.float32), None)
    nothing = systems["ovary-analysis (ETH)"](volume)
    assert not sitk.GetArrayFromImage(nothing.ovary).any() and not nothing.measurements.follicles
