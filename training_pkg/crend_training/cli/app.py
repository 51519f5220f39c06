"""python -m crend_training: phantom, systems, check, prepare, train, bundle, evaluate, calibrate, crossval, tables, points."""

from __future__ import annotations

import errno
import math
import sys
from pathlib import Path
from typing import Optional

import typer

from crend import __version__
from crend.cli.commands import HELP, Command, Group, missing_package
from crend.errors import InputError

from . import bundling, improving, measuring, studying
from .options import COMPONENTS, CONFIG
from .stopping import CANCELLED, stoppable

#: Of a folder that is write-protected, full, or a file.
UNWRITABLE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EFBIG, errno.EIO,
)  # fmt: skip

app = typer.Typer(
    name="crend-training",
    cls=Group,
    context_settings=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Train, bundle and measure the systems of C-Rend. Research use only.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"crend-training {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and stop."),
) -> None:
    pass


@app.command(cls=Command)
def phantom(
    out: Path = typer.Option(..., help="Folder to write volume.nrrd, labels.nrrd and parameters.json to."),
    seed: int = typer.Option(0, help="The same seed gives the same volume."),
    trial: bool = typer.Option(False, "--trial", help="Of the second simulator, for testing only, from which no model learns."),
    scene: str = typer.Option("plain", help="plain, anatomy, random or mixed; of the second simulator plain or crowded."),
) -> None:
    """Simulate one 3D ultrasound volume of an ovary, with its truth."""
    from ..phantom import make_phantom, write_phantom
    from ..trial_phantom import make_trial_volume

    try:
        made = (make_trial_volume if trial else make_phantom)(seed, scene=scene)
    except ValueError as error:
        raise InputError(f"--scene {scene}: {error}") from None
    write_phantom(made, out)
    typer.echo(f"{out}: volume.nrrd, labels.nrrd, parameters.json")


@app.command(cls=Command)
def systems(as_json: bool = typer.Option(False, "--json", help="As JSON: name -> parameter count.")) -> None:
    """The systems that can be trained, and their parameter counts at the paper's width of 32."""
    import json

    from crend.networks import parameter_counts

    counts = parameter_counts()
    typer.echo(json.dumps(counts) if as_json else "\n".join(f"{name:8} {count:>11,}" for name, count in counts.items()))


@app.command(cls=Command)
def check(
    data: Path = typer.Argument(..., help="A CSV or JSON list of images and labels, or a folder of USOVA3D."),
    rater: str = typer.Option("agreement", help="USOVA3D: 1, 2 or agreement."),
    outside_percent: float = typer.Option(1.0, help="Share of a volume's follicle voxels that may lie outside its ovary."),
    components: bool = COMPONENTS,
) -> None:
    """Read everything and list what is wrong, file by file; exit code 2 when something is."""
    from ..configuration.experiment import CHOICES, Data
    from ..data.checking import check_entries
    from ..data.sources import entries_at

    if rater not in CHOICES["data: rater"]:
        raise InputError(f"--rater {rater}: unknown; use agreement, 1 or 2")
    entries = entries_at(data, Data(rater=rater, follicles="components" if components else "labelled"))
    with typer.progressbar(length=len(entries), label="checking", file=sys.stderr) as bar:
        findings = check_entries(entries, outside_percent=outside_percent, progress=lambda: bar.update(1))
    for finding in findings:
        typer.echo(str(finding))
    wrong = {finding.name for finding in findings if finding.wrong}
    labelled = sum(entry.labelled for entry in entries)
    typer.echo(f"{len(entries)} volumes, {labelled} of them labelled; {len(wrong)} wrong")
    if wrong:
        raise typer.Exit(2)


@app.command(cls=Command)
def prepare(
    config: Path = CONFIG,
    data: Path = typer.Option(..., help="Folder for the cases."),
    volumes: Optional[Path] = typer.Option(None, help="Another configuration, whose volumes are put on this one's grid."),
) -> None:
    """Put the volumes of a configuration on its model grid (simulating them where it says so); what is there already is kept."""
    from dataclasses import replace

    from ..configuration.experiment import read_experiment
    from ..data.sources import prepare_training

    experiment = read_experiment(config)
    if volumes is not None:
        experiment = replace(experiment, data=read_experiment(volumes).data)
    prepare_training(experiment, data, tell=lambda line: typer.echo(line, err=True))


