"""CRend: ovary and follicles in 3D ultrasound, from image to measurements (research use only).

    import crend
    result = crend.segment("volume.nrrd")
    print(result.message)
    result.save("out.seg.nrrd")

Importing this package loads no library but Python's own; each name below loads what it needs when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bundle.bundle import load as load_bundle
    from .errors import Cancelled, InputError
    from .io.volumes import read_image
    from .library import compare, ovary_from_contours, segment, segment_batch
    from .result import Segmentation

__version__ = "0.1.0"
__all__ = [
    "Cancelled",
    "InputError",
    "Segmentation",
    "compare",
    "load_bundle",
    "ovary_from_contours",
    "read_image",
    "segment",
    "segment_batch",
]

#: {public name: (module, its name there)}.
_PLACES = {
    "Cancelled": ("errors", "Cancelled"),
    "InputError": ("errors", "InputError"),
    "Segmentation": ("result", "Segmentation"),
    "compare": ("library", "compare"),
    "load_bundle": ("bundle.bundle", "load"),
    "ovary_from_contours": ("library", "ovary_from_contours"),
    "read_image": ("io.volumes", "read_image"),
    "segment": ("library", "segment"),
    "segment_batch": ("library", "segment_batch"),
}


def __getattr__(name: str):
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _PLACES[name]
    value = getattr(import_module(f".{module}", __name__), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
