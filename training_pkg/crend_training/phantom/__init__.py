"""Simulated 3D ovarian ultrasound with its truth: `make_phantom(seed)`."""

from .files import label_image, write_phantom
from .parameters import draw_parameters
from .volume import Phantom, make_phantom

__all__ = ["Phantom", "draw_parameters", "label_image", "make_phantom", "write_phantom"]
