"""Trunks as ONNX graphs: what they compute is what torch computes, for every system; what has no counterpart says so."""

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from crend import networks
from crend.bundle import onnx_format
from crend.bundle.graph_export import NotExportable, export
from crend.bundle.model import Model, empty_network, tensor_layout
from crend.errors import InputError
from crend.inference.arrays import as_batch
from crend.inference.engines import choose, installed
from crend.inference.graph_engines import OnnxRuntimeEngine, OpenVinoEngine
from crend.inference.torch_engine import TorchEngine
from crend.networks.points import maps_of

PATCH = (16, 48, 32)
SYSTEMS = [(name, {}) for name in networks.CLASSES_BY_NAME] + [("crend", {"detail": True}), ("crend", {"guided": True})]
ENGINES = [
    OnnxRuntimeEngine,
    pytest.param(OpenVinoEngine, marks=pytest.mark.skipif(not installed("openvino"), reason="openvino is not installed")),
]


def model_of(name, arguments, folder, *, width=4, seed=0):
    """(Model of a network with random weights that float16 holds exactly, the torch module)."""
    torch.manual_seed(seed)
    arguments = {"width": width, **arguments}
    network = networks.build(name, **arguments).eval()
    tensors = {key: tensor.half() for key, tensor in network.state_dict().items()}
    network.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    layout = tensor_layout(safetensors.torch.save(tensors))
    block = {"network": name, "arguments": arguments, "patch": list(PATCH)}
    graph = export(empty_network(block, folder), PATCH, "model.safetensors", layout)
    return Model(folder / "model.safetensors", block, {key: tensor.numpy() for key, tensor in tensors.items()}, graph), network


@pytest.fixture
def window():
    return np.random.default_rng(5).normal(size=PATCH).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name, arguments", SYSTEMS, ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain")
def test_an_engine_without_torch_gives_torchs_logits_and_features(name, arguments, engine, window, tmp_path):
    model, network = model_of(name, arguments, tmp_path)
    if arguments.get("guided"):
        window = np.stack([window, *np.random.default_rng(6).random((2, *PATCH), np.float32)])
    coarse, fine = engine(model).trunk(window)
    with torch.no_grad():
        expected, maps = network.trunk(torch.from_numpy(as_batch(window)))
    assert np.abs(expected[0].numpy() - coarse).max() < 1e-4 and len(fine) == len(maps_of(maps))
    for ours, theirs in zip(fine, maps_of(maps)):
        assert ours.shape == tuple(theirs.shape[1:]) and np.abs(theirs[0].numpy() - ours).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("detail", [False, True])
def test_rendered_probabilities_agree_with_torchs_but_for_ties_at_the_last_rank(engine, detail, window, tmp_path):
    model, network = model_of("crend", {"detail": detail}, tmp_path, seed=3)
    points = 3000
    ours, theirs = engine(model).predict(window, points), TorchEngine(network).predict(window, points)
    different = np.abs(ours - theirs).max(axis=0) > 1e-4
    with torch.no_grad():
        certainty = network.trunk(torch.from_numpy(window[None, None]))[0].abs().amin(dim=1)[0].numpy()
    last = np.sort(certainty.ravel())[points - 1]
    assert np.abs(certainty[different] - last).max(initial=0) < 1e-3 and different.sum() < 20
    plain = TorchEngine(network).predict(window)
    assert (np.abs(plain - theirs).max(axis=0) > 1e-4).sum() > 1000  # rendering does something here


@pytest.mark.slow
def test_a_graph_is_valid_onnx_for_the_package_onnx(tmp_path):
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    for name, arguments in SYSTEMS:
        model, _ = model_of(name, arguments, tmp_path)
        onnx.checker.check_model(onnx.load_from_string(model.onnx()), full_check=True)
        (tmp_path / "model.safetensors").write_bytes(safetensors.numpy.save(model.tensors))
        (tmp_path / "trunk.onnx").write_bytes(onnx_format.write(model.graph))
        onnx.checker.check_model(str(tmp_path / "trunk.onnx"), full_check=True)


def test_the_file_refers_to_the_weights_and_holds_none(tmp_path):
    model, _ = model_of("crend", {}, tmp_path, width=8)
    content = onnx_format.write(model.graph)
    assert len(content) < 30_000 < sum(array.nbytes for array in model.tensors.values())
    assert onnx_format.write(onnx_format.read(content)) == content


def test_a_step_without_a_counterpart_is_named(tmp_path):
    class Odd(torch.nn.Module):
        def __init__(self, step):
            super().__init__()
            self.convolution, self.step = torch.nn.Conv3d(1, 2, 1), step

        def forward(self, x):
            return self.step(self.convolution(x))

    layout = {"convolution.weight": ((2, 1, 1, 1, 1), 0, 4), "convolution.bias": ((2,), 4, 4)}
    for step, name in ((torch.cumsum, "cumsum"), (torch.nn.GELU(), "GELU"), (lambda x: x if x.sum() > 0 else -x, "traced")):
        network = Odd(step if isinstance(step, torch.nn.Module) else (lambda x, step=step: step(x, 1)) if step is torch.cumsum else step)
        with pytest.raises(NotExportable, match=name):
            export(network, PATCH, "model.safetensors", layout)
    with pytest.raises(InputError, match="custom could not be written as a graph; use --engine torch"):
        choose("cpu", "onnxruntime", has_graph=False, no_graph="custom could not be written as a graph")
