"""Bundles of a few kilobytes whose answer is known: everything is ovary, or nothing is."""

import numpy as np
import SimpleITK as sitk

SPACING = 1.0


def save_bundle(folder, *, ovary: float, follicles: float = -9.0):
    """A C-Rend of width 2 whose coarse logits are the two numbers everywhere, and which renders no points."""
    import torch

    from crend import networks
    from crend.bundle import bundle
    from crend.bundle.metadata import describe

    torch.manual_seed(0)
    network = networks.build("crend", width=2)
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.copy_(torch.tensor([ovary, follicles]))
    metadata = describe(
        network="crend",
        arguments={"width": 2},
        spacing_mm=[SPACING] * 3,
        patch=[32, 32, 32],
        normalisation={"method": "zscore_nonzero"},
        version="0.0.1",
        changelog={"0.0.1": "for tests"},
        description="for tests",
        trained_on="nothing",
        measured_on="nothing",
        render_points=0,
    )
    return bundle.save(folder, network, metadata, "# for tests\n")


def volume(shape=(20, 24, 28), spacing=(1.0, 1.0, 1.0)):
    """Grey noise, uint8."""
    image = sitk.GetImageFromArray(np.random.default_rng(7).integers(1, 200, shape).astype(np.uint8))
    image.SetSpacing(spacing)
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(np.diag([-1.0, 1.0, -1.0]).ravel().tolist())
    return image
