"""Which follicle of one segmentation is which of the other: all overlaps from one joint histogram, then three rules.

many-to-one (the paper's FD and MD): a follicle is hit when some follicle of the other side overlaps it by more than 30 % IoU.
one-to-one: the pairing with the largest sum of IoU, pairs at or below 30 % left out.
USOVA3D: pairs by falling rho1 x rho2, greedily, each follicle once; rho1 = part of the reference follicle that is covered,
rho2 = part of the predicted follicle that covers it.
"""

from dataclasses import dataclass

import numpy as np

from .boxes import voxels

HIT = 0.3


@dataclass(frozen=True)
class Overlaps:
    """Every follicle of both sides and what they share, in voxels.

    reference_ids (n,), prediction_ids (m,): labels, ascending; reference_voxels (n,), prediction_voxels (m,); shared (n, m).
    """

    reference_ids: np.ndarray
    prediction_ids: np.ndarray
    reference_voxels: np.ndarray
    prediction_voxels: np.ndarray
    shared: np.ndarray

    def iou(self):
        """(n, m) intersection over union."""
        return self.shared / np.maximum(self.reference_voxels[:, None] + self.prediction_voxels - self.shared, 1)

    def dice(self):
        """(n, m) Dice coefficients."""
        return 2 * self.shared / np.maximum(self.reference_voxels[:, None] + self.prediction_voxels, 1)

    def rho(self):
        """rho1 (n, m) = shared / reference, rho2 (n, m) = shared / prediction."""
        return self.shared / np.maximum(self.reference_voxels[:, None], 1), self.shared / np.maximum(self.prediction_voxels, 1)


def overlaps(reference, prediction):
    """Overlaps of two label arrays (D, H, W) of one shape, 0 outside."""
    where, a = voxels(reference)
    return overlaps_of(a, prediction[tuple(where.T)], voxels(prediction)[1])


def overlaps_of(a, b, all_b):
    """Overlaps from the labels a (n,) of all reference voxels, the prediction's labels b (n,) there, and those of all its voxels (m,)."""
    ids_a, rows, sizes_a = np.unique(a, return_inverse=True, return_counts=True)
    ids_b, sizes_b = np.unique(all_b, return_counts=True)
    both = b != 0
    columns = np.searchsorted(ids_b, b[both])
    shared = np.bincount(rows[both] * max(len(ids_b), 1) + columns, minlength=len(ids_a) * len(ids_b))
    return Overlaps(ids_a, ids_b, sizes_a, sizes_b, shared[: len(ids_a) * len(ids_b)].reshape(len(ids_a), len(ids_b)))


def hits(found):
    """Many-to-one rule: (which reference follicles are hit (n,) bool, which predicted ones hit something (m,) bool)."""
    over = found.iou() > HIT
    return over.any(axis=1), over.any(axis=0)


def one_to_one(found):
    """[(row, column)] of the pairing with the largest sum of IoU, pairs with IoU <= 0.3 left out; rows ascending."""
    from scipy.optimize import linear_sum_assignment

    iou = found.iou()
    score = np.where(iou > HIT, iou, 0.0)
    return [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(score, maximize=True)) if score[i, j] > 0]


def usova3d(found):
    """[(row, column, rho1, rho2)] by falling rho1 x rho2, each follicle at most once, products of 0 left out."""
    first, second = found.rho()
    product = first * second
    order = np.argsort(-product, axis=None, kind="stable")
    rows, columns, pairs = set(), set(), []
    for i, j in zip(*np.unravel_index(order, product.shape)):
        if product[i, j] <= 0:
            break
        if i not in rows and j not in columns:
            rows.add(i)
            columns.add(j)
            pairs.append((int(i), int(j), float(first[i, j]), float(second[i, j])))
    return pairs
