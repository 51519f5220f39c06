"""Installation from the panel, with stand-ins for what downloads; and the sample volume, which needs no network."""

import subprocess
import sys
import types
import unittest
from importlib import metadata
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
import SimpleITK as sitk
import slicer
from host import samples
from test_panel import models, wait  # noqa: F401

from crend.errors import InputError
from crend.io.volumes import check_image
from CRendSegmentationLib.Runs import Installation
from CRendSegmentationLib.Runs.WorkerJobs import PredictionFailed


@pytest.fixture
def bare(monkeypatch):
    """A Slicer without packages and without a card; what is asked for is recorded, and then there."""
    there, asked = set(), []
    monkeypatch.setattr(Installation, "_installed", lambda name: name in there)

    class Logic:
        def installTorch(self, askConfirmation, torchVersionRequirement):
            asked.append(f"torch{torchVersionRequirement}")
            there.add("torch")
            return object()

    def pip(requirements, constraints, **_):
        assert Path(constraints).read_text() == f"numpy=={metadata.version('numpy')}\n"
        asked.extend(requirements)
        there.update(requirement.split(">")[0] for requirement in requirements)

    monkeypatch.setattr(Installation, "driver_has_device", lambda: False)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=Logic))
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = pip
    # To be imported, but no attribute of slicer before that.
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    return asked


@pytest.fixture
def panel(models, bare, widget):  # noqa: F811
    widget.logic.predictor = samples.KnownPredictor()
    widget.ui.inputVolumeSelector.setCurrentNode(samples.addVolume())
    return widget


def test_what_is_missing_is_listed_with_its_size_and_apply_waits(panel):
    assert not panel.ui.installFrame.isHidden()
    text = panel.ui.installLabel.text
    assert "ONNX Runtime (17 to 28 MB, with flatbuffers, packaging and protobuf)" in text and "safetensors (1 MB)" in text
    assert "PyTorch" not in text and panel.ui.cardFrame.isHidden()
    assert not panel.ui.applyButton.enabled and "Install" in panel.ui.applyButton.toolTip


def test_one_click_installs_and_the_worker_tries_it_out(panel, bare):
    panel.ui.installButton.click()
    assert bare == ["onnxruntime>=1.23", "safetensors"]
    wait(lambda: "working" in panel.ui.statusLabel.text)
    assert panel.ui.statusLabel.text == "Installed and working (known answers)."
    assert panel.ui.installFrame.isHidden() and panel.ui.applyButton.enabled


def test_the_self_test_skips_what_needs_the_network_and_says_why(bare, widget):
    from CRendSegmentationLib.SelfTest.ResultChecks import packages, segment

    with pytest.raises(unittest.SkipTest, match="onnxruntime, safetensors not installed: press Install"):
        packages(None)
    with pytest.raises(unittest.SkipTest, match="packages are missing"):
        segment(None)


def test_slicer_5_10_installs_with_pip(panel, bare, monkeypatch):
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.setattr(slicer.util, "pip_install", bare.extend)
    panel.ui.installButton.click()
    option, constraints, *requirements = bare
    assert option == "--constraint" and constraints.endswith("constraints.txt") and requirements == ["onnxruntime>=1.23", "safetensors"]


def test_without_network_the_cure_is_said_and_nothing_of_pip(panel, bare, monkeypatch):
    def pip(requirements, **_):
        raise subprocess.CalledProcessError(1, ["PythonSlicer", "-m", "pip", "install", *requirements])

    monkeypatch.setattr(sys.modules["slicer.packaging"], "pip_ensure", pip)
    panel.ui.installButton.click()
    said = "ONNX Runtime, safetensors could not be installed; check the network or proxy, and that no other Slicer is open"
    assert panel.ui.statusLabel.text.startswith(said) and not panel.ui.installFrame.isHidden()
    monkeypatch.setattr(Installation, "driver_has_device", lambda: True)
    monkeypatch.setattr(sys.modules["PyTorchUtils"].PyTorchUtilsLogic, "installTorch", lambda self, **_: pip(["torch"]))
    with pytest.raises(InputError, match="^PyTorch could not be installed"):
        Installation.installTorch()


def test_owners_of_an_nvidia_card_are_offered_pytorch_once_the_rest_is_there(panel, bare, monkeypatch):
    monkeypatch.setattr(Installation, "driver_has_device", lambda: True)
    assert panel.ui.cardFrame.isHidden()
    panel.ui.installButton.click()
    assert not panel.ui.cardFrame.isHidden() and "optional, a download of about 3 GB" in panel.ui.cardLabel.text
    assert panel.ui.applyButton.enabled and not any("torch" in name for name in bare)  # an offer, no condition
    panel.ui.cardButton.click()
    assert bare[-1] == "torch>=2.0,!=2.9.*" and panel.ui.cardFrame.isHidden()


