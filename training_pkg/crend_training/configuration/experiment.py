"""One readable YAML file an experiment; every key is checked, an unknown one is named."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from crend.errors import InputError
from crend.io.text_files import read_text
from crend.numerals import number_in, yaml_in

from .allowed import check_arguments, check_bundled, check_numbers, check_seeds, setting

SYSTEMS = ("unet", "context", "edge", "deeplab", "entropy", "rend", "crend")
CHOICES = {
    "network": SYSTEMS,
    "optimizer": ("adam", "muon"),
    "precision": ("32-true", "16-mixed", "bf16-mixed", "auto"),
    "data: kind": ("simulated", "datalist", "usova3d"),
    "data: scene": ("plain", "anatomy", "random", "mixed"),
    "data: rater": ("agreement", "1", "2"),
    "data: problems": ("refuse", "skip"),
    "data: follicles": ("labelled", "components"),
    "crossval: checkpoint": ("last", "best"),
}


@dataclass
class Data:
    """Where the volumes come from.

    kind simulated: seeds, first (inclusive) to last (exclusive), of the volumes to train on, to validate on, and to train on without
    their labels (semi-supervision); `scene` of `phantom.scenes`, "mixed" for all of them, a third without an ovary. plain_first_seed to
    plain_last_seed: further volumes to train on, of plain scenes, every third without an ovary.
    kind datalist: `path` of a CSV or JSON list of images and labels. kind usova3d: `path` of the folder with vol<ID>.vtk; `rater` 1, 2 or what both agree on.
    problems: what to do with a volume that `check` finds wrong. follicles: "components" where a label image marks all follicles
    with one number, and touching ones are one. outside_percent: share of a volume's follicle voxels that may lie outside its ovary.
    """

    kind: str = "simulated"
    first_seed: int = 1000
    last_seed: int = 1200
    validation_first_seed: int = 900
    validation_last_seed: int = 908
    unlabelled_first_seed: int = 0
    unlabelled_last_seed: int = 0
    scene: str = "plain"
    plain_first_seed: int = 0
    plain_last_seed: int = 0
    path: str = ""
    rater: str = "agreement"
    problems: str = "refuse"
    follicles: str = "labelled"
    outside_percent: float = 1.0


@dataclass
class CrossValidation:
    """`folds` disjoint test sets of `test` volumes each (0: as many as there are); all other volumes train.

    validation: this many of a fold's training volumes are set aside to watch the training and to choose the best checkpoint.
    """

    systems: list = field(default_factory=lambda: list(SYSTEMS))
    folds: int = 2
    test: int = 18
    validation: int = 0
    checkpoint: str = "last"


@dataclass
class Contrastive:
    """The form of the contrastive loss, see `objectives.contrast.Form`; the defaults are the paper's."""

    confident: int = 0
    background: bool = False
    hard: bool = False
    centred: bool = False
    temperature: float = 1.0
    prototypes: float = 0.0
    detail: bool = True
    ramp_steps: int = 0


