"""Model bundles: a folder with metadata.json, model.safetensors (float16), README.md and LICENSE.

A bundle whose metadata has an "overview" holds overview.safetensors, too: the weights of a second network, which sees the whole
volume coarsely. Loading executes nothing: only these files are read, none can hold code, the weights must have the checksum that
the metadata states and exactly the tensors of the network that it names. Other files in the folder are never opened.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import networks
from ..errors import InputError
from ..io.atomic import replacing
from .metadata import check

METADATA, WEIGHTS, OVERVIEW = "metadata.json", "model.safetensors", "overview.safetensors"
LARGEST_METADATA = 1_000_000
DEFAULT = "crend-sim"
LICENCE = """The weights in this folder are licensed under the Apache License, Version 2.0
(https://www.apache.org/licenses/LICENSE-2.0), as is the CRend project that they belong to.

SPDX-License-Identifier: Apache-2.0
"""


@dataclass(frozen=True)
class BundleInfo:
    """A model that can be chosen: its name, its folder, one line on what it does, and its metadata."""

    name: str
    folder: Path
    summary: str
    metadata: dict


@dataclass(frozen=True)
class Bundle:
    """A loaded model; `network`, and `overview` where it has one, are float32 torch modules on the CPU, in evaluation mode."""

    name: str
    folder: Path
    metadata: dict
    network: Any
    overview: Any = None


def search_folders() -> list[Path]:
    """Where bundles are looked for: Resources/Models beside the package, then the installed package `crend_models`."""
    folders = [Path(__file__).resolve().parents[2] / "Resources" / "Models"]
    installed = importlib.util.find_spec("crend_models")
    if installed is not None:
        folders += [Path(place).resolve() for place in installed.submodule_search_locations or ()]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def available() -> list[BundleInfo]:
    """The models at hand, the default one first, the others by name; loads no weights and no torch.

    A folder whose metadata cannot be read is left out; `load` of its path says what is wrong with it.
    """
    found: dict[str, BundleInfo] = {}
    for place in search_folders():
        for folder in sorted(place.iterdir()):
            if folder.name in found or not (folder / METADATA).is_file():
                continue
            try:
                metadata = _read_metadata(folder)
            except InputError:
                continue
            found[folder.name] = BundleInfo(folder.name, folder, metadata["task"], metadata)
    return sorted(found.values(), key=lambda info: (info.name != DEFAULT, info.name))


def info(name_or_path=None) -> BundleInfo:
    """What the bundle of that name or folder says of itself; loads no weights. InputError when it is none."""
    folder = _find(name_or_path)
    metadata = _read_metadata(folder)
    return BundleInfo(folder.name, folder, metadata["task"], metadata)


def load(name_or_path=None) -> Bundle:
    """The bundle of that name or folder; None is the first of `available()`.

    InputError, one line with the cure, when it is missing, incomplete, tampered with, or does not fit its network.
    """
    folder = _find(name_or_path)
    metadata = _read_metadata(folder)
    networks = [_load_network(folder / weights, block, metadata) for weights, block in _parts(metadata)]
    return Bundle(folder.name, folder, metadata, *networks)


def _parts(metadata: dict) -> list[tuple[str, dict]]:
    """Files of weights and the block that describes the network of each: the model's own, then the overview's where it has one."""
    block = metadata["crend"]
    return [(WEIGHTS, block)] + ([(OVERVIEW, block["overview"])] if "overview" in block else [])


def _load_network(path: Path, block: dict, metadata: dict):
    import torch

    tensors = _read_weights(path, metadata)
    # Shapes are compared on a network without memory, so that a wrong width in the metadata cannot ask for any.
    network = _empty_network(block, path.with_name(METADATA))
    _check_tensors(tensors, network, path)
    network.to_empty(device="cpu")
    network.load_state_dict({name: tensor.to(torch.float32) for name, tensor in tensors.items()})
    return network.eval()


def save(folder, network, metadata: dict, readme: str, licence: str = LICENCE, *, overview=None) -> Path:
    """Write `network` (a torch module), and `overview` where metadata has one, as a bundle into `folder`, made if missing; returns it.

    metadata: as from `metadata.describe`; its "crend" block names the network and the arguments that rebuild it. The
    checksum is added to the copy that is written. Weights go first and metadata last, so a bundle that was cut short never
    loads. InputError when metadata is incomplete, does not describe `network`, or a weight does not fit float16.
    """
    folder = Path(folder)
    check(metadata, str(folder / METADATA))
    weights = _files_of_weights(folder, network, metadata, overview)
    metadata = copy.deepcopy(metadata)
    metadata["crend"]["sha256"] = _sums(weights)
    text = json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({(error.strerror or str(error)).lower()}); choose another place.") from error
    contents = {**weights, "README.md": readme.encode(), "LICENSE": licence.encode(), METADATA: text.encode()}
    for name, content in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    return folder


def checksums(folder, network, metadata: dict, *, overview=None) -> dict:
    """{file of weights: sha256} as `save` would write them with the same arguments; nothing is written."""
    return _sums(_files_of_weights(Path(folder), network, metadata, overview))


def _sums(weights: dict) -> dict:
    return {name: hashlib.sha256(content).hexdigest() for name, content in weights.items()}


def _files_of_weights(folder: Path, network, metadata: dict, overview) -> dict:
    parts = _parts(metadata)
    if len(parts) != 1 + (overview is not None):
        raise InputError(f"{folder / METADATA}: an overview network and its description belong together; give both or none.")
    return {name: _weights(folder / name, block, module) for (name, block), module in zip(parts, (network, overview))}


def _weights(path: Path, block: dict, network) -> bytes:
    """The network's weights in float16, as the bytes of a safetensors file."""
    import safetensors.torch
    import torch

    tensors = {name: t.detach().to("cpu", torch.float16, copy=True).contiguous() for name, t in network.state_dict().items()}
    _check_tensors(tensors, _empty_network(block, path.with_name(METADATA)), path)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} is not finite or beyond float16; train again before bundling.")
    return safetensors.torch.save(tensors, metadata={"format": "pt"})


