"""Point selection, sampling and rendering against hand-computed numbers (paper 2.2)."""

import pytest
import torch

from crend.networks import points
from crend.networks.points import (
    at_centres,
    hybrid_features,
    render,
    sample_at,
    select_inference_voxels,
    select_training_points,
    uncertainty,
)


class Head(torch.nn.Module):
    """A network whose head answers +7 and -7 everywhere and counts the points that it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def head(self, hybrid):
        self.seen.append(hybrid.shape[-1])
        return torch.tensor([7.0, -7.0])[None, :, None].expand(hybrid.shape[0], 2, hybrid.shape[2])


def ramp(depth, height, width):
    """Three channels that hold each voxel's centre in x, y and z, in [0, 1]."""
    axes = [(torch.arange(n) + 0.5) / n for n in (depth, height, width)]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z])[None]


def test_coordinates_are_x_y_z_by_a_ramp():
    coords = torch.rand(1, 200, 3) * 0.7 + 0.15  # away from the outermost half voxels, where the ramp is held
    for mode, tolerance in (("trilinear", 1e-5), ("nearest", 0.13)):
        values = sample_at(ramp(4, 6, 10), coords, mode)
        assert torch.allclose(values, coords.transpose(1, 2), atol=tolerance)


def test_half_size_and_full_size_maps_are_read_at_the_same_place():
    coords = torch.rand(1, 200, 3) * 0.7 + 0.15
    assert torch.allclose(sample_at(ramp(8, 12, 20), coords), sample_at(ramp(4, 6, 10), coords), atol=1e-5)


def test_trilinear_values_between_two_voxels_and_beyond_the_last_centre():
    volume = torch.tensor([1.0, 3.0, 5.0, 7.0]).reshape(1, 1, 1, 1, 4)  # centres at x = 0.125, 0.375, 0.625, 0.875
    coords = torch.tensor([[[x, 0.5, 0.5] for x in (0.125, 0.25, 0.4375, 0.0, 1.0)]])
    assert torch.allclose(sample_at(volume, coords)[0, 0], torch.tensor([1.0, 2.0, 3.5, 1.0, 7.0]))


def test_nearest_takes_the_voxel_that_contains_the_point_and_keeps_labels_whole():
    labels = torch.tensor([10, 20, 30, 40], dtype=torch.uint8).reshape(1, 1, 1, 1, 4)
    coords = torch.tensor([[[x, 0.0, 1.0] for x in (0.0, 0.24, 0.26, 0.74, 0.76, 1.0)]])
    values = sample_at(labels, coords, "nearest")
    assert values.dtype == torch.uint8
    assert values[0, 0].tolist() == [10, 10, 20, 30, 40, 40]


def test_sampling_every_voxel_centre_gives_the_volume_back():
    volume = torch.randn(2, 3, 4, 5, 6)
    centres = ramp(4, 5, 6).flatten(2).transpose(1, 2).expand(2, -1, -1)
    for mode in ("trilinear", "nearest"):
        assert torch.allclose(sample_at(volume, centres, mode), volume.flatten(2), atol=1e-5)


def test_each_patch_of_a_batch_is_sampled_at_its_own_points():
    volume = torch.stack([torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2)])
    coords = torch.rand(2, 5, 3)
    for mode in ("trilinear", "nearest"):
        assert torch.allclose(sample_at(volume, coords, mode)[:, 0], torch.tensor([[0.0], [1.0]]).expand(2, 5), atol=1e-5)


@pytest.mark.parametrize(
    "shape, coords, mode",
    [((1, 2, 3, 3), (1, 5, 3), "nearest"), ((1, 2, 3, 3, 3), (1, 5, 2), "nearest"), ((2, 2, 3, 3, 3), (1, 5, 3), "nearest"),
     ((1, 2, 3, 3, 3), (1, 5, 3), "cubic")],
)  # fmt: skip
def test_sampling_refuses_other_shapes_and_modes(shape, coords, mode):
    with pytest.raises(ValueError):
        sample_at(torch.zeros(shape), torch.zeros(coords), mode)


