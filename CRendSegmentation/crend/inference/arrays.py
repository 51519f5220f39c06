"""Between numpy and torch, through DLPack.

torch's own bridge is bound to the numpy that it was built for: torch 2.2, the last one for Macs with Intel processors, says "Numpy is not
available" beside numpy 2, which Slicer brings.
"""

import numpy as np


def as_batch(window: np.ndarray) -> np.ndarray:
    """A window (D, H, W), or (C, D, H, W) of several channels, as a batch of one: (1, C, D, H, W)."""
    return window[None, None] if window.ndim == 3 else window[None]


def to_tensor(array: np.ndarray):
    """The array as a torch tensor on the CPU, with the same shape, type and numbers: a copy, so any strides will do, and read-only memory."""
    import torch

    return torch.from_dlpack(np.array(array, order="C"))


def to_array(tensor) -> np.ndarray:
    """The tensor, of any device and strides, as an array with the same shape, type and numbers: a copy, which can be written to."""
    return np.array(np.from_dlpack(tensor.detach().cpu().contiguous()))
