"""Bundles: what is saved comes back, what was tampered with does not, and nothing in a folder is ever executed."""

import copy
import hashlib
import json
import pickle
import subprocess
import sys

import pytest
import safetensors.torch
import torch

from crend import networks
from crend.bundle import bundle
from crend.bundle.metadata import check, describe
from crend.errors import InputError

# Required keys of https://project-monai.github.io/schema/meta_schema_20240725.json
MONAI_KEYS = {
    "schema", "version", "monai_version", "pytorch_version", "numpy_version", "required_packages_version", "task",
    "description", "authors", "copyright", "network_data_format",
}  # fmt: skip
MONAI_TENSOR_KEYS = {"type", "format", "num_channels", "spatial_shape", "dtype", "value_range"}


def metadata(**changes):
    settings = {
        "network": "crend", "arguments": {"width": 2}, "spacing_mm": [0.5, 0.5, 0.5], "patch": [80, 80, 80],
        "normalisation": {"method": "zscore_nonzero"}, "version": "0.1.0", "changelog": {"0.1.0": "first"},
        "description": "A network for tests", "trained_on": "nothing", "measured_on": "nothing",
    }  # fmt: skip
    return describe(**{**settings, **changes})


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = networks.build("crend", width=2).eval()
    return bundle.save(tmp_path / "tiny", network, metadata(), "# Tiny\n"), network


def rewrite(folder, change):
    """Apply `change` to the folder's metadata."""
    path = folder / "metadata.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def replace_weights(folder, tensors):
    """Other weights with a checksum that fits them."""
    content = safetensors.torch.save(tensors)
    (folder / "model.safetensors").write_bytes(content)
    rewrite(folder, lambda m: m["crend"].update(sha256={"model.safetensors": hashlib.sha256(content).hexdigest()}))


def refusal(path):
    with pytest.raises(InputError) as error:
        bundle.load(path)
    text = str(error.value)
    assert "\n" not in text and "; " in text  # one line, with a cure
    return text


@pytest.mark.slow
def test_a_saved_network_comes_back_within_float16_and_as_float32(saved):
    folder, network = saved
    loaded = bundle.load(folder)
    assert loaded.name == "tiny" and loaded.folder == folder.resolve()
    assert not loaded.network.training
    for name, tensor in network.state_dict().items():
        back = loaded.network.state_dict()[name]
        assert back.dtype == torch.float32
        assert torch.equal(back, tensor.half().float())
    patch = torch.randn(1, 1, 32, 32, 32)
    with torch.no_grad():
        assert torch.allclose(loaded.network.trunk(patch)[0], network.trunk(patch)[0], atol=0.05)


@pytest.mark.slow
def test_the_folder_holds_five_files_and_the_weights_are_float16(saved):
    folder, _ = saved
    assert {path.name for path in folder.iterdir()} == {"metadata.json", "model.safetensors", "trunk.onnx", "README.md", "LICENSE"}
    assert {t.dtype for t in safetensors.torch.load_file(folder / "model.safetensors").values()} == {torch.float16}


def test_metadata_has_every_key_that_the_monai_schema_requires(saved):
    content = json.loads((saved[0] / "metadata.json").read_text())
    assert content.keys() >= MONAI_KEYS
    for side in ("inputs", "outputs"):
        for tensor in content["network_data_format"][side].values():
            assert tensor.keys() >= MONAI_TENSOR_KEYS
    for key in ("version", "monai_version", "pytorch_version", "numpy_version", "authors", "copyright"):
        assert isinstance(content[key], str)
    digest = hashlib.sha256((saved[0] / "model.safetensors").read_bytes()).hexdigest()
    assert content["crend"]["sha256"] == {"model.safetensors": digest}
    assert content["crend"]["graphs"] == {"trunk.onnx": hashlib.sha256((saved[0] / "trunk.onnx").read_bytes()).hexdigest()}


@pytest.mark.slow
def test_the_checksums_are_known_before_anything_is_written(saved, tmp_path):
    folder, network = saved
    assert bundle.checksums(tmp_path / "later", network, metadata()) == bundle.load(folder).metadata["crend"]["sha256"]
    assert not (tmp_path / "later").exists()


def test_seeds_are_kept_where_they_are_known():
    seeds = {"training": [[1000, 1200], [3000, 3001]], "validation": [[900, 908]]}
    assert metadata(seeds=seeds)["crend"]["seeds"] == seeds and "seeds" not in metadata()["crend"]


@pytest.mark.slow
def test_saving_again_replaces_the_bundle(saved):
    folder, network = saved
    bundle.save(folder, network, metadata(description="newer"), "# Newer\n")
    assert bundle.load(folder).metadata["description"] == "newer"
    assert len(list(folder.iterdir())) == 5


def test_saving_leaves_the_callers_metadata_and_network_alone(tmp_path):
    network, given = networks.build("crend", width=2), metadata()
    before, weights = copy.deepcopy(given), copy.deepcopy(network.state_dict())
    bundle.save(tmp_path / "b", network, given, "")
    assert given == before
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.safetensors", "trunk.onnx"])
@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_tampered_byte_is_noticed(saved, place, name):
    path = saved[0] / name
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))
    assert f"{name}: not the file that" in refusal(saved[0])