def test_hybrid_vectors_are_two_probabilities_then_the_fine_features():
    logits = torch.zeros(1, 2, 4, 4, 4)
    logits[:, 1] = 2.0
    fine = torch.arange(6.0).reshape(1, 6, 1, 1, 1).expand(1, 6, 2, 2, 2)
    hybrid = hybrid_features(logits, fine, torch.rand(1, 9, 3))
    expected = [0.5, torch.sigmoid(torch.tensor(2.0)).item(), 0, 1, 2, 3, 4, 5]
    assert hybrid.shape == (1, 8, 9)
    assert torch.allclose(hybrid[0], torch.tensor(expected)[:, None].expand(8, 9), atol=1e-6)


def test_several_maps_of_fine_features_follow_one_another_in_the_hybrid_vectors():
    half, full = torch.randn(1, 6, 2, 2, 2), torch.randn(1, 3, 4, 4, 4)
    logits, coords = torch.randn(1, 2, 4, 4, 4), torch.rand(1, 9, 3)
    hybrid = hybrid_features(logits, (half, full), coords)
    assert torch.equal(hybrid, torch.cat([hybrid_features(logits, half, coords), sample_at(full, coords)], 1))


def test_points_are_moved_to_the_centres_of_the_voxels_that_contain_them():
    coords = torch.tensor([[[0.0, 0.3, 0.99], [1.0, 0.5, 0.26]]])  # x, y, z in a volume of 4 x 2 x 8 voxels (D, H, W)
    assert torch.allclose(at_centres(coords, (4, 2, 8)), torch.tensor([[[0.0625, 0.25, 0.875], [0.9375, 0.75, 0.375]]]))


def test_gradient_flows_into_logits_and_features_but_not_through_the_place():
    logits, fine = torch.randn(1, 2, 4, 4, 4, requires_grad=True), torch.randn(1, 6, 2, 2, 2, requires_grad=True)
    coords = torch.rand(1, 9, 3, requires_grad=True)
    hybrid_features(logits, fine, coords).sum().backward()
    assert logits.grad.abs().sum() > 0 and fine.grad.abs().sum() > 0
    assert coords.grad is None


def test_the_most_ambiguous_channel_counts():
    logits = torch.tensor([[[5.0, -3.0, 0.5, 0.0], [-0.1, 4.0, -0.2, 9.0]]])
    assert torch.allclose(uncertainty(logits), torch.tensor([[-0.1, -3.0, -0.2, 0.0]]))


def left_half_is_ambiguous():
    logits = torch.full((1, 2, 8, 8, 16), 9.0)
    logits[..., :8] = 0.0
    return logits


def count_left(coords):
    return (coords[..., 0] < 0.5).sum().item()


def test_beta_of_the_points_are_ambiguous_and_the_rest_uniform():
    logits, generator = left_half_is_ambiguous(), torch.Generator().manual_seed(0)
    coords = select_training_points(logits, 1000, k=4, beta=0.7, generator=generator)
    assert coords.shape == (1, 1000, 3)
    assert count_left(coords[:, :700]) == 700  # of 4000 candidates about 2000 lie left: enough for all 700
    assert 110 < count_left(coords[:, 700:]) < 190  # 300 uniform ones: 150 expected


def test_k_sets_how_many_candidates_the_ambiguous_points_come_from():
    logits = torch.full((1, 2, 8, 8, 16), 9.0)
    logits[..., :1] = 0.0  # 1/16 of the volume
    for k, low, high in ((1, 40, 90), (8, 400, 600)):
        coords = select_training_points(logits, 1000, k=k, beta=1.0, generator=torch.Generator().manual_seed(0))
        assert low < (coords[..., 0] < 1 / 16).sum().item() < high  # k * 1000 / 16 expected: 62, 500


def test_beta_0_is_uniform_and_beta_1_takes_every_point_from_the_candidates():
    logits = left_half_is_ambiguous()
    assert 420 < count_left(select_training_points(logits, 1000, beta=0.0, generator=torch.Generator().manual_seed(0))) < 580
    assert count_left(select_training_points(logits, 1000, k=3, beta=1.0, generator=torch.Generator().manual_seed(0))) == 1000


