"""One network of a bundle: its weights, its graph where it has one, and the torch module that is built from them when it is asked for."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .. import networks
from ..errors import InputError
from . import onnx_format
from .graph_check import LARGEST_FILE, read_checked

METADATA, WEIGHTS, OVERVIEW = "metadata.json", "model.safetensors", "overview.safetensors"
GRAPHS = {WEIGHTS: "trunk.onnx", OVERVIEW: "overview.onnx"}
LARGEST_WEIGHTS = 2_000_000_000
WRONG_PAIR = "use the metadata and weights of one training."


@dataclass(frozen=True)
class Model:
    """path: of the weights; block: how metadata describes the network; tensors: float16 arrays by name, from the bytes that were hashed.

    graph: its trunk for engines without torch, checked; None where the bundle has none, and `no_graph` then says so in a line.
    """

    path: Path
    block: dict
    tensors: dict
    graph: Any = None
    no_graph: str = ""

    @property
    def window_shape(self) -> tuple[int, ...]:
        """(C, D, H, W) of a window that the network sees."""
        return (networks.inputs_of(self.block["arguments"]), *self.block["patch"])

    def onnx(self) -> bytes:
        """The graph as an ONNX file with the weights inside."""
        return onnx_format.write(self.graph, self.tensors)

    @cached_property
    def network(self):
        """The torch module, float32, on the CPU, in evaluation mode. InputError where torch is missing, or tensors do not fit it."""
        try:
            import torch
        except (ImportError, OSError) as error:
            raise InputError(f"{self.path}: this needs torch, which cannot be loaded here ({one_line(error)}); install it.") from error
        network = empty_network(self.block, self.path.with_name(METADATA))
        check_tensors(self.tensors, network, self.path)
        network.to_empty(device="cpu")
        # Through DLPack: torch's own bridge is bound to the numpy that it was built for.
        network.load_state_dict({name: torch.from_dlpack(array.copy()).to(torch.float32) for name, array in self.tensors.items()})
        return network.eval()


def read_model(path: Path, block: dict, metadata: dict) -> Model:
    """The network whose weights lie at `path`. InputError when it is missing, tampered with, or does not fit its graph or its metadata."""
    content = read_hashed(path, metadata["crend"].get("sha256"), LARGEST_WEIGHTS)
    tensors = _tensors(content, path)
    graph, no_graph = _read_graph(path, block, metadata, tensors, content)
    model = Model(path, block, tensors, graph, no_graph)
    if graph is None:
        model.network  # noqa: B018  what the graph would show is seen when it is built
    return model


def read_hashed(path: Path, checksums, largest: int | None = None) -> bytes:
    """The bytes of a file of the bundle, which have the checksum that the metadata states."""
    expected = checksums.get(path.name) if isinstance(checksums, dict) else None
    if not isinstance(expected, str):
        raise InputError(f"{path.with_name(METADATA)}: has no sha256 of {path.name}; copy the bundle again.")
    content = read_file(path, largest)
    if hashlib.sha256(content).hexdigest() != expected.lower():
        raise InputError(f"{path}: not the file that {METADATA} describes (its sha256 differs); copy the bundle again.")
    return content


def read_file(path: Path, largest: int | None = None) -> bytes:
    """The bytes of a file of a bundle, unless they are more than `largest`."""
    try:
        # A pipe or a device would be read for ever, or wait for somebody to write.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path}: is not an ordinary file; copy the bundle again.")
        if largest is not None and os.path.getsize(path) > largest:
            raise InputError(f"{path}: larger than {largest} bytes, which no bundle's {path.name} is; copy the bundle again.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); copy the bundle again.") from error


def empty_network(block: dict, path: Path):
    """The network that a block of metadata names, on torch's meta device: names and shapes without memory."""
    import torch

    try:
        with torch.device("meta"):
            return networks.build(block["network"], **block["arguments"])
    except (ValueError, TypeError, RuntimeError, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: {one_line(error)}; use a bundle made for this version of CRend.") from error


def check_tensors(tensors: dict, network, path: Path) -> None:
    """InputError unless `tensors` (arrays or torch tensors by name) are those of the network, in float16."""
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in (*expected, *tensors):
        if name not in tensors:
            raise InputError(f"{path}: tensor {name} is missing; {WRONG_PAIR}")
        if name not in expected:
            raise InputError(f"{path}: tensor {name} does not belong to the network; {WRONG_PAIR}")
        shape, kind = tuple(tensors[name].shape), str(tensors[name].dtype).removeprefix("torch.")
        if shape != expected[name]:
            raise InputError(f"{path}: tensor {name} is {shape}, not {expected[name]}; {WRONG_PAIR}")
        if kind != "float16":
            raise InputError(f"{path}: tensor {name} is {kind}, not float16; write the bundle again.")


def tensor_layout(content: bytes) -> dict:
    """(shape, offset, length) by name of the tensors in the bytes of a safetensors file; offsets count from the file's first byte.

    The header must have been checked, by loading the same bytes with safetensors.
    """
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    return {
        name: (tuple(each["shape"]), 8 + size + each["data_offsets"][0], each["data_offsets"][1] - each["data_offsets"][0])
        for name, each in header.items()
    }


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())


def _tensors(content: bytes, path: Path) -> dict:
    import safetensors
    import safetensors.numpy

    try:
        tensors = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise InputError(f"{path}: not a safetensors file ({one_line(error)}); copy the bundle again.") from error
    for name, array in tensors.items():
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise InputError(f"{path}: tensor {name} holds NaN or infinite values; train again, or copy the bundle again.")
    return tensors


def _read_graph(path: Path, block: dict, metadata: dict, tensors: dict, content: bytes):
    """(the checked graph, ""), or (None, why there is none)."""
    graphs = metadata["crend"].get("graphs")
    if graphs is None or "missing" in graphs:
        return None, f"{path.parent.name} has no graph" + (f" ({graphs['missing']})" if graphs else "")
    for name, array in tensors.items():
        if str(array.dtype) != "float16":
            raise InputError(f"{path}: tensor {name} is {array.dtype}, not float16; write the bundle again.")
    if block["network"] not in networks.CLASSES_BY_NAME:
        known = ", ".join(networks.CLASSES_BY_NAME)
        raise InputError(
            f"{path.with_name(METADATA)}: unknown network {block['network']!r}; known: {known}; use a bundle made for this version of CRend."
        )
    file = path.with_name(GRAPHS[path.name])
    graph = read_hashed(file, graphs, LARGEST_FILE)
    head = tensors.get("head.0.weight")
    try:
        return read_checked(
            graph,
            block["patch"],
            path.name,
            tensor_layout(content),
            width=block["arguments"].get("width", 32),
            inputs=networks.inputs_of(block["arguments"]),
            head_inputs=None if head is None else head.shape[1] if head.ndim == 3 else 0,
        ), ""
    except onnx_format.FormatError as error:
        raise InputError(f"{file}: {error}; {WRONG_PAIR}") from error
