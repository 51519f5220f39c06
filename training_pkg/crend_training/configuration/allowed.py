"""What the values of a configuration may be, as a table: one line a kind of number, its words, and the settings that it holds for."""

from __future__ import annotations

import inspect
import math
from importlib import import_module
from itertools import combinations

from crend.errors import InputError
from crend.networks import CLASSES_BY_NAME


def _whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


RULES = (
    (
        "a whole number, 1 or more",
        lambda v: _whole(v) and v >= 1,
        "batch devices nodes validate_every checkpoint_every log_every points render_points contour_radius discriminator_channels crossval.folds",
    ),
    (
        "a whole number, 0 or more",
        lambda v: _whole(v) and v >= 0,
        "contrastive.confident contrastive.ramp_steps seed steps epochs warmup_steps semi_ramp_steps workers crossval.test crossval.validation data.first_seed data.last_seed "
        "data.validation_first_seed data.validation_last_seed data.unlabelled_first_seed data.unlabelled_last_seed "
        "data.plain_first_seed data.plain_last_seed",
    ),
    ("above 0", lambda v: _number(v) and v > 0, "learning_rate discriminator_learning_rate spacing_mm"),
    ("from 0.01 to 100", lambda v: _number(v) and 0.01 <= v <= 100, "contrastive.temperature"),
    (
        "0 or more",
        lambda v: _number(v) and v >= 0,
        "final_learning_rate gradient_clip gamma lambda_points lambda_contrast dice_weight point_dice_weight contrast contour_weight adversarial_weight "
        "semi_weight "
        "rotation_degrees tilt_degrees smallest_follicle_mm small_follicle_mm",
    ),
    ("0.5 or more and below 1", lambda v: _number(v) and 0.5 <= v < 1, "follicles_edge"),
    ("above 0 and at most 0.5", lambda v: _number(v) and 0 < v <= 0.5, "ovary_lowest"),
    ("1 or more", lambda v: _number(v) and v >= 1, "k small_weight"),
    ("from 0 to 1", lambda v: _number(v) and 0 <= v <= 1, "beta ovary_share unguided semi_confidence small_follicle_probability"),
    ("0 or more and below 1", lambda v: _number(v) and 0 <= v < 1, "average_decay scale contrastive.prototypes"),
    ("from 0 to 100", lambda v: _number(v) and 0 <= v <= 100, "data.outside_percent"),
)


def setting(experiment, name: str):
    """The value of a setting by its dotted name, such as data.first_seed."""
    for key in name.split("."):
        experiment = getattr(experiment, key)
    return experiment


def check_numbers(experiment, where: str) -> None:
    """InputError, naming setting, value and what is allowed, for a number that no run could use. None, where a setting may be left out, may stay."""
    for allowed, holds, names in RULES:
        for name in names.split():
            value = setting(experiment, name)
            several = isinstance(value, tuple)
            if value is not None and not all(map(holds, value if several else (value,))):
                said, each = (list(value), "numbers, each ") if several else (value, "")
                raise InputError(f"{where}: '{name.replace('.', ': ')}' must be {each}{allowed}, not {said!r}")


def check_arguments(network: str, arguments: dict, where: str) -> None:
    """InputError for an argument that the network's constructor does not take, or a value that is no size."""
    module, name = CLASSES_BY_NAME[network]
    known = inspect.signature(getattr(import_module(f"crend.networks.{module}"), name)).parameters
    for key, value in arguments.items():
        if key not in known:
            raise InputError(f"{where}: 'arguments' has '{key}: {value}'; {network} knows {', '.join(known)}")
        if isinstance(known[key].default, bool):
            if not isinstance(value, bool):
                raise InputError(f"{where}: 'arguments: {key}' must be true or false, not {value!r}")
        elif not _whole(value) or value < 1:
            raise InputError(f"{where}: 'arguments: {key}' must be a whole number, 1 or more, not {value!r}")


def check_bundled(experiment, where: str) -> None:
    """InputError for what a bundle of the run could not be: it would be said after the training."""
    from crend.bundle.metadata_check import LARGEST_PATCH, check_network

    def demand(holds, what):
        if not holds:
            raise InputError(f"{where}: {what}")

    block = {
        "network": experiment.network,
        "arguments": experiment.arguments,
        "spacing_mm": list(experiment.spacing_mm),
        "patch": list(experiment.patch),
        "normalisation": experiment.normalisation,
        "render": {"points": experiment.render_points or 0},
        **({"in_plane": list(experiment.in_plane)} if experiment.in_plane else {}),
    }
    check_network(block, demand)
    demand((experiment.points or 0) <= LARGEST_PATCH, f"'points' must be at most {LARGEST_PATCH}, not {experiment.points}")


def check_seeds(data, where: str) -> None:
    """InputError when simulated volumes are in two of the sets: a run would be watched on what it learns from."""
    sets = {"training": "", "plain": "plain_", "validation": "validation_", "unlabelled": "unlabelled_"}
    ranges = [(name, getattr(data, f"{prefix}first_seed"), getattr(data, f"{prefix}last_seed")) for name, prefix in sets.items()]
    for (one, first, stop), (other, other_first, other_stop) in combinations(ranges, 2):
        low, high = max(first, other_first), min(stop, other_stop)
        if low < high:
            raise InputError(
                f"{where}: 'data' gives seeds {low} to {high - 1} to {one} and to {other} volumes; give ranges that share no seed"
            )
