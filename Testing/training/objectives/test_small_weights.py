"""What small follicles count in the losses."""

import numpy as np
import pytest
import torch

from crend_training.objectives.losses import coarse_loss, soft_dice_loss
from crend_training.objectives.small_follicles import RIM, small_weights


def balls(*diameters_mm, spacing=(0.6, 0.6, 0.6)):
    """Labels (1, 2, D, H, W) with a follicle of each diameter, 24 mm apart along x, in an ovary everywhere."""
    x, y, z = spacing
    shape = (round(24 / z), round(24 / y), round(24 * len(diameters_mm) / x))
    places = np.stack(np.meshgrid(*((np.arange(n) + 0.5) * s for n, s in zip(shape, (z, y, x))), indexing="ij"))
    labels = torch.ones(1, 2, *shape)
    labels[0, 1] = 0
    for i, diameter in enumerate(diameters_mm):
        distance = np.linalg.norm(places - np.array([12, 12, 12 + 24 * i])[:, None, None, None], axis=0)
        labels[0, 1][torch.from_numpy(distance <= diameter / 2)] = 1
    return labels


def weight_of(labels, i, spacing=0.6):
    """Largest weight within 12 mm of ball i."""
    step = round(24 / spacing)
    return float(small_weights(labels, (spacing, 0.6, 0.6), 10.0)[0, 1, :, :, i * step : (i + 1) * step].max())


def test_the_smaller_a_follicle_the_more_it_counts():
    labels = balls(2.4, 3, 4, 14)
    found = [weight_of(labels, i) for i in range(4)]
    assert found == sorted(found, reverse=True)
    assert found[1:3] == pytest.approx([3.4, 2.0], abs=0.1)
    assert found[3] == pytest.approx(1.0, abs=0.15)


def test_what_lies_beside_a_small_follicle_counts_as_much_and_what_is_far_counts_once():
    labels = balls(3)
    weights = small_weights(labels, (0.6, 0.6, 0.6), 10.0)[0, 1]
    row = weights[20, 20]
    inside = torch.nonzero(labels[0, 1, 20, 20]).flatten()
    first, last = int(inside[0]), int(inside[-1])
    assert row[first - RIM] > 2 and row[last + RIM] > 2
    assert (row[: first - 2 * RIM] == 1).all() and (row[last + 2 * RIM + 1 :] == 1).all()


def test_the_ovary_counts_once_and_nothing_more_than_the_most():
    weights = small_weights(balls(2, 3), (0.6, 0.6, 0.6), 1.5)
    assert (weights[:, 0] == 1).all()
    assert weights[:, 1].max() == 1.5 and weights[:, 1].min() == 1


def test_a_follicle_counts_the_same_on_an_anisotropic_grid():
    fine = weight_of(balls(4), 0)
    assert weight_of(balls(4, spacing=(1.2, 0.6, 0.6)), 0, spacing=1.2) == pytest.approx(fine, rel=0.25)


def test_volumes_without_follicles_count_once_everywhere():
    labels = torch.zeros(2, 2, 16, 16, 16)
    assert (small_weights(labels, (0.6, 0.6, 0.6), 4.0) == 1).all()


def test_to_miss_a_small_follicle_costs_more_with_weights():
    labels = balls(3, 12)
    without_small = labels.clone()
    without_small[..., :40] = 0
    without_small[:, 0] = 1
    logits = 40 * without_small - 20
    weights = small_weights(labels, (0.6, 0.6, 0.6), 4.0)
    for loss in (coarse_loss, soft_dice_loss):
        assert loss(logits, labels, weights=weights) > 2 * loss(logits, labels)
        assert torch.equal(loss(logits, labels, weights=torch.ones_like(labels)), loss(logits, labels))
