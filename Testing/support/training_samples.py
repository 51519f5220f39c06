"""Data and settings small enough to train in seconds."""

import dataclasses

import numpy as np
import SimpleITK as sitk
import torch

from crend_training.configuration.experiment import CrossValidation, Experiment
from crend_training.data.cases import write_case

# Patches this small are slower on several threads, and the order of a sum depends on their number.
torch.set_num_threads(1)

TINY = Experiment(
    network="crend",
    arguments={"width": 2},
    spacing_mm=(1, 1, 1),
    patch=(32, 16, 16),
    steps=6,
    learning_rate=0.003,
    final_learning_rate=0.0005,
    warmup_steps=2,
    points=200,
    workers=0,
    average_decay=0.9,
    validate_every=4,
    checkpoint_every=3,
    log_every=1,
    tensorboard=False,
    crossval=CrossValidation(folds=2, test=1),
)


def tiny(system="crend", **changes):
    return dataclasses.replace(TINY, network=system, **changes)


def ball_images(seed=0, size=40, spacing=1.0):
    """A dark ball in a bright ball: volume, ovary and follicles, SimpleITK."""
    z, y, x = np.ogrid[:size, :size, :size]
    shift = np.random.default_rng(seed).integers(-3, 4, 3)
    distance = np.sqrt(sum((a - size / 2 - s) ** 2.0 for a, s in zip((z, y, x), shift)))
    speckle = np.random.default_rng(seed).rayleigh(1, (size,) * 3)
    volume = (60 + 80 * (distance < 0.35 * size) - 130 * (distance < 0.15 * size)).clip(5) * speckle
    arrays = (volume.clip(1, 255).astype(np.uint8), (distance < 0.35 * size).astype(np.uint8), (distance < 0.15 * size).astype(np.uint16))
    images = [sitk.GetImageFromArray(array) for array in arrays]
    for image in images:
        image.SetSpacing((spacing,) * 3)
    return images


def write_ball_cases(folder, parts=("training", "validation"), count=2):
    """`count` cases in each of folder/PART; those of "unlabelled" without labels."""
    for part in parts:
        for number in range(count):
            volume, ovary, follicles = ball_images(number)
            if part == "unlabelled":
                ovary = follicles = None
            write_case(
                folder / part, f"ball{number}", volume, ovary, follicles, spacing_mm=(1, 1, 1), normalisation={"method": "zscore_nonzero"}
            )
    return folder


#: Settings of a phantom that is made in a second.
SMALL = {
    "tight": True, "tight_extent": [34.0, 34.0, 34.0], "ovary_length": 24.0, "spacing": 0.5, "spacing_factors": [1.0, 1.0, 1.0], "empty": False,
    "cut": False, "beam_samples": 300_000, "max_voxels": 500_000, "compounding": 1, "look": "resting", "fill": 0.5,
}  # fmt: skip