@dataclass
class Experiment:
    """Settings of one training run. Sizes are (D, H, W) voxels, spacings (x, y, z) mm.

    in_plane: the grid's size (x, y) in voxels, to which every volume of `spacing_mm` is resized, the third axis in proportion, as in the paper: a
        millimetre then has another length in each volume (`crend.inference.model_grid.grid_spacing`). Empty: all volumes at `spacing_mm`.
    epochs, where not 0, replaces steps: in each epoch every training volume gives one patch. Context trains that long twice.
    semi_weight > 0 adds the mean teacher's consistency on unlabelled volumes, full after semi_ramp_steps; it needs average_decay.
    discriminator_learning_rate: at the start; it follows learning_rate. Discriminators that learn as fast as the network win,
    and the network ends with finding nothing. The default is BEAL's number, here with Adam.
    point_dice_weight: soft Dice in the loss of the rendered points, too, where dice_weight gives it to the coarse map.
    small_weight: how often a voxel of a small follicle counts at most in the losses of rend and crend (`small.small_weights`); 1, as any other.
    contrast: standard deviation by which an ovary's tissue is made lighter or darker, in those of the normalised volume.
    strong: changes of grey levels far beyond what scanners do, one at a time, in half of the patches (`augmentation.STRONG`).
    optimizer: adam, as in the paper, or muon (`muon.ConvolutionMuon`), which gets further in a short training.
    unguided: share of patches in which a guided network gets no guide: it must not come to lean on the overview alone.
    precision auto: bf16-mixed where the GPU has it, else 32-true. On the CPU bf16-mixed is quicker where it has instructions for it, but no two
        runs of one seed are then the same.
    follicles_edge: probability at which a follicle ends; it is found at 0.5 (`crend.structures.outlines`).
    ovary_lowest: how far the ovary's threshold of 0.5 may fall where nothing reaches it (`crend.confidence.expected_dice`); 0.5, not at all, to
        compare systems.
    smallest_follicle_mm: follicles below this equal-volume diameter are dropped.
    small_follicle_probability: so are those below small_follicle_mm whose mean probability is below this one (`crend.structures.small_follicles`); 0, none.
    overrides: system -> keys that differ from this file when that system is cross-validated.
    """

    name: str = "crend-sim"
    network: str = "crend"
    arguments: dict = field(default_factory=lambda: {"width": 32})
    spacing_mm: tuple = (0.5, 0.5, 0.5)
    in_plane: list = field(default_factory=list)
    patch: tuple = (192, 192, 128)
    normalisation: dict = field(default_factory=lambda: {"method": "zscore_nonzero"})
    data: Data = field(default_factory=Data)
    crossval: CrossValidation = field(default_factory=CrossValidation)
    overrides: dict = field(default_factory=dict)
    seed: int = 0
    steps: int = 10200
    epochs: int = 0
    batch: int = 1
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    final_learning_rate: float = 1e-4
    warmup_steps: int = 0
    gradient_clip: float = 1.0
    average_decay: float = 0.0
    points: int | None = None
    k: float = 2.0
    beta: float = 0.7
    gamma: float = 2.0
    lambda_points: float = 0.8
    lambda_contrast: float = 0.2
    contrastive: Contrastive = field(default_factory=Contrastive)
    dice_weight: float = 0.0
    point_dice_weight: float = 0.0
    small_weight: float = 1.0
    contour_weight: float = 1.0
    contour_radius: int = 1
    adversarial_weight: float = 0.01
    discriminator_channels: int = 16
    discriminator_learning_rate: float = 2.5e-5
    semi_weight: float = 0.0
    semi_ramp_steps: int = 1000
    semi_confidence: float = 0.9
    rotation_degrees: float = 30.0
    tilt_degrees: float = 0.0
    scale: float = 0.0
    any_orientation: bool = False
    intensity: bool = True
    strong: bool = False
    contrast: float = 0.0
    ovary_share: float = 0.7
    unguided: float = 0.2
    validate_every: int = 500
    checkpoint_every: int = 100
    log_every: int = 20
    tensorboard: bool = True
    render_points: int | None = None
    follicles_edge: float = 0.5
    ovary_lowest: float = 0.1
    smallest_follicle_mm: float = 2.0
    small_follicle_mm: float = 5.0
    small_follicle_probability: float = 0.0
    precision: str = "32-true"
    workers: int = 1
    devices: int = 1
    nodes: int = 1


LARGEST_FILE = 1_000_000  # bytes


def read_experiment(path) -> Experiment:
    """Reads an experiment's YAML file. Raises InputError that names an unknown or ill-typed key."""
    import yaml

    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: larger than any configuration; give the path of a YAML file")
        values = yaml_in(read_text(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such configuration; give the path of a YAML file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); give the path of a YAML file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8; save it as UTF-8, or give the path of a YAML file") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply for a configuration; start from one in crend_training/configs") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a date of month 13 is a ValueError
        what = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not readable as YAML ({what}); correct the file") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds no 'key: value' lines; start from one in crend_training/configs")
    return experiment_from(values, str(path))


def experiment_from(values: dict, where: str) -> Experiment:
    """The experiment that `values` describe, as read from YAML or JSON; `where` begins every message."""
    experiment = _build(Experiment, values, where)
    _check(experiment, where)
    for system in experiment.overrides:
        for_system(experiment, system, where)
    return experiment


