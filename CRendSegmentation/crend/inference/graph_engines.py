"""Engines without torch: they run a bundle's graph in ONNX Runtime or OpenVINO on the CPU, and its head in numpy.

Both get the graph as bytes with the weights inside, written anew from what was read and checked: neither opens a file.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from ..errors import InputError
from .arrays import as_batch
from .point_rendering import read_head, render, sigmoid

INPUT = "window"
MOST_THREADS = 1024  # more than any processor has; a runtime refuses a number that it cannot hold


class _GraphEngine:
    """What both have in common. model: a `crend.bundle.Model` that has a graph."""

    name: str
    device = "cpu"

    def __init__(self, model):
        self.warnings: list[str] = []
        self.model = model
        try:
            self._head = read_head(model.tensors)
        except ValueError as error:
            raise InputError(f"{model.path}: {error}; copy the bundle again.") from error
        self.renders = self._head is not None
        try:
            self._start(model.onnx(), [value.name for value in model.graph.outputs])
        except ImportError as error:
            raise InputError(
                f"engine {self.name}: cannot be loaded ({_line(error)}); install it again, or choose --engine torch."
            ) from error
        except RuntimeError as error:
            raise InputError(f"{model.path}: {self.name} refuses its graph ({_line(error)}); copy the bundle again.") from error

    def _start(self, content: bytes, outputs) -> None:
        raise NotImplementedError

    def _run(self, window):
        raise NotImplementedError

    def trunk(self, window: np.ndarray):
        """window (D, H, W), or (C, D, H, W) of several channels -> coarse logits (2, D, H, W), and a list of the maps of fine features, each (C, d, h, w); float32."""
        coarse, *fine = self._run(np.ascontiguousarray(as_batch(window), np.float32))
        return coarse[0], [part[0] for part in fine]

    def predict(self, window: np.ndarray, points: int = 0) -> np.ndarray:
        """Probabilities (2, D, H, W) of one window (D, H, W); the `points` most uncertain voxels are rendered where there is a head."""
        coarse, fine = self.trunk(window)
        if points and self._head is not None:
            coarse = render(self._head, coarse, fine, points)
        return sigmoid(coarse)


class OnnxRuntimeEngine(_GraphEngine):
    """The trunk in ONNX Runtime: the smallest to install, and the quickest to start."""

    name = "onnxruntime"

    def _start(self, content: bytes, outputs):
        import onnxruntime

        if hasattr(onnxruntime, "disable_telemetry_events"):
            onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        # Its arena keeps the largest window's memory for good, and takes more than is needed at a time.
        options.enable_cpu_mem_arena = False
        # Threads that wait sleep: spinning gains nothing between steps of milliseconds, and takes the processor from others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # what it says is in the exception, too
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of a class of its own for each kind of complaint
            raise RuntimeError(_line(error)) from error
        self._outputs = outputs

    def _run(self, window):
        return self._session.run(self._outputs, {INPUT: window})


class OpenVinoEngine(_GraphEngine):
    """The trunk in OpenVINO: it takes longer to start, and half the time for a window on processors from Intel."""

    name = "openvino"

    def _start(self, content: bytes, outputs):
        ov = import_openvino()
        # bfloat16, the default where the processor has it, changes the result.
        settings: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if thread_count():
            settings["INFERENCE_NUM_THREADS"] = thread_count()
        core = ov.Core()
        self._compiled = core.compile_model(core.read_model(content), "CPU", settings)

    def _run(self, window):
        results = self._compiled(window)
        # Copies: OpenVINO writes the next window into the same memory.
        return [np.array(results[i]) for i in range(len(results))]


def thread_count() -> int:
    """Threads to compute with: OMP_NUM_THREADS, else as many as this process may use where that is not all; 0 leaves it to the runtime."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdecimal() and len(wanted) < 10:
        return min(int(wanted), MOST_THREADS)
    # ONNX Runtime binds threads to all processors of the machine and complains of those that a cluster's job may not have.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 0 if allowed is None or allowed == os.cpu_count() else allowed


def import_openvino():
    """The module openvino, kept from sending usage data over the network, which merely importing it does.

    It has a stub for the case that its telemetry package is missing; here that package is missing while it is imported.
    """
    if "openvino" not in sys.modules:
        before = sys.modules.get("openvino_telemetry")
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # Python's own way to forbid an import
        try:
            import openvino
        finally:
            del sys.modules["openvino_telemetry"]
            if before is not None:
                sys.modules["openvino_telemetry"] = before
    import openvino

    return openvino


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
