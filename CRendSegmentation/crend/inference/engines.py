"""Engines: what runs a network's trunk on one window. torch (CUDA, CPU) or OpenVINO (CPU, optional)."""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .arrays import to_tensor

if TYPE_CHECKING:
    from torch import nn

ENGINES = ("auto", "torch", "openvino")


class _Engine:
    def for_network(self, network: nn.Module):
        """An engine of the same kind, on the same device, for another network; kept, so that many volumes pay for it once."""
        kept, engine = getattr(self, "_beside", (None, None))
        if kept is not network:
            engine = self._like(network)
            engine.warnings = self.warnings
            self._beside = (network, engine)
        return engine


class TorchEngine(_Engine):
    """The trunk in torch, on the CPU or a CUDA device; falls back to the CPU when the device's memory does not do."""

    name = "torch"

    def __init__(self, network: nn.Module, device: str = "cpu"):
        self.warnings: list[str] = []
        self.network = network.eval()
        self._to(device)

    def run(self, window: np.ndarray, finish=None):
        """window (1, 1, D, H, W) float32 -> finish(coarse (1, 2, D, H, W), fine or None), or the two when finish is None.

        `finish` belongs to the step: where the GPU's memory ends in it, the window is done again on the CPU.
        """
        import torch

        try:
            return self._run(window, finish)
        except torch.cuda.OutOfMemoryError:
            self.warnings.append(f"{self.device}: out of memory, went on with the CPU")
        # Outside the handler, or the exception would keep the memory of the frames that failed.
        torch.cuda.empty_cache()
        self._to("cpu")
        return self._run(window, finish)

    def _run(self, window, finish):
        import torch

        with torch.inference_mode(), self._precision():
            coarse, fine = self.network.trunk(to_tensor(window).to(self.device))
        with torch.inference_mode():
            coarse = coarse.float()
            fine = tuple(part.float() for part in fine) if isinstance(fine, tuple) else None if fine is None else fine.float()
            return (coarse, fine) if finish is None else finish(coarse, fine)

    def _precision(self):
        import torch

        # Half precision pays on CUDA only; torch 2.9 runs 3D convolutions several times slower with it.
        wanted = self.device.startswith("cuda") and not torch.__version__.startswith("2.9.")
        return torch.autocast("cuda", dtype=torch.float16, enabled=True) if wanted else torch.autocast("cpu", enabled=False)

    def _like(self, network):
        return TorchEngine(network, self.device)

    def _to(self, device: str) -> None:
        self.device = device
        self.network.to(device)


class OpenVinoEngine(_Engine):
    """The trunk in OpenVINO on the CPU, converted in this process; the head stays in torch."""

    name = "openvino"
    device = "cpu"

    def __init__(self, network: nn.Module):
        if not openvino_available():
            raise InputError("engine openvino: not installed here; install the package openvino or choose --engine torch.")
        self.warnings: list[str] = []
        self.network = network.eval().to("cpu")
        self._compiled = {}  # by window shape: a static shape runs faster than a dynamic one

    def run(self, window: np.ndarray, finish=None):
        """As TorchEngine.run."""
        import torch

        shape = tuple(window.shape)
        if shape not in self._compiled:
            self._compiled[shape] = self._compile(shape)
        results = self._compiled[shape](np.ascontiguousarray(window, dtype=np.float32))
        # Copies: OpenVINO writes the next window into the same memory.
        tensors = [to_tensor(results[i]) for i in range(len(results))]
        coarse, *fine = tensors
        fine = tuple(fine) if len(fine) > 1 else fine[0] if fine else None
        with torch.inference_mode():
            return (coarse, fine) if finish is None else finish(coarse, fine)

    def _like(self, network):
        return OpenVinoEngine(network)

    def _compile(self, shape):
        import torch

        from ..networks.points import maps_of

        ov = import_openvino()

        class Trunk(torch.nn.Module):
            def __init__(self, network):
                super().__init__()
                self.network = network

            def forward(self, x):
                coarse, fine = self.network.trunk(x)
                return (coarse, *maps_of(fine))

        # Traced here without the check that runs everything three times more: 2 s instead of 10 for the bundled network.
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(Trunk(self.network), torch.zeros(shape), check_trace=False)
            model = ov.convert_model(traced, input=[list(shape)])
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            # bfloat16, the default where the processor has it, changes the result.
            "INFERENCE_PRECISION_HINT": "f32",
            # As many threads as torch takes, so that OMP_NUM_THREADS rules both.
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        return ov.Core().compile_model(model, "CPU", settings)


def openvino_available() -> bool:
    """Whether OpenVINO is installed (found, not imported)."""
    return find_spec("openvino") is not None


def import_openvino():
    """The module openvino, kept from sending usage data over the network, which merely importing it does.

    It has a stub for the case that its telemetry package is missing; here that package is missing while it is imported.
    """
    if "openvino" not in sys.modules:
        before = sys.modules.get("openvino_telemetry")
        sys.modules["openvino_telemetry"] = None
        try:
            import openvino
        finally:
            del sys.modules["openvino_telemetry"]
            if before is not None:
                sys.modules["openvino_telemetry"] = before
    import openvino

    return openvino


def choose_device(device: str = "auto") -> str:
    """ "cpu", "cuda" or "cuda:N" as torch names it. InputError when it is not there."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    kind, _, number = device.partition(":")
    if kind != "cuda" or (number and not number.isdigit()):
        raise InputError(f'device "{device}": unknown; use auto, cpu or cuda.')
    if not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count():
        raise InputError(f'device "{device}": not available to torch {torch.__version__} here; use --device cpu.')
    return device


def make_engine(network: nn.Module, device: str = "auto", engine: str = "auto"):
    """The engine for a network with `trunk`. InputError for a device or an engine that is not there.

    Engines have: name, device, network (on that device), warnings, run(window, finish=None), beside(another network).
    """
    if engine not in ENGINES:
        raise InputError(f'engine "{engine}": unknown; use {", ".join(ENGINES)}.')
    if engine == "openvino":
        if device not in ("auto", "cpu"):
            raise InputError(f'engine openvino runs on the CPU, not on "{device}"; use --device cpu or --engine torch.')
        return OpenVinoEngine(network)
    device = choose_device(device)
    if engine == "auto" and device == "cpu" and openvino_available():
        return OpenVinoEngine(network)
    return TorchEngine(network, device)
