"""Engines: both give the same numbers, and a device or engine that is not there is said in one line."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from standin import Threshold

from crend import networks
from crend.errors import InputError
from crend.inference import engines
from crend.inference.engines import OpenVinoEngine, TorchEngine, make_engine

needs_openvino = pytest.mark.skipif(not engines.openvino_available(), reason="the optional package openvino is not installed")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return networks.build("crend", width=4)


@pytest.fixture
def window():
    return np.random.default_rng(5).normal(size=(1, 1, 32, 32, 48)).astype(np.float32)


def test_torch_runs_the_trunk_as_it_is(network, window):
    coarse, fine = make_engine(network, "cpu", "torch").run(window)
    with torch.no_grad():
        expected = network.eval().trunk(torch.from_numpy(window))
    assert torch.equal(coarse, expected[0]) and torch.equal(fine, expected[1])


@needs_openvino
def test_openvino_agrees_with_torch(network, window):
    ours, theirs = (make_engine(network, "cpu", name).run(window) for name in ("torch", "openvino"))
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape and a.dtype == b.dtype == torch.float32
        assert torch.allclose(a, b, atol=1e-4)


@needs_openvino
def test_openvino_agrees_with_torch_on_several_maps_of_fine_features(window):
    torch.manual_seed(4)
    detailed = networks.build("crend", width=4, detail=True)
    ours, theirs = (make_engine(detailed, "cpu", name).run(window) for name in ("torch", "openvino"))
    assert [len(found[1]) for found in (ours, theirs)] == [2, 2]
    for a, b in zip((ours[0], *ours[1]), (theirs[0], *theirs[1])):
        assert a.shape == b.shape and a.dtype == b.dtype == torch.float32
        assert torch.allclose(a, b, atol=1e-4)


@needs_openvino
def test_openvino_results_of_one_window_survive_the_next(network, window):
    engine = OpenVinoEngine(network)
    first, _ = engine.run(window)
    kept = first.clone()
    engine.run(window + 1)
    assert torch.equal(first, kept)


@needs_openvino
def test_openvino_takes_a_network_without_fine_features(window):
    coarse, fine = OpenVinoEngine(Threshold(0.0, 1.0)).run(window)
    assert fine is None
    assert np.allclose(coarse.numpy()[:, :1], 8 * window, atol=1e-5)


@needs_openvino
def test_importing_openvino_starts_no_telemetry():
    code = (
        "import sys; from crend.inference.engines import import_openvino; ov = import_openvino();"
        "from openvino.tools.ovc import telemetry_utils, convert_impl;"
        "print(telemetry_utils.tm.__name__, convert_impl.tm.__name__, 'openvino_telemetry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub"] * 2 + ["False"], done.stderr


def test_finish_gets_what_the_trunk_gave(window):
    for engine in [TorchEngine(Threshold(0.0, 1.0))] + [OpenVinoEngine(Threshold(0.0, 1.0))] * engines.openvino_available():
        assert engine.run(window, lambda coarse, fine: (coarse.shape[1], fine)) == (2, None)


def test_auto_on_the_cpu_is_openvino_where_it_is_installed(network):
    expected = "openvino" if engines.openvino_available() else "torch"
    assert make_engine(network, "cpu").name == expected


def test_a_gpu_without_memory_hands_the_window_to_the_cpu(window):
    class NoMemoryOnce(Threshold):
        calls = 0

        def trunk(self, x):
            self.calls += 1
            if self.calls == 1:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return super().trunk(x)

    engine = TorchEngine(NoMemoryOnce(0.0, 1.0))
    coarse, _ = engine.run(window)
    assert coarse.shape == (1, 2, 32, 32, 48) and engine.device == "cpu"
    assert len(engine.warnings) == 1 and "out of memory" in engine.warnings[0]


def test_another_failure_is_not_taken_for_a_lack_of_memory(window):
    class Broken(Threshold):
        def trunk(self, x):
            raise RuntimeError("kernel exploded")

    with pytest.raises(RuntimeError, match="exploded"):
        TorchEngine(Broken(0.0, 1.0)).run(window)


@pytest.mark.parametrize(
    "device, engine, message",
    [
        ("tpu", "auto", 'device "tpu": unknown'),
        ("cuda:x", "auto", 'device "cuda:x": unknown'),
        ("cuda:99", "torch", "not available"),
        ("auto", "tensorrt", 'engine "tensorrt": unknown'),
        ("cuda", "openvino", "runs on the CPU"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(network, device, engine, message):
    with pytest.raises(InputError) as caught:
        make_engine(network, device, engine)
    assert message in str(caught.value) and "use " in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_openvino_is_said_with_the_cure(network, monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="not installed here; install the package openvino"):
        make_engine(network, "cpu", "openvino")
    assert make_engine(network, "cpu").name == "torch"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_agrees_with_the_cpu_to_half_precision(network, window):
    on_cpu = make_engine(network, "cpu", "torch").run(window)[0].clone()
    on_gpu = make_engine(network, "cuda", "torch").run(window)[0].cpu()
    assert torch.allclose(on_cpu.sigmoid(), on_gpu.sigmoid(), atol=0.02)
