"""A second simulator of 3D ovarian ultrasound, for testing only: `make_trial_volume(seed)`.

It shares no code of anatomy, acoustics or display with `crend_training.phantom`, from which the models learn: other shapes, other
probes, other speckle, other grey maps. How much worse a model does here than there is the first estimate of what it loses on a
scanner. Nothing may ever be trained on it.
"""

from .settings import draw_settings
from .volume import make_trial_volume

__all__ = ["draw_settings", "make_trial_volume"]
