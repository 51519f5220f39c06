"""Points: where to look closely, what is known there, and the re-prediction (paper 2.2; after PointRend).

Shapes: B batch, C channels, P points, D x H x W voxels in (z, y, x) order.
coords (B, P, 3) lie in [0, 1] over the whole extent of a volume, in the order (x, y, z) = (W, H, D). The centre of voxel i
of n is (i + 0.5) / n: with 4 voxels the centres are 0.125, 0.375, 0.625, 0.875. The same coords therefore address a
full-size map and a half-size map alike.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

HEAD_CHUNK = 32768
"""Points the head sees at once at inference: at width 32 its hidden layer then takes 64 MiB, however many points there are."""


def sample_at(volume: Tensor, coords: Tensor, mode: str = "trilinear") -> Tensor:
    """Values of volume (B, C, D, H, W) at coords (B, P, 3): (B, C, P).

    Beyond the outermost voxel centres the outermost value holds. mode "nearest" takes the voxel that contains the point and keeps
    the volume's dtype (labels); "trilinear" gives float32 and is differentiable in `volume`, not in `coords`.
    ValueError for other shapes or modes.
    """
    if volume.ndim != 5:
        raise ValueError(f"a volume to sample is (B, C, D, H, W), not {tuple(volume.shape)}")
    if coords.ndim != 3 or coords.shape[0] != volume.shape[0] or coords.shape[2] != 3:
        raise ValueError(f"coords must be ({volume.shape[0]}, P, 3), not {tuple(coords.shape)}")
    coords = coords.detach().float()
    if mode == "trilinear":
        # align_corners=False: -1 and 1 are the outer faces of the volume, as 0 and 1 are here; the last axis is (x, y, z) too.
        grid = (2 * coords - 1)[:, :, None, None, :]
        return F.grid_sample(volume.float(), grid, padding_mode="border", align_corners=False)[..., 0, 0]
    if mode == "nearest":
        index = _containing_voxel(coords, volume.shape[2:])
        return volume.flatten(2).gather(2, index.unsqueeze(1).expand(-1, volume.shape[1], -1))
    raise ValueError(f"mode must be 'trilinear' or 'nearest', not {mode!r}")


def hybrid_features(coarse_logits: Tensor, fine: Tensor | tuple[Tensor, ...], coords: Tensor) -> Tensor:
    """The vector of every point: 2 coarse probabilities, then the fine features: (B, 2 + 3*width, P).

    coarse_logits (B, 2, D, H, W), fine (B, 3*width, D/2, H/2, W/2), or several maps, of any size, one after the other. The logits
    are sampled, then made probabilities.
    """
    probabilities = torch.sigmoid(sample_at(coarse_logits, coords))
    return torch.cat([probabilities, *(sample_at(part, coords) for part in maps_of(fine))], dim=1)


def maps_of(fine) -> tuple[Tensor, ...]:
    """A trunk's fine features as a tuple: of one map, of several, or of none."""
    return fine if isinstance(fine, tuple) else () if fine is None else (fine,)


def at_centres(coords: Tensor, shape) -> Tensor:
    """The centres (B, P, 3) of the voxels, of a volume of `shape` (D, H, W), that contain coords (B, P, 3)."""
    return (_voxel(coords, shape) + 0.5) / _size(coords, shape)


def uncertainty(logits: Tensor) -> Tensor:
    """How close to probability 0.5 the most ambiguous channel is: (B, C, ...) -> (B, ...), 0 at 0.5, else negative."""
    return -logits.abs().amin(dim=1)


@torch.no_grad()
def select_training_points(
    coarse_logits: Tensor, n: int, k: float = 2, beta: float = 0.7, generator: torch.Generator | None = None
) -> Tensor:
    """n points per volume, mostly where coarse_logits (B, 2, D, H, W) is ambiguous: coords (B, n, 3).

    Draw k*n uniform continuous points, sample the logits there, *then* score them; keep the beta*n most uncertain and add
    n - beta*n uniform ones. Scoring the grid and sampling scores would be wrong: between logits of -4 and 4 lies a point of
    probability 0.5, yet both voxels score as certain.
    """
    if n < 1 or k < 1 or not 0 <= beta <= 1:
        raise ValueError(f"points need n >= 1, k >= 1 and 0 <= beta <= 1, not n={n}, k={k}, beta={beta}")
    batch, device = coarse_logits.shape[0], coarse_logits.device
    candidates = torch.rand(batch, int(k * n), 3, device=device, generator=generator)
    kept = int(round(beta * n))
    scores = uncertainty(sample_at(coarse_logits, candidates))
    best = scores.topk(kept, dim=1, sorted=False).indices
    ambiguous = candidates.gather(1, best.unsqueeze(-1).expand(-1, -1, 3))
    uniform = torch.rand(batch, n - kept, 3, device=device, generator=generator)
    return torch.cat([ambiguous, uniform], dim=1)


@torch.no_grad()
def select_inference_voxels(coarse_logits: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The n most uncertain voxels: flat indices (B, n) into D*H*W, and the coords (B, n, 3) of their centres.

    n above the number of voxels means all of them.
    """
    if n < 1:
        raise ValueError(f"the number of voxels to render must be 1 or more, not {n}")
    depth, height, width = coarse_logits.shape[2:]
    scores = uncertainty(coarse_logits).flatten(1)
    index = scores.topk(min(n, scores.shape[1]), dim=1, sorted=False).indices
    x = index % width
    y = torch.div(index, width, rounding_mode="floor") % height
    z = torch.div(index, width * height, rounding_mode="floor")
    size = torch.tensor([width, height, depth], device=index.device)
    return index, (torch.stack([x, y, z], dim=-1) + 0.5) / size


@torch.no_grad()
def render(network, coarse_logits: Tensor, fine: Tensor | tuple[Tensor, ...], n: int) -> Tensor:
    """A copy of coarse_logits (B, 2, D, H, W) whose n most uncertain voxels are re-predicted once by network.head.

    Inference only: one subdivision step at full size. ValueError when the network has no head.
    """
    if getattr(network, "head", None) is None or fine is None:
        raise ValueError("this network has no rendering head: use its coarse logits as they are")
    rendered = coarse_logits.clone()
    flat = rendered.flatten(2)
    index, coords = select_inference_voxels(coarse_logits, n)
    for start in range(0, index.shape[1], HEAD_CHUNK):
        chunk = slice(start, start + HEAD_CHUNK)
        logits = network.head(hybrid_features(coarse_logits, fine, coords[:, chunk]))
        flat.scatter_(2, index[:, None, chunk].expand(-1, flat.shape[1], -1), logits.to(flat.dtype))
    return rendered


def _containing_voxel(coords: Tensor, shape) -> Tensor:
    """Flat index (B, P) into D*H*W of the voxel that contains each of coords (B, P, 3); a point on the far face is in the last."""
    _, height, width = shape
    x, y, z = _voxel(coords, shape).long().unbind(-1)
    return (z * height + y) * width + x


def _voxel(coords: Tensor, shape) -> Tensor:
    """Index (B, P, 3) in the order (x, y, z), as floats, of the voxel that contains each of coords."""
    return torch.minimum((coords * _size(coords, shape)).floor().clamp(min=0), _size(coords, shape) - 1)


def _size(coords: Tensor, shape) -> Tensor:
    depth, height, width = shape
    return torch.tensor([width, height, depth], device=coords.device)
