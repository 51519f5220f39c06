"""Adam whose convolutions follow Muon: fewer steps to the same loss where steps are what is short."""

from __future__ import annotations

import torch

MOMENTUM = 0.95
ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class ConvolutionMuon(torch.optim.Adam):
    """Muon (Jordan 2024) for 3D convolutions that map several channels to several others, Adam for all other parameters.

    torch.optim.Muon takes matrices only; a convolution here is the matrix of its filters, (first dimension, all others). Both
    parts share one learning rate: Muon's update is scaled to the size of Adam's, as torch's "match_rms_adamw" does.
    """

    def __init__(self, parameters, lr: float):
        parameters = list(parameters)
        groups = [
            {"params": [p for p in parameters if not is_filter_bank(p)], "orthogonal": False},
            {"params": [p for p in parameters if is_filter_bank(p)], "orthogonal": True},
        ]
        super().__init__([group for group in groups if group["params"]], lr=lr)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["orthogonal"]:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._turn(parameter, group["lr"])
                        # Adam passes over what has no gradient.
                        parameter.grad = None
        super().step()
        return loss

    def _turn(self, parameter, rate: float) -> None:
        state = self.state[parameter]
        if not state:
            # Adam looks for "step" in every state that it loads.
            state.update(step=torch.zeros(()), momentum=torch.zeros_like(parameter))
        momentum = state["momentum"].lerp_(parameter.grad, 1 - MOMENTUM)
        matrix = parameter.grad.lerp(momentum, MOMENTUM).flatten(1)
        scale = 0.2 * max(matrix.shape) ** 0.5
        parameter.add_(orthogonalised(matrix).view_as(parameter), alpha=-rate * scale)


def is_filter_bank(parameter) -> bool:
    """Whether a parameter is a 3D convolution with more than two channels on both sides: neither stem nor classifier."""
    return parameter.ndim == 5 and min(parameter.shape[:2]) > 2


def orthogonalised(matrix):
    """The matrix (m, n) with all singular values brought near 1 (0.7 to 1.2) by Newton-Schulz iterations, back in its own dtype.

    In bfloat16 on a graphics card; on a processor, where most emulate it, float32 takes a tenth of the time.
    """
    a, b, c = COEFFICIENTS
    x = matrix.bfloat16() if matrix.is_cuda else matrix.float()
    if len(x) > x.shape[1]:
        return orthogonalised(matrix.T).T
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.to(matrix.dtype)
