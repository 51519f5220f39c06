"""What must be said in words beside the figures of a comparison."""

import numpy as np

#: Ends a note that counting connected pieces would change the figures.
IN_PIECES = "counted as one follicle"
_NAMED = 3
_SIDES = ("reference", "compared one")
_GUIDE = "The ovary of the {side} is only the ellipsoid of a box, which measures nothing: the ovary's figures are left empty."
_LOST = "Of the {side}, {named}: too small for the voxels of the common grid ({size} mm), and not counted. Compare on a finer grid."
_BARE = "The {side} has follicles and no ovary around them: its ovary is taken to be its follicles."


def notes_of(ovaries, boxes, follicles, turned, guides, bare):
    """[sentence] of two ovaries (D, H, W) and their tiles, of both sides' follicles ({label: voxels (n, 3)}), reference first.

    turned: whether the two files have axes of other directions, which some formats lose. guides: whose ovary is only the ellipsoid of a box. bare: whose
    ovary is nothing but its follicles.
    """
    notes = [_GUIDE.format(side=side) for side, guide in zip(_SIDES, guides) if guide]
    first, second = ovaries
    if all(boxes) and not _meet(first, second, boxes[0]):
        notes.append("The two ovaries share no voxel: are both of the same volume, or does one of them miss a transform?")
        if turned:
            notes.append(
                "The axes of the two files point in other directions, which formats such as .vtk do not keep: the figures are those in space."
            )
    for side, labels in zip(_SIDES, follicles):
        parts = {k: count for k, where in labels.items() if (count := pieces(where)) > 1}
        if parts:
            named = ", ".join(f"follicle {k} in {count}" for k, count in list(parts.items())[:_NAMED])
            more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
            notes.append(f"Separate pieces under one number in the {side} ({named}{more}): each number is {IN_PIECES}.")
    return notes + [_BARE.format(side=side) for side, alone in zip(_SIDES, bare) if alone]


def lost_follicles(before, after, spacing):
    """[sentence] on follicles that no voxel of the grid of the comparison hits.

    before: follicles (SimpleITK) of both sides as their files have them, reference first; after: {label: voxels} of both. spacing: mm of that grid (z, y, x).
    """
    import SimpleITK as sitk
    from scipy import ndimage

    notes = []
    for side, image, left in zip(_SIDES, before, after):
        there = [k for k, box in enumerate(ndimage.find_objects(sitk.GetArrayViewFromImage(image)), start=1) if box and k not in left]
        if there:
            named = ", ".join(f"follicle {k}" for k in there[:_NAMED]) + (f" and {len(there) - _NAMED} more" if len(there) > _NAMED else "")
            notes.append(_LOST.format(side=side, named=named, size=" x ".join(f"{s:.3g}" for s in spacing[::-1])))
    return notes


def pieces(where):
    """Into how many connected pieces (by faces) voxels (n, 3) fall."""
    from scipy import ndimage

    if not len(where):
        return 0
    low = where.min(axis=0)
    mask = np.zeros(where.max(axis=0) - low + 1, bool)
    mask[tuple((where - low).T)] = True
    return ndimage.label(mask)[1]


def _meet(a, b, boxes):
    return any(np.logical_and(a[box], b[box]).any() for box in boxes)