def test_logits_are_sampled_first_and_then_scored():
    # Left: -6 | 6, the boundary at x = 0.25, where the probability is 0.5 though both voxels are certain.
    # Right: 2 everywhere, less certain at its voxels but nowhere near 0.5.
    logits = torch.tensor([-6.0, 6.0, 2.0, 2.0]).reshape(1, 1, 1, 1, 4).expand(1, 2, 1, 1, 4)
    coords = select_training_points(logits, 20, k=50, beta=1.0, generator=torch.Generator().manual_seed(0))
    assert (coords[..., 0] - 0.25).abs().max() < 0.05
    candidates = torch.rand(1, 1000, 3)
    wrong = sample_at(uncertainty(logits)[:, None], candidates)[:, 0].topk(20).indices[0]
    assert (candidates[0, wrong, 0] > 0.5).all()


def test_selection_is_reproducible_and_carries_no_gradient():
    logits = torch.randn(2, 2, 8, 8, 8, requires_grad=True)
    one, two = (select_training_points(logits, 50, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two) and not one.requires_grad
    _index, coords = select_inference_voxels(logits, 5)
    assert not coords.requires_grad


@pytest.mark.parametrize("arguments", [{"n": 0}, {"n": 5, "k": 0.5}, {"n": 5, "beta": 1.5}, {"n": 5, "beta": -0.1}])
def test_senseless_point_counts_are_refused(arguments):
    with pytest.raises(ValueError, match="points need"):
        select_training_points(torch.zeros(1, 2, 4, 4, 4), **arguments)


def test_the_most_uncertain_voxels_and_their_centres_are_found():
    logits = torch.full((1, 2, 2, 3, 4), 5.0)
    logits[0, 0, 1, 2, 3] = 0.1  # z 1, y 2, x 3
    logits[0, 1, 0, 1, 2] = -0.2
    index, coords = select_inference_voxels(logits, 2)
    found = dict(zip(index[0].tolist(), coords[0].tolist()))
    assert found[1 * 12 + 2 * 4 + 3] == pytest.approx([3.5 / 4, 2.5 / 3, 1.5 / 2])
    assert found[0 * 12 + 1 * 4 + 2] == pytest.approx([2.5 / 4, 1.5 / 3, 0.5 / 2])


def test_render_changes_only_the_selected_voxels_and_leaves_its_input_alone():
    logits, fine, network = torch.randn(2, 2, 8, 8, 8), torch.randn(2, 6, 4, 4, 4), Head()
    before = logits.clone()
    rendered = render(network, logits, fine, 20)
    selected = torch.zeros(2, 512, dtype=torch.bool).scatter(1, select_inference_voxels(logits, 20)[0], True)
    assert torch.equal(logits, before)
    assert selected.sum() == 40
    for channel, value in ((0, 7.0), (1, -7.0)):
        assert (rendered.flatten(2)[:, channel][selected] == value).all()
        assert torch.equal(rendered.flatten(2)[:, channel][~selected], before.flatten(2)[:, channel][~selected])


def test_render_of_every_voxel_in_chunks_equals_the_head_on_each(monkeypatch):
    torch.manual_seed(0)
    network = Head()
    network.head = torch.nn.Conv1d(8, 2, 1)
    logits, fine = torch.randn(1, 2, 8, 8, 8), torch.randn(1, 6, 4, 4, 4)
    monkeypatch.setattr(points, "HEAD_CHUNK", 100)
    rendered = render(network, logits, fine, 10**9)
    centres = ramp(8, 8, 8).flatten(2).transpose(1, 2)
    assert torch.allclose(rendered.flatten(2), network.head(hybrid_features(logits, fine, centres)), atol=1e-5)


def test_the_head_never_sees_more_than_a_chunk(monkeypatch):
    monkeypatch.setattr(points, "HEAD_CHUNK", 30)
    network = Head()
    render(network, torch.randn(1, 2, 4, 4, 8), torch.randn(1, 6, 2, 2, 4), 100)
    assert network.seen == [30, 30, 30, 10]


def test_render_without_a_head_says_so():
    with pytest.raises(ValueError, match="no rendering head"):
        render(torch.nn.Identity(), torch.zeros(1, 2, 4, 4, 4), None, 5)
