"""What the network would run on, in words; and whether that works."""

from __future__ import annotations

from ..errors import InputError
from .careful_engine import reason_of_engine
from .engines import choose

WORDS = {"onnxruntime": "CPU, ONNX Runtime", "openvino": "CPU, OpenVINO", "torch": "CPU, torch"}


def describe(device: str = "auto", engine: str = "auto") -> str:
    """ "CPU, ONNX Runtime" and the like, or the graphics card with its memory. InputError for a device or an engine that is not there."""
    name, chosen = choose(device, engine)
    if chosen == "cpu":
        return WORDS[name]
    try:
        import torch

        properties = torch.cuda.get_device_properties(torch.device(chosen))
    except Exception as error:  # a driver may answer with any
        if device == "auto":
            return describe("cpu", engine)
        raise InputError(f'device "{device}": {reason_of_engine(error)}; use --device cpu.') from error
    return f"{properties.name}, {properties.total_memory / 1e9:.0f} GB"


def try_out(device: str = "auto", engine: str = "auto") -> None:
    """Imports what `describe` names. Whatever exception a broken installation ends in."""
    name, _ = choose(device, engine)
    if name == "onnxruntime":
        import onnxruntime  # noqa: F401
    elif name == "openvino":
        from .graph_engines import import_openvino

        import_openvino()
    else:
        import numpy as np

        from .arrays import to_array, to_tensor

        to_array(to_tensor(np.zeros(1, np.float32)))  # a torch and a numpy that do not get on with each other can be imported all the same
