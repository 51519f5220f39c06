"""What Slicer's Python lacks, and how it gets there: torch through the PyTorch extension, the rest through pip. No torch import here."""

import importlib.util
import subprocess
from contextlib import contextmanager
from importlib import metadata

import slicer
from slicer.i18n import tr as _

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
    return _("To be installed once: {listed}. Nothing else ever needs the network.").format(listed=listed)


def install(names):
    """Install the packages; on the main thread. InputError when the PyTorch extension is missing or something was not installed."""
    if "torch" in names:
        try:
            import PyTorchUtils
        except ImportError:
            raise InputError(
                _(
                    "PyTorch comes through Slicer's PyTorch extension: install that from the Extensions Manager, "
                    "restart Slicer, then press Install again."
                )
            ) from None
        requirement = PACKAGES["torch"][0][len("torch") :]
        with _downloading(["torch"]):
            installed = PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=requirement)
        if installed is None:
            raise InputError(_("PyTorch was not installed; press Install to try again."))
    others = [name for name in names if name != "torch"]
    if others:
        with _downloading(others):
            _pip([PACKAGES[name][0] for name in others])


@contextmanager
def _downloading(names):
    """pip ends with a status alone; nearly always it could not reach its server. What it said is in Slicer's log."""
    try:
        yield
    except subprocess.CalledProcessError as error:
        listed = ", ".join(PACKAGES[name][1] for name in names)
        raise InputError(
            _("{listed} could not be downloaded; check the network or proxy, then press Install again.").format(listed=listed)
        ) from error


def _pip(requirements):
    try:
        # Slicer does not import this part of itself, and Slicer 5.10 and older do not have it.
        from slicer.packaging import pip_ensure
    except ImportError:
        slicer.util.pip_install(" ".join(requirements))
        return
    pip_ensure(requirements, prompt_install=False, requester="CRend")


def _installed(name):
    try:
        metadata.version(name)
        return True
    except metadata.PackageNotFoundError:
        return importlib.util.find_spec(name) is not None
