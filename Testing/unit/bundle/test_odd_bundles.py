"""Bundles that are damaged, hostile or merely odd: refused in one line, and no harm to the others."""

import json
import os

import numpy as np
import pytest
import safetensors.torch
import torch
from test_bundle import metadata, refusal, replace_weights, rewrite
from tiny import save_bundle, volume

from crend import networks
from crend.bundle import bundle
from crend.bundle.metadata import check
from crend.errors import InputError
from crend.inference.sliding import NotANumber
from crend.predict import segment


@pytest.mark.slow
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_at_load(tmp_path, value):
    folder = save_bundle(tmp_path / "odd", ovary=9.0)
    tensors = safetensors.torch.load((folder / "model.safetensors").read_bytes())
    tensors["classifier.bias"][0] = value
    replace_weights(folder, tensors)
    assert "classifier.bias holds NaN or infinite" in refusal(folder)


def test_a_network_that_gives_nan_is_a_failure_and_not_a_volume_without_an_ovary(tmp_path):
    class Broken:
        name, device, renders, warnings = "broken", "cpu", False, []

        def predict(self, window, points=0):
            return np.full((2, *window.shape), np.nan, np.float32)

    loaded = bundle.load(save_bundle(tmp_path / "tiny", ovary=9.0))
    with pytest.raises(NotANumber, match="NaN or infinite"):
        segment(volume(), loaded, engine=Broken())


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda m: m["crend"].update(smallest_follicle_mm=10**400), "'smallest_follicle_mm'"),
        (lambda m: m["crend"].update(spacing_mm=[1e-300] * 3), "'spacing_mm' is not three lengths of 0.05 to 10 mm"),
        (lambda m: m["crend"].update(patch=[512] * 3), "'patch' is not three multiples of 16 up to 384"),
        (lambda m: m["crend"].update(patch=[384] * 3), "at most 16777216 voxels"),
        (lambda m: m["crend"].update(normalisation={"method": "minmax"}), "unknown normalisation 'minmax'; known: zscore_nonzero"),
        (lambda m: m["crend"].update(network="yolo"), "unknown network 'yolo'; known: unet"),
        (lambda m: m["crend"].update(arguments={"width": 10**9}), "'arguments' are not small"),
        (lambda m: m["crend"].update(render={"points": 10**400}), "number of points"),
        (lambda m: m["crend"].update(confidence={"features": 5}), "calibration"),
        (lambda m: m["crend"].update(familiar={"features": [], "knots": 3}), "calibrate the bundle again"),
        (lambda m: m["crend"].update(learned_from={"training": "abc"}), "'learned_from' are not lists"),
        (lambda m: m["crend"].update(base="crend-sim"), "'base' is no name, version and checksums"),
        (lambda m: m["crend"].update(treshold=0.3), "'treshold', which this version does not read"),
        (lambda m: m["crend"]["thresholds"].update(follicle_edge=0.7), "'thresholds/follicle_edge', which"),
        (lambda m: m["crend"].update(trained_on=[float("nan")]), "a number that no file can"),
        (lambda m: m.update(task="\ud800"), "a text or a number"),
        (lambda m: m.update(version=""), "'version'"),
        (lambda m: m.update(changelog=["first"]), "'changelog'"),
        (lambda m: m["network_data_format"]["inputs"]["image"].update(value_range=[1]), "'value_range'"),
    ],
)
def test_every_field_that_is_used_is_checked(change, words):
    described = metadata()
    change(described)
    with pytest.raises(InputError) as refused:
        check(described, "here")
    assert words in str(refused.value) and str(refused.value).startswith("here: ")


def test_further_keys_of_the_bundle_schema_are_welcome():
    check({**metadata(), "supported_apps": {"any": "1.0"}}, "here")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("name", ["metadata.json", "model.safetensors", "trunk.onnx"])
def test_a_pipe_is_no_file_of_a_bundle_and_nobody_waits_for_it(tmp_path, name):
    folder = save_bundle(tmp_path / "tiny", ovary=9.0)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert "is not an ordinary file" in refusal(folder)


@pytest.mark.slow
def test_one_odd_bundle_among_the_installed_breaks_nothing_but_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "search_folders", lambda: [tmp_path, tmp_path / "gone"])
    for name in ("deep", "fine", "huge", "pipe"):
        bundle.save(tmp_path / name, networks.build("crend", width=2), metadata(), "# Tiny\n")
    (tmp_path / "deep" / "metadata.json").write_text("[" * 100_000)
    rewrite(tmp_path / "huge", lambda m: m["crend"].update(smallest_follicle_mm=10**400))
    (tmp_path / "pipe" / "metadata.json").unlink()
    os.mkfifo(tmp_path / "pipe" / "metadata.json")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "metadata.json").mkdir()
    assert [info.name for info in bundle.available()] == ["fine"]
    assert json.dumps(bundle.load("fine").metadata["crend"]["patch"]) == "[80, 80, 80]"
    assert isinstance(bundle.load("fine").network, torch.nn.Module)