def _find(name_or_path) -> Path:
    infos = available()
    if name_or_path is None:
        if not infos:
            raise InputError("no model is installed; give the folder of a bundle, or install CRend again.")
        return infos[0].folder
    for info in infos:
        if info.name == name_or_path:
            return info.folder
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder.resolve()
    known = ", ".join(info.name for info in infos) or "none"
    raise InputError(f"{name_or_path}: neither a model's name (known: {known}) nor the folder of a bundle; give one of these.")


def _read_metadata(folder: Path) -> dict:
    path = folder / METADATA
    content = _read(path, LARGEST_METADATA)
    try:
        metadata = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({_line(error)}); copy the bundle again.") from error
    check(metadata, str(path))
    return metadata


def _read_weights(path: Path, metadata: dict) -> dict:
    """Tensors by name, from the very bytes whose checksum was compared."""
    import safetensors
    import safetensors.torch

    checksums = metadata["crend"].get("sha256")
    expected = checksums.get(path.name) if isinstance(checksums, dict) else None
    if not isinstance(expected, str):
        raise InputError(f"{path.with_name(METADATA)}: has no sha256 of {path.name}; copy the bundle again.")
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != expected.lower():
        raise InputError(f"{path}: not the file that {METADATA} describes (its sha256 differs); copy the bundle again.")
    try:
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: not a safetensors file ({_line(error)}); copy the bundle again.") from error


def _empty_network(block: dict, path: Path):
    """The network that a block of metadata names, on torch's meta device: names and shapes without memory."""
    import torch

    try:
        with torch.device("meta"):
            return networks.build(block["network"], **block["arguments"])
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise InputError(f"{path}: {_line(error)}; use a bundle made for this version of CRend.") from error


def _check_tensors(tensors: dict, network, path: Path) -> None:
    import torch

    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in (*expected, *tensors):
        if name not in tensors:
            raise InputError(f"{path}: tensor {name} is missing; use the metadata and weights of one training.")
        if name not in expected:
            raise InputError(f"{path}: tensor {name} does not belong to the network; use the metadata and weights of one training.")
        shape, kind = tuple(tensors[name].shape), tensors[name].dtype
        if shape != expected[name]:
            raise InputError(f"{path}: tensor {name} is {shape}, not {expected[name]}; use the metadata and weights of one training.")
        if kind != torch.float16:
            raise InputError(f"{path}: tensor {name} is {kind}, not float16; write the bundle again.")


def _read(path: Path, largest: int | None = None) -> bytes:
    try:
        if largest is not None and os.path.getsize(path) > largest:
            raise InputError(f"{path}: larger than {largest} bytes, which no bundle's {path.name} is; copy the bundle again.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); copy the bundle again.") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
