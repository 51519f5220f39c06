"""Reads every volume before anything is trained on it and lists what is wrong, file by file."""

from __future__ import annotations

import filecmp
import os

import numpy as np

from crend.errors import InputError
from crend.io.kept import known_contents, label_content
from crend.io.label_likeness import even_areas, holds_labels
from crend.io.volumes import format_sizes

from .copies import find_copies, seen
from .findings import Finding
from .volumes import Entry, drawn_ovary, read_as_stored

ODD_SPACING = 3.0
"""A volume whose voxels are this many times larger or smaller than the set's median is called wrong."""


def check_entries(entries, *, outside_percent: float = 1.0, splits: bool = True, progress=None) -> list[Finding]:
    """Findings in the order of the entries: unreadable and truncated files, volumes given as their own labels, label images given as volumes,
    labels outside the image's grid, empty labels, follicles outside the ovary, follicles that are not darker than what lies around them,
    grey values given as labels, follicles that look like one label for all, spacings unlike the other volumes', volumes listed
    twice, also as changed copies (`copies`), patients with volumes in two splits, kept corrections whose row names no labels, or whose file holds another
    volume or another one's labels.

    outside_percent: share of a volume's follicle voxels that may lie outside its ovary. splits: False where the entries' splits do not
    count, as in a cross-validation, which makes its own.
    """
    findings = [Finding(e.name, str(e.image), f"its row is listed {e.rows} times; counted once", False) for e in entries if e.rows > 1]
    sizes: dict = {}
    read = []
    owners = {entry.contents[1]: entry.name for entry in entries if entry.contents[1]}
    for entry in entries:
        own = _own_labels(entry)
        if own is not None:
            findings.append(own)
            if progress is not None:
                progress()
            continue
        try:
            image, labels = read_as_stored(entry)
        except InputError as error:
            findings.append(_unreadable(entry, str(error)))
            continue
        finally:
            if progress is not None:
                progress()
        mistaken = _mistaken(entry, image, labels, owners)
        if mistaken is not None:
            findings.append(mistaken)
            if mistaken.wrong:
                continue
        sizes[entry.name] = image.GetSpacing()
        if holds_labels(image):
            findings.append(Finding(entry.name, str(entry.image), "a label image; give the ultrasound volume that it was drawn on", True))
            continue
        read.append(seen(entry, image, labels))
        if labels is not None:
            findings += _label_findings(entry, image, labels, outside_percent)
    order = {entry.name: i for i, entry in enumerate(entries)}
    findings += _odd_spacings(entries, sizes) + (_parted(entries) if splits else [])
    wrong = {
        finding.name for finding in findings if finding.wrong
    }  # of two copies one may be wrong by itself: the other is the one to take
    findings += find_copies([volume for volume in read if volume.entry.name not in wrong], splits=splits)
    return sorted(findings, key=lambda finding: order[finding.name])


def usable(entries, findings, problems: str) -> list[Entry]:
    """The entries that nothing wrong was found in, each volume once. InputError with the first finding where `problems` is "refuse" and there is one."""
    wrong = [finding for finding in findings if finding.wrong]
    if wrong and problems == "refuse":
        more = f" (and {len(wrong) - 1} more; `crend_training check` lists all)" if len(wrong) > 1 else ""
        raise InputError(
            f"{wrong[0].file}: {wrong[0].text.rstrip('.')}{more}; correct it, or take its row out of the list; in a configuration 'problems: skip' leaves such volumes out"
        )
    names = {finding.name for finding in findings if finding.unused}
    return [entry for entry in entries if entry.name not in names]


def _own_labels(entry: Entry) -> Finding | None:
    """What is wrong where one file stands for two things, or a copy of the volume for its labels."""
    places: dict[str, str] = {}
    parts = [("the volume", entry.image), ("its labels", entry.label), *(("its ovary", p) for p in entry.ovaries)]
    for role, path in [*parts, *(("its follicles", p) for p in entry.follicles)]:
        if path is None or not path.exists():
            continue
        same = places.setdefault(os.path.realpath(path), role)
        if same != role:
            return Finding(entry.name, str(path), f"given as {same} and as {role}; give the labels that were drawn on the volume", True)
        if role != "the volume" and path.is_file() and entry.image.is_file() and filecmp.cmp(path, entry.image, shallow=False):
            return Finding(entry.name, str(path), f"a copy of the volume, given as {role}; give the labels that were drawn on it", True)
    return None


