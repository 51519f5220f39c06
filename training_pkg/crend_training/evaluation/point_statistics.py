"""What rendering and contrast do, in numbers: ambiguous points, corrections and harms, and how alike the classes' vectors are."""

from __future__ import annotations

import numpy as np
import torch

from crend import networks
from crend.networks import points

from ..data.patches import Patches
from ..objectives.contrast import HIGH_CONFIDENCE

AMBIGUOUS = (0.1, 0.9)
MOST = 2048
STRUCTURES = ("ovary", "follicles")


def point_statistics(experiment, network, folder, names, *, patches_each: int = 1) -> dict:
    """Of the trained `network` on patches around the ovary of the cases `names` in `folder`, and of the same network before training.

    ambiguous_percent      voxels whose coarse probability lies between 0.1 and 0.9, percent of the patch, for each structure
    rendered_percent       voxels that inference re-predicts
    corrected, harmed      re-predicted voxels that were wrong and become right, or right and become wrong, percent of those re-predicted
    similarity             mean cosine of hybrid vectors: "follicle", "ovary" (within the class, confident against doubtful, as pos in
                           eq. 3) and "between" (confident follicle against confident ovary, as neg); null where a class has no such points
    "before" holds the similarities with random weights, classes by the trained network's confidence, so that the points are the same.
    """
    patches = Patches(folder, names, experiment.patch, count=patches_each * len(names), seed=2, ovary_share=1.0)
    torch.manual_seed(experiment.seed)
    untrained = networks.build(experiment.network, **experiment.arguments).eval()
    rows, before = [], []
    with torch.inference_mode():
        for number in range(len(patches)):
            image, labels = (part[None] for part in patches[number])
            coarse, fine = network.trunk(image)
            count = experiment.render_points or coarse[0, 0].numel() // 8
            rows.append({**_rendering(network, coarse, fine, labels, count), **_similarity(coarse, fine, coarse, labels, number)})
            early = untrained.trunk(image)
            before.append(_similarity(early[0], early[1], coarse, labels, number))
    return {"patches": len(rows), **_means(rows), "before": _means(before)}


def _rendering(network, coarse, fine, labels, count) -> dict:
    rendered = points.render(network, coarse, fine, count)
    index, _ = points.select_inference_voxels(coarse, count)
    result = {"rendered_percent": 100 * index.shape[1] / coarse[0, 0].numel()}
    p = torch.sigmoid(coarse)
    for channel, name in enumerate(STRUCTURES):
        result[f"ambiguous_percent_{name}"] = 100 * float(((p[:, channel] > AMBIGUOUS[0]) & (p[:, channel] < AMBIGUOUS[1])).float().mean())
        truth = labels[0, channel].flatten()[index[0]] > 0.5
        was, now = (logits[0, channel].flatten()[index[0]] > 0 for logits in (coarse, rendered))
        result[f"corrected_percent_{name}"] = 100 * float(((was != truth) & (now == truth)).float().mean())
        result[f"harmed_percent_{name}"] = 100 * float(((was == truth) & (now != truth)).float().mean())
    return result


def _similarity(coarse, fine, confidence, labels, seed) -> dict:
    """Classes and confidence as in `contrast.contrast`; vectors of `coarse` and `fine`, confidence of another coarse map."""
    generator = torch.Generator().manual_seed(seed)
    p = torch.sigmoid(confidence)[0].flatten(1)
    follicle, ovary = labels[0, 1].flatten() > 0.5, labels[0, 0].flatten() > 0.5
    classes = {"follicle": (p[1], follicle), "ovary": (torch.minimum(p[0], 1 - p[1]), ovary & ~follicle)}
    vectors = {}
    for name, (sure, labelled) in classes.items():
        for kind, chosen in (("high", labelled & (sure > HIGH_CONFIDENCE)), ("low", labelled & (sure <= HIGH_CONFIDENCE))):
            vectors[name, kind] = _vectors(coarse, fine, torch.nonzero(chosen).flatten(), generator)
    return {
        "similarity_follicle": _cosine(vectors["follicle", "high"], vectors["follicle", "low"]),
        "similarity_ovary": _cosine(vectors["ovary", "high"], vectors["ovary", "low"]),
        "similarity_between": _cosine(vectors["follicle", "high"], vectors["ovary", "high"]),
    }


def _vectors(coarse, fine, index, generator):
    """Unit hybrid vectors (P, C) at the centres of at most MOST of the voxels `index`."""
    index = index[torch.randperm(len(index), generator=generator)[:MOST]]
    depth, height, width = coarse.shape[2:]
    place = torch.stack([index % width, index // width % height, index // (width * height)], dim=-1)
    coords = (place + 0.5) / torch.tensor([width, height, depth])
    if not len(index):
        return None
    return torch.nn.functional.normalize(points.hybrid_features(coarse, fine, coords[None])[0], dim=0).T


def _cosine(a, b):
    return None if a is None or b is None else float((a @ b.T).mean())


def _means(rows) -> dict:
    result = {}
    for key in rows[0] if rows else ():
        values = [row[key] for row in rows if row[key] is not None]
        result[key] = float(np.mean(values)) if values else None
    return result
