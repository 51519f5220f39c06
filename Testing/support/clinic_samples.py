"""Ovaries of known sizes for the report of both, without an image."""

from dataclasses import replace

from crend.clinic.study import ABSENT, Side
from crend.structures.measurements import Follicle, Measurements, Ovary

MODEL = {"bundle": "known", "bundle_version": "0", "notice": "Research use only. The model was trained on simulated ultrasound."}
FLAG = {"key": "unfamiliar", "text": "The volume is unlike those that the model learned from."}
_PLACE = {"max_diameter_mm": 30.0, "sphericity": 0.9, "centroid_r_mm": 0.0, "centroid_a_mm": 0.0, "centroid_s_mm": 0.0}


def ovary(volume_ml=8.0, diameters=(34.0, 24.0, 18.0), touches_border=False):
    sizes = dict.fromkeys(("dv_mm", "mean_diameter_mm", "dx_mm", "dy_mm", "dz_mm"), 25.0)
    d1, d2, d3 = diameters
    return Ovary("Ovary", volume_ml, **sizes, **_PLACE, touches_border=touches_border, d1_mm=d1, d2_mm=d2, d3_mm=d3)


def follicle(number, diameter):
    sizes = dict.fromkeys(("dv_mm", "mean_diameter_mm", "dx_mm", "dy_mm", "dz_mm"), float(diameter))
    return Follicle(f"Follicle {number}", 0.1, **sizes, **_PLACE, touches_border=False, id=number, confidence=0.9)


def side(diameters=(5.0,), *, confirmed=None, of=None, **stated):
    """A Side with follicles of these mean diameters, all confirmed unless `confirmed` names some; `of`: its Ovary."""
    follicles = tuple(follicle(number, size) for number, size in enumerate(diameters, start=1))
    ticked = frozenset(range(1, len(follicles) + 1) if confirmed is None else confirmed)
    stated = {"name": "Ultrasound ovary", "corpus_luteum": ABSENT, "model": MODEL, **stated}
    return Side(measurements=Measurements(of or ovary(), follicles), confirmed=ticked, **stated)


def pair(first=(5.0, 12.0), second=(4.0,), strays=(), **stated):
    """A Side of a volume that shows two ovaries with follicles of these mean diameters, and some in neither; all confirmed."""
    both = [(size, number) for number, sizes in ((1, first), (2, second), (None, strays)) for size in sizes]
    follicles = tuple(replace(follicle(k, size), ovary=number) for k, (size, number) in enumerate(both, start=1))
    ovaries = (replace(ovary(8.0), segment="Ovary 1"), replace(ovary(5.0, (28.0, 20.0, 16.0)), segment="Ovary 2"))
    made = side(**stated)
    return replace(
        made, measurements=Measurements(ovary(13.0), follicles, ovaries), ovaries=2, confirmed=frozenset(range(1, len(both) + 1))
    )
