"""How much a volume looks like those that a model learned from: a short description of it, and its distance from theirs.

The description knows nothing of anatomy: grey levels, edges, grain and extent. Which axis is the depth is not known of a volume, so what
is measured along the axes is sorted.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
LAGS_MM = (1.0, 2.0, 4.0, 8.0)
BLOCK_MM = 3.0
ROUNDING = 0.005  # of values in 16 bits
ROWS = 16  # slices looked at together, or one block
LINES = 3  # every third line in both directions is enough for what is measured along an axis
FEATURES = (
    "floor",
    *(f"grey {q:g}" for q in QUANTILES),
    *(f"edges {axis}" for axis in ("least", "middle", "most")),
    *(f"likeness at {lag:g} mm, {axis}" for lag in LAGS_MM for axis in ("least edges", "middle", "most edges")),
    "grain",
    "grain, smoothest",
    "grain, coarsest",
    "grain with brightness",
    "dark",
    "share with echoes",
    *(f"extent {axis}" for axis in ("least", "middle", "most")),
)
#: Where a feature's distribution is known, and the normal scores that its values there get: they tame heavy tails and many equal values.
PROBABILITIES = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1)
SCORES = (-2.7, -2.054, -1.645, -1.282, -0.842, -0.524, -0.253, 0, 0.253, 0.524, 0.842, 1.282, 1.645, 2.054, 2.7)
RIDGE = 0.1  # how far the covariance is drawn to its diagonal: there are not many more volumes than features
TAIL = 2.0  # deviations of log distance beyond which a volume counts as unlike: about one in forty of the familiar ones


def describe(values, spacing) -> np.ndarray:
    """FEATURES of a volume as a float array; NaN where there is nothing to describe.

    values: (D, H, W) of the model grid, as `grey_values.normalise` gives them: echoes at zero mean and unit deviation, no echo = the lowest. An
    array, or what is read as one (`grey_values.Normalised`), a few slices at a time.
    spacing: of that grid, (z, y, x), mm.
    floor: the lowest value. grey: quantiles of the echoes. edges: log of the mean step a millimetre along each axis. likeness:
    correlation over a distance. grain: deviation within blocks of 3 mm full of echoes; dark: share of these blocks darker than one
    deviation below the mean. extent: log of the sides in mm.
    """
    floor = float(values.min())
    sides = [max(int(round(BLOCK_MM / s)), 2) for s in spacing]
    lines: list[list] = [[], [], []]
    blocks, count, size = [], 0, int(np.prod(values.shape))
    for first, slab, inside in _slabs(values, floor, sides[0]):
        count += np.count_nonzero(inside)
        slab = np.where(inside, slab, np.float32(0))
        for axis in range(3):
            every = [slice(None) if a == axis else slice(None, None, LINES) for a in range(3)]
            every[0] = slice(None) if axis == 0 else slice(-first % LINES, None, LINES)
            lines[axis].append((slab[tuple(every)].copy(), inside[tuple(every)].copy()))  # views would keep all of it
        blocks.append([_block_means(each, sides) for each in (slab, slab * slab, inside.astype(np.float32))])
    if count < 1000:
        return np.full(len(FEATURES), np.nan)
    sample, passed, step = [], 0, max(count // 200_000, 1)
    for _, slab, inside in _slabs(values, floor, sides[0]):
        echoes = slab[inside]
        sample.append(echoes[-passed % step :: step].copy())
        passed += echoes.size
    # One axis after the other, each given free once it is measured.
    measured = [_along([np.concatenate(parts) for parts in zip(*lines.pop(0))], axis, spacing[axis]) for axis in range(3)]
    edges, likeness = zip(*measured)
    order = np.argsort(edges)
    return np.array(
        [
            floor,
            *np.quantile(np.concatenate(sample), QUANTILES),
            *np.log(np.maximum(np.sort(edges), 1e-3)),
            *np.array(likeness)[order].T.ravel(),
            *_grain(*(np.concatenate(parts) for parts in zip(*blocks))),
            count / size,
            *np.log(np.sort(np.multiply(values.shape, spacing))),
        ]
    )


def fit(vectors: np.ndarray) -> dict:
    """What is familiar, from the descriptions (n, FEATURES) of n volumes: distributions, precision, and a threshold of distance.

    The threshold comes from distances of volumes that were left out of the fit, taken as log-normal.
    """
    vectors = np.asarray(vectors, float)
    left_out = [distance(vectors[i], _model(np.delete(vectors, i, axis=0))) for i in range(len(vectors))]
    logs = np.log(left_out)
    found = _model(vectors)
    return {
        "features": list(FEATURES),
        **found,
        "threshold": float(f"{np.exp(logs.mean() + TAIL * logs.std()):.6g}"),
        "volumes": len(vectors),
    }


def distance(vector: np.ndarray, familiar: dict) -> float:
    """Mahalanobis distance of the normal scores, root mean square over features, so that 1 is usual; infinite without a description."""
    scores = _scores(np.asarray(vector, float), familiar)
    squared = float(scores @ np.array(familiar["precision"]) @ scores) / len(scores)
    return float(np.sqrt(max(squared, 0.0))) if np.isfinite(squared) else float("inf")


def familiarity_model(settings: dict) -> dict | None:
    """What is familiar to a model, from its "crend" block, checked; None when it does not say. InputError when it has other features."""
    found = settings.get("familiar")
    if found is None:
        return None
    n = len(FEATURES)
    try:
        shapes = [np.array(found[key], float).shape for key in ("scale", "precision", "threshold")]
        knots = [np.array(pair, float) for pair in found["knots"]]
        # numpy takes the text "1.5" for a number here, and refuses it later.
        plain = all(_are_moderate(found[key]) for key in ("scale", "precision", "threshold", "knots"))
        good = found["features"] == list(FEATURES) and shapes == [(n,), (n, n), ()] and len(knots) == n and min(found["scale"]) > 0
        good = good and all(pair.ndim == 2 and len(pair) == 2 and pair.shape[1] > 0 and (np.diff(pair[0]) > 0).all() for pair in knots)
        good = good and all(np.isfinite(np.array(found[key], float)).all() for key in ("scale", "precision", "threshold"))
        good = plain and good and all(np.isfinite(pair).all() for pair in knots)
        least = [found.get(key, 0.0) for key in ("least_expected_dsc", "least_drawn_dsc")]
        good = good and all(not isinstance(each, bool) and isinstance(each, (int, float)) and 0 <= each <= 1 for each in least)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError):
        good = False
    if not good:
        raise InputError("what the model says of the volumes it learned from is damaged or of another version; calibrate the bundle again.")
    return found


def _are_moderate(value) -> bool:
    """Whether plain data are numbers that arithmetic does not overflow with, or lists of them to any depth."""
    return all(map(_are_moderate, value)) if isinstance(value, list) else type(value) in (int, float) and abs(value) < 1e9


def _model(vectors: np.ndarray) -> dict:
    """knots: for each feature values and their scores, [[...], [...]]; scale: its deviation; precision: of the scores."""
    knots = []
    for column in vectors.T:
        values, place = np.unique(_rounded(np.quantile(column, PROBABILITIES)), return_inverse=True)
        # Equal values share one score, the mean of theirs.
        scores = np.bincount(place.ravel(), SCORES) / np.bincount(place.ravel())
        knots.append([_rounded(values), _rounded(scores)])
    found = {"knots": knots, "scale": _rounded(np.maximum(vectors.std(axis=0), 1e-6))}
    scores = np.array([_scores(vector, found) for vector in vectors])
    drawn = (1 - RIDGE) * (scores.T @ scores) / len(scores) + RIDGE * np.eye(scores.shape[1])
    return {**found, "precision": [_rounded(row) for row in np.linalg.inv(drawn)]}


def _scores(vector, familiar) -> np.ndarray:
    """Normal scores (FEATURES) of a description: between knots linear, beyond them a deviation counts one."""
    scores = []
    for value, (values, known), scale in zip(vector, familiar["knots"], familiar["scale"]):
        beyond = max(value - values[-1], 0) + min(value - values[0], 0)
        scores.append(np.interp(value, values, known) + beyond / scale)
    return np.array(scores)


def _slabs(values, floor: float, side: int):
    """(first slice, values, where they are echoes) of a volume, slab by slab; each but the last has whole blocks of `side` slices."""
    rows = side * max(ROWS // side, 1)
    for first in range(0, values.shape[0], rows):
        slab = np.asarray(values[first : first + rows, :, :], np.float32)
        # Both are rounded: what is as low as the lowest to within that is no echo.
        yield first, slab, slab > floor + ROUNDING


def _along(lines, axis: int, spacing: float):
    """(mean step a millimetre, [correlation at each of LAGS_MM]) along an axis, of every third line: their values, 0 where no echo, and where there are some."""
    lines, there = (np.ascontiguousarray(np.moveaxis(each, axis, 0)) for each in lines)

    def mean_of_pairs(lag, of):
        both = there[lag:] & there[:-lag]
        return float((of(lines[lag:], lines[:-lag]) * both).sum(dtype=np.float64)) / max(int(both.sum()), 1)

    lags = [max(int(round(lag / spacing)), 1) for lag in LAGS_MM]
    return mean_of_pairs(1, lambda a, b: np.abs(a - b)) / spacing, [mean_of_pairs(lag, np.multiply) for lag in lags]


def _grain(mean, square, share):
    """Of blocks of 3 mm full of echoes: deviation within (median, 5 % and 95 % quantile), its correlation with the block's mean, share
    of dark ones. mean, square: of a block's values and their squares; share: of its voxels that are echoes."""
    full = share > 0.9
    if full.sum() < 8:
        return (np.nan,) * 5
    mean = mean[full]
    deviation = np.sqrt(np.maximum(square[full] - mean**2, 0))
    together = np.corrcoef(mean, deviation)[0, 1] if mean.std() > 1e-6 and deviation.std() > 1e-6 else 0.0
    return (
        float(np.median(deviation)),
        *(float(q) for q in np.quantile(deviation, (0.05, 0.95))),
        float(together),
        float((mean < -1).mean()),
    )


def _block_means(array, sides):
    for axis in (2, 1, 0):
        count, side = array.shape[axis] // sides[axis], sides[axis]
        cut = array[tuple(slice(0, count * side) if a == axis else slice(None) for a in range(3))]
        array = cut.reshape(*cut.shape[:axis], count, side, *cut.shape[axis + 1 :]).mean(axis=axis + 1)
    return array.astype(np.float64)


def _rounded(values) -> list:
    return [float(f"{value:.6g}") for value in values]
