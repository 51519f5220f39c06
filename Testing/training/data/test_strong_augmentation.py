"""Strong changes of grey levels: one at a time, finite, repeatable, and the labels stay where they are."""

import numpy as np
import pytest
import torch

from crend_training.configuration.experiment import Experiment
from crend_training.data import augmentation


def patch():
    random = np.random.default_rng(0)
    image = torch.from_numpy(random.standard_normal((1, 48, 48, 48), dtype=np.float32))
    labels = torch.zeros((1, 48, 48, 48), dtype=torch.uint8)
    labels[:, 16:30, 16:30, 16:30] = 1
    return image, labels


@pytest.mark.parametrize("change", augmentation.STRONG, ids=lambda change: change.__name__)
def test_each_strong_change_changes_the_image_and_keeps_it_finite(change):
    image, _ = patch()
    changed = change(image, 0.8, np.random.default_rng(1))
    assert changed.shape == image.shape and torch.isfinite(changed).all()
    assert not torch.allclose(changed, image, atol=1e-3)


def test_strong_changes_leave_the_labels_as_they_are_and_repeat_with_the_seed():
    usual, strong = (Experiment(patch=(32, 32, 32), strong=strong, any_orientation=True) for strong in (False, True))
    differ = 0
    for seed in range(6):
        image, labels = patch()
        first, second = (augmentation.Augmentation(strong)(image, labels, np.random.default_rng(seed)) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(first, second))
        other = augmentation.Augmentation(usual)(image, labels, np.random.default_rng(seed))
        assert torch.equal(first[1], other[1])
        differ += not torch.equal(first[0], other[0])
    assert differ