def test_truncated_weights_are_noticed(saved):
    path = saved[0] / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    assert "sha256" in refusal(saved[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["metadata.json", "model.safetensors", "trunk.onnx"])
def test_a_missing_file_is_named(saved, name):
    (saved[0] / name).unlink()
    assert name in refusal(saved[0])


def test_weights_without_a_checksum_are_refused(saved):
    rewrite(saved[0], lambda m: m["crend"].pop("sha256"))
    assert "sha256" in refusal(saved[0])


def without_graph(folder):
    """The bundle as one was before there were graphs."""
    rewrite(folder, lambda m: m["crend"].pop("graphs"))
    (folder / "trunk.onnx").unlink()


@pytest.mark.slow
def test_a_bundle_without_a_graph_is_read_by_torch_and_gets_one_from_its_own_weights(saved):
    folder, _network = saved
    before, weights = bundle.load(folder), (folder / "model.safetensors").read_bytes()
    without_graph(folder)
    old = bundle.load(folder)
    assert old.model.graph is None and old.model.no_graph == "tiny has no graph" and before.model.graph is not None
    assert torch.equal(old.network.classifier.bias, before.network.classifier.bias)
    bundle.add_graphs(folder)
    after = bundle.load(folder)
    assert after.model.onnx() == before.model.onnx() and after.metadata == before.metadata
    assert (folder / "model.safetensors").read_bytes() == weights


@pytest.mark.slow
def test_a_network_that_has_no_graph_is_saved_with_the_reason(tmp_path, monkeypatch):
    from crend.bundle import graph_export

    def refuse(*_):
        raise graph_export.NotExportable("the function cumsum")

    network = networks.build("crend", width=2)
    bundle.save(tmp_path / "b", network, metadata(), "")
    monkeypatch.setattr(graph_export, "export", refuse)
    folder = bundle.save(tmp_path / "b", network, metadata(), "")
    loaded = bundle.load(folder)
    assert (
        loaded.model.graph is None
        and loaded.model.no_graph == "b has no graph (crend could not be written as a graph: the function cumsum)"
    )
    assert not (folder / "trunk.onnx").exists()


@pytest.mark.slow
def test_a_graph_that_does_not_fit_the_metadata_is_refused(saved):
    rewrite(saved[0], lambda m: m["crend"].update(arguments={"width": 4}))
    assert "no convolution of 4 channels" in refusal(saved[0])
    rewrite(saved[0], lambda m: m["crend"].update(arguments={"width": 2}, patch=[64, 80, 80]))
    assert "trunk.onnx: its input is not one window of 64 x 80 x 80" in refusal(saved[0])
    rewrite(saved[0], lambda m: m["crend"].update(patch=[80, 80, 80], network="os.system"))
    assert "os.system" in refusal(saved[0])
    rewrite(saved[0], lambda m: m["crend"].update(network="crend", graphs={}))
    assert "has no sha256 of trunk.onnx" in refusal(saved[0])


def test_tensors_of_another_training_than_the_graphs_are_refused(saved):
    folder, network = saved
    weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
    replace_weights(folder, {**weights, "extra": torch.zeros(1).half()})
    assert "its tensors are not those of model.safetensors (extra)" in refusal(folder)
    replace_weights(folder, {name: t for name, t in weights.items() if name != "classifier.bias"})
    assert "(classifier.bias)" in refusal(folder)
    replace_weights(folder, {name: t.float() for name, t in weights.items()})
    assert "not float16" in refusal(folder)


def test_weights_of_another_width_are_refused(saved):
    without_graph(saved[0])
    rewrite(saved[0], lambda m: m["crend"].update(arguments={"width": 4}))
    assert "(2, 1, 3, 3, 3), not (4, 1, 3, 3, 3)" in refusal(saved[0])


def test_a_monstrous_width_is_refused_without_asking_for_its_memory(saved):
    for width in (10**6, 10**12):
        rewrite(saved[0], lambda m: m["crend"].update(arguments={"width": width}))
        refusal(saved[0])


def test_extra_missing_and_float32_tensors_are_refused(saved):
    folder, network = saved
    without_graph(folder)
    weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
    replace_weights(folder, {**weights, "extra": torch.zeros(1).half()})
    assert "extra does not belong" in refusal(folder)
    replace_weights(folder, {name: t for name, t in weights.items() if name != "classifier.bias"})
    assert "classifier.bias is missing" in refusal(folder)
    replace_weights(folder, {name: t.float() for name, t in weights.items()})
    assert "not float16" in refusal(folder)


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was opened')",)


def test_a_pickle_in_place_of_the_weights_is_refused_and_one_beside_them_ignored(saved):
    folder, _ = saved
    (folder / "model.pt").write_bytes(pickle.dumps(Bomb()))
    (folder / "__init__.py").write_text("raise SystemExit('code was run')")
    bundle.load(folder)
    content = pickle.dumps(Bomb())
    (folder / "model.safetensors").write_bytes(content)
    rewrite(folder, lambda m: m["crend"].update(sha256={"model.safetensors": hashlib.sha256(content).hexdigest()}))
    assert "not a safetensors file" in refusal(folder)


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "null", "[" * 100_000, "\0"])
def test_metadata_that_is_no_json_object_is_refused(saved, content):
    (saved[0] / "metadata.json").write_text(content)
    assert "metadata.json" in refusal(saved[0])


