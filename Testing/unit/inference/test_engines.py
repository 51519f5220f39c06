"""Engines: the right one is taken, all give the same numbers, and a device or engine that is not there is said in one line."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from standin import Rendering, Threshold

from crend.bundle import bundle as bundles
from crend.errors import InputError
from crend.inference import engines
from crend.inference.devices import describe
from crend.inference.engines import choose, make_engine
from crend.inference.torch_engine import TorchEngine

HAS_OPENVINO = engines.installed("openvino")
needs_openvino = pytest.mark.skipif(not HAS_OPENVINO, reason="the optional package openvino is not installed")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from host.bundles import writeBundle

    return bundles.load(writeBundle(tmp_path_factory.mktemp("models") / "untrained"))


@pytest.fixture
def window():
    return np.random.default_rng(5).normal(size=(32, 32, 32)).astype(np.float32)


def without(monkeypatch, *packages):
    monkeypatch.setattr(engines, "installed", lambda name: name not in packages)


@pytest.mark.slow
def test_every_engine_gives_the_same_probabilities_for_a_bundle(bundle, window):
    found = {name: make_engine(bundle.model, "cpu", name) for name in ("torch", "onnxruntime", *["openvino"] * HAS_OPENVINO)}
    assert {name: (engine.name, engine.device, engine.renders) for name, engine in found.items()} == {
        name: (name, "cpu", True) for name in found
    }
    expected = found["torch"].predict(window, 32**3)  # all of them: a choice would hang on ties
    assert expected.shape == (2, 32, 32, 32) and expected.dtype == np.float32
    for engine in found.values():
        assert np.allclose(engine.predict(window, 32**3), expected, atol=1e-4)
        assert not np.allclose(engine.predict(window), expected, atol=1e-2)  # nothing rendered


@pytest.mark.slow
def test_a_window_seen_from_the_other_side_is_taken_as_it_is(bundle, window):
    engine = make_engine(bundle.model, "cpu", "onnxruntime")
    assert np.array_equal(engine.predict(np.flip(window, 0)), engine.predict(np.flip(window, 0).copy()))


@pytest.mark.slow
@needs_openvino
def test_openvino_results_of_one_window_survive_the_next(bundle, window):
    engine = make_engine(bundle.model, "cpu", "openvino")
    first, _ = engine.trunk(window)
    kept = first.copy()
    engine.trunk(window + 1)
    assert np.array_equal(first, kept)


@pytest.mark.slow
@needs_openvino
def test_importing_openvino_starts_no_telemetry():
    code = (
        "import sys; from crend.inference.graph_engines import import_openvino; ov = import_openvino();"
        "from openvino.tools.ovc import telemetry_utils, convert_impl;"
        "print(telemetry_utils.tm.__name__, convert_impl.tm.__name__, 'openvino_telemetry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub"] * 2 + ["False"], done.stderr


def test_a_network_without_a_head_or_features_is_never_rendered(window):
    engine = TorchEngine(Threshold(0.0, 1.0))
    assert not engine.renders
    assert np.allclose(engine.predict(window, 100)[0], 1 / (1 + np.exp(-8 * window)), atol=1e-5)
    assert TorchEngine(Rendering()).renders


def test_auto_takes_what_is_installed_in_the_order_of_what_it_costs(monkeypatch):
    monkeypatch.setattr(engines, "torch_may_have_cuda", lambda: False)
    without(monkeypatch)
    assert choose() == ("onnxruntime", "cpu") and describe() == "CPU, ONNX Runtime"
    assert choose(has_graph=False) == ("torch", "cpu")
    without(monkeypatch, "onnxruntime")
    assert choose("cpu") == ("openvino", "cpu")
    without(monkeypatch, "onnxruntime", "openvino")
    assert choose() == ("torch", "cpu") and describe() == "CPU, torch"
    without(monkeypatch, "torch")
    assert choose() == ("onnxruntime", "cpu")


def test_auto_takes_a_cuda_device_where_torch_has_one(monkeypatch):
    monkeypatch.setattr(engines, "torch_may_have_cuda", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose() == ("torch", "cuda") and choose("cpu") == ("onnxruntime", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose() == ("onnxruntime", "cpu")


def test_torch_is_not_even_asked_without_a_driver_or_when_it_is_built_without_cuda(monkeypatch):
    monkeypatch.setattr(engines.metadata, "version", lambda name: "2.13.0")
    monkeypatch.setattr(engines, "driver_has_device", lambda: True)
    assert engines.torch_may_have_cuda()
    monkeypatch.setattr(engines.metadata, "version", lambda name: "2.13.0+cpu")
    assert not engines.torch_may_have_cuda()
    monkeypatch.setattr(engines.metadata, "version", lambda name: "2.13.0+cu130")
    monkeypatch.setattr(engines, "driver_has_device", lambda: False)
    assert not engines.torch_may_have_cuda()


@pytest.mark.parametrize(
    "device, engine, message",
    [
        ("tpu", "auto", 'device "tpu": unknown'),
        ("cuda:x", "auto", 'device "cuda:x": unknown'),
        ("cuda:99", "torch", "not available"),
        ("auto", "tensorrt", 'engine "tensorrt": unknown'),
        ("cuda", "openvino", "runs on the CPU"),
        ("cuda", "onnxruntime", "runs on the CPU"),
        ("auto", "onnxruntime", "the network has no graph"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(device, engine, message):
    with pytest.raises(InputError) as caught:
        make_engine(Threshold(0.0, 1.0), device, engine)
    assert message in str(caught.value) and "use " in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_package_is_said_with_the_cure(monkeypatch):
    without(monkeypatch, "onnxruntime", "openvino", "torch")
    for engine, cure in (
        ("onnxruntime", "the package onnxruntime"),
        ("openvino", "the package openvino"),
        ("torch", "the package torch"),
        ("auto", "the package onnxruntime"),
    ):
        with pytest.raises(InputError, match=f"install {cure}"):
            choose("cpu", engine)
    with pytest.raises(InputError, match="mine has no graph, so it runs in torch only; install the package torch"):
        choose("auto", "auto", has_graph=False, no_graph="mine has no graph")
    with pytest.raises(InputError, match='device "cuda" needs the package torch'):
        choose("cuda", "auto")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_in_half_precision_agrees_with_the_cpu(bundle, window):
    on_cpu = make_engine(bundle.model, "cpu", "onnxruntime").predict(window)
    assert np.abs(make_engine(bundle.model, "cuda", "torch").predict(window) - on_cpu).max() < 0.02


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("2,4", 2), ("999999999", 1024), ("9" * 30, None), ("²", None), ("-1", None)])
def test_a_number_of_threads_is_one_that_a_runtime_can_hold(monkeypatch, said, threads):
    from crend.inference.graph_engines import thread_count

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    usual = thread_count()
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert thread_count() == (usual if threads is None else threads)
