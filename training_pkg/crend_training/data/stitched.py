"""What the first stage of Context says about whole volumes: overlapping windows, blended as in prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from crend.inference.windows import all_windows, blend_windows, pad_to_patch
from crend.io.atomic import replacing

from .cases import Cases, open_case


def write_contexts(predict, cases: Cases, folder, patch, *, device="cpu", overlap: float = 0.5) -> Path:
    """Writes `folder`/NAME.npy (2, D, H, W) float16 probabilities of every case that has none there yet; returns the folder.

    predict: image (1, 1, d, h, w) tensor -> logits (1, 2, d, h, w).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in cases.names():
        path = folder / f"{name}.npy"
        if path.exists():
            continue
        image, _ = open_case(cases.folder, name)
        probabilities = stitch(predict, np.asarray(image, np.float32), patch, device, overlap)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.save(file, probabilities.astype(np.float16))
    return folder


def read_context(folder: Path, name: str):
    """What `write_contexts` wrote for a case: (2, D, H, W) float16, memory-mapped."""
    return np.load(folder / f"{name}.npy", mmap_mode="r")


@torch.no_grad()
def stitch(predict, image, patch, device="cpu", overlap: float = 0.5):
    """Probabilities (2, D, H, W) of `image` (D, H, W), float32, from windows of `patch` that overlap and are blended."""
    padded, place = pad_to_patch(image, patch, float(image.min()))

    def probabilities(window):
        window = torch.from_numpy(np.ascontiguousarray(window))[None, None].to(device)
        return torch.sigmoid(predict(window).float())[0].cpu().numpy()

    return blend_windows(padded, patch, all_windows(padded.shape, patch, overlap), probabilities)[(slice(None),) + place]
