"""What a click needs: a follicle divided in two, one found around a point, the probabilities near a point."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .structures.brush import crop_around
from .structures.follicles import split_follicles

FAINTEST = 0.1  # follicle probability below which a point is nowhere near a follicle
NOTHING = "the model sees no follicle at this point; click into a dark follicle, or draw it in Segment Editor."
LARGEST_MM = 40.0  # no ovarian follicle is larger


def split_follicle(mask: np.ndarray, spacing_zyx) -> np.ndarray:
    """Labels (D, H, W) uint16 of the parts of one follicle's mask (D, H, W) bool: at its necks, or else in two halves.

    Largest part first, 1, 2, ... A follicle without a neck is cut across its longest axis through its centre.
    """
    mask = np.asarray(mask, bool)
    parts = split_follicles(mask, spacing_zyx, smallest_mm=0.0)
    if parts.max() >= 2:
        return parts
    index = np.argwhere(mask)
    if len(index) < 2:
        raise InputError("the follicle is a single voxel; it cannot be divided.")
    points = index * np.asarray(spacing_zyx, float)
    points -= points.mean(axis=0)
    along = points @ np.linalg.eigh(points.T @ points)[1][:, -1]
    ahead = along > np.median(along)
    parts = np.zeros(mask.shape, np.uint16)
    parts[tuple(index.T)] = np.where(ahead, 2, 1)
    if not ahead.any():
        raise InputError("the follicle is too small to be divided.")
    return parts


class PreparedVolume:
    """A volume on the model grid, ready for looks at points: what several clicks share."""

    def __init__(self, image: sitk.Image, bundle=None, *, device="auto", engine="auto", name="the volume", overview=True):
        """bundle, device, engine: as for crend.predict.segment. overview: let the bundle's overview network, if it has one, have its say, as in a
        run; it is asked once, for the whole volume."""
        from .bundle import bundle as bundles
        from .inference.engines import make_engine
        from .inference.model_grid import normalise, to_model_grid
        from .inference.overview import predict_overview
        from .inference.windows import pad_to_patch
        from .io.volumes import check_image

        check_image(image, name)
        self.image, self.name = image, name
        if not isinstance(bundle, bundles.Bundle):
            bundle = bundles.load(bundle)
        self.settings = settings = bundle.metadata["crend"]
        self.engine = make_engine(bundle.model, device, engine) if isinstance(engine, str) else engine
        values, self.grid = to_model_grid(image, settings["spacing_mm"])
        guided = settings.get("arguments", {}).get("guided")
        seen = None
        if bundle.overview_model is not None and (overview or guided):
            seen, _ = predict_overview(image, bundle, self.engine, True, _Quiet, self.grid)
        self._overview = seen if overview else None
        padded, self._place = pad_to_patch(values, tuple(settings["patch"]), 0)
        self._padded = normalise(padded, settings["normalisation"])
        if guided and seen is not None:
            guide, _ = pad_to_patch(seen, tuple(settings["patch"]), 0.0)
            self._padded = np.concatenate([self._padded[None], guide], dtype=np.float32)

    def look(self, point):
        """What the model makes of one window around a point (x, y, z; LPS), every voxel that it is not sure of rendered.

        Returns probabilities (2, d, h, w) of ovary and follicles, the part of the model grid (three slices) that they fill, and the point's
        index in them. InputError for a point outside the volume.
        """
        from .inference.overview import fuse_predictions
        from .inference.sliding import predict_window

        grid, patch, place = self.grid, tuple(self.settings["patch"]), self._place
        position = self.image.TransformPhysicalPointToContinuousIndex([float(c) for c in point])[::-1]
        if any(not -0.5 <= p <= n - 0.5 for p, n in zip(position, grid.image_shape)):
            raise InputError(f"{self.name}: the point lies outside the volume; click into a follicle.")
        centre = [int(round(float(grid.image_to_model(axis, position[axis])))) for axis in range(3)]
        seed = [min(max(c, 0), n - 1) + p.start for c, n, p in zip(centre, grid.shape, place)]
        start = [min(max(s - side // 2, 0), n - side) for s, side, n in zip(seed, patch, self._padded.shape[-3:])]
        z, y, x = (slice(first, first + side) for first, side in zip(start, patch))
        window = self._padded[..., z, y, x]
        found = predict_window(self.engine, window, int(np.prod(patch)) // 8)
        # The window's part that lies on the model grid, in the grid's own indices.
        box = tuple(
            slice(max(first - p.start, 0), min(first + side - p.start, n)) for first, side, p, n in zip(start, patch, place, grid.shape)
        )
        cut = tuple(slice(b.start + p.start - first, b.stop + p.start - first) for b, p, first in zip(box, place, start))
        found = np.array(found[(slice(None), *cut)], np.float32)
        if self._overview is not None:
            found = fuse_predictions(found, self._overview[(slice(None), *box)].copy(), self.settings["overview"]["share"])
        return found, box, tuple(s - p.start - b.start for s, p, b in zip(seed, place, box))

    def near(self, point, radius_mm: float) -> tuple[sitk.Image, sitk.Image]:
        """Probabilities of ovary and follicles (float32) on the part of the image's grid that a brush at a point reaches (brush.crop_around)."""
        part = crop_around(self.image, point, radius_mm, self.name)
        found, box, _ = self.look(point)
        origin = [b.start for b in box]
        images = []
        for channel in found:
            whole = self.grid.to_image(channel)
            whole.SetOrigin(self._place_of(origin))
            images.append(sitk.Resample(whole, part, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32, True))
        return images[0], images[1]

    def _place_of(self, index) -> tuple[float, ...]:
        """Where a voxel (z, y, x) of the model grid lies, LPS."""
        position = [float(self.grid.model_to_image(axis, index[axis])) for axis in (2, 1, 0)]
        return self.image.TransformContinuousIndexToPhysicalPoint(position)