def test_without_a_card_pytorch_is_never_installed(bare):
    assert not Installation.cardWithoutTorch()
    with pytest.raises(InputError, match="No NVIDIA card was found"):
        Installation.installTorch()
    assert bare == []


def test_access_denied_is_not_called_a_matter_of_the_network(panel, monkeypatch):
    def pip(requirements, **_):
        raise subprocess.CalledProcessError(1, ["pip"], "ERROR: Could not install packages: [WinError 5] Access is denied")

    monkeypatch.setattr(sys.modules["slicer.packaging"], "pip_ensure", pip)
    panel.ui.installButton.click()
    assert panel.ui.statusLabel.text.startswith("ONNX Runtime, safetensors could not be written into Slicer's Python; restart Slicer")


def test_what_is_installed_elsewhere_is_noticed_and_the_old_complaint_goes(panel, bare, monkeypatch):
    def pip(requirements, **_):
        raise subprocess.CalledProcessError(1, ["pip"])

    monkeypatch.setattr(sys.modules["slicer.packaging"], "pip_ensure", pip)
    panel.ui.installButton.click()
    assert panel.ui.statusLabel.text and not panel.ui.applyButton.enabled
    monkeypatch.setattr(Installation, "_installed", lambda name: True)
    panel.exit()
    panel.enter()
    assert panel.ui.installFrame.isHidden() and panel.ui.applyButton.enabled and panel.ui.statusLabel.text == ""


def test_what_is_there_and_cannot_be_imported_can_be_installed_anew(models, widget, monkeypatch):  # noqa: F811
    class Broken:
        def poll(self):
            raise PredictionFailed("ImportError: libtorch.so is broken", "Traceback")

    asked = []
    monkeypatch.setattr(Installation, "_installed", lambda name: True)
    monkeypatch.setattr(Installation, "install", lambda names, anew: asked.append((names, anew)))
    widget.logic.predictor = samples.KnownPredictor()
    widget.logic.predictor.describe = lambda settings: Broken()
    widget.panel.enter()
    wait(lambda: not widget.ui.installFrame.isHidden())
    assert "cannot be used (ImportError: libtorch.so is broken)" in widget.ui.installLabel.text
    del widget.logic.predictor.describe
    widget.ui.installButton.click()
    assert asked == [(list(Installation.PACKAGES), True)]
    wait(widget.ui.installFrame.isHidden)


def test_without_the_pytorch_extension_the_cure_is_said(panel, monkeypatch):
    monkeypatch.setattr(Installation, "driver_has_device", lambda: True)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    panel.ui.installButton.click()
    panel.ui.cardButton.click()
    assert "Extensions Manager" in panel.ui.statusLabel.text and not panel.ui.cardFrame.isHidden()


def test_an_intel_mac_is_told_what_its_last_onnx_runtime_needs(monkeypatch):
    monkeypatch.setattr(Installation.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(Installation.platform, "machine", lambda: "x86_64")
    assert "sympy" in Installation.words(["onnxruntime"]) and "27 MB" in Installation.words(["onnxruntime"])


def test_what_the_worker_cannot_import_is_shown(panel):
    class Failing:
        def poll(self):
            raise PredictionFailed("ImportError: libtorch.so is broken", "Traceback")

    panel.logic.predictor.describe = lambda settings: Failing()
    panel.ui.installButton.click()
    wait(lambda: "libtorch.so is broken" in panel.ui.statusLabel.text)
    assert panel.ui.detailsText.plainText == "Traceback"


def test_the_device_that_was_found_is_shown(models, widget):  # noqa: F811
    widget.logic.predictor = samples.KnownPredictor()
    widget.panel.enter()
    wait(lambda: widget.ui.deviceFoundLabel.text == "known answers")


def test_another_device_is_looked_at_and_one_that_is_not_there_said_in_words(models, widget):  # noqa: F811
    widget.logic.predictor = samples.KnownPredictor()
    widget.panel.enter()
    asked = []

    class Missing:
        def poll(self):
            raise InputError("no NVIDIA card was found; choose auto or cpu.")

    widget.logic.predictor.describe = lambda settings: asked.append(settings.device) or Missing()
    widget.ui.deviceComboBox.currentIndex = 2
    wait(lambda: "no NVIDIA card" in widget.ui.deviceFoundLabel.text)
    assert asked == ["cuda"]


def test_the_sample_volume_is_listed_with_a_thumbnail_and_lies_in_the_extension(widget):
    (source,) = slicer.modules.sampleDataSources["CRend"]
    assert Path(source.thumbnailFileName).is_file()
    image = sitk.ReadImage(url2pathname(urlparse(source.uris[0]).path))
    check_image(image, "sample")
