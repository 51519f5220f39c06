"""What every objective offers to the training loop."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn


class Objective(nn.Module):
    """How one system learns from patches: pure torch, for any loop.

    players  those who take a step on each patch, in this order; each has its own optimiser.
    phases   how many trainings follow one another (2 for Context).

    A loop over one patch:

        for player in objective.players:
            parts = objective(image, labels, player=player, phase=phase, context=context)
            optimisers[player].zero_grad(); parts["loss"].backward(); optimisers[player].step()
    """

    players: tuple[str, ...] = ("network",)
    phases: int = 1

    def __init__(self, network):
        super().__init__()
        self.network = network

    def parameters_of(self, player: str = "network", phase: int = 0) -> Iterable[nn.Parameter]:
        """What `player` trains in `phase`."""
        return self.network.parameters()

    def needs_context(self, phase: int) -> bool:
        """Whether forward wants `context`: probabilities (B, 2, D, H, W) of the phase before, stitched over the whole volume."""
        return False

    def at_step(self, step: int) -> None:
        """Told before each step: how many the phase has taken."""

    def forward(
        self, image: Tensor, labels: Tensor, *, player: str = "network", phase: int = 0, context: Tensor | None = None
    ) -> dict[str, Tensor]:
        """image (B, 1, D, H, W), labels (B, 2, D, H, W) of 0 and 1 -> "loss", to be minimised, and its parts by name."""
        raise NotImplementedError