def test_metadata_that_is_far_too_large_is_refused(saved):
    (saved[0] / "metadata.json").write_text(" " * 1_000_001)
    assert "larger" in refusal(saved[0])


@pytest.mark.parametrize("key", sorted(MONAI_KEYS))
def test_a_missing_schema_key_is_named(key):
    content = metadata()
    del content[key]
    with pytest.raises(InputError, match=key):
        check(content, "metadata.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    "key, value",
    [
        ("network", None), ("arguments", [2]), ("spacing_mm", [0.5, 0.5]), ("spacing_mm", [0.5, 0.5, 0]),
        ("in_plane", [192]), ("in_plane", [192, 192.5]), ("in_plane", [16, 192]), ("in_plane", [192, 1000]), ("in_plane", None),
        ("spacing_mm", [0.5, 0.5, float("nan")]), ("patch", [80, 80, 81]), ("patch", [16, 16, 16]), ("patch", "80"),
        ("normalisation", {}), ("thresholds", {"ovary": 0.5}), ("thresholds", {"ovary": 0.5, "follicles": 1.5}),
        ("thresholds", {"ovary": 0.5, "follicles": 0.5, "follicles_edge": 0.4}), ("thresholds", {"ovary": 0.5, "follicles": 0.5, "follicles_edge": 1}),
        ("thresholds", {"ovary": 0.5, "follicles": 0.5, "follicles_edge": "0.6"}),
        ("render", {}), ("render", {"points": -1}), ("smallest_follicle_mm", None), ("notice", None),
        ("least_probability", {"below_mm": 5}), ("least_probability", {"below_mm": 5, "small": 70}), ("least_probability", 0.7),
        ("seeds", [1]), ("seeds", {"training": 1}), ("seeds", {"training": [1, 2]}), ("seeds", {"training": [[2, 2]]}),
        ("seeds", {"validation": [[1, 2.0]]}), ("seeds", {"test": [[1, 2]]}), ("graphs", ["trunk.onnx"]), ("graphs", {"trunk.onnx": 7}),
    ],
)  # fmt: skip
def test_a_senseless_value_of_the_crend_block_is_named(key, value):
    content = metadata()
    content["crend"][key] = value
    with pytest.raises(InputError, match=key):
        check(content, "metadata.json")


def test_unknown_networks_and_arguments_are_refused(saved):
    without_graph(saved[0])
    rewrite(saved[0], lambda m: m["crend"].update(network="os.system"))
    assert "os.system" in refusal(saved[0])
    rewrite(saved[0], lambda m: m["crend"].update(network="crend", arguments={"depth": 3}))
    assert "depth" in refusal(saved[0])


def test_an_unknown_name_lists_the_known_ones(monkeypatch, saved):
    monkeypatch.setattr(bundle, "search_folders", lambda: [saved[0].parent])
    assert "known: tiny" in refusal("nothing-such")
    assert bundle.load("tiny").name == "tiny"


@pytest.mark.slow
def test_the_default_model_comes_first_and_unreadable_ones_are_left_out(monkeypatch, tmp_path):
    network = networks.build("crend", width=2)
    for name in ("a-model", "crend-sim", "broken"):
        bundle.save(tmp_path / name, network, metadata(), "")
    (tmp_path / "broken" / "metadata.json").write_text("{")
    (tmp_path / "no-bundle").mkdir()
    monkeypatch.setattr(bundle, "search_folders", lambda: [tmp_path])
    infos = bundle.available()
    assert [info.name for info in infos] == ["crend-sim", "a-model"]
    assert infos[0].folder == tmp_path / "crend-sim" and infos[0].summary == metadata()["task"]
    assert bundle.load().name == "crend-sim"


def test_without_any_model_the_message_says_so(monkeypatch):
    monkeypatch.setattr(bundle, "search_folders", list)
    assert "no model is installed" in refusal(None)


def test_a_network_that_the_metadata_does_not_describe_is_not_saved(tmp_path):
    with pytest.raises(InputError, match="not"):
        bundle.save(tmp_path / "b", networks.build("crend", width=4), metadata(), "")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_weights_that_float16_cannot_hold_are_not_saved(tmp_path, value):
    network = networks.build("crend", width=2)
    with torch.no_grad():
        network.classifier.bias[0] = value
    with pytest.raises(InputError, match="classifier.bias"):
        bundle.save(tmp_path / "b", network, metadata(), "")


def test_saving_into_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(InputError, match="choose another place"):
        bundle.save(tmp_path / "missing" / "b", networks.build("crend", width=2), metadata(), "")


@pytest.mark.slow
def test_listing_and_loading_models_loads_no_torch(saved):
    code = (
        f"import sys; from crend.bundle import bundle; bundle.available(); bundle.load({str(saved[0])!r}); sys.exit('torch' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(bundle.Path(bundle.__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
