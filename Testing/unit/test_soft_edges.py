"""Follicles' edges made softer: on the tissue's side alone, within what lies between both, and the same for the same draws."""

import numpy as np
import pytest
import torch

from crend_training.soft_edges import softer_edges

TISSUE, FLUID, SHADOW = 1.0, -1.0, -2.0


class Drawn:
    """Draws that are said beforehand: the upper end of every range."""

    def uniform(self, low, high):
        return high


@pytest.fixture
def patch():
    """A ball of fluid, radius 6 voxels, in a cube of tissue with a shadow through it: image and labels (1, 32, 32, 32)."""
    z, y, x = np.ogrid[:32, :32, :32]
    ball = (z - 16) ** 2 + (y - 16) ** 2 + (x - 16) ** 2 < 36
    image = np.where(ball, FLUID, TISSUE).astype(np.float32)
    image[:, :, 22:24] = SHADOW
    labels = np.where(ball, 2, 1).astype(np.uint8)
    return torch.from_numpy(image[None].copy()), torch.from_numpy(labels[None])


def test_only_tissue_beside_the_follicle_gets_darker(patch):
    image, labels = patch
    change = softer_edges(image, labels, 0.4, Drawn()) - image
    away = torch.from_numpy(np.sqrt(sum((g - 16.0) ** 2 for g in np.ogrid[:32, :32, :32])))[None]
    assert change[labels == 2].abs().max() == 0
    assert change[(away > 12)].abs().max() < 1e-3
    beside = (away >= 6) & (away < 7) & (image == TISSUE)
    assert change[beside].max() < -0.15
    assert change.max() == 0


def test_tissue_keeps_the_asked_share_of_its_contrast(patch):
    image, labels = patch
    softer = softer_edges(image, labels, 0.4, Drawn())
    assert softer[(labels == 1) & (image == TISSUE)].min() >= TISSUE - 0.4 * (TISSUE - FLUID) - 1e-5


def test_a_shadow_stays_as_dark_as_it_was(patch):
    image, labels = patch
    shadow = image == SHADOW
    assert torch.equal(softer_edges(image, labels, 0.4, Drawn())[shadow], image[shadow])


def test_a_patch_without_follicles_is_left_alone(patch):
    image, labels = patch
    assert softer_edges(image, torch.ones_like(labels), 0.4, Drawn()) is image


def test_the_same_draws_make_the_same_edges(patch):
    first, second = (softer_edges(*patch, 0.4, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, softer_edges(*patch, 0.4, np.random.default_rng(4)))
