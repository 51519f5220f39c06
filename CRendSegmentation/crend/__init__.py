"""CRend: ovary and follicles in 3D ultrasound, from image to measurements (research use only)."""

__version__ = "0.1.0"
