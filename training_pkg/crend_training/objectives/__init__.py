"""What each system minimises while it learns; see `base.Objective` for how a training loop calls it."""

from __future__ import annotations

from .base import Objective
from .context import TwoStages
from .edge import ObjectAndContour
from .entropy import BoundaryAndEntropy
from .plain import Plain
from .rendering import Rend, Rendering

OBJECTIVES: dict[str, type[Objective]] = {
    "unet": Plain,
    "context": TwoStages,
    "edge": ObjectAndContour,
    "deeplab": Plain,
    "entropy": BoundaryAndEntropy,
    "rend": Rend,
    "crend": Rendering,
}


def objective_of(system: str, network, **settings) -> Objective:
    """The objective of `system` for its network; ValueError for an unknown system or a setting that it does not have."""
    if system not in OBJECTIVES:
        raise ValueError(f"unknown system {system!r}; known: {', '.join(OBJECTIVES)}")
    try:
        return OBJECTIVES[system](network, **settings)
    except TypeError as error:
        raise ValueError(f"system {system!r}: {error}") from error
