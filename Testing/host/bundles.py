"""Real model bundles for tests: the C-Rend network, tiny and untrained, so that what is real is the way, not the answer."""

import numpy as np
import torch

from crend import networks
from crend.bundle import bundle, metadata


def writeBundle(folder, width=2, patch=(32, 32, 32), spacing=1.0):
    """A bundle with random weights in `folder`; it calls about the brighter half of the image ovary. Returns the folder."""
    torch.manual_seed(0)
    network = networks.build("crend", width=width)
    with torch.no_grad():
        for parameter in network.head[-1].parameters():
            parameter.zero_()
        network.head[-1].bias[:] = torch.tensor([2.0, -2.0])
        network.classifier.bias[1] = -4.0
    facts = metadata.describe(
        network="crend",
        arguments={"width": width},
        spacing_mm=[spacing] * 3,
        patch=patch,
        normalisation={"method": "zscore_nonzero"},
        version="0.0.1",
        changelog={"0.0.1": "for tests"},
        description="Untrained",
        trained_on="nothing",
        measured_on="nothing",
        render_points=256,
        task="Untrained, for tests",
    )
    return bundle.save(folder, network, facts, "Untrained, for tests.\n")


def ultrasoundLike(shape=(40, 48, 56), seed=0):
    """uint8 noise (D, H, W) with smooth bright and dark places."""
    coarse = np.random.default_rng(seed).normal(size=tuple(n // 8 for n in shape))
    smooth = np.kron(coarse, np.ones((8, 8, 8)))
    return np.clip(smooth * 40 + 110, 1, 255).astype(np.uint8)