def for_system(experiment: Experiment, system: str, where: str = "overrides") -> Experiment:
    """The experiment as `system` is cross-validated: its network, and what `overrides` says of it."""
    if system not in SYSTEMS:
        raise InputError(f"{where}: unknown system '{system}'; known are {', '.join(SYSTEMS)}")
    changes = experiment.overrides.get(system) or {}
    if not isinstance(changes, dict) or {"overrides", "network", "data", "crossval"} & set(changes):
        raise InputError(f"{where}: overrides of {system} must hold 'key: value' lines, none of them network, data, crossval or overrides")
    values = {**dataclasses.asdict(experiment), "overrides": {}, **changes, "network": system}
    result = _build(Experiment, values, f"{where}: overrides: {system}")
    _check(result, f"{where}: overrides: {system}")
    return result


def phase_steps(experiment: Experiment, training_cases: int) -> int:
    """Steps of one phase: `steps`, or those of `epochs` passes over the training cases."""
    if not experiment.epochs:
        return experiment.steps
    at_once = experiment.batch * experiment.devices * experiment.nodes
    return max(1, -(-experiment.epochs * training_cases // at_once))


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
                raise InputError(f"{where}: '{key}' must be a list of {len(default)} numbers, not {value!r}")
            value = tuple(value)
        elif isinstance(default, bool) != isinstance(value, bool):
            raise InputError(f"{where}: '{key}' must be {'true or false' if isinstance(default, bool) else 'no truth value'}")
        elif isinstance(default, float):
            try:
                value = number_in(value) if isinstance(value, str) else float(value)
            except (TypeError, ValueError, OverflowError):
                raise InputError(f"{where}: '{key}' must be a number, not {value!r}") from None
        elif key == "rater":
            value = str(value)
        elif default is not None and not isinstance(value, type(default)):
            raise InputError(f"{where}: '{key}' must be of type {type(default).__name__}, not {value!r}")
        made[key] = value
    return kind(**made)


def _check(experiment: Experiment, where: str) -> None:
    """InputError for a value that no run could use."""
    for name, known in CHOICES.items():
        value = setting(experiment, name.replace(": ", "."))
        if value not in known:
            raise InputError(f"{where}: '{name}' is '{value}'; known are {', '.join(known)}")
    check_numbers(experiment, where)
    check_arguments(experiment.network, experiment.arguments, where)
    if experiment.data.kind == "simulated":
        check_seeds(experiment.data, where)
    if not all(isinstance(n, int) and n > 0 and n % 16 == 0 for n in experiment.patch) or max(experiment.patch) < 32:
        raise InputError(f"{where}: 'patch' must be three multiples of 16, one of them 32 or more, not {list(experiment.patch)}")
    if experiment.in_plane and (len(experiment.in_plane) != 2 or not all(type(n) is int and 32 <= n <= 384 for n in experiment.in_plane)):
        raise InputError(f"{where}: 'in_plane' must be two sizes in voxels (x, y) of 32 to 384, or be left out, not {experiment.in_plane}")
    if experiment.in_plane and experiment.small_weight > 1:
        raise InputError(f"{where}: 'in_plane' and 'small_weight' do not go together: how large a follicle is differs by volume")
    check_bundled(experiment, where)
    unknown = [system for system in experiment.crossval.systems if system not in SYSTEMS]
    if unknown:
        raise InputError(f"{where}: 'crossval: systems' has '{unknown[0]}'; known are {', '.join(SYSTEMS)}")
    if experiment.semi_weight and experiment.arguments.get("guided"):
        raise InputError(f"{where}: 'semi_weight' and 'arguments: guided' do not go together: volumes without labels have no guides")
    if experiment.semi_weight and experiment.network == "crend" and experiment.lambda_contrast and experiment.contrastive != Contrastive():
        raise InputError(
            f"{where}: 'semi_weight' and 'contrastive' do not go together: unlabelled volumes know the paper's form of the loss alone"
        )
    if experiment.semi_weight and not experiment.average_decay:
        raise InputError(f"{where}: 'semi_weight' needs 'average_decay' above 0: the teacher is the average of the student's weights")


def _default(entry):
    if entry.default_factory is not dataclasses.MISSING:
        return entry.default_factory()
    return entry.default
