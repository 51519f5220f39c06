"""What the network would run on, in words."""

from __future__ import annotations


def describe(device: str = "auto", engine: str = "auto") -> str:
    """ "CPU, OpenVINO", "CPU, torch", or the graphics card with its memory. InputError for a device that is not there."""
    import torch

    from .engines import choose_device, openvino_available

    chosen = "cpu" if engine == "openvino" else choose_device(device)
    if chosen == "cpu":
        return "CPU, OpenVINO" if engine != "torch" and openvino_available() else "CPU, torch"
    properties = torch.cuda.get_device_properties(torch.device(chosen))
    return f"{properties.name}, {properties.total_memory / 1e9:.0f} GB"