@app.command(cls=Command)
def guide(
    config: Path = typer.Argument(..., metavar="CONFIG", help="The overview's configuration."),
    run: Path = typer.Option(..., help="Folder of the overview's training run."),
    coarse: Path = typer.Option(..., help="Folder of the overview's cases, prepared with CONFIG (or with its grid) from the same volumes."),
    data: Path = typer.Option(..., help="Folder of the close look's cases, which get their guides; those there already are kept."),
) -> None:
    """Write what guides a close look (`arguments: {guided: true}`): the overview's maps of every case it is trained or validated on."""
    from ..configuration.experiment import read_experiment
    from ..data.cases import Cases
    from ..data.guides import write_guides
    from ..training.train import LAST, load_checkpoint

    experiment = read_experiment(config)
    network, _ = load_checkpoint(experiment, run / LAST)
    for split in ("training", "validation"):
        fine = Cases(data / split)
        with typer.progressbar(length=len(fine.names()), label=f"guides of {split}", file=sys.stderr) as bar:
            write_guides(network, experiment.patch, Cases(coarse / split), fine, progress=lambda _: bar.update(1))


@app.command(cls=Command)
def train(
    config: Path = CONFIG,
    data: Path = typer.Option(..., help="Folder of cases; what is missing is prepared first."),
    run: Path = typer.Option(..., help="Folder for checkpoints and logs; a run found there is resumed."),
    start: Optional[Path] = typer.Option(
        None, help="A checkpoint, such as last.ckpt of another run, or a bundle, to begin with instead of random weights."
    ),
    as_is: bool = typer.Option(False, "--as-is", help="Use the cases there now, and those that appear on the way."),
) -> None:
    """Train the system of a configuration; start again after a kill and it goes on."""
    from crend.io.locking import locked

    from ..configuration.experiment import read_experiment
    from ..data.sources import prepare_training
    from ..training.starting import start_of
    from ..training.train import train as run_training

    experiment, cases = read_experiment(config), None
    begin = None if start is None else start_of(experiment, start)
    if not as_is:
        data.mkdir(parents=True, exist_ok=True)
        # Of several processes that start together one prepares, the others wait and find it done.
        with locked(data, wait=math.inf):
            cases = prepare_training(experiment, data, tell=lambda line: typer.echo(line, err=True))
    run_training(experiment, data, run, cases=cases, start=begin)


for command in (
    bundling.bundle, bundling.finetune, improving.improve, studying.crossval, studying.seeds, studying.tables, studying.points,
    measuring.evaluate, measuring.difference, measuring.calibrate,
):  # fmt: skip
    app.command(cls=Command)(command)


def main() -> None:
    """Run the command line and exit: bad input and bad arguments are one line and exit code 2, being stopped is one and 130."""
    sys.exit(stoppable(lambda: run(sys.argv[1:])))


def run(arguments: list[str]) -> int:
    """The exit code of a command; KeyboardInterrupt, or SystemExit of Lightning's, when it was stopped."""
    try:
        code = app(arguments or ["--help"], prog_name="crend-training", standalone_mode=False)
        if code == CANCELLED:  # what newer versions of typer make of KeyboardInterrupt
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except InputError as error:
        return _failed(str(error))
    except typer.Abort:
        raise KeyboardInterrupt from None
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _failed(
            f"{where}cannot be read or written ({(error.strerror or str(error)).lower()}); make room, or choose another place. What was done is kept."
        )
    except ImportError as error:
        missing = missing_package(error, training=True)
        if missing is None:
            raise
        return _failed(missing)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # Of typer's: a usage error.
        command = getattr(getattr(error, "ctx", None), "command_path", None) or "crend-training"
        return _failed(f"{error.format_message().rstrip('.')}; see {command} --help.")


def _failed(message: str) -> int:
    typer.echo("error: " + " ".join(message.splitlines()), err=True)
    return 2
