"""Engines: what runs a network on one window. ONNX Runtime (CPU, the default), OpenVINO (CPU) or torch (CUDA, CPU).

An engine has: name, device, warnings, renders (whether the network has a rendering head) and predict(window, points). torch is
imported only where it is asked for, where a CUDA device is found, or where a bundle has no graph.
"""

from __future__ import annotations

import ctypes
import sys
from importlib import metadata
from importlib.util import find_spec

from ..errors import InputError
from .careful_engine import CarefulEngine

GRAPH_ENGINES = ("onnxruntime", "openvino")
ENGINES = ("auto", *GRAPH_ENGINES, "torch")


def make_engine(model, device: str = "auto", engine: str = "auto"):
    """The engine for a network: a `crend.bundle.Model`, or a torch module with `trunk`. InputError for a device or an engine that is not there.

    Where "auto" chose, it goes on with the next one whenever one cannot be loaded or fails in a window; its `warnings` say so.
    """
    has_graph = getattr(model, "graph", None) is not None
    first = choose(device, engine, has_graph, getattr(model, "no_graph", ""))
    return CarefulEngine(model, [first, *_after(first, device, engine, has_graph)], _start)


def engine_for_network(engine, model):
    """An engine of the same kind, on the same device, for another network; kept, so that many volumes pay for it once.

    A network that has no graph runs in torch all the same. The two share their warnings.
    """
    kept, other = getattr(engine, "_other", (None, None))
    if kept is not model:
        has_graph = getattr(model, "graph", None) is not None
        choices = getattr(engine, "choices", [(engine.name, engine.device)])
        fitting = [(name, device) for name, device in choices if has_graph or name == "torch"]
        other = CarefulEngine(model, fitting or [("torch", engine.device)], _start)
        other.warnings = engine.warnings
        engine._other = (model, other)
    return other


def choose(device: str = "auto", engine: str = "auto", has_graph: bool = True, no_graph: str = "") -> tuple[str, str]:
    """(engine, device) for what was asked: "onnxruntime", "openvino" or "torch"; "cpu", "cuda" or "cuda:N".

    "auto" is torch where it has a CUDA device, else ONNX Runtime, else OpenVINO, else torch on the CPU. no_graph: why the bundle has none.
    InputError when it is not there.
    """
    if engine not in ENGINES:
        raise InputError(f'engine "{engine}": unknown; use {", ".join(ENGINES)}.')
    kind, _, number = device.partition(":")
    if device not in ("auto", "cpu") and (kind != "cuda" or (number and not number.isdecimal()) or device.endswith(":")):
        raise InputError(f'device "{device}": unknown; use auto, cpu or cuda.')
    if engine in GRAPH_ENGINES:
        if device not in ("auto", "cpu"):
            raise InputError(f'engine {engine} runs on the CPU, not on "{device}"; use --device cpu or --engine torch.')
        if not installed(engine):
            raise InputError(f"engine {engine}: not installed here; install the package {engine} or choose another engine.")
        if not has_graph:
            raise InputError(f"engine {engine}: {no_graph or 'the network has no graph'}; use --engine torch, or bundle it again.")
        return engine, "cpu"
    if kind == "cuda":
        return "torch", _torch_device(device)
    if device == "auto" and torch_may_have_cuda() and _cuda_in_torch():
        return "torch", "cuda"
    found = [name for name in GRAPH_ENGINES if has_graph and installed(name)]
    if engine == "auto" and found:
        return found[0], "cpu"
    if not installed("torch"):
        raise InputError(_nothing_runs_it(engine, has_graph, no_graph))
    return "torch", "cpu"


def _after(first: tuple[str, str], device: str, engine: str, has_graph: bool) -> list[tuple[str, str]]:
    """What "auto" leaves to go on with where `first` fails; nothing where both were asked for by name, or the card was."""
    if device not in ("auto", "cpu") or (engine != "auto" and first[1] == "cpu"):
        return []
    names = [*(GRAPH_ENGINES if engine == "auto" and has_graph else ()), "torch"]
    return [(name, "cpu") for name in names if (name, "cpu") != first and installed(name)]


def installed(package: str) -> bool:
    """Whether a package is there (found, not imported)."""
    return find_spec(package) is not None


def torch_may_have_cuda() -> bool:
    """Whether importing torch to ask it for a CUDA device is worth its while: it is built for CUDA, and the driver has a device."""
    if not installed("torch"):
        return False
    try:
        if metadata.version("torch").endswith("+cpu"):
            return False
    except metadata.PackageNotFoundError:
        pass
    return driver_has_device()


def driver_has_device() -> bool:
    """Whether NVIDIA's driver is there and has a device; asks the driver itself, in milliseconds where there is none."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False


def _start(model, name: str, device: str):
    if name == "torch":
        from .torch_engine import TorchEngine

        return TorchEngine(getattr(model, "network", model), device)
    from . import graph_engines

    return {"onnxruntime": graph_engines.OnnxRuntimeEngine, "openvino": graph_engines.OpenVinoEngine}[name](model)


def _torch_device(device: str) -> str:
    if not installed("torch"):
        raise InputError(f'device "{device}" needs the package torch, which is not installed here; install it, or use --device cpu.')
    try:
        import torch
    except (ImportError, OSError) as error:
        raise InputError(f'device "{device}": torch cannot be loaded here ({error}); install it again, or use --device cpu.') from error

    number = int(device.partition(":")[2] or 0)
    if not torch.cuda.is_available() or number >= torch.cuda.device_count():
        raise InputError(f'device "{device}": not available to torch {torch.__version__} here; use --device cpu.')
    return device


def _cuda_in_torch() -> bool:
    try:
        import torch

        return torch.cuda.is_available()
    except Exception:  # a broken installation or driver may end in any: the other engines do without it
        return False


def _nothing_runs_it(engine: str, has_graph: bool, no_graph: str) -> str:
    if engine == "torch":
        return "engine torch: not installed here; install the package torch or choose another engine."
    if has_graph:
        return "nothing to run the network with is installed here; install the package onnxruntime."
    return f"{no_graph or 'the network has no graph'}, so it runs in torch only; install the package torch, or use another model."
