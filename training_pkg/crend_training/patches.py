"""Random patches of the cases: half centred on the organ, augmented in geometry and intensity (paper 3: +-30 degrees)."""

from __future__ import annotations

import numpy as np
import torch

from .cases import case_names, open_case


class Patches(torch.utils.data.Dataset):
    """Patch number i is the same in every run with the same seed and cases, so a resumed run goes on as if never stopped.

    Yields image (1, D, H, W) float32 and labels (2, D, H, W) float32: ovary (whole organ) and follicles.
    """

    def __init__(self, folder, names, patch, *, count: int, seed: int, augment=None, ovary_share: float = 0.7):
        self.folder, self.names, self.patch = folder, list(names), tuple(patch)
        self.count, self.seed, self.augment, self.ovary_share = count, seed, augment, ovary_share
        self.margin = 1.0 if augment is None else augment.margin

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        random = np.random.default_rng((self.seed, index))
        image, labels = open_case(self.folder, self.names[random.integers(len(self.names))])
        size = [int(np.ceil(p * self.margin)) for p in self.patch]
        centre = self._centre(labels, random)
        image = crop(image, centre, size, fill=float(image.min()))
        labels = crop(labels, centre, size, fill=0)
        image = torch.from_numpy(image.astype(np.float32))[None]
        labels = torch.from_numpy(labels)[None]
        if self.augment is not None:
            image, labels = self.augment(image, labels, random)
        return image, torch.cat([labels > 0, labels == 2]).float()

    def _centre(self, labels, random):
        shape = np.array(labels.shape)
        if random.random() < self.ovary_share:
            inside = np.argwhere(labels[::4, ::4, ::4] > 0) * 4
            if len(inside):
                return inside[random.integers(len(inside))] + random.integers(-8, 9, 3)
        half = np.minimum(np.array(self.patch) // 2, shape // 2)
        return np.array([random.integers(h, s - h + 1) for h, s in zip(half, shape)])


def crop(array, centre, size, fill):
    """The box of `size` about `centre`; what lies outside the array is `fill`. E.g. crop([1,2,3], [0], [3], 9) = [9,1,2]."""
    start = [int(c) - s // 2 for c, s in zip(centre, size)]
    inside = tuple(slice(max(a, 0), max(min(a + s, n), 0)) for a, s, n in zip(start, size, array.shape))
    part = np.asarray(array[inside])
    out = np.full(size, fill, dtype=array.dtype)
    to = tuple(slice(i.start - a, i.start - a + p) for i, a, p in zip(inside, start, part.shape))
    out[to] = part
    return out


def training_patches(experiment, folder, epoch: int, steps: int):
    """The patches of one epoch; cases that have appeared since the last one are used too."""
    from .augmentation import Augmentation

    return Patches(
        folder,
        case_names(folder),
        experiment.patch,
        count=steps * experiment.batch,
        seed=experiment.seed * 1_000_003 + epoch,
        augment=Augmentation(experiment),
        ovary_share=experiment.ovary_share,
    )