def _mistaken(entry: Entry, image, labels, owners: dict[str, str]) -> Finding | None:
    """Of a kept correction: that its row names no labels, or its files hold another volume or another one's labels; a note where the labels were changed.

    owners: names of the volumes by the content of their labels.
    """
    if entry.labels_lost:
        return Finding(entry.name, str(entry.image), "its row names no labels; keep it again", True)
    said_image, said_labels = entry.contents
    if said_image and said_image not in known_contents(image):
        return Finding(entry.name, str(entry.image), "not the volume that was kept under this name; keep it again", True)
    content = label_content(labels) if said_labels and labels is not None else said_labels
    owner = entry.name if content == said_labels else owners.get(content, entry.name)
    if owner != entry.name:
        return Finding(entry.name, str(entry.label), f"the labels of {owner}, another volume; keep this one again", True)
    if content != said_labels:
        return Finding(entry.name, str(entry.label), "its labels are not those that were kept; are they of this volume?", False)
    return None


def _unreadable(entry: Entry, message: str) -> Finding:
    for path in entry.files():
        if message.startswith(f"{path}: "):
            return Finding(entry.name, str(path), message[len(str(path)) + 2 :], True)
    return Finding(entry.name, str(entry.image), message, True)


def _label_findings(entry: Entry, image, labels, outside_percent: float) -> list[Finding]:
    import SimpleITK as sitk

    from crend.comparison.common_grid import same_grid

    file = str(entry.label or entry.follicles[0])
    ovary_file = str(entry.label or entry.ovaries[0])
    found = []

    def say(text, wrong=True, where=file):
        found.append(Finding(entry.name, where, text, wrong))

    ovary, follicles = (sitk.GetArrayViewFromImage(i) for i in (labels.ovary, labels.follicles))
    if not ovary.any() and not follicles.any():
        say("empty: it labels neither an ovary nor a follicle", where=ovary_file)
        return found
    if not ovary.any():
        say("no ovary is labelled", where=ovary_file)
    if not follicles.any():
        say("no follicle is labelled", wrong=False)
    grey = sitk.GetArrayViewFromImage(image)
    if _is_copy(grey, ovary, follicles):
        say("its voxels are those of the volume: no labels; give those that were drawn on it")
        return found
    if not even_areas(np.where(follicles > 0, follicles.astype(np.int64) + 1, ovary)):
        say("grey values, no labels: hardly a voxel has the number of the next; give the labels that were drawn on the volume")
        return found
    if image.GetSize() == labels.ovary.GetSize() and follicles.any() and _are_bright(grey, ovary, follicles):
        swapped = ", or is 2 in them the ovary, which must be 1" if len(np.unique(follicles)) == 2 else ""
        say(f"its follicles are no darker than the ovary around them; are these the labels of this volume{swapped}?", wrong=False)
    if not same_grid(image, labels.ovary):
        lost = _percent_beyond(image, labels.ovary)
        if image.GetSize() == labels.ovary.GetSize() and not np.allclose(image.GetSpacing(), labels.ovary.GetSpacing(), rtol=1e-3):
            say(
                f"its spacing {format_sizes(labels.ovary.GetSpacing())} mm is not the image's, {format_sizes(image.GetSpacing())} mm, though both have the same voxels"
            )
        elif lost > 0:
            say(f"{lost:.1f} % of its labels lie outside the image's grid")
        else:
            say("on a grid of its own; it is resampled to the image's", wrong=False)
    if follicles.any() and ovary.any():
        outside = 100 * np.count_nonzero(_outside(drawn_ovary(entry, labels), follicles > 0)) / np.count_nonzero(follicles)
        if outside > 0:
            say(f"{outside:.1f} % of its follicle voxels lie outside the ovary", wrong=outside > outside_percent)
        pieces = sitk.ConnectedComponent(sitk.Cast(labels.follicles > 0, sitk.sitkUInt8))
        pieces, numbers = int(sitk.GetArrayViewFromImage(pieces).max()), len(np.unique(follicles)) - 1
        if numbers == 1 and pieces > 1:
            say(
                f"one number for {pieces} separate follicles; --components, or in a configuration 'follicles: components', counts them apart",
                wrong=False,
            )
    return found


