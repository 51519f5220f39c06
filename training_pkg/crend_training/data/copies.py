"""Volumes that are in a set more than once: what was learned from one would be measured on the other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from crend.io.image_copies import Likeness, find_copy, likeness_of

from .findings import Finding
from .volumes import Entry

_SAME_SIZE = 0.1  # of the ovary: resampled labels differ by less
_SAME = "the same volume as"


@dataclass(frozen=True)
class Seen:
    """What is kept of a volume that was read. voxels, labels: digests, the same in every type of number; "" without labels.

    ovary_ml: its size; ovary_share: the part of the volume that it takes. follicles: their number.
    """

    entry: Entry
    spacing_mm: tuple[float, ...]
    likeness: Likeness
    voxels: str
    labels: str
    ovary_ml: float
    ovary_share: float
    follicles: int


def seen(entry: Entry, image, labels) -> Seen:
    """labels: as `volumes.read_as_stored` returns them."""
    import SimpleITK as sitk

    voxels, spacing, alike = _digest(image), image.GetSpacing(), likeness_of(image)
    if labels is None:
        return Seen(entry, spacing, alike, voxels, "", 0.0, 0.0, 0)
    ovary, follicles = (sitk.GetArrayViewFromImage(part) for part in (labels.ovary, labels.follicles))
    size = float(np.count_nonzero(ovary) * np.prod(labels.ovary.GetSpacing()))  # mm3
    share = size / float(np.prod(np.multiply(image.GetSize(), spacing)))
    return Seen(entry, spacing, alike, voxels, _digest(labels.ovary, labels.follicles), size / 1000, share, len(np.unique(follicles)) - 1)


def find_copies(volumes: list[Seen], *, splits: bool = True) -> list[Finding]:
    """Findings on each volume that is there before, in the order of `volumes`, as it is or changed (`crend.io.image_copies`).

    The same volume with the same labels, patient and, where `splits` count, split is spare. One with other labels is wrong, and so is the one
    before it: nobody here knows which are right. Every other copy is wrong.
    """
    found: dict[str, Finding] = {}
    first: list[Seen] = []
    for volume in volumes:
        other, words = _earlier(volume, first)
        if other is None:
            first.append(volume)
            continue
        here, there = volume.entry, other.entry
        clash = _clash(volume, other, splits)
        if words == _SAME and not clash:
            text = f"the same volume and labels as {there.name}; counted once"
            found[here.name] = Finding(here.name, str(here.image), text, False, True)
        elif "labels" in clash:
            for one, two in ((here, there), (there, here)):
                text = f"the same volume as {two.name}, with other labels; take the row with the wrong ones out of the list"
                found[one.name] = Finding(one.name, str(one.image), text, True)
        else:
            also = f", {clash}" if clash else ""
            text = f"{words} {there.name}{also}: one volume must not be in the set twice; take one of the two rows out of the list"
            found[here.name] = Finding(here.name, str(here.image), text, True)
    return [found[volume.entry.name] for volume in volumes if volume.entry.name in found]


def _earlier(volume: Seen, first: list[Seen]) -> tuple[Seen | None, str]:
    """The volume of which this is a copy, and in what way."""
    for other in first:
        if other.voxels == volume.voxels:
            return other, _SAME
    found = find_copy(volume.likeness, [other.likeness for other in first])
    return (None, "") if found is None else (first[found[0]], f"{found[1]} of")


def _clash(volume: Seen, other: Seen, splits: bool) -> str:
    """In what two rows of one volume contradict each other: "" where they do not."""
    here, there = volume.entry, other.entry
    if volume.labels and other.labels and not _same_labels(volume, other):
        return "with other labels"
    if bool(volume.labels) != bool(other.labels):
        return "one with labels, one without"
    if here.patient != there.patient:
        return f"of patient '{here.patient}' here and '{there.patient}' there"
    if splits and here.split != there.split:
        return f"in split '{here.split}' here and '{there.split}' there"
    if not np.allclose(volume.spacing_mm, other.spacing_mm, rtol=1e-3):
        return "with another spacing"
    return ""


def _same_labels(volume: Seen, other: Seen) -> bool:
    """By their voxels where the volumes have the same ones; of a changed copy by the number of follicles and the ovary's size.

    A frame or a cut leaves its millilitres, another spacing its share.
    """
    if volume.voxels == other.voxels:
        return volume.labels == other.labels
    sizes = ((volume.ovary_ml, other.ovary_ml), (volume.ovary_share, other.ovary_share))
    return volume.follicles == other.follicles and any(abs(one - two) <= _SAME_SIZE * max(one, two) for one, two in sizes)


def _digest(*images) -> str:
    """The same for a volume in every type of number that holds its voxels."""
    import SimpleITK as sitk

    digest = hashlib.sha256()
    for image in images:
        array = sitk.GetArrayViewFromImage(image)
        digest.update(repr(array.shape).encode())
        for plane in array:
            digest.update(np.ascontiguousarray(plane, np.float64).data)
    return digest.hexdigest()
