"""How large each follicle and the ovary are, and where: millimetres, millilitres, RAS."""

import math
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Optional

from . import segments
from .shapes import callipers_of, shapes_of

#: Size classes of the summary, by mean diameter rounded to whole millimetres (half up): name, first, last.
SIZE_CLASSES = (("2-5", 2, 5), ("6-9", 6, 9), ("10-13", 10, 13), ("14-17", 14, 17), ("18+", 18, math.inf))
ANTRAL = (2, 10)


@dataclass(frozen=True)
class Structure:
    """Size and place of one structure.

    volume_ml: voxel count times voxel volume; for small round things, of which the voxels say more, that of the ball or
        ellipsoid that parts them from their surroundings (see `ellipsoids`).
    dv_mm: diameter of the sphere of equal volume.
    dx_mm, dy_mm, dz_mm: the three orthogonal axes, longest first, of the ellipsoid with the structure's volume, orientation
        and proportions (from its second moments): what callipers read on an ellipsoid, without the voxel steps.
    mean_diameter_mm: mean of the three.
    max_diameter_mm: the longest straight line within (Feret); never shorter than dx_mm.
    sphericity: surface of the sphere of equal volume over the structure's own surface; at most 1, a sphere.
    centroid_*_mm: centre of mass, RAS.
    touches_border: a voxel lies on the image's border, so the structure may be cut off and larger than measured.
    """

    segment: str
    volume_ml: float
    dv_mm: float
    mean_diameter_mm: float
    dx_mm: float
    dy_mm: float
    dz_mm: float
    max_diameter_mm: float
    sphericity: float
    centroid_r_mm: float
    centroid_a_mm: float
    centroid_s_mm: float
    touches_border: bool

    @property
    def centroid_ras(self):
        return (self.centroid_r_mm, self.centroid_a_mm, self.centroid_s_mm)


@dataclass(frozen=True)
class Ovary(Structure):
    """The whole organ, follicles included.

    d1_mm, d2_mm, d3_mm: as callipers read them, see `callipers`; None where only other figures are known.
    """

    d1_mm: Optional[float] = None
    d2_mm: Optional[float] = None
    d3_mm: Optional[float] = None


@dataclass(frozen=True)
class Follicle(Structure):
    """One follicle; `id` is its label; those that a model found are numbered by volume_ml, 1 = the largest.

    confidence: the chance, 0 to 1, that it is one (see `confidence`); None when nobody asked a model, as for one drawn by hand.
    ovary: number of the ovary that most of it lies in, 1 where there is only one; None without an ovary.
    """

    id: int
    confidence: Optional[float] = None
    ovary: Optional[int] = None


@dataclass(frozen=True)
class Measurements:
    """The ovary (None when there is none) and its follicles, in the order of their ids.

    Where a volume shows two ovaries, `ovary` is both together, and `ovaries` has each of them, the larger first; else it is empty.
    """

    ovary: Optional[Ovary]
    follicles: tuple[Follicle, ...]
    ovaries: tuple[Ovary, ...] = ()

    #: follicles.csv, column by column.
    COLUMNS: ClassVar[tuple[str, ...]] = (
        "id",
        "segment",
        "volume_ml",
        "dv_mm",
        "mean_diameter_mm",
        "dx_mm",
        "dy_mm",
        "dz_mm",
        "max_diameter_mm",
        "sphericity",
        "centroid_r_mm",
        "centroid_a_mm",
        "centroid_s_mm",
        "touches_border",
        "confidence",
        "ovary",
    )

    def by_ovary(self):
        """[(number, Measurements of one ovary with its own follicles)], the larger first. Without an ovary no entry, unless there are follicles."""
        if not self.ovaries:
            return [(1, self)] if self.ovary or self.follicles else []
        parts = []
        for number, ovary in enumerate(self.ovaries, start=1):
            parts.append((number, Measurements(ovary, tuple(each for each in self.follicles if each.ovary == number))))
        return parts

    def rows(self):
        """One dict a follicle, keyed by COLUMNS and in their order."""
        return [{name: getattr(follicle, name) for name in self.COLUMNS} for follicle in self.follicles]

    def summary(self):
        """What a report says first, as plain numbers.

        Keys: ovary_volume_ml (None without an ovary), follicle_count, antral_count (2 to 10 mm), counts (by size class; "<2" is
        there only when something is that small), leading (id, segment, mean_diameter_mm, volume_ml of the follicle with the
        largest mean diameter, or None), total_follicle_volume_ml. Classes and antral count go by the mean diameter rounded to
        whole millimetres.
        """
        sizes = [whole_mm(f.mean_diameter_mm) for f in self.follicles]
        counts = {name: sum(low <= size <= high for size in sizes) for name, low, high in SIZE_CLASSES}
        tiny = sum(size < SIZE_CLASSES[0][1] for size in sizes)
        if tiny:
            counts = {"<2": tiny, **counts}
        leading = max(self.follicles, key=lambda f: f.mean_diameter_mm, default=None)
        return {
            "ovary_volume_ml": self.ovary.volume_ml if self.ovary else None,
            "follicle_count": len(self.follicles),
            "antral_count": sum(ANTRAL[0] <= size <= ANTRAL[1] for size in sizes),
            "counts": counts,
            "leading": leading and {key: getattr(leading, key) for key in ("id", "segment", "mean_diameter_mm", "volume_ml")},
            "total_follicle_volume_ml": float(sum(f.volume_ml for f in self.follicles)),
        }

    def as_dict(self):
        """Everything as plain dicts and lists, for JSON. ovaries: see `ovaries.ovary_rows`."""
        from .ovaries import ovary_rows

        ovary = asdict(self.ovary) if self.ovary else None
        return {"summary": self.summary(), "ovary": ovary, "follicles": self.rows(), "ovaries": ovary_rows(self)}

    @classmethod
    def from_dict(cls, data):
        """The Measurements that as_dict() was made of, this version's or one before, which measured two ovaries as one only."""
        ovary, rows = data["ovary"], data.get("ovaries") or ()
        each = ()
        if len(rows) > 1 and all(set(Structure.__dataclass_fields__) <= set(row) for row in rows):
            each = tuple(Ovary(**{name: row[name] for name in Ovary.__dataclass_fields__}) for row in rows)
        return cls(Ovary(**ovary) if ovary else None, tuple(Follicle(**row) for row in data["follicles"]), each)


