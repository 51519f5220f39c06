"""What both programs, `crend` and `crend-training`, have in common: how help looks, which numbers they take, what is said of a package that is missing."""

from __future__ import annotations

import math

import typer.core

from ..errors import InputError

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
    """A command whose help leaves the column of values empty for flags: they take none. Its numbers are finite ones."""

    def get_params(self, ctx):
        return _without_values(super().get_params(ctx))

    def invoke(self, ctx):
        """InputError for an option that is nan, which is within every range, or infinite."""
        for param in self.params:
            given = ctx.params.get(param.name)
            for number in given if isinstance(given, (tuple, list)) else [given]:
                if isinstance(number, float) and not math.isfinite(number):
                    raise InputError(f"{max(param.opts, key=len)}: {number} is no number; give one such as 0.3.")
        return super().invoke(ctx)


class Group(typer.core.TyperGroup):
    """A group of commands, likewise."""

    def get_params(self, ctx):
        return _without_values(super().get_params(ctx))


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
