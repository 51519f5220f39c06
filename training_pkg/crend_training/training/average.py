"""The running average of a network's weights: what is evaluated and bundled, and the mean teacher."""

from __future__ import annotations

import copy

import torch


class Average:
    """`network` is a copy whose weights follow those of another: average <- d * average + (1 - d) * weights.

    d = min(decay, (1 + n) / (10 + n)) after n updates, so that the random weights at the start are soon forgotten.
    """

    def __init__(self, network, decay: float):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network, updates: int) -> None:
        """Takes in the weights of `network`, the `updates`-th time (0 first)."""
        decay = min(self.decay, (1 + updates) / (10 + updates))
        for mine, other in zip(self.network.parameters(), network.parameters()):
            mine.lerp_(other.detach(), 1 - decay)

    def copy_to(self, network) -> None:
        network.load_state_dict(self.network.state_dict())
