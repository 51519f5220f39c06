"""One readable YAML file an experiment; every key is checked, an unknown one is named."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from crend.errors import InputError


@dataclass
class SimulatedData:
    """Seeds of the simulated volumes: first (inclusive) to last (exclusive)."""

    first_seed: int = 1000
    last_seed: int = 1200
    validation_first_seed: int = 900
    validation_last_seed: int = 908


@dataclass
class Experiment:
    """Settings of one training run. Sizes are (D, H, W) voxels, spacings (x, y, z) mm."""

    name: str = "crend-sim"
    network: str = "crend"
    arguments: dict = field(default_factory=lambda: {"width": 32})
    spacing_mm: tuple = (0.5, 0.5, 0.5)
    patch: tuple = (192, 192, 128)
    normalisation: dict = field(default_factory=lambda: {"method": "zscore_nonzero"})
    data: SimulatedData = field(default_factory=SimulatedData)
    seed: int = 0
    steps: int = 10200
    batch: int = 1
    learning_rate: float = 1e-4
    final_learning_rate: float = 1e-4
    warmup_steps: int = 0
    average_decay: float = 0.0
    points: int | None = None
    k: float = 2
    beta: float = 0.7
    gamma: float = 2.0
    lambda_points: float = 0.8
    lambda_contrast: float = 0.2
    dice_weight: float = 0.0
    rotation_degrees: float = 30.0
    tilt_degrees: float = 0.0
    scale: float = 0.0
    any_orientation: bool = False
    ovary_share: float = 0.7
    validate_every: int = 500
    checkpoint_every: int = 100
    render_points: int | None = None
    precision: str = "32-true"
    workers: int = 1


def read_experiment(path) -> Experiment:
    """Reads an experiment's YAML file. Raises InputError that names an unknown or ill-typed key."""
    import yaml

    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except FileNotFoundError:
        raise InputError(f"{path}: no such configuration; give the path of a YAML file") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not readable as YAML ({str(error).splitlines()[0]}); correct the file") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds no 'key: value' lines; start from one in crend_training/configs")
    return _build(Experiment, values, str(path))


def _build(kind, values: dict, where: str):
    fields = {f.name: f for f in dataclasses.fields(kind)}
    made = {}
    for key, value in values.items():
        if key not in fields:
            raise InputError(f"{where}: unknown key '{key}'; known are {', '.join(sorted(fields))}")
        default = _default(fields[key])
        if dataclasses.is_dataclass(default):
            if not isinstance(value, dict):
                raise InputError(f"{where}: '{key}' must hold 'key: value' lines")
            value = _build(type(default), value, f"{where}: {key}")
        elif isinstance(default, tuple):
            if not isinstance(value, (list, tuple)) or len(value) != len(default):
                raise InputError(f"{where}: '{key}' must be a list of {len(default)} numbers")
            value = tuple(value)
        elif isinstance(default, bool) != isinstance(value, bool):
            raise InputError(f"{where}: '{key}' must be {'true or false' if isinstance(default, bool) else 'no truth value'}")
        elif isinstance(default, float):
            try:
                value = float(value)
            except (TypeError, ValueError):
                raise InputError(f"{where}: '{key}' must be a number, not {value!r}") from None
        elif default is not None and not isinstance(value, type(default)):
            raise InputError(f"{where}: '{key}' must be of type {type(default).__name__}, not {type(value).__name__}")
        made[key] = value
    return kind(**made)


def _default(entry):
    if entry.default_factory is not dataclasses.MISSING:
        return entry.default_factory()
    return entry.default
