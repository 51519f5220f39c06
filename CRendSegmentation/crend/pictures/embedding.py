"""Pictures inside an HTML text, so that it is one file."""

from __future__ import annotations

import base64
import html
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from .planes import Plane


def image_tag(picture: np.ndarray, width: int, height: int | None = None) -> str:
    """An img element of an RGB picture (h, w, 3) uint8, `width` CSS pixels wide."""
    size = f"width='{width}'" + (f" height='{height}'" if height is not None else "")
    return f"<img {size} src='data:image/png;base64,{_png(picture.shape, np.ascontiguousarray(picture).tobytes())}'>"


def captioned(picture: Plane | tuple[str, np.ndarray], width: int, translate: Callable[[str], str] = str) -> str:
    """A picture with its caption below: a plane, or (caption, RGB picture)."""
    caption, pixels = (picture.name, picture.picture) if isinstance(picture, Plane) else picture
    return f"{image_tag(pixels, width)}<br><small>{html.escape(translate(caption))}</small>"


@lru_cache(maxsize=16)
def _png(shape: tuple, pixels: bytes) -> str:
    """The PNG file of an RGB picture, in base 64; the bars of a chart ask for the same one again and again."""
    from .rendering import write_png

    with tempfile.TemporaryDirectory(prefix="crend-") as folder:
        path = Path(folder) / "picture.png"
        write_png(np.frombuffer(pixels, np.uint8).reshape(shape), path)
        return base64.b64encode(path.read_bytes()).decode("ascii")
