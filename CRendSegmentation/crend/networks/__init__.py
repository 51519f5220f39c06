"""The segmentation networks by name. Channel 0 of every output is the ovary (whole organ), channel 1 the follicles."""

from __future__ import annotations

from importlib import import_module

CLASSES_BY_NAME = {
    "unet": ("unet", "UNet"),
    "context": ("context", "Context"),
    "edge": ("edge", "Edge"),
    "deeplab": ("deeplab", "Deeplab"),
    "entropy": ("unet", "UNet"),
    "rend": ("crend", "CRend"),
    "crend": ("crend", "CRend"),
}


def build(name: str, **arguments):
    """The network `name` with random weights; every network takes `width` (32 as in the paper).

    ValueError for an unknown name (it lists the known ones) or an argument the network does not take.
    """
    if name not in CLASSES_BY_NAME:
        raise ValueError(f"unknown network {name!r}; known: {', '.join(CLASSES_BY_NAME)}")
    module, attribute = CLASSES_BY_NAME[name]
    network = getattr(import_module(f"{__name__}.{module}"), attribute)
    try:
        return network(**arguments)
    except TypeError as error:
        raise ValueError(f"network {name!r}: {error}") from error


def inputs_of(arguments: dict) -> int:
    """Channels that a network with these arguments sees: the image, and the overview's two maps where it is guided."""
    return 3 if arguments.get("guided") else 1


def parameter_counts() -> dict[str, int]:
    """Parameter count of every network at the paper's width of 32, counted without allocating weights."""
    import torch

    with torch.device("meta"):
        return {name: sum(p.numel() for p in build(name).parameters()) for name in CLASSES_BY_NAME}
