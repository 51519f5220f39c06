"""The engine of graphics cards, of training and of bundles without a graph: trunk and head in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arrays import as_batch, to_array, to_tensor

if TYPE_CHECKING:
    from torch import nn


class TorchEngine:
    """The network on the CPU or a CUDA device."""

    name = "torch"

    def __init__(self, network: nn.Module, device: str = "cpu"):
        self.warnings: list[str] = []
        self.network = network.eval()
        self.renders = getattr(network, "head", None) is not None
        self._to(device)

    def predict(self, window: np.ndarray, points: int = 0) -> np.ndarray:
        """Probabilities (2, D, H, W) of one window (D, H, W); the `points` most uncertain voxels are rendered where there is a head."""
        import torch

        from ..networks.points import maps_of, render

        with torch.inference_mode():
            with self._precision():
                coarse, fine = self.network.trunk(to_tensor(as_batch(window)).to(self.device))
            coarse, fine = coarse.float(), tuple(part.float() for part in maps_of(fine))
            if points and self.renders and fine:
                coarse = render(self.network, coarse, fine, points)
            return to_array(coarse.sigmoid()[0])

    def _precision(self):
        import torch

        # Half precision pays on CUDA only; torch 2.9 runs 3D convolutions several times slower with it.
        wanted = self.device.startswith("cuda") and not torch.__version__.startswith("2.9.")
        return torch.autocast("cuda", dtype=torch.float16, enabled=True) if wanted else torch.autocast("cpu", enabled=False)

    def _to(self, device: str) -> None:
        self.device = device
        self.network.to(device)
