"""What fails is left for what works, and said; what somebody asked for by name is refused in one line."""

import numpy as np
import pytest
import torch
from tiny import save_bundle, volume

from crend.bundle import bundle as bundles
from crend.errors import InputError
from crend.inference import devices, engines, torch_engine
from crend.inference.careful_engine import CarefulEngine
from crend.inference.engines import engine_for_network, make_engine
from crend.inference.graph_engines import OnnxRuntimeEngine
from crend.predict import segment

FAILURES = {
    "out of memory": torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "no kernel image is available": RuntimeError("CUDA error: no kernel image is available for execution on the device\nCompile with"),
    "all CUDA-capable devices are busy": RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable"),
    "driver on your system is too old": RuntimeError("The NVIDIA driver on your system is too old (found version 11040)"),
    "CUDNN_STATUS_NOT_INITIALIZED": RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    "CUBLAS_STATUS_NOT_INITIALIZED": RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    "std": MemoryError("std::bad_alloc"),
    "a library": OSError("libcudnn.so.9: cannot open shared object file"),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return bundles.load(save_bundle(tmp_path_factory.mktemp("bundles") / "everything", ovary=9.0))


@pytest.fixture
def card(monkeypatch):
    """A machine with a card that torch believes in, and that fails as told: at load, or in the window of that number."""

    def make(error, at):
        class Card:
            name, device, renders = "torch", "cuda", False

            def __init__(self):
                self.warnings, self.seen = [], 0
                if at == "load":
                    raise error

            def predict(self, window, points=0):
                self.seen += 1
                if self.seen == at:
                    raise error
                return np.full((2, *window.shape), 0.9, np.float32)

        real = torch_engine.TorchEngine
        monkeypatch.setattr(engines, "torch_may_have_cuda", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch_engine, "TorchEngine", lambda network, device: real(network, device) if device == "cpu" else Card())

    return make


@pytest.mark.parametrize("at", ["load", 1, 2])
@pytest.mark.parametrize("words", FAILURES)
def test_a_card_that_fails_is_left_for_the_cpu_and_that_is_said(loaded, card, words, at):
    card(FAILURES[words], at)
    engine, window = make_engine(loaded.model), np.zeros((32, 32, 32), np.float32)
    for _ in range(3):
        found = engine.predict(window)
    assert engine.device == "cpu" and found.shape == (2, 32, 32, 32) and found[0].min() > 0.99
    (warning,) = engine.warnings
    assert warning.startswith("cuda: ") and warning.endswith(", went on with the CPU") and "\n" not in warning
    assert ("out of memory" if words == "std" else "libcudnn" if words == "a library" else words) in warning


@pytest.mark.parametrize("at", ["load", 1])
def test_a_card_that_was_asked_for_by_name_is_refused_in_one_line(loaded, card, at):
    card(FAILURES["no kernel image is available"], at)
    with pytest.raises(InputError) as refused:
        segment(volume(), loaded, device="cuda")
    assert str(refused.value).startswith('device "cuda": CUDA error: no kernel image') and "use --device cpu" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_card_that_gives_nan_is_left_too(loaded, card, monkeypatch):
    card(None, None)
    engine = make_engine(loaded.model)
    monkeypatch.setattr(engine._engine, "predict", lambda window, points=0: np.full((2, *window.shape), np.nan, np.float32))
    assert np.isfinite(engine.predict(np.zeros((32, 32, 32), np.float32))).all() and "NaN" in engine.warnings[0]


def test_a_whole_run_says_that_it_went_on(loaded, card):
    card(FAILURES["out of memory"], 1)
    found = segment(volume(), loaded)
    assert found.provenance["device"] == "cpu" and found.provenance["warnings"] == ["cuda: out of memory, went on with the CPU"]
    assert found.measurements.ovary is not None


@pytest.mark.parametrize("error", [ImportError("libonnx.so: no such file"), RuntimeError("unsupported opset"), OSError("broken")])
def test_an_engine_that_cannot_be_loaded_is_left_for_the_next_under_auto_and_refused_by_name(loaded, monkeypatch, error):
    def broken(self, content, outputs):
        raise error

    monkeypatch.setattr(engines, "torch_may_have_cuda", lambda: False)
    monkeypatch.setattr(OnnxRuntimeEngine, "_start", broken)
    engine = make_engine(loaded.model)
    assert engine.name != "onnxruntime" and engine.warnings[0].startswith("ONNX Runtime: ") and "went on with" in engine.warnings[0]
    assert engine.predict(np.zeros((32, 32, 32), np.float32)).shape == (2, 32, 32, 32)
    with pytest.raises((InputError, OSError)):
        make_engine(loaded.model, "cpu", "onnxruntime")


def test_where_nothing_works_the_first_reason_is_said():
    tried = []

    def start(model, name, device):
        tried.append(name)
        raise RuntimeError(f"{name} is broken")

    with pytest.raises(RuntimeError, match="onnxruntime is broken"):
        CarefulEngine(object(), [("onnxruntime", "cpu"), ("torch", "cpu")], start)
    assert tried == ["onnxruntime", "torch"]


def test_a_second_network_goes_on_by_itself_and_shares_the_warnings(loaded, card):
    card(FAILURES["out of memory"], "load")
    engine = make_engine(loaded.model)
    beside = engine_for_network(engine, loaded.model)
    assert beside.device == "cpu" and beside.warnings is engine.warnings


def test_a_card_that_does_not_answer_is_described_as_the_cpu(card, monkeypatch):
    card(None, None)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: 1 / 0)
    assert devices.describe().startswith("CPU")
    with pytest.raises(InputError, match='device "cuda"'):
        devices.describe("cuda")
