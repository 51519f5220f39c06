"""The networks: parameter counts of the paper's Table 1 to the last digit, shapes, and what they refuse."""

import pytest
import torch

from crend import networks
from crend.networks.edge import fuse
from crend.networks.points import hybrid_features, render

COUNTS = {
    "unet": 23_557_506,
    "context": 47_116_740,
    "edge": 23_585_220,
    "deeplab": 25_582_050,
    "entropy": 23_557_506,
    "rend": 23_553_892,
    "crend": 23_553_892,
}


def test_parameter_counts_are_those_of_the_paper():
    assert networks.parameter_counts() == COUNTS


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_the_trunk_gives_full_size_logits_for_any_patch_divisible_by_16(name):
    network = networks.build(name, width=2).eval()
    for shape in ((32, 16, 16), (16, 48, 32)):
        with torch.no_grad():
            logits, fine = network.trunk(torch.randn(2, 1, *shape))
        assert logits.shape == (2, 2, *shape)
        if network.head is None:
            assert fine is None
        else:
            assert fine.shape == (2, 6, *(size // 2 for size in shape))
            assert network.head(torch.randn(2, 8, 11)).shape == (2, 2, 11)


def test_rend_and_crend_are_one_module():
    assert type(networks.build("rend", width=2)) is type(networks.build("crend", width=2))


def test_hybrid_vectors_have_98_numbers_and_the_hidden_layer_512_at_paper_width():
    with torch.device("meta"):
        network = networks.build("crend")
    assert [tuple(layer.weight.shape[:2]) for layer in (network.head[0], network.head[2])] == [(512, 98), (2, 512)]


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_every_parameter_learns(name):
    network = networks.build(name, width=2)
    patch = torch.randn(1, 1, 32, 32, 32)
    logits, fine = network.trunk(patch)
    loss = sum(m.square().mean() for m in network.maps(patch)) if name == "edge" else logits.square().mean()
    if network.head is not None:
        loss = loss + network.head(torch.cat([logits[:, :, ::2, ::2, ::2], fine], 1).flatten(2)).square().mean()
    loss.backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent


@pytest.mark.slow
def test_calling_a_network_returns_only_tensors():
    logits, fine = networks.build("crend", width=2)(torch.randn(1, 1, 32, 16, 16))
    assert logits.shape == (1, 2, 32, 16, 16) and fine.shape == (1, 6, 16, 8, 8)


def test_with_detail_the_head_sees_the_full_size_map_too():
    network = networks.build("crend", width=2, detail=True)
    logits, (half, full) = network(torch.randn(1, 1, 32, 16, 16))
    assert half.shape == (1, 6, 16, 8, 8) and full.shape == (1, 2, 32, 16, 16)
    centres = torch.rand(1, 9, 3)
    network.head(hybrid_features(logits.detach(), (half.detach(), full), centres)).sum().backward()
    assert network.encoder.stem[0].weight.grad.abs().sum() > 0
    assert network.encoder.stages[1][1][0].weight.grad is None


@pytest.mark.slow
def test_the_second_stage_of_context_sees_the_probabilities_of_the_first():
    network, patch = networks.build("context", width=2).eval(), torch.randn(1, 1, 32, 16, 16)
    with torch.no_grad():
        probabilities = torch.sigmoid(network.first.trunk(patch)[0])
        assert torch.equal(network.trunk(patch)[0], network.refine(patch, probabilities))
        assert not torch.equal(network.trunk(patch)[0], network.refine(patch, torch.zeros_like(probabilities)))


@pytest.mark.slow
def test_deeplab_equals_one_classifier_on_the_upsampled_and_concatenated_features():
    network, patch = networks.build("deeplab", width=4).eval(), torch.randn(1, 1, 32, 32, 16)
    with torch.no_grad():
        maps, last = network.features(patch)
        wide = torch.nn.functional.interpolate(network.aspp(maps[-1]), scale_factor=16.0, mode="trilinear", align_corners=False)
        weight = torch.cat([network.classifier.weight, network.aspp_classifier.weight], dim=1)
        expected = torch.nn.functional.conv3d(torch.cat([last, wide], dim=1), weight, network.classifier.bias)
        assert torch.allclose(network.trunk(patch)[0], expected, atol=1e-4)


def line(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, 1, -1)


def test_edge_fuses_object_and_not_contour_and_fills_back():
    objects = line(-4, 4, 4, 4, 4, 4, 4, -4, -4, -4, -4, 3, 3, -4)
    contours = line(0, 5, 5, -5, -5, 5, 5, 5, -5, -5, 5, 5, 5, 5)
    # the first object keeps its two inner voxels and the contour that they reach; the second is contour throughout
    assert fuse(objects, contours).flatten().tolist() == [-4, 4, 4, 4, 4, 4, 4, -4, -4, -4, -4, -3, -3, -4]


@pytest.mark.slow
def test_edge_trains_on_objects_and_contours_and_predicts_them_fused():
    network, patch = networks.build("edge", width=2).eval(), torch.randn(1, 1, 32, 32, 32)
    with torch.no_grad():
        objects, contours = network.maps(patch)
        assert objects.shape == contours.shape == (1, 2, 32, 32, 32)
        assert torch.equal(network.trunk(patch)[0], fuse(objects, contours))


@pytest.mark.slow
def test_a_patch_whose_bottleneck_is_5_voxels_wide_can_be_rendered():
    network = networks.build("crend", width=2).eval()
    with torch.no_grad():
        logits, fine = network.trunk(torch.randn(1, 1, 80, 80, 80))
    rendered = render(network, logits, fine, 1000)
    changed = (rendered != logits).any(dim=1).sum().item()
    assert 990 <= changed <= 1000


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 1, 40, 32, 32), (1, 1, 16, 16, 16), (1, 1, 32, 32, 0), (1, 32, 32, 32)])
def test_a_patch_that_the_trunk_cannot_take_is_named(shape):
    with pytest.raises(ValueError, match="patch"):
        networks.build("crend", width=2).trunk(torch.zeros(shape))


def test_an_unknown_network_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="'vnet'.*crend"):
        networks.build("vnet")


def test_arguments_that_a_network_does_not_take_are_named():
    with pytest.raises(ValueError, match="crend.*depth"):
        networks.build("crend", depth=3)
    for width in (0, -4, 2.5, "16", True):
        with pytest.raises(ValueError, match="width"):
            networks.build("crend", width=width)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["context", "edge", "crend"])  # every operation of the others is in these
def test_every_network_converts_to_openvino_with_equal_results(name):
    openvino = pytest.importorskip("openvino")
    torch.manual_seed(0)
    network, patch = networks.build(name, width=2).eval(), torch.randn(1, 1, 32, 32, 16)
    model = openvino.convert_model(network, example_input=patch)
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    converted = compiled(patch.numpy())
    with torch.no_grad():
        expected = [output for output in network.trunk(patch) if output is not None]
    assert len(converted) == len(expected)
    for index, output in enumerate(expected):
        assert torch.allclose(torch.from_numpy(converted[index]), output, atol=1e-3)