def _is_copy(grey, ovary, follicles) -> bool:
    """Whether labels (D, H, W), as `read_labels` takes them from a label image, are the grey values of the volume itself."""
    return bool(np.array_equal(grey, np.where(follicles > 0, follicles.astype(np.int64) + 1, ovary)))


def _are_bright(grey, ovary, follicles) -> bool:
    """Whether the follicles' mean grey value is not below that of the ovary around them; fluid is darker in every ultrasound volume."""
    tissue = (ovary != 0) & (follicles == 0)
    return bool(tissue.any()) and float(grey[follicles > 0].mean()) >= float(grey[tissue].mean())


def _outside(ovary, follicles):
    """Follicle voxels outside the ovary, all masks (D, H, W).

    Where the two were drawn one over the other, voxel by voxel. Where the ovary was drawn around its follicles (no voxel is both), a
    follicle is outside when nothing connects it to the ovary.
    """
    if (ovary & follicles).any():
        return follicles & ~ovary
    from scipy import ndimage

    pieces, _ = ndimage.label(ovary | follicles)
    return follicles & ~np.isin(pieces, np.unique(pieces[ovary]))


def _percent_beyond(image, mask) -> float:
    """Share of the mask's voxels whose centre lies outside the image, in percent."""
    import SimpleITK as sitk

    index = np.argwhere(sitk.GetArrayViewFromImage(mask) != 0)[:, ::-1]
    direction, origin = (np.reshape(mask.GetDirection(), (3, 3)), np.array(mask.GetOrigin()))
    points = origin + (index * mask.GetSpacing()) @ direction.T
    back = np.linalg.inv(np.reshape(image.GetDirection(), (3, 3)))
    place = ((points - image.GetOrigin()) @ back.T) / image.GetSpacing()
    beyond = ((place < -0.5) | (place > np.array(image.GetSize()) - 0.5)).any(axis=1)
    return 100 * float(beyond.mean()) if len(index) else 0.0


def _odd_spacings(entries, spacings: dict) -> list[Finding]:
    if len(spacings) < 3:
        return []
    sizes = {name: float(np.prod(spacing)) ** (1 / 3) for name, spacing in spacings.items()}
    median = float(np.median(list(sizes.values())))
    found = []
    for entry in entries:
        size = sizes.get(entry.name)
        placeholder = size is not None and entry.spacing_mm is None and spacings[entry.name] == (1.0, 1.0, 1.0) and median < 0.8
        if size is not None and (placeholder or not 1 / ODD_SPACING < size / median < ODD_SPACING):
            found.append(
                Finding(
                    entry.name,
                    str(entry.image),
                    f"spacing {format_sizes(spacings[entry.name])} mm, where the set's median is {median:.2g} mm: its millimetres would be wrong; give the true "
                    "one as spacing_mm in the list (USOVA3D: spacings.csv)",
                    True,
                )
            )
    return found


def _parted(entries) -> list[Finding]:
    """Labelled volumes of a patient who has others in a split before theirs: what was learned from her would be measured on her."""
    ranks = {"training": 0, "validation": 1, "test": 2}
    counted = sorted((entry for entry in entries if entry.patient and entry.split in ranks), key=lambda entry: ranks[entry.split])
    first: dict[str, Entry] = {}
    found = []
    for entry in counted:
        other = first.setdefault(entry.patient, entry)
        if other.split != entry.split:
            text = f"in split '{entry.split}', but {other.name} of the same patient '{entry.patient}' is in '{other.split}'"
            found.append(Finding(entry.name, str(entry.image), f"{text}; put a patient's volumes into one split", True))
    return found
