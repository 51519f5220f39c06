"""The way between numpy and torch: the same numbers, without the bridge that needs the numpy torch was built for."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from crend.inference.arrays import to_array, to_tensor

VALUES = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)


def read_only():
    array = VALUES.copy()
    array.setflags(write=False)
    return array


@pytest.mark.parametrize("array", [
    VALUES, VALUES[::-1, :, ::-2], VALUES.transpose(2, 0, 1), VALUES[None, None], np.flip(VALUES[:1], 0), read_only(),
    VALUES.astype(np.float64), VALUES.astype(np.float16), (VALUES * 9).astype(np.uint8), (VALUES * 9).astype(np.int64),
])  # fmt: skip
def test_an_array_comes_back_bit_by_bit(array):
    tensor = to_tensor(array)
    assert tensor.shape == array.shape and tensor.is_contiguous()
    back = to_array(tensor)
    assert back.dtype == array.dtype and back.tobytes() == array.tobytes()


def test_neither_side_shares_its_memory():
    array = VALUES.copy()
    tensor = to_tensor(array)
    tensor.zero_()
    assert np.array_equal(array, VALUES)
    back = to_array(tensor)
    back += 1
    assert not tensor.any()


def test_a_tensor_of_any_strides_and_with_gradients_becomes_an_array():
    tensor = torch.arange(24.0).reshape(2, 3, 4).requires_grad_()
    assert np.array_equal(to_array(tensor.permute(2, 0, 1)[::2]), np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::2])


@pytest.mark.slow
def test_a_volume_is_segmented_alike_where_torch_and_numpy_do_not_know_each_other(tmp_path, monkeypatch):
    from host.bundles import ultrasoundLike, writeBundle

    from crend.predict import segment

    bundle = str(writeBundle(tmp_path / "untrained"))
    image = sitk.GetImageFromArray(ultrasoundLike((32, 40, 32)))
    expected = segment(image, bundle, device="cpu", engine="torch")

    def refuse(*_, **__):
        raise RuntimeError("Numpy is not available")

    for owner, name in ((torch, "from_numpy"), (torch, "as_tensor"), (torch.Tensor, "numpy"), (torch.Tensor, "__array__")):
        monkeypatch.setattr(owner, name, refuse)
    found = segment(image, bundle, device="cpu", engine="torch")
    for part in ("ovary", "follicles"):
        assert np.array_equal(sitk.GetArrayFromImage(getattr(found, part)), sitk.GetArrayFromImage(getattr(expected, part)))
