"""What every network offers: a trunk, and a head where it renders points."""

from __future__ import annotations

from torch import Tensor, nn

CLASSES = 2
"""Channel 0 is the ovary (whole organ, follicles included), channel 1 the follicles; two sigmoids, not a softmax."""


class Network(nn.Module):
    """A segmentation network.

    inputs: channels of what it sees: the image, and further maps where it is given any.
    trunk: (B, inputs, D, H, W) -> coarse logits (B, 2, D, H, W), fine features (B, 3*width, D/2, H/2, W/2), several such maps of any
           size as a tuple, or None.
    head:  module, hybrid vectors (B, 2 + channels of the fine features, P) -> logits (B, 2, P); None where the network does not render points.
    Calling the network runs its trunk and returns only tensors: (logits, fine), or logits alone where fine is None.
    """

    def __init__(self, width: int):
        super().__init__()
        if not isinstance(width, int) or isinstance(width, bool) or width < 1:
            raise ValueError(f"width must be a whole number of 1 or more, not {width!r}")
        self.width, self.inputs = width, 1
        self.head: nn.Module | None = None

    def trunk(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError

    def forward(self, x: Tensor):
        logits, fine = self.trunk(x)
        return logits if fine is None else (logits, fine)
