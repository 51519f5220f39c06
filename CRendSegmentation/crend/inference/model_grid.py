"""The model grid: an image resampled to the bundle's spacing, or size in plane, along the image's own axes, and the exact way back.

Both ways are separable, a few weighted neighbours along one axis after the other, and obliqueness or flips
never enter: the model grid keeps the image's direction and shares its centre. All arrays are (D, H, W) = (z, y, x).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from ..errors import InputError

SPACING_MM = (0.05, 10.0)  # of a model grid: finer than any scanner's, and half an ovary
TIE = 1e-6  # voxels
SLAB = 8  # slices held in float at a time


@dataclass(frozen=True)
class ModelGrid:
    """Where the model grid lies on an image.

    shape, spacing:               of the model grid, (D, H, W), millimetres (z, y, x)
    image_shape, image_spacing:   of the image it came from, same order
    origin, direction:            of that image, as SimpleITK gives them (x, y, z; LPS)
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    image_shape: tuple[int, ...]
    image_spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]

    @classmethod
    def of(cls, image: sitk.Image, spacing_mm: Sequence[float]) -> ModelGrid:
        """The grid of `spacing_mm` (x, y, z) that covers `image`, centred on it."""
        image_shape = tuple(reversed(image.GetSize()))
        image_spacing = _spacing_of(image)[::-1]
        spacing = tuple(float(s) for s in reversed(tuple(spacing_mm)))
        shape = grid_shape(image_shape, image_spacing, spacing)
        return cls(shape, spacing, image_shape, image_spacing, image.GetOrigin(), image.GetDirection())

    @property
    def voxels(self) -> tuple:
        """Where the model grid's voxels lie, as `structures.box.Box` asks for it: origin and direction of the image (LPS), spacing, first voxel, shape (z, y, x)."""
        starts = [float(self.model_to_image(axis, 0)) * self.image_spacing[axis] / self.spacing[axis] for axis in range(3)]
        return self.origin, self.direction, self.spacing, starts, self.shape

    def image_voxels(self, region: Sequence[slice]) -> tuple:
        """The same of the image's voxels in `region` (one slice per axis, z first)."""
        shape = tuple(part.stop - part.start for part in region)
        return self.origin, self.direction, self.image_spacing, [part.start for part in region], shape

    def image_to_model(self, axis: int, index):
        """Position on the model grid of image voxel `index` along `axis` (0 = z)."""
        scale = self.image_spacing[axis] / self.spacing[axis]
        return (np.asarray(index, float) - (self.image_shape[axis] - 1) / 2) * scale + (self.shape[axis] - 1) / 2

    def model_to_image(self, axis: int, index):
        """Position on the image of model voxel `index` along `axis` (0 = z)."""
        scale = self.spacing[axis] / self.image_spacing[axis]
        return (np.asarray(index, float) - (self.shape[axis] - 1) / 2) * scale + (self.image_shape[axis] - 1) / 2

    def image_region(self, region: Sequence[slice]) -> tuple[slice, ...]:
        """The image voxels whose value depends on the model voxels of `region` (one slice per axis, z first)."""
        found = []
        for axis, part in enumerate(region):
            first = int(np.floor(self.model_to_image(axis, part.start - 1))) + 1
            last = int(np.ceil(self.model_to_image(axis, part.stop))) - 1
            # A region that touches the grid's edge rules everything beyond it.
            first = 0 if part.start <= 0 else max(first, 0)
            last = self.image_shape[axis] - 1 if part.stop >= self.shape[axis] else last
            found.append(slice(first, min(last, self.image_shape[axis] - 1) + 1))
        return tuple(found)

    def image_slabs(
        self, array: np.ndarray, region: Sequence[slice], slab: int = SLAB
    ) -> Iterator[tuple[tuple[slice, slice, slice], np.ndarray]]:
        """Bring `array` (model grid values of `region`, (d, h, w)) to the image, a few slices at a time.

        Yields (where, values): three slices into an array of `image_shape`, and float32 values of that shape,
        linearly interpolated, the array's edge repeated outside. Memory is one slab, whatever the image's size.
        """
        target = self.image_region(region)
        places = []
        for axis, (part, rows) in enumerate(zip(region, target)):
            positions = self.image_to_model(axis, np.arange(rows.start, rows.stop)) - part.start
            places.append(taps(positions, part.stop - part.start, 1.0))
        array = np.asarray(array, np.float32)
        for first in range(target[0].start, target[0].stop, slab):
            stop = min(first + slab, target[0].stop)
            index, weights = (part[first - target[0].start : stop - target[0].start] for part in places[0])
            values = along(0, array, (index, weights))
            yield (slice(first, stop), target[1], target[2]), along(2, along(1, values, places[1]), places[2])

    def resample_to(self, other: ModelGrid, array: np.ndarray, region=(slice(None),) * 3) -> np.ndarray:
        """`array` (shape) of this grid on another grid of the same image, or the `region` (three slices) of it: float32, linear, its edge repeated outside."""
        rows = []
        for axis, part in enumerate(region):
            positions = self.image_to_model(axis, other.model_to_image(axis, np.arange(other.shape[axis])))
            index, weights = taps(positions, self.shape[axis], 1.0)
            rows.append((index[part], weights[part]))
        read, rows = within(*rows)
        array = array[read]
        for axis in range(3):
            array = along(axis, array, rows[axis])
        return array

    def to_image(self, array: np.ndarray) -> sitk.Image:
        """`array` (D, H, W) of the model grid as an image that lies on the original in space."""
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        image.SetSpacing(tuple(reversed(self.spacing)))
        image.SetDirection(self.direction)
        first = [self.model_to_image(axis, 0) * self.image_spacing[axis] for axis in (2, 1, 0)]
        image.SetOrigin(tuple(np.asarray(self.origin) + np.reshape(self.direction, (3, 3)) @ first))
        return image


