"""What a run needs, checked one by one; each finding comes with its cure in words."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from importlib.util import find_spec

from . import __version__
from .errors import InputError

PACKAGES = ("numpy", "scipy", "SimpleITK", "vtk", "safetensors")
ENGINES = ("onnxruntime", "openvino", "torch")  # one of these is enough
#: Modules of the extra "training", which only `crend-training` needs.
TRAINING = ("torch", "monai", "lightning", "tensorboard", "yaml", "tqdm", "matplotlib")
ENOUGH_MEMORY_GB = 4.0
TYPICAL_WINDOWS = 40
NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class Check:
    """One finding. state: "ok", "note" (works, could be better) or "wrong" (must be put right)."""

    what: str
    state: str
    found: str
    cure: str = ""


def checks() -> Iterator[Check]:
    """All checks, the quick ones first; nothing is raised, whatever is broken."""
    yield Check("crend", "ok", f"{__version__} in {os.path.dirname(os.path.abspath(__file__))}")
    yield _python()
    missing = False
    for package in PACKAGES:
        check = _package(package)
        missing = missing or check.state == "wrong"
        yield check
    engines = [_engine(name) for name in ENGINES]
    yield from engines
    if not any(check.state == "ok" or check.found[:1].isdigit() for check in engines):
        yield Check("engine", "wrong", "nothing to run a network with", "install one: pip install onnxruntime")
        missing = True
    yield _training()
    yield _memory()
    if missing:
        return
    yield from _devices()
    yield from _models()


def _training() -> Check:
    """Whether networks can be trained here: looked up, not imported, since nothing else needs these packages."""
    absent = [name for name in TRAINING if find_spec(name) is None]
    if absent:
        return Check("training", "note", f"not installed: {', '.join(absent)}", 'needed to train only: pip install "crend[training]"')
    return Check("training", "ok", "its packages are installed")


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    if sys.version_info < (3, 10):
        return Check("python", "wrong", found, "install Python 3.10 or newer.")
    return Check("python", "ok", found)


def _package(name: str, load=None) -> Check:
    try:
        # Imported, not looked up only: what it needs of the system (CUDA, a C library) may be missing.
        module = load() if load else import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            return Check(name, "wrong", NOT_INSTALLED, f"install it: pip install {name}")
        return Check(name, "wrong", f"cannot be loaded ({_reason(error)})", "install it again.")
    version = _version(name, module)
    if name == "torch" and version.startswith("2.9."):
        return Check(name, "note", version, "3D convolutions are slow in 2.9; install 2.10 or newer.")
    return Check(name, "ok", version)


def _version(name: str, module=None) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        # Slicer brings some packages without their metadata.
        return str(getattr(module, "__version__", "installed"))


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _memory() -> Check:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):
        return Check("memory", "ok", "size not known on this system")
    if total < ENOUGH_MEMORY_GB:
        return Check("memory", "note", f"{total:.0f} GB", f"large volumes need about {ENOUGH_MEMORY_GB:.0f} GB; close other programs.")
    return Check("memory", "ok", f"{total:.0f} GB")


def _devices() -> Iterator[Check]:
    """What a graphics card is good for. Asks the driver, and torch only where it is installed and there is a card."""
    from .inference.engines import driver_has_device, installed, torch_may_have_cuda

    if not driver_has_device():
        yield Check("cuda", "note", "no NVIDIA card found", "none is needed: the CPU does the work.")
    elif not torch_may_have_cuda():
        built = "the torch that is installed was not built for CUDA" if installed("torch") else "torch is not installed"
        yield Check(
            "cuda",
            "note",
            f"an NVIDIA card is there, but {built}",
            "optional, faster: install torch with CUDA (in Slicer: the PyTorch extension).",
        )
    else:
        yield from _cards()


def _cards() -> Iterator[Check]:
    try:
        import torch

        if not torch.cuda.is_available():
            yield Check(
                "cuda",
                "note",
                "torch cannot use the NVIDIA card",
                "the CPU does the work; torch's CUDA and the driver may not fit each other.",
            )
        for k in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(k)
            yield Check("cuda", "ok", f"cuda:{k} is {properties.name} with {properties.total_memory / 1e9:.0f} GB")
    except (ImportError, OSError, RuntimeError) as error:
        yield Check(
            "cuda",
            "note",
            f"does not answer ({_reason(error)})",
            "the CPU does the work; install the driver again to use the graphics card.",
        )


def _engine(name: str) -> Check:
    """As `_package`, but one that is missing or broken is no harm as long as there is another."""
    from .inference.graph_engines import import_openvino

    check = _package(name, import_openvino if name == "openvino" else None)
    if check.found != NOT_INSTALLED:
        return replace(check, state="note") if check.state == "wrong" else check
    cure = {
        "onnxruntime": "what runs networks by default: pip install onnxruntime",
        "openvino": "optional, faster on processors from Intel: pip install openvino",
        "torch": "optional, for NVIDIA cards, training and models without a graph: pip install torch (in Slicer: the PyTorch extension)",
    }
    return Check(name, "note", NOT_INSTALLED, cure[name])


def _models() -> Iterator[Check]:
    from .bundle.bundle import available, load, search_folders

    infos = available()
    if not infos:
        places = " or ".join(str(folder) for folder in search_folders()) or "Resources/Models beside the package"
        yield Check("models", "wrong", "none installed", f"put a bundle's folder into {places}, or install CRend again.")
        return
    for number, info in enumerate(infos):
        try:
            bundle = load(info.folder)
        except InputError as error:
            yield Check(f"model {info.name}", "wrong", str(error), "install CRend again, or copy the bundle again.")
            continue
        yield Check(f"model {info.name}", "ok", f"version {info.metadata['version']}, complete, its checksum is right")
        if number == 0:
            yield _window(bundle)


def _window(bundle) -> Check:
    """Time of one window of the default model on the engine that "auto" takes."""
    import numpy as np

    from .inference.engines import make_engine

    try:
        engine = make_engine(bundle.model)
        window = np.zeros(bundle.model.window_shape, np.float32)
        engine.predict(window)  # the first also sets up
        began = time.perf_counter()
        engine.predict(window)
        seconds = time.perf_counter() - began
    except Exception as error:  # a broken driver or library can raise anything, and that is what is to be told
        return Check("speed", "wrong", f"a window of {bundle.name} failed: {_reason(error)}", "try --device cpu, or another --engine.")
    about = f"one window of {bundle.name} takes {seconds:.2f} s with {engine.name} on {engine.device}"
    return Check("speed", "ok", f"{about}, a typical volume about {seconds * TYPICAL_WINDOWS:.0f} s")
