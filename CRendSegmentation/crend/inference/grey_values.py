"""An image's grey values on its model grid, as the network wants them, made a region at a time.

A grid can have many times the image's voxels, and floats of all of it at once are what a volume would need most memory for. All arrays are
(D, H, W) = (z, y, x).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .model_grid import ModelGrid, along, taps, within

NORMALISATIONS = ("zscore_nonzero",)
# Below this part of the brightest voxel a resampled value is "outside the sector" (0), as rounding to 8 bit would
# make it. Without it the smoothing kernel would smear the sector's edge into the surrounding 0 and widen it.
DARKEST = 0.5 / 255
# What counts as the background of an image with negative values: its share of the voxels, and of the range of greys below it.
BACKGROUND_SHARE = 0.05
DEEPEST = 0.25  # ringing overshoots by a tenth of a step
MANY = 1_000_000
ROWS = 16  # slices of the grid made at a time
KEPT = 2**24  # voxels of a grid that is small enough to be made once and kept: 64 MiB
CLIP = (-3.0, 5.0)


class GreyValues:
    """An image on the model grid of `spacing_mm` (x, y, z): 0 = no echo. `values[z, y, x]` (three slices) are float32, not normalised.

    Linear where it refines; where it coarsens, averaged over the new spacing, or speckle finer than the model grid would alias.
    Values are shifted to start at 0 if the image has negative ones (see `_no_echo`). The image must stay as it is.
    """

    def __init__(self, image: sitk.Image, spacing_mm: Sequence[float]):
        self.grid = grid = ModelGrid.of(image, spacing_mm)
        self.shape = grid.shape
        self._image = image  # whose memory the view is of
        self._source = sitk.GetArrayViewFromImage(image)
        self._taps = [
            taps(grid.model_to_image(axis, np.arange(n)), grid.image_shape[axis], grid.spacing[axis] / grid.image_spacing[axis])
            for axis, n in enumerate(grid.shape)
        ]
        self._low, self._high = _no_echo(self._source), float(self._source.max())
        self._kept: np.ndarray | None = None
        if int(np.prod(grid.shape)) <= KEPT:
            self._kept = self._made((slice(None),) * 3)

    def __getitem__(self, region) -> np.ndarray:
        return self._kept[region] if self._kept is not None else self._made(region)

    def slabs(self, rows: int = ROWS) -> Iterator[np.ndarray]:
        """All of it from the first slice on, `rows` slices at a time."""
        return ((self[first : first + rows, :, :]) for first in range(0, self.shape[0], rows))

    def _made(self, region) -> np.ndarray:
        rows = [(index[part], weights[part]) for (index, weights), part in zip(self._taps, region)]
        result = np.empty([len(index) for index, _ in rows], np.float32)
        for first in range(0, len(result), ROWS):
            read, (depth, height, width) = within((rows[0][0][first : first + ROWS], rows[0][1][first : first + ROWS]), *rows[1:])
            slab = self._source[read].astype(np.float32, copy=False)  # whatever the type, the same values give the same sums
            # y first: it copies whole rows, and leaves less for x, which picks single voxels.
            array = along(0, along(2, along(1, slab, height), width), depth)
            # The weights of a row sum to 1, so the shift may come last. What lies below 0 after it is no echo, too.
            array -= np.float32(self._low)
            array[array < DARKEST * (self._high - self._low)] = 0
            result[first : first + ROWS] = array
        return result


def to_model_grid(image: sitk.Image, spacing_mm: Sequence[float]) -> tuple[np.ndarray, ModelGrid]:
    """The whole of `GreyValues` as an array (D, H, W) float32, and the grid."""
    values = GreyValues(image, spacing_mm)
    return values[:, :, :], values.grid


@dataclass(frozen=True)
class Scale:
    """Of a volume's echoes (values > 0): how many there are of `voxels`, their mean, deviation and lowest value."""

    voxels: int
    echoes: int = 0
    mean: float = 0.0
    deviation: float = 1e-6
    lowest: float = 0.0

    @classmethod
    def of(cls, slabs: Iterable[np.ndarray], settings: dict) -> Scale:
        """settings: the bundle's "normalisation". {"method": "zscore_nonzero"} is the only one. ValueError for an unknown method."""
        method = settings.get("method")
        if method not in NORMALISATIONS:
            raise ValueError(f'unknown normalisation "{method}"; known: {", ".join(NORMALISATIONS)}')
        voxels, echoes, mean, squares, lowest = 0, 0, 0.0, 0.0, np.inf
        for slab in slabs:
            voxels += slab.size
            found = slab[slab > 0]
            if not found.size:
                continue
            # float64 sums: a hundred million float32 terms lose digits. Means and squares of parts are joined as Chan et al. do it.
            here = found.mean(dtype=np.float64)
            apart, both = here - mean, echoes + found.size
            squares += found.var(dtype=np.float64) * found.size + apart**2 * echoes * found.size / both
            mean += apart * found.size / both
            echoes, lowest = both, min(lowest, float(found.min()))
        if not echoes:
            return cls(voxels)
        return cls(voxels, echoes, float(mean), max(float(np.sqrt(squares / echoes)), 1e-6), lowest)

    @property
    def floor(self) -> float:
        """What is normalised lowest: voxels without echo, where there are any."""
        if not self.echoes:
            return 0.0
        darkest = np.float32(np.clip((np.float32(self.lowest) - np.float32(self.mean)) / np.float32(self.deviation), *CLIP))
        return float(darkest if self.echoes == self.voxels else min(darkest, np.float32(self._outside)))

    @property
    def _outside(self) -> float:
        return max((self.lowest - self.mean) / self.deviation, CLIP[0])

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Intensities as the network wants them, float32: zero mean and unit deviation over the echoes; the other voxels (outside the sector)
        get the lowest value of an echo, so that nothing in the image is darker than "no echo"; all clipped to CLIP."""
        if not self.echoes:
            return np.zeros(values.shape, np.float32)
        result = np.clip((values - np.float32(self.mean)) / np.float32(self.deviation), *CLIP).astype(np.float32, copy=False)
        result[values <= 0] = self._outside
        return result


class Normalised:
    """`GreyValues` as `Scale.apply` has them, read in the same way."""

    def __init__(self, values: GreyValues, scale: Scale):
        self._values, self._scale, self.shape = values, scale, values.shape

    def __getitem__(self, region) -> np.ndarray:
        return self._scale.apply(self._values[region])

    def min(self) -> float:
        """The lowest of all of them."""
        return self._scale.floor


def normalise(array: np.ndarray, settings: dict) -> np.ndarray:
    """A whole array (D, H, W) as `Scale.apply` has it; settings: the bundle's "normalisation"."""
    return Scale.of((array[first : first + ROWS] for first in range(0, len(array), ROWS)), settings).apply(array)


def _no_echo(source: np.ndarray) -> float:
    """The value outside the sector: 0; in an image with negative values its most frequent one, if that looks like a background, else the lowest.

    Resampling makes a few negative values beside a background of 0 (ringing). The lowest of them would make echoes of the background.
    """
    lowest = float(source.min())
    if lowest >= 0:
        return 0.0
    # A background is frequent enough to be found among a million voxels. An odd step does not keep to the same column.
    values, counts = np.unique(source.reshape(-1)[:: source.size // MANY | 1], return_counts=True)
    most = int(counts.argmax())
    # Frequent tissue, or echoes cut off at the brightest grey, lie higher or have more below them than ringing makes.
    near = values[most] - lowest <= DEEPEST * (float(source.max()) - lowest)
    background = near and counts[most] > BACKGROUND_SHARE * counts.sum() and counts[:most].sum() <= counts[most]
    return float(values[most]) if background else lowest
