"""What an ovary and its follicles are called, coloured and coded: one source for files and for Slicer. Pure data.

The ovary carries SNOMED CT 15497006 from Slicer's own anatomy list. A follicle carries SNOMED CT 24162005
("Ovarian follicle structure", also in DICOM's dictionary), which Slicer's lists lack: the module ships it in
Resources/Terminology/CRend.term.json under the context name below.
"""

import re

OVARY = "Ovary"
OVARY_ID = "Ovary"
#: Tag of the ovary's segment: whose outline it has, "model" or "box". The latter is a guide, and not measured.
SOURCE_TAG = "CRend.OvarySource"
#: Tag of a segment that a model drew: what it measured then, volume (ml) and centroid (mm, RAS). What measures otherwise was changed by hand.
MODELS_TAG = "CRend.drawnByModel"
OVARY_CODE = ("SCT", "15497006", "Ovary")
FOLLICLE_CODE = ("SCT", "24162005", "Ovarian follicle")
CATEGORY_CODE = ("SCT", "123037004", "Anatomical Structure")

SLICER_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
CREND_CONTEXT = "Segmentation category and type - CRend ovary and follicles"
REGION_CONTEXT = "Anatomic codes - DICOM master list"

#: Slicer's recommended colour for the ovary, and how much of what lies behind or within shows through it.
OVARY_COLOUR = (213 / 255, 141 / 255, 113 / 255)
OVARY_OPACITY_3D = 0.25
OVARY_OPACITY_2D_FILL = 0.0
FOLLICLE_OPACITY_3D = 1.0
FOLLICLE_OPACITY_2D_FILL = 0.4

# Greedy farthest-point choice in CIELAB, away from the ovary's colour and from black, grey and white: any two of the
# first 30 are at least 26 apart (2.3 is a just noticeable difference), any two of the 48 at least 21.
_FOLLICLE_COLOURS = [
    "fcd824",
    "a800fc",
    "00fcb4",
    "0090fc",
    "fc0c9c",
    "fc0000",
    "00fc00",
    "24cce4",
    "547818",
    "fcb4fc",
    "e47800",
    "9054d8",
    "a8f054",
    "e43c54",
    "f0e490",
    "00906c",
    "fc18e4",
    "b44878",
    "906c00",
    "00a83c",
    "7860a8",
    "a8f0b4",
    "fc78f0",
    "309cd8",
    "30fc6c",
    "9ca800",
    "006cfc",
    "3cf0d8",
    "cc3c18",
    "6c48fc",
    "fcc054",
    "cce400",
    "a8b4fc",
    "90fc0c",
    "a890fc",
    "fc5490",
    "9ccc60",
    "3cc000",
    "b424c0",
    "b454a8",
    "fc003c",
    "84f090",
    "549c00",
    "60a860",
    "9ca860",
    "fca800",
    "fc90c0",
    "306cb4",
]


def ovary_name(k):
    """Name of ovary k of a volume that shows several; 1 is the largest. A single one is called OVARY."""
    return f"Ovary {k}"


def ovary_id(k):
    """Segment ID of ovary k of several."""
    return f"Ovary_{k}"


def follicle_name(k):
    """Name of follicle k; 1 is the largest."""
    return f"Follicle {k}"


def follicle_id(k):
    """Segment ID of follicle k, as Slicer wants it: no blanks."""
    return f"Follicle_{k}"


def follicle_number(name):
    """k of "Follicle k" (also "follicle_k", "Follicle-k", "F k"), or None when the name is none of a numbered follicle."""
    match = re.fullmatch(r"\s*f(?:ollicle)?[\s_-]*0*([1-9]\d*)\s*", name, re.IGNORECASE)
    return int(match.group(1)) if match else None


def kind_of(name, terminology=""):
    """ "ovary", "follicle", "follicles" (all of them in one segment) or None: what a segment is by its name, else by its terminology entry.

    The name goes first: a segment keeps the code that it was made with when it is copied or renamed.
    """
    plain = name.strip().lower()
    if plain in ("ovary", "left ovary", "right ovary") or re.fullmatch(r"ovary[\s_-]*[1-9]\d*", plain):
        return "ovary"
    if plain == "follicles":
        return "follicles"
    if follicle_number(name):
        return "follicle"
    if _has(terminology, OVARY_CODE) and "follic" not in plain:
        return "ovary"
    return "follicle" if _has(terminology, FOLLICLE_CODE) else None


def _has(terminology, code):
    return f"~{code[0]}^{code[1]}^" in terminology


def colour(k):
    """(r, g, b), each 0..1: k = 0 is the ovary, k >= 1 follicle k. Beyond 48 follicles the colours come round again."""
    if k == 0:
        return OVARY_COLOUR
    code = _FOLLICLE_COLOURS[(k - 1) % len(_FOLLICLE_COLOURS)]
    return tuple(int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))


def terminology_string(context, code):
    """Slicer's serialised terminology entry: context~category~type~modifier~region context~region~region modifier,
    each code as scheme^value^meaning."""
    return "~".join([context, "^".join(CATEGORY_CODE), "^".join(code), "^^", REGION_CONTEXT, "^^", "^^"])


OVARY_TERMINOLOGY = terminology_string(SLICER_CONTEXT, OVARY_CODE)
FOLLICLE_TERMINOLOGY = terminology_string(CREND_CONTEXT, FOLLICLE_CODE)