def whole_mm(diameter_mm):
    """A diameter as counts by size take it: whole millimetres, halves up."""
    return math.floor(diameter_mm + 0.5 + 1e-6)


def number_by_volume(follicles, measurements):
    """(labels, measurements) with the follicles numbered anew, so that 1 has the largest volume_ml.

    follicles: SimpleITK image, k = follicle k. The volume of a small follicle is fitted and not counted, so this order can differ from
    that of the voxel counts.
    """
    import SimpleITK as sitk

    order = sorted(measurements.follicles, key=lambda follicle: (-follicle.volume_ml, follicle.id))
    if [follicle.id for follicle in order] == list(range(1, len(order) + 1)):
        return follicles, measurements
    follicles = sitk.ChangeLabel(follicles, {follicle.id: k for k, follicle in enumerate(order, start=1)})
    renamed = (replace(follicle, id=k, segment=segments.follicle_name(k)) for k, follicle in enumerate(order, start=1))
    return follicles, replace(measurements, follicles=tuple(renamed))


def keep_confident(follicles, measurements, least, unlikely=frozenset()):
    """(labels, measurements) without the follicles whose confidence is below `least` (0 to 1) and those whose ids are `unlikely`, numbered anew.

    follicles: SimpleITK image, k = follicle k. One without a confidence, drawn by hand, stays.
    """
    import SimpleITK as sitk

    kept = [f for f in measurements.follicles if f.id not in unlikely and (f.confidence is None or f.confidence >= least)]
    if len(kept) == len(measurements.follicles):
        return follicles, measurements
    numbers = {f.id: k for k, f in enumerate(kept, start=1)}
    follicles = sitk.ChangeLabel(follicles, {f.id: numbers.get(f.id, 0) for f in measurements.follicles})
    renamed = (replace(f, id=k, segment=segments.follicle_name(k)) for k, f in enumerate(kept, start=1))
    return follicles, replace(measurements, follicles=tuple(renamed))


def measure(ovary, follicles):
    """Measurements of an ovary mask and follicle instances.

    ovary: SimpleITK image, 0 outside; where there are two ovaries 1 and 2, else one value. follicles: SimpleITK image of the same grid, 0 outside,
    k = follicle k.
    Labels that are missing in between are left out; ids stay what the labels say.
    """
    found = shapes_of(ovary, binary=True)
    whole = Ovary(segment=segments.OVARY, **found[1], **callipers_of(ovary)) if found else None
    each = _each_ovary(ovary) if whole is not None else ()
    mine = _ovary_numbers(ovary, follicles) if each else {}
    found = [(k, values, mine.get(k) if each else (1 if whole else None)) for k, values in sorted(shapes_of(follicles).items())]
    return Measurements(
        whole, tuple(Follicle(segment=segments.follicle_name(k), id=k, ovary=number, **values) for k, values, number in found), each
    )


def _each_ovary(ovary):
    """Each ovary of an image of several labels, measured by itself; () where it has one."""
    import SimpleITK as sitk
    from scipy import ndimage

    labels = [label for label, box in enumerate(ndimage.find_objects(sitk.GetArrayViewFromImage(ovary)), start=1) if box]
    if len(labels) < 2:
        return ()
    each = []
    for number, label in enumerate(labels, start=1):
        alone = ovary == label
        each.append(Ovary(segment=segments.ovary_name(number), **shapes_of(alone, binary=True)[1], **callipers_of(alone)))
    return tuple(each)


def _ovary_numbers(ovary, follicles):
    """{follicle: the ovary (1, 2) that most of its voxels lie in, or None}."""
    import SimpleITK as sitk
    from scipy import ndimage

    from .ovaries import most_frequent

    organs, labels = sitk.GetArrayViewFromImage(ovary), sitk.GetArrayViewFromImage(follicles)
    boxes = enumerate(ndimage.find_objects(labels), start=1)
    return {k: most_frequent(organs[box][labels[box] == k]) for k, box in boxes if box is not None}
