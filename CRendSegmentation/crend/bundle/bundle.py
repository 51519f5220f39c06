"""Model bundles: a folder with metadata.json, model.safetensors (float16), trunk.onnx, README.md and LICENSE.

trunk.onnx is the network's graph for engines without torch; its weights are those in model.safetensors. A bundle whose metadata has an
"overview" holds overview.safetensors and overview.onnx, too: a second network, which sees the whole volume coarsely. Bundles without
graphs, and those of networks that have none, run in torch. Loading executes nothing: only these files are read, none can hold code,
weights and graphs must have the checksums that the metadata states, and they must fit each other. Other files in the folder are never
opened.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.atomic import replacing
from .metadata import check
from .model import (
    GRAPHS,
    METADATA,
    OVERVIEW,
    WEIGHTS,
    check_tensors,
    empty_network,
    one_line,
    read_file,
    read_hashed,
    read_model,
    tensor_layout,
)
from .onnx_format import write

LARGEST_METADATA = 1_000_000
DEFAULT = "crend-sim"
NUMBERS = re.compile(r"\[\s+(-?[\d.][-\d.e+,\s]*?)\s+\]")
#: Keys of the "crend" block that change no result.
WORDS = ("trained_on", "measured_on", "notice", "seeds", "learned_from", "graphs", "base")
UNSTATED = "No licence is stated for the weights in this folder. Ask their maker before you use them or pass them on.\n"


@dataclass(frozen=True)
class BundleInfo:
    """A model that can be chosen: its name, its folder, one line on what it does, and its metadata."""

    name: str
    folder: Path
    summary: str
    metadata: dict


@dataclass(frozen=True)
class Bundle:
    """A loaded model: `model` is its network, `overview_model` the overview's where it has one (`Model`, or torch modules).

    `network` and `overview` are the torch modules, float32, on the CPU, in evaluation mode; asking for them imports torch.
    """

    name: str
    folder: Path
    metadata: dict
    model: Any
    overview_model: Any = None

    @property
    def network(self):
        return getattr(self.model, "network", self.model)

    @property
    def overview(self):
        return getattr(self.overview_model, "network", self.overview_model)

    @property
    def identity(self) -> tuple[str, str, str]:
        """Name, version, and a digest of all that changes results: a model that was trained or calibrated anew may have kept the other two."""
        block = {key: value for key, value in self.metadata["crend"].items() if key not in WORDS}
        digest = hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest()
        return self.name, self.metadata.get("version") or "", digest[:16]


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
        for folder in _inside(place):
            try:
                if folder.name in found or not (folder / METADATA).is_file():
                    continue
                metadata = _read_metadata(folder)
            except (InputError, OSError):
                continue
            found[folder.name] = BundleInfo(folder.name, folder, metadata["task"], metadata)
    return sorted(found.values(), key=lambda info: (info.name != DEFAULT, info.name))


def _inside(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except OSError:
        return []


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
    return Bundle(folder.name, folder, metadata, *(read_model(folder / weights, block, metadata) for weights, block in _parts(metadata)))


def stamp(name_or_path=None) -> tuple:
    """What changes when the bundle of that name or folder is written anew. InputError when there is none."""
    folder = _find(name_or_path)
    try:
        found = (folder / METADATA).stat()
    except OSError:
        return (str(folder),)  # loading it says what is wrong
    return str(folder), found.st_mtime_ns, found.st_size


def _parts(metadata: dict) -> list[tuple[str, dict]]:
    """Files of weights and the block that describes the network of each: the model's own, then the overview's where it has one."""
    block = metadata["crend"]
    return [(WEIGHTS, block)] + ([(OVERVIEW, block["overview"])] if "overview" in block else [])


def save(folder, network, metadata: dict, readme: str, licence: str = UNSTATED, *, overview=None) -> Path:
    """Write `network` (a torch module), and `overview` where metadata has one, as a bundle into `folder`, made if missing; returns it.

    metadata: as from `metadata.describe`; its "crend" block names the network and the arguments that rebuild it. The
    checksums are added to the copy that is written. Weights go first and metadata last, so a bundle that was cut short never
    loads. Where a network cannot be written as a graph none is, and metadata says why. InputError when metadata is incomplete,
    does not describe `network`, or a weight does not fit float16.
    """
    folder = Path(folder)
    check(metadata, str(folder / METADATA))
    weights = _files_of_weights(folder, network, metadata, overview)
    metadata = copy.deepcopy(metadata)
    graphs, sums = _graphs(weights, metadata, folder)
    metadata["crend"] |= {"sha256": _sums(weights), "graphs": sums}
    text = json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({(error.strerror or str(error)).lower()}); choose another place.") from error
    contents = {**weights, **graphs, "README.md": readme.encode(), "LICENSE": licence.encode(), METADATA: text.encode()}
    for name, content in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    for name in set(GRAPHS.values()) - set(graphs):
        (folder / name).unlink(missing_ok=True)
    return folder


def add_graphs(folder) -> Path:
    """Write the graphs of a bundle that has none, from its own weights, which stay as they are; returns its folder. InputError as from `load`."""
    folder = Path(folder)
    metadata = _read_metadata(folder)
    weights = {name: read_hashed(folder / name, metadata["crend"].get("sha256")) for name, _ in _parts(metadata)}
    graphs, sums = _graphs(weights, metadata, folder)
    metadata["crend"]["graphs"] = sums
    for name, content in {**graphs, METADATA: as_text(metadata).encode()}.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    return folder


def as_text(metadata: dict) -> str:
    """metadata.json, rows of numbers on one line each: a matrix of a number a line cannot be read."""
    text = json.dumps(metadata, indent=2, ensure_ascii=False, allow_nan=False)
    return NUMBERS.sub(lambda found: "[" + " ".join(found.group(1).split()) + "]", text) + "\n"


def _graphs(weights: dict, metadata: dict, folder: Path) -> tuple[dict, dict]:
    """({file of a graph: its bytes}, what metadata says of them: their sha256, or {"missing": why there is none})."""
    from .graph_export import NotExportable, export

    try:
        graphs = {
            GRAPHS[name]: write(export(empty_network(block, folder / METADATA), block["patch"], name, tensor_layout(weights[name])))
            for name, block in _parts(metadata)
        }
    except NotExportable as error:
        return {}, {"missing": f"{metadata['crend']['network']} could not be written as a graph: {error}"}
    return graphs, _sums(graphs)


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
    check_tensors(tensors, empty_network(block, path.with_name(METADATA)), path)
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
    content = read_file(path, LARGEST_METADATA)
    try:
        metadata = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({one_line(error)}); copy the bundle again.") from error
    check(metadata, str(path))
    return metadata
