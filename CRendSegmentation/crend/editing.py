"""What a click needs: a follicle divided in two, one found around a point, the probabilities near a point."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import SimpleITK as sitk

from .errors import InputError
from .structures.brush import crop_around
from .structures.follicles import split_follicles

FAINTEST = 0.1  # follicle probability below which a point is nowhere near a follicle
NOTHING = "the model sees no follicle at this point; click into a dark follicle, or measure it with Add by diameter."
LARGEST_MM = 40.0  # no ovarian follicle is larger
STEPS = 4  # windows for clicks on an outline begin at every fourth part of a window, so that clicks near each other share one
REMEMBERED = 8  # windows of a volume that are kept


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
    """A volume ready for looks at points with a bundle's networks: what several clicks share."""

    def __init__(self, image: sitk.Image, bundle=None, *, device="auto", engine="auto", name="the volume"):
        """bundle, device, engine: as for crend.predict.segment."""
        from .bundle import bundle as bundles
        from .inference.engines import engine_for_network, make_engine
        from .inference.overview import predict_overview
        from .io.volumes import check_image

        check_image(image, name)
        if not isinstance(bundle, bundles.Bundle):
            bundle = bundles.load(bundle)
        settings = bundle.metadata["crend"]
        engine = make_engine(bundle.model, device, engine) if isinstance(engine, str) else engine
        self.image, self.name = image, name
        self.close = _View(image, settings, engine, name)
        self._overview, self._share = None, {}
        if bundle.overview_model is not None:
            self._share = settings["overview"]["share"]
            self._overview = _View(image, settings["overview"], engine_for_network(engine, bundle.overview_model), name)
        if settings.get("arguments", {}).get("guided"):
            self.close.guide(predict_overview(image, bundle, engine, True, _Quiet, self.close.grid)[0].read((slice(None),) * 3))

    def near(self, point, radius_mm: float) -> tuple[sitk.Image, sitk.Image]:
        """Probabilities of ovary and follicles (float32) on the part of the image's grid that a brush at a point reaches (brush.crop_around).

        One window of each network lies round the point; an overview has the same say as in a run. Windows begin on a lattice and are kept, so the
        answer does not depend on earlier clicks, and a click near an earlier one runs no network.
        """
        part = crop_around(self.image, point, radius_mm, self.name)
        close = self.close.on(part, point)
        if self._overview is None:
            return close
        mixed = []
        for structure, fine, coarse in zip(("ovary", "follicles"), close, self._overview.on(part, point)):
            share = float(self._share[structure])
            mixed.append(fine * (1 - share) + coarse * share)
        return mixed[0], mixed[1]


class _View:
    """A volume as one network sees it."""

    def __init__(self, image: sitk.Image, settings: dict, engine, name: str):
        from .inference.grey_values import normalise, to_model_grid
        from .inference.model_grid import grid_spacing
        from .inference.windows import pad_to_patch

        self._image, self._engine, self._name = image, engine, name
        self._patch = tuple(settings["patch"])
        values, self.grid = to_model_grid(image, grid_spacing(image, settings, name))
        padded, self._place = pad_to_patch(values, self._patch, 0)
        self._padded = normalise(padded, settings["normalisation"])
        self._seen: OrderedDict = OrderedDict()

    def guide(self, maps: np.ndarray) -> None:
        """Show the network the overview's maps (2, D, H, W), too."""
        from .inference.windows import pad_to_patch

        self._padded = np.concatenate([self._padded[None], pad_to_patch(maps, self._patch, 0.0)[0]], dtype=np.float32)

    def look(self, point, step: int = 1):
        """What the network makes of one window around a point (x, y, z; LPS), every voxel that it is not sure of rendered.

        Returns probabilities (2, d, h, w) of ovary and follicles, the part of the model grid (three slices) that they fill, and the point's
        index in them. step: voxels between the places at which windows may begin; 1: the point is in the middle, but at the volume's border.
        InputError for a point outside the volume.
        """
        grid, patch, place = self.grid, self._patch, self._place
        position = self._image.TransformPhysicalPointToContinuousIndex([float(c) for c in point])[::-1]
        if any(not -0.5 <= p <= n - 0.5 for p, n in zip(position, grid.image_shape)):
            raise InputError(f"{self._name}: the point lies outside the volume; click into a follicle.")
        centre = [int(round(float(grid.image_to_model(axis, position[axis])))) for axis in range(3)]
        seed = [min(max(c, 0), n - 1) + p.start for c, n, p in zip(centre, grid.shape, place)]
        start = tuple(
            min(max(round((s - side // 2) / step) * step, 0), n - side) for s, side, n in zip(seed, patch, self._padded.shape[-3:])
        )
        found = self._window(start)
        # The window's part that lies on the model grid, in the grid's own indices.
        box = tuple(
            slice(max(first - p.start, 0), min(first + side - p.start, n)) for first, side, p, n in zip(start, patch, place, grid.shape)
        )
        cut = tuple(slice(b.start + p.start - first, b.stop + p.start - first) for b, p, first in zip(box, place, start))
        return found[(slice(None), *cut)], box, tuple(s - p.start - b.start for s, p, b in zip(seed, place, box))

    def _window(self, start) -> np.ndarray:
        """Probabilities (2, d, h, w) of the window that begins at `start` (z, y, x), of which the last few are kept."""
        from .inference.sliding import predict_window

        if start not in self._seen:
            z, y, x = (slice(first, first + side) for first, side in zip(start, self._patch))
            self._seen[start] = predict_window(self._engine, self._padded[..., z, y, x], int(np.prod(self._patch)) // 8)
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        self._seen.move_to_end(start)
        return self._seen[start]

    def on(self, part: sitk.Image, point) -> tuple[sitk.Image, sitk.Image]:
        """What `look` finds, on the grid of an image."""
        half = max(n * mm for n, mm in zip(part.GetSize(), part.GetSpacing())) / 2 / min(self.grid.spacing)
        least = min(self._patch)
        # A large brush leaves no room to move the window.
        found, box, _ = self.look(point, max(1, min(least // STEPS, int(least - 2 * half))))
        first = [float(self.grid.model_to_image(axis, box[axis].start)) for axis in (2, 1, 0)]
        images = []
        for channel in found:
            seen = self.grid.to_image(channel.astype(np.float32))
            seen.SetOrigin(self._image.TransformContinuousIndexToPhysicalPoint(first))
            images.append(sitk.Resample(seen, part, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32, True))
        return images[0], images[1]


class _Quiet:
    """A run that nobody watches or cancels."""

    cancelled = None

    @staticmethod
    def report(fraction: float) -> None:
        pass


def follicle_at(
    image: sitk.Image, point, bundle=None, *, device="auto", engine="auto", name="the volume", prepared: PreparedVolume | None = None
) -> sitk.Image:
    """The follicle around a point, its boundary drawn by the model's own rendering head: uint8 on exactly the image's grid.

    point: (x, y, z) in the image's physical coordinates (LPS, mm). One window of the model is centred on it; every voxel of the window that
    the model is not sure of is rendered (paper 2.2); the part around the point whose probability is above 0.5 (or above half of the
    point's own, where the model is in doubt) is the follicle. engine: as for crend.predict.segment. prepared: the image made ready before; bundle,
    device and engine are its own then.
    InputError when the point lies outside, when nothing there looks like a follicle, or when what is there is too large for one.
    """
    view = (prepared or PreparedVolume(image, bundle, device=device, engine=engine, name=name)).close
    (_, probability), box, at = view.look(point)
    grid = view.grid
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
