"""What both programs, `crend` and `crend-training`, have in common: how help looks, which numbers they take, what is said of a package that is missing."""

from __future__ import annotations

import typer.core

from ..errors import InputError
from ..numerals import number_in, whole_in

#: For every group of commands: -h is --help.
HELP = {"help_option_names": ["-h", "--help"]}

#: {module that may be missing: (package to install, extra of crend that brings it)}.
_EXTRAS = {
    "torch": ("torch", "gpu"),
    "openvino": ("openvino", "openvino"),
    "monai": ("monai", "training"),
    "lightning": ("lightning", "training"),
    "tensorboard": ("tensorboard", "training"),
    "yaml": ("PyYAML", "training"),
    "tqdm": ("tqdm", "training"),
    "matplotlib": ("matplotlib", "training"),
    "onnx": ("onnx", "training"),
    "pydicom": ("pydicom", "dicom"),
    "highdicom": ("highdicom", "dicom"),
    "dask": ("dask", "cluster"),
    "distributed": ("distributed", "cluster"),
    "dask_jobqueue": ("dask-jobqueue", "cluster"),
}


class Command(typer.core.TyperCommand):
    """A command whose help leaves the column of values empty for flags: they take none. Its numbers are finite ones, written as people do."""

    def get_params(self, ctx):
        return _without_values(super().get_params(ctx))

    def parse_args(self, ctx, args):
        """InputError for an option of a number that is none: nan, which is within every range, inf, and 0_3, which Python takes for 3."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        written = self.make_parser(ctx).parse_args(given)[0]
        for param in self.params:
            for number, word in zip(_each(ctx.params.get(param.name)), _each(written.get(param.name))):
                if type(number) in (int, float) and isinstance(word, str):
                    _check_number(word, max(param.opts, key=len), type(number))
        return rest


class Group(typer.core.TyperGroup):
    """A group of commands, likewise."""

    def get_params(self, ctx):
        return _without_values(super().get_params(ctx))


def _each(value):
    return value if isinstance(value, (tuple, list)) else [value]


def _check_number(word: str, option: str, kind) -> None:
    try:
        whole_in(word) if kind is int else number_in(word)
    except ValueError:
        raise InputError(f"{option}: {word} is no number; give one such as {'3' if kind is int else '0.3'}.") from None


def _without_values(params):
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


def missing_package(error: ImportError, training: bool = False) -> str | None:
    """One line that names the package and how to install it; None when it is none of those that are optional.

    training: of the training program, all of whose packages come with the extra "training".
    """
    name = (error.name or "").partition(".")[0]
    if name not in _EXTRAS:
        return None
    package, extra = _EXTRAS[name]
    return f'this needs {package}, which is not installed; install it: pip install "crend[{"training" if training else extra}]"'