class _Quiet:
    """A run that nobody watches or cancels."""

    cancelled = None

    @staticmethod
    def report(fraction: float) -> None:
        pass


def follicle_at(image: sitk.Image, point, bundle=None, *, device="auto", engine="auto", name="the volume") -> sitk.Image:
    """The follicle around a point, its boundary drawn by the model's own rendering head: uint8 on exactly the image's grid.

    point: (x, y, z) in the image's physical coordinates (LPS, mm). One window of the model is centred on it; every voxel of the window that
    the model is not sure of is rendered (paper 2.2); the part around the point whose probability is above 0.5 (or above half of the
    point's own, where the model is in doubt) is the follicle. engine: as for crend.predict.segment.
    InputError when the point lies outside, when nothing there looks like a follicle, or when what is there is too large for one.
    """
    volume = PreparedVolume(image, bundle, device=device, engine=engine, name=name, overview=False)
    probabilities, box, at = volume.look(point)
    probability, grid = probabilities[1], volume.grid
    position = image.TransformPhysicalPointToContinuousIndex([float(c) for c in point])[::-1]
    best = float(probability[tuple(slice(max(i - 1, 0), i + 2) for i in at)].max())
    if best < FAINTEST:
        raise InputError(f"{name}: {NOTHING}")
    level = 0.5 if best >= 0.5 else best / 2
    region = np.zeros(grid.image_shape, bool)
    for where, slab in grid.image_slabs(probability, box):
        region[where] = slab >= level
    mask = _part_at(region, position, tuple(reversed(image.GetSpacing())))
    if mask is None:
        raise InputError(f"{name}: {NOTHING}")
    size = 2 * (3 * mask.sum() * float(np.prod(image.GetSpacing())) / (4 * np.pi)) ** (1 / 3)
    if size > LARGEST_MM:
        raise InputError(f"{name}: what lies at this point is {size:.0f} mm large, no follicle; draw it in Segment Editor.")
    result = sitk.GetImageFromArray(mask.astype(np.uint8))
    result.CopyInformation(image)
    return result


def _part_at(region: np.ndarray, position, spacing_zyx):
    """The follicle of `region` (bool) at or beside a continuous index (z, y, x), or None; what touches it is cut off at its neck."""
    from scipy import ndimage

    def at(labels):
        voxel = [min(max(int(round(p)), 0), n - 1) for p, n in zip(position, labels.shape)]
        near = labels[tuple(slice(max(v - 1, 0), v + 2) for v in voxel)]
        return int(labels[tuple(voxel)] or near.max())

    components, _ = ndimage.label(region)
    label = at(components)
    if not label:
        return None
    parts = split_follicles(components == label, spacing_zyx, smallest_mm=0.0)
    return parts == (at(parts) or 1)
