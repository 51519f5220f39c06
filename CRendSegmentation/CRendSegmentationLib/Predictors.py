"""Who runs the network. A predictor turns an image into a `crend` Segmentation, and blocks until it has it."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Settings:
    """What a user can choose, in the terms of crend.predict.segment. `None` leaves a choice to the model."""

    model: Optional[str] = None
    device: str = "auto"
    engine: str = "auto"
    smallestFollicleMm: Optional[float] = None
    split: bool = True


class InProcessPredictor:
    """Runs the network in this process, for tests and scripts: it imports torch."""

    def predict(self, image, settings, progress=None, cancelled=None):
        """A crend Segmentation of a SimpleITK image. progress(stage, fraction); cancelled() -> bool."""
        from crend.predict import segment

        return segment(image, settings.model or None, device=settings.device, engine=settings.engine, progress=progress,
                       cancelled=cancelled, smallest_follicle_mm=settings.smallestFollicleMm, split=settings.split)
