"""What Slicer's Python lacks, and how it gets there: torch through the PyTorch extension, the rest through pip. No torch import here."""

import importlib.util
from importlib import metadata

import slicer

from crend.errors import InputError

#: Package: (requirement, what to call it, size to be downloaded).
PACKAGES = {
    "torch": ("torch>=2.0,!=2.9.*", "PyTorch", "0.2 GB, with an NVIDIA card 3 GB"),
    "safetensors": ("safetensors", "safetensors", "1 MB"),
}


def missing():
    """Names of the packages that are not installed; found, not imported."""
    return [name for name in PACKAGES if not _installed(name)]


def words(names):
    """One line that says what is to be installed and how large it is."""
    listed = ", ".join(f"{PACKAGES[name][1]} ({PACKAGES[name][2]})" for name in names)
    return f"To be installed once: {listed}. Nothing else ever needs the network."


def install(names):
    """Install the packages; on the main thread. InputError when the PyTorch extension is missing or nothing was installed."""
    if "torch" in names:
        try:
            import PyTorchUtils
        except ImportError:
            raise InputError("PyTorch comes through Slicer's PyTorch extension: install that from the Extensions Manager, "
                             "restart Slicer, then press Install again.") from None
        requirement = PACKAGES["torch"][0][len("torch"):]
        if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=requirement) is None:
            raise InputError("PyTorch was not installed; press Install to try again.")
    others = [PACKAGES[name][0] for name in names if name != "torch"]
    if others:
        _pip(others)


def _pip(requirements):
    packaging = getattr(slicer, "packaging", None)
    if packaging is not None and hasattr(packaging, "pip_ensure"):
        packaging.pip_ensure(requirements, prompt_install=False, requester="CRend")
    else:
        slicer.util.pip_install(" ".join(requirements))


def _installed(name):
    try:
        metadata.version(name)
        return True
    except metadata.PackageNotFoundError:
        return importlib.util.find_spec(name) is not None
