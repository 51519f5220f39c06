"""A written distance map opens in Slicer in its place, with its scalars."""

import numpy as np
import pytest
import SimpleITK as sitk

slicer_core = pytest.importorskip("slicer_core")

from crend.comparison.distance_maps import write_distances  # noqa: E402
from crend.io.labels import Labels  # noqa: E402


def test_slicers_model_storage_reads_the_map_in_ras(tmp_path):
    array = np.zeros((16, 16, 16), np.uint8)
    array[4:12, 4:12, 4:12] = 1
    ovary = sitk.GetImageFromArray(array)
    ovary.SetOrigin((10, 20, 30))
    labels = Labels(ovary, sitk.Cast(ovary * 0, sitk.sitkUInt16))
    write_distances(labels, labels, tmp_path / "map.vtp")
    scene = slicer_core.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLModelNode")
    storage = scene.AddNewNodeByClass("vtkMRMLModelStorageNode")
    storage.SetFileName(str(tmp_path / "map.vtp"))
    assert storage.ReadData(node)
    # Voxels 4 to 11 of 1 mm from (10, 20, 30) LPS: 13.5 to 21.5 along x.
    low_r, high_r, low_a, high_a, low_s, high_s = node.GetPolyData().GetBounds()
    assert (low_r, high_r) == pytest.approx((-21.5, -13.5), abs=0.45)
    assert (low_a, high_a) == pytest.approx((-31.5, -23.5), abs=0.45)
    assert (low_s, high_s) == pytest.approx((33.5, 41.5), abs=0.45)
    assert node.GetPolyData().GetPointData().GetArray("SignedDistance").GetNumberOfTuples() == node.GetPolyData().GetNumberOfPoints()
