"""How sure the model is of each follicle: what its probabilities say of the follicle, mapped to a chance by the bundle's calibration.

A confidence of 0.8 means: of such follicles, 8 in 10 overlapped a true one by more than 30 % IoU, on the volumes that the bundle was
calibrated on (`python -m crend_training calibrate`). Without a calibration it is the mean follicle probability inside. In a volume unlike
those it is never more than a half (see `assessment`).
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError

#: What is measured of a follicle on the model grid, in this order.
FEATURES = ("inside", "boundary", "outside", "ovary", "echo", "size", "cut")
MARGIN = 2  # voxels of the shell around a follicle
SUREST = 0.995  # probabilities are brought into (1 - SUREST, SUREST) before their logit is taken


def follicle_features(values, deviation: float, probabilities, labels, sizes_mm: dict, cut: dict) -> dict:
    """{label: FEATURES as a float array} of the follicles in `labels`.

    values: (D, H, W) intensities of a part of the model grid, 0 = no echo; deviation: of all echoes of the volume. probabilities: (2, D, H, W), ovary
    and follicles. labels: (D, H, W) follicle instances on the same part. sizes_mm: {label: diameter of equal volume}, cut: {label: touches the volume's border}.

    inside, boundary, outside: logit of the mean follicle probability in the follicle, in its outermost voxels, in a shell around it
    that belongs to no follicle. ovary: logit of the mean ovary probability inside. echo: by how many deviations of the volume the shell
    is brighter. size: log of the diameter. cut: 1 when the border cuts it.
    """
    from scipy import ndimage

    found = {}
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        box = tuple(slice(max(part.start - MARGIN, 0), part.stop + MARGIN) for part in box)
        mask = labels[box] == label
        ovary, follicle, echo = probabilities[0][box], probabilities[1][box], values[box]
        rim = mask & ~ndimage.binary_erosion(mask)
        shell = ndimage.binary_dilation(mask, iterations=MARGIN) & (labels[box] == 0)
        shell = shell if shell.any() else rim
        found[label] = np.array(
            [
                _logit(follicle[mask].mean()),
                _logit(follicle[rim].mean()),
                _logit(follicle[shell].mean()),
                _logit(ovary[mask].mean()),
                (echo[shell].mean() - echo[mask].mean()) / deviation,
                np.log(max(sizes_mm[label], 0.1)),
                float(cut[label]),
            ]
        )
    return found


def confidence(features: np.ndarray, calibration: dict | None) -> float:
    """The chance, 0 to 1, that a follicle of these features is one; `calibration` as `fit` gives it, or None."""
    if calibration is None:
        return float(1 / (1 + np.exp(-features[0])))
    scaled = (features - np.array(calibration["mean"])) / np.array(calibration["scale"])
    return float(1 / (1 + np.exp(-np.clip(calibration["bias"] + scaled @ np.array(calibration["weights"]), -30, 30))))


def calibration_of(settings: dict) -> dict | None:
    """The calibration in a bundle's "crend" block, checked; None when it has none. InputError when it is not one of these FEATURES."""
    found = settings.get("confidence")
    if found is None:
        return None
    good = isinstance(found, dict) and found.get("features") == list(FEATURES) and _numbers([found.get("bias")], 1)
    if not (good and all(_numbers(found.get(key), len(FEATURES)) for key in ("mean", "scale", "weights")) and min(found["scale"]) > 0):
        raise InputError("the model's calibration of confidences is damaged or of another version; calibrate the bundle again.")
    return found


def fit(features: np.ndarray, matched: np.ndarray, ridge: float = 1.0) -> dict:
    """A calibration from follicles (n, FEATURES) and whether each was a true one (n,): logistic regression, its weights held small.

    ridge: the weights' penalty, as that many follicles' worth; it is what keeps a few false follicles from ruling the fit.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0)
    columns = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    penalty = ridge * np.eye(columns.shape[1])
    # One true and one false follicle more than were seen: without them, one that was never wrong would be sure of everything.
    penalty[0, 0] = 0.0
    columns = np.vstack([columns, np.eye(1, columns.shape[1]), np.eye(1, columns.shape[1])])
    target = np.concatenate([np.asarray(matched, float), [1.0, 0.0]])
    weights = np.zeros(columns.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        slope = columns.T @ (chance - target) + penalty @ weights
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns + penalty
        step = np.linalg.solve(curvature + 1e-9 * np.eye(len(weights)), slope)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return {
        "features": list(FEATURES),
        "mean": _rounded(mean),
        "scale": _rounded(scale),
        "weights": _rounded(weights[1:]),
        "bias": _rounded(weights[:1])[0],
    }


def _logit(probability) -> float:
    probability = float(np.clip(probability, 1 - SUREST, SUREST))
    return float(np.log(probability / (1 - probability)))


def _numbers(values, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(type(v) in (int, float) and abs(v) < 1e300 for v in values)


def _rounded(values) -> list:
    return [float(f"{value:.6g}") for value in values]
