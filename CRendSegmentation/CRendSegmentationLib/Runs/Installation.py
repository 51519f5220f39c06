"""What Slicer's Python lacks, and how it gets there through pip. PyTorch is an option for owners of an NVIDIA card. No torch import here."""

import importlib.util
import platform
import subprocess
import tempfile
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from crend.errors import InputError
from crend.inference.engines import driver_has_device

#: Package: (requirement, what to call it, size to be downloaded with what it needs).
PACKAGES = {
    "onnxruntime": ("onnxruntime>=1.23", "ONNX Runtime", "17 to 28 MB, with flatbuffers, packaging and protobuf"),
    "safetensors": ("safetensors", "safetensors", "1 MB"),
}
#: The last one for Macs with Intel processors, which Slicer's Python is on every Mac, needs more.
ON_INTEL_MACS = "27 MB, with coloredlogs, flatbuffers, humanfriendly, mpmath, packaging, protobuf and sympy"
TORCH = "torch>=2.0,!=2.9.*"
#: Packages that Slicer brings: pip must not exchange them for other versions.
SLICERS_OWN = ("numpy",)


def missing():
    """Names of the packages that are not installed; found, not imported."""
    importlib.invalidate_caches()  # pip may have put them there since
    return [name for name in PACKAGES if not _installed(name)]


def words(names):
    """One line that says what is to be installed and how large it is."""
    sizes = {name: size for name, (_requirement, _called, size) in PACKAGES.items()}
    if platform.system() == "Darwin" and platform.machine() == "x86_64":
        sizes["onnxruntime"] = ON_INTEL_MACS
    listed = ", ".join(f"{PACKAGES[name][1]} ({sizes[name]})" for name in names)
    return _("To be installed once: {listed}. Nothing else ever needs the network.").format(listed=listed)


def install(names, anew=False):
    """Install the packages, `anew` also over what is there; on the main thread. InputError when they were not installed."""
    with _downloading([PACKAGES[name][1] for name in names]):
        _pip([PACKAGES[name][0] for name in names], anew)


def cardWithoutTorch():
    """Whether there is an NVIDIA card that only PyTorch, which is not installed, could use."""
    return not _installed("torch") and driver_has_device()


def installTorch():
    """Install PyTorch for the NVIDIA card, on the main thread. InputError without a card, without the PyTorch extension, or when it failed."""
    if not driver_has_device():
        raise InputError(_("No NVIDIA card was found. PyTorch would make nothing faster, so it is not installed."))
    try:
        import PyTorchUtils
    except ImportError:
        raise InputError(
            _(
                "PyTorch comes through Slicer's PyTorch extension: install that from the Extensions Manager, "
                "restart Slicer, then press the button again."
            )
        ) from None
    with _downloading(["PyTorch"]):
        installed = PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=TORCH[len("torch") :])
    if installed is None:
        raise InputError(_("PyTorch was not installed; press the button to try again."))


@contextmanager
def _downloading(called):
    """pip ends with a status, and what it said is in Slicer's log: it could not reach its server, or not write."""
    try:
        yield
    except subprocess.CalledProcessError as error:
        said = f"{error.output or ''} {error.stderr or ''}".lower()
        if any(words in said for words in ("denied", "used by another process", "not permitted", "read-only")):
            cure = _("{listed} could not be written into Slicer's Python; restart Slicer and press Install first of all.")
        else:
            cure = _(
                "{listed} could not be installed; check the network or proxy, and that no other Slicer is open, then press Install "
                "again. What pip said is in Slicer's log."
            )
        raise InputError(cure.format(listed=", ".join(called))) from error


def _pip(requirements, anew=False):
    with tempfile.TemporaryDirectory(prefix="crend-") as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={metadata.version(name)}\n" for name in SLICERS_OWN), encoding="utf-8")
        if anew:
            slicer.util.pip_install(["--constraint", str(constraints), "--force-reinstall", "--no-deps", *requirements])
            return
        try:
            # Slicer does not import this part of itself, and Slicer 5.10 and older do not have it.
            from slicer.packaging import pip_ensure
        except ImportError:
            slicer.util.pip_install(["--constraint", str(constraints), *requirements])
            return
        pip_ensure(requirements, constraints=str(constraints), prompt_install=False, requester="CRend")


def _installed(name):
    try:
        metadata.version(name)
        return True
    except metadata.PackageNotFoundError:
        return importlib.util.find_spec(name) is not None
