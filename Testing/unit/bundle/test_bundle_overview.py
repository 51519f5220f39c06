"""Bundles with a second network: both come back, and neither is kept without the other's description."""

import json

import pytest
import torch
from test_bundle import metadata

from crend import networks
from crend.bundle import bundle
from crend.errors import InputError

OVERVIEW_BLOCK = {
    "network": "unet", "arguments": {"width": 2}, "spacing_mm": [1.2, 1.2, 1.2], "patch": [64, 64, 64],
    "normalisation": {"method": "zscore_nonzero"}, "render": {"points": 0}, "share": {"ovary": 0.5, "follicles": 0.25},
}  # fmt: skip


GUIDED = {"width": 2, "guided": True}


@pytest.fixture
def with_overview(tmp_path):
    network, overview = networks.build("crend", width=2), networks.build("unet", width=2)
    about = metadata(overview=OVERVIEW_BLOCK)
    return bundle.save(tmp_path / "two", network, about, "card", overview=overview), overview


@pytest.mark.slow
def test_a_bundle_with_an_overview_brings_both_networks_back(with_overview):
    folder, overview = with_overview
    loaded = bundle.load(folder)
    assert loaded.overview is not None and set(json.loads((folder / "metadata.json").read_text())["crend"]["sha256"]) == {
        "model.safetensors",
        "overview.safetensors",
    }
    for name, tensor in overview.state_dict().items():
        assert torch.equal(loaded.overview.state_dict()[name], tensor.half().float()), name


@pytest.mark.slow
def test_a_tampered_overview_is_noticed(with_overview):
    path = with_overview[0] / "overview.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="overview.safetensors: not the file"):
        bundle.load(with_overview[0])


def test_an_overview_without_its_description_is_not_saved(tmp_path):
    network = networks.build("crend", width=2)
    with pytest.raises(InputError, match="belong together"):
        bundle.save(tmp_path / "two", network, metadata(), "card", overview=network)


@pytest.mark.parametrize("key, value", [("patch", [10, 10, 10]), ("share", {"ovary": 2, "follicles": 0}), ("network", None)])
def test_a_senseless_overview_is_named(key, value, tmp_path):
    block = {**OVERVIEW_BLOCK, key: value}
    with pytest.raises(InputError, match="metadata: overview: "):
        metadata(overview=block)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({}, "guided by an overview, and there is none"),
        ({"overview": {**OVERVIEW_BLOCK, "network": "crend", "arguments": GUIDED}}, "comes first"),
    ],
)
def test_a_guided_network_needs_an_overview_that_is_not_guided_itself(changes, words):
    with pytest.raises(InputError, match=words):
        metadata(arguments=GUIDED, **changes)


def test_a_guided_bundle_comes_back_and_sees_three_channels(tmp_path):
    network, overview = networks.build("crend", **GUIDED), networks.build("unet", width=2)
    folder = bundle.save(tmp_path / "two", network, metadata(arguments=GUIDED, overview=OVERVIEW_BLOCK), "card", overview=overview)
    loaded = bundle.load(folder)
    assert loaded.model.graph.inputs[0].shape[1] == loaded.network.inputs == 3
