"""Watershed of the distance transform: each voxel of a mask is labelled with the local maximum that steepest ascent leads to."""

import numpy as np

#: The depth is smoothed by this many voxels, so that the steps of the surface raise no peaks.
SMOOTHING = 0.7
#: A peak that rises less than this many voxels above the pass to a higher one is part of the higher one.
RIPPLE = 0.2


def watershed(mask, spacing_zyx):
    """Basins (D, H, W) int32 of a mask (D, H, W) bool: 1.., 0 outside. spacing_zyx: mm."""
    depth = _depth(mask, spacing_zyx)
    padded = np.pad(depth, 1, constant_values=-1.0)
    height = padded.ravel()
    inside = np.flatnonzero(np.pad(mask, 1))
    top = _ascend(height, inside, padded.shape, spacing_zyx)
    peaks, number = np.unique(top, return_inverse=True)
    basins = np.zeros(len(height), np.int32)
    basins[inside] = number + 1
    basins = basins.reshape(padded.shape)[1:-1, 1:-1, 1:-1]
    return _without_ripples(basins, depth, height[peaks], RIPPLE * min(spacing_zyx))[basins]


def _depth(mask, spacing):
    """Distance from each voxel's centre to the nearest centre outside, in mm, smoothed, 0 outside."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1].astype(np.float32)
    return ndimage.gaussian_filter(depth, SMOOTHING) * mask


def _ascend(height, inside, shape, spacing):
    """Where steepest ascent over the 26 neighbours ends, for each voxel `inside` (flat indices)."""
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    here = height[inside]
    steepest = np.zeros(len(inside), np.float32)
    goal = np.arange(len(height))
    best = inside.copy()
    for step in np.array(list(np.ndindex(3, 3, 3))) - 1:
        if not step.any():
            continue
        there = inside + int(step @ strides)
        slope = (height[there] - here) / np.float32(np.linalg.norm(step * spacing))
        steeper = slope > steepest
        steepest[steeper] = slope[steeper]
        best[steeper] = there[steeper]
    goal[inside] = best
    # Each round doubles the length of the way that is taken at once.
    while True:
        further = goal[goal[inside]]
        if np.array_equal(further, goal[inside]):
            return further
        goal[inside] = further


def _without_ripples(basins, depth, peaks, ripple):
    """Lookup basin -> basin that joins each peak rising less than `ripple` above its pass to a higher one. peaks: (n,) heights."""
    a, b, level = _passes(basins, depth)
    root = list(range(len(peaks) + 1))
    height = [0.0] + peaks.tolist()

    def find(k):
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    for i, j, pass_height in zip(a.tolist(), b.tolist(), level.tolist()):
        i, j = find(i), find(j)
        if i != j and min(height[i], height[j]) - pass_height < ripple:
            if height[i] < height[j]:
                i, j = j, i
            root[j] = i
    return np.unique([find(k) for k in range(len(root))], return_inverse=True)[1].astype(np.int32)


def _passes(basins, depth):
    """Highest pass between each two basins that share a face: (a, b, height), highest first."""
    stride = int(basins.max()) + 1
    pairs, levels = [], []
    for axis in range(3):
        before, after = (tuple(s if k == axis else slice(None) for k in range(3)) for s in (slice(None, -1), slice(1, None)))
        first, second = basins[before], basins[after]
        meet = (first != second) & (first > 0) & (second > 0)
        a, b = first[meet].astype(np.int64), second[meet]
        pairs.append(np.minimum(a, b) * stride + np.maximum(a, b))
        levels.append(np.minimum(depth[before][meet], depth[after][meet]))
    pairs, levels = np.concatenate(pairs), np.concatenate(levels)
    order = np.argsort(-levels, kind="stable")
    pairs, first = np.unique(pairs[order], return_index=True)
    levels = levels[order][first]
    order = np.argsort(-levels, kind="stable")
    return pairs[order] // stride, pairs[order] % stride, levels[order]
