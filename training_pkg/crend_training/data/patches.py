"""Random patches of the cases: half centred on the organ, augmented in geometry and intensity (paper 3: +-30 degrees)."""

from __future__ import annotations

import numpy as np
import torch

from .cases import open_case


class Patches(torch.utils.data.Dataset):
    """Patch number i is the same in every run with the same seed and cases, so a resumed run goes on as if never stopped.

    Patches `first` to `first + count`. Each pass over the cases takes every one once, in an order of its own.
    Yields image (1, D, H, W) float32 and labels (2, D, H, W) float32: ovary (whole organ) and follicles. With `context`, a
    function from a case's name to its probabilities (2, D, H, W) on its grid, also their patch; a share `unguided` of patches gets 0
    instead. Cases without labels yield zeros.
    """

    def __init__(
        self,
        folder,
        names,
        patch,
        *,
        count: int,
        seed: int,
        first: int = 0,
        augment=None,
        ovary_share: float = 0.7,
        context=None,
        unguided: float = 0.0,
    ):
        self.folder, self.names, self.patch = folder, list(names), tuple(patch)
        self.count, self.seed, self.first, self.augment, self.ovary_share = count, seed, first, augment, ovary_share
        self.context, self.unguided = context, unguided
        self.margin = 1.0 if augment is None else augment.margin

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        number = self.first + index
        random = np.random.default_rng((self.seed, number))
        name = self._name(number)
        image, labels = open_case(self.folder, name)
        size = [int(np.ceil(p * self.margin)) for p in self.patch]
        centre = self._centre(labels, random)
        parts = [crop(image, centre, size, fill=float(image.min()))[None].astype(np.float32), crop(labels, centre, size, fill=0)[None]]
        if self.context is not None:
            context = self.context(name)
            parts.append(np.stack([crop(channel, centre, size, fill=0) for channel in context]).astype(np.float32))
        parts = [torch.from_numpy(part) for part in parts]
        if self.augment is not None:
            parts = self.augment(*parts[:2], random, *parts[2:])
        image, labels, *context = parts
        if context and self.unguided and random.random() < self.unguided:
            context = [torch.zeros_like(context[0])]
        return image, torch.cat([labels > 0, labels == 2]).float(), *context

    def _name(self, number):
        order = np.random.default_rng((self.seed, 1, number // len(self.names))).permutation(len(self.names))
        return self.names[order[number % len(self.names)]]

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


class Named(torch.utils.data.Dataset):
    """Patches as a dictionary: image, labels, context where there is one, and the image of an unlabelled patch where `unlabelled` has it."""

    def __init__(self, labelled: Patches, unlabelled: Patches | None = None):
        self.labelled, self.unlabelled = labelled, unlabelled

    def __len__(self):
        return len(self.labelled)

    def __getitem__(self, index):
        item = dict(zip(("image", "labels", "context"), self.labelled[index]))
        if self.unlabelled is not None:
            item["unlabelled"] = self.unlabelled[index][0]
        return item


def guided(experiment) -> bool:
    """Whether the experiment's network sees the overview's maps, too."""
    return bool(experiment.arguments.get("guided"))


def training_patches(experiment, cases, first: int, count: int, *, context=None, stream: int = 0):
    """Patches `first` to `first + count` of a run, augmented. `stream` sets apart series that are drawn side by side."""
    from .augmentation import Augmentation

    return Patches(
        cases.folder,
        cases.names(),
        experiment.patch,
        count=count,
        first=first,
        seed=experiment.seed * 1_000_003 + stream,
        augment=Augmentation(experiment),
        ovary_share=experiment.ovary_share,
        context=context,
        unguided=experiment.unguided if guided(experiment) else 0.0,
    )