def grid_spacing(image: sitk.Image, settings: dict, name: str = "the volume") -> tuple[float, float, float]:
    """Spacing (x, y, z), mm, of the model grid of `image`; `settings` are a network's, as in the `crend` block of a bundle.

    "spacing_mm" for every volume; with "in_plane", the grid's size in voxels (x, y), it is that of a resize, which differs by volume: along the
    image's first two axes as many voxels as it says, whatever they measure. The third axis is resized in proportion, from "spacing_mm" by the
    geometric mean of the other two factors. InputError, which calls the image `name`, where such voxels are no sensible size.
    """
    return spacing_for(image.GetSize(), _spacing_of(image), settings, name)


def spacing_for(size: Sequence[int], spacing: Sequence[float], settings: dict, name: str = "the volume") -> tuple[float, float, float]:
    """`grid_spacing` of an image of this size and spacing, mm (both x, y, z)."""
    first, second, third = (float(s) for s in settings["spacing_mm"])
    in_plane = settings.get("in_plane")
    if not in_plane:
        return first, second, third
    x, y = (n * s / m for n, s, m in zip(size, spacing, in_plane))
    resized = (x, y, proportionate((first, second, third), x, y))
    if not all(SPACING_MM[0] <= s <= SPACING_MM[1] for s in resized):
        sizes = " x ".join(f"{s:.3g}" for s in resized)
        raise InputError(
            f"{name}: resized to {in_plane[0]} x {in_plane[1]} voxels in plane, as the model wants it, its voxels would be {sizes} mm; "
            "check its spacing, or use another model."
        )
    return resized


def grid_shape(size: Sequence[int], spacing: Sequence[float], model: Sequence[float]) -> tuple[int, ...]:
    """Voxels of a grid of `model` mm that covers an image of this size and spacing, mm; the axes in any order, the same for all three."""
    # The small amount keeps 100 voxels of 0.3 mm at 60 voxels of 0.5 mm, whatever the rounding of 0.3.
    return tuple(max(1, int(np.ceil(n * s / m - 1e-4))) for n, s, m in zip(size, spacing, model))


def describe_grid(settings: dict) -> str:
    """The grid of a network's `settings` in words, such as "0.6 x 0.6 x 0.6 mm" or "192 x 192 voxels in plane"."""
    in_plane = settings.get("in_plane")
    return " x ".join(f"{n:g}" for n in in_plane or settings["spacing_mm"]) + (" voxels in plane" if in_plane else " mm")


