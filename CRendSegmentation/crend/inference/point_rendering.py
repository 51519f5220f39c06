"""Rendering in numpy: the most uncertain voxels of a window are predicted again by the head. The torch-free twin of `points.render`.

Shapes: C channels, P points, D x H x W voxels in (z, y, x) order. Points are voxel centres here, which makes sampling a table look-up
for each axis: in a map of half size the centre of voxel i lies a quarter of a voxel from the centre of i // 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 16384
"""Points the head sees at once: at width 32 its hidden layer then takes 32 MiB, however many points there are."""


@dataclass(frozen=True)
class Head:
    """The point head's linear layers, with ReLU between them: pairs of weights (outputs, inputs) and bias (outputs,), float32."""

    layers: tuple

    @property
    def inputs(self) -> int:
        """Channels of the vectors that it takes."""
        return self.layers[0][0].shape[1]

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """vectors (P, inputs) -> logits (P, 2)."""
        for number, (weight, bias) in enumerate(self.layers):
            if number:
                np.maximum(vectors, 0, out=vectors)
            vectors = vectors @ weight.T
            vectors += bias
        return vectors


def read_head(tensors: dict) -> Head | None:
    """The head among a network's tensors ("head.0.weight" (outputs, inputs, 1), "head.0.bias", ...); None where there is none.

    ValueError when they are not layers that fit each other and end in two logits.
    """
    names = sorted(name for name in tensors if name.startswith("head."))
    if not names:
        return None
    numbers = sorted({name.split(".")[1] for name in names}, key=lambda text: (len(text), text))
    if names != sorted(f"head.{number}.{part}" for number in numbers for part in ("weight", "bias")):
        raise ValueError("the tensors of its head are not pairs of weight and bias")
    pairs = [(tensors[f"head.{number}.weight"], tensors[f"head.{number}.bias"]) for number in numbers]
    if any(weight.ndim != 3 or weight.shape[2] != 1 or bias.shape != weight.shape[:1] for weight, bias in pairs):
        raise ValueError("the layers of its head are not linear")
    sizes = [(weight.shape[1], weight.shape[0]) for weight, _ in pairs]
    if any(before[1] != after[0] for before, after in zip(sizes, sizes[1:])) or sizes[-1][1] != 2:
        raise ValueError("the layers of its head do not fit each other")
    return Head(tuple((np.float32(weight[:, :, 0]), np.float32(bias)) for weight, bias in pairs))


def render(head: Head, coarse: np.ndarray, fine, n: int) -> np.ndarray:
    """A copy of coarse logits (2, D, H, W) whose n most uncertain voxels are predicted again by the head.

    fine: the maps of fine features, each (C, d, h, w) of any size. One subdivision step at full size, as in `points.render`.
    """
    index = uncertain_voxels(coarse, n)
    flat = coarse.reshape(len(coarse), -1)
    rendered = flat.copy()
    maps = [_Sampled(part, coarse.shape[1:]) for part in fine]
    for start in range(0, len(index), CHUNK):
        chunk = index[start : start + CHUNK]
        places = np.unravel_index(chunk, coarse.shape[1:])
        vectors = [sigmoid(flat[:, chunk].T), *(each.at(places) for each in maps)]
        rendered[:, chunk] = head(np.concatenate(vectors, axis=1)).T
    return rendered.reshape(coarse.shape)


def uncertain_voxels(coarse: np.ndarray, n: int) -> np.ndarray:
    """Flat indices, ascending, of the n voxels of (2, D, H, W) whose most ambiguous class is closest to probability 0.5; all of them at most."""
    if n < 1:
        raise ValueError(f"the number of voxels to render must be 1 or more, not {n}")
    certainty = np.abs(coarse).min(axis=0).ravel()
    if n >= certainty.size:
        return np.arange(certainty.size)
    # Ascending, so that neighbours in memory are read one after the other.
    return np.sort(np.argpartition(certainty, n - 1)[:n])


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, float32; large ones do not overflow."""
    half = np.tanh(np.float32(0.5) * logits)
    half *= np.float32(0.5)
    half += np.float32(0.5)
    return half


class _Sampled:
    """A map (C, d, h, w), to be read at voxel centres of a grid of another size: trilinear, its edge repeated outside."""

    def __init__(self, part: np.ndarray, shape):
        self.shape = part.shape[1:]
        self.axes = None if self.shape == tuple(shape) else [_neighbours(n, m) for n, m in zip(shape, self.shape)]
        # Channels last where there is more than one neighbour: a point then reads one stretch of memory for each of the eight.
        self.rows = part.reshape(len(part), -1).T
        if self.axes is not None:
            self.rows = np.ascontiguousarray(self.rows)

    def at(self, places) -> np.ndarray:
        """Values (P, C) at voxels of the grid: three arrays of indices, z, y, x."""
        if self.axes is None:
            return self.rows[np.ravel_multi_index(places, self.shape)]
        corners = [
            [(below[place], weight[place]), (above[place], 1 - weight[place])] for place, (below, above, weight) in zip(places, self.axes)
        ]
        total = np.zeros((len(places[0]), self.rows.shape[1]), np.float32)
        _, height, width = self.shape
        for z, wz in corners[0]:
            for y, wy in corners[1]:
                for x, wx in corners[2]:
                    values = self.rows[(z * height + y) * width + x]
                    values *= (wz * wy * wx)[:, None]
                    total += values
        return total


def _neighbours(size: int, source: int):
    """For voxels 0..size-1: indices of the two voxels of an axis of `source` voxels around each centre, and the weight of the first."""
    position = np.clip((np.arange(size) + 0.5) * (source / size) - 0.5, 0, source - 1)
    below = np.minimum(position.astype(np.intp), max(source - 2, 0))
    return below, np.minimum(below + 1, source - 1), (1 - (position - below)).astype(np.float32)