def proportionate(spacing_mm: Sequence[float], x: float, y: float) -> float:
    """The third spacing, mm, of a grid of `spacing_mm` (x, y, z) that was resized in plane to spacings of x and y mm."""
    return spacing_mm[2] * float(np.sqrt(x / spacing_mm[0] * (y / spacing_mm[1])))


def _spacing_of(image: sitk.Image) -> tuple[float, ...]:
    """(x, y, z), mm. A spacing kept in single precision is the same spacing: 0.7 and 0.699999988 must not part at a threshold."""
    return tuple(float(str(np.float32(s))) for s in image.GetSpacing())


def taps(positions: np.ndarray, size: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Which of `size` voxels to read at `positions` (in voxels), and their weights: two arrays (len(positions), k).

    step is the distance between positions. Up to 1 it is linear interpolation. Beyond, each row is the mean of the
    linear interpolant over a stretch of sqrt(step^2 - 1) voxels: the variances of the two kernels add up to step^2
    times that of a voxel, it sets in smoothly at 1, and a ramp stays exactly a ramp (a widened triangle bends it).
    At the image's edge only the voxels inside count.
    """
    positions = np.clip(positions, 0, size - 1)[:, None]
    half = np.sqrt(max(step * step - 1, 0.0)) / 2
    reach = int(np.ceil(half + 1))
    columns = np.floor(positions).astype(np.intp) + np.arange(-reach, reach + 2)
    if half < 1e-3:
        weights = np.clip(1 - np.abs(positions - columns), 0, None)
    else:
        weights = (_hat_area(positions + half - columns) - _hat_area(positions - half - columns)) / (2 * half)
    weights[(columns < 0) | (columns >= size)] = 0
    used = weights.max(axis=0) > 1e-9
    weights = weights[:, used] / weights.sum(axis=1, keepdims=True)
    return np.clip(columns[:, used], 0, size - 1), weights.astype(np.float32)


def along(axis: int, array: np.ndarray, taps: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """`array` read at `taps` along one axis: float32.

    Not a matrix product, short as that would be: on a busy machine the threads of a BLAS wait for each other, and many
    small products took a hundred times as long.
    """
    index, weights = taps
    shape = [1, 1, 1]
    shape[axis] = -1
    result = np.take(array, index[:, 0], axis=axis) * weights[:, 0].reshape(shape)
    for k in range(1, index.shape[1]):
        result += np.take(array, index[:, k], axis=axis) * weights[:, k].reshape(shape)
    return result


def within(*rows):
    """(three slices around what `rows`, one pair of `taps` for each axis, read; the same taps in what those slices cut out)."""
    read, moved = [], []
    for index, weights in rows:
        first = int(index.min()) if index.size else 0
        read.append(slice(first, int(index.max(initial=first)) + 1))
        moved.append((index - first, weights))
    return tuple(read), moved


def _hat_area(t):
    """Area left of t under the hat function max(0, 1 - |t|)."""
    t = np.clip(t, -1, 1)
    return np.where(t < 0, (1 + t) ** 2 / 2, 1 - (1 - t) ** 2 / 2)


def labels_on_model_grid(labels: np.ndarray, grid, ids, region=(slice(None),) * 3) -> np.ndarray:
    """Labels (image_shape) read at the model grid's voxels, or those of a `region` (three slices) that holds all of them; one of `ids` too small to be
    met there keeps the voxel at its middle."""
    rows = [np.arange(n)[part] for n, part in zip(grid.shape, region)]
    indices = [np.clip(_nearest(grid.model_to_image(axis, row)), 0, grid.image_shape[axis] - 1) for axis, row in enumerate(rows)]
    read = labels[np.ix_(*indices)]
    missing = set(ids) - set(np.unique(read).tolist())
    boxes = ndimage.find_objects(labels) if missing else []
    for label in missing:
        box = boxes[label - 1]
        middle = np.argwhere(labels[box] == label).mean(axis=0) + [part.start for part in box]
        place = [
            int(np.clip(_nearest(grid.image_to_model(axis, position)), 0, grid.shape[axis] - 1)) - rows[axis][0]
            for axis, position in enumerate(middle)
        ]
        read[tuple(place)] = label
    return read


def _nearest(positions) -> np.ndarray:
    """The nearest voxels, the lower of two at the same distance, whatever the last digits of a position are."""
    return np.ceil(np.asarray(positions) - 0.5 - TIE).astype(int)
