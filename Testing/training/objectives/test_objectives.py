"""The objectives of the seven systems: each learns, each in its own way (paper's comparison)."""

import math

import pytest
import torch

from crend import networks
from crend_training.objectives import OBJECTIVES, objective_of
from crend_training.objectives.edge import contour_target
from crend_training.objectives.maps import boundary_map, entropy_map

SHAPE = (32, 16, 16)


def ball_in_a_ball():
    """A patch of 32 x 16 x 16 voxels: a bright organ of radius 7 with a dark hole of radius 4, and its labels."""
    axes = torch.meshgrid(*[torch.arange(float(side)) - (side - 1) / 2 for side in SHAPE], indexing="ij")
    radius = torch.stack(axes).norm(dim=0)
    ovary, follicle = radius < 7, radius < 4
    image = ovary.float() - follicle.float() + 0.1 * torch.randn(SHAPE)
    return image[None, None], torch.stack([ovary, follicle]).float()[None]


def prepared(system, **settings):
    torch.manual_seed(0)
    objective = objective_of(system, networks.build(system, width=2), **settings)
    return objective, *ball_in_a_ball()


def test_every_network_has_an_objective():
    assert list(OBJECTIVES) == list(networks.CLASSES_BY_NAME)


@pytest.mark.parametrize("system", OBJECTIVES)
def test_every_system_learns_a_patch(system):
    objective, image, labels = prepared(system)
    for phase in range(objective.phases):
        context = torch.rand(1, 2, *SHAPE) if objective.needs_context(phase) else None
        rates = {"network": 1e-2, "discriminators": 1e-4}
        optimisers = {p: torch.optim.Adam(objective.parameters_of(p, phase), lr=rates[p]) for p in objective.players}
        course = []
        for _ in range(12):
            for player in objective.players:
                parts = objective(image, labels, player=player, phase=phase, context=context)
                assert all(torch.isfinite(part) for part in parts.values())
                optimisers[player].zero_grad()
                parts["loss"].backward()
                optimisers[player].step()
                if player == "network":
                    course.append(parts["loss"].item())
        assert course[-1] < 0.9 * course[0]


def test_the_stages_of_context_train_one_after_the_other():
    objective, image, labels = prepared("context")
    network = objective.network
    objective(image, labels, phase=0)["loss"].backward()
    assert all(p.grad is not None for p in network.first.parameters())
    assert all(p.grad is None for p in network.second.parameters())
    network.zero_grad(set_to_none=True)
    context = torch.rand(1, 2, *SHAPE, requires_grad=True)
    objective(image, labels, phase=1, context=context)["loss"].backward()
    assert all(p.grad is None for p in network.first.parameters())
    assert all(p.grad is not None for p in network.second.parameters())
    assert context.grad is None
    assert set(objective.parameters_of(phase=0)).isdisjoint(objective.parameters_of(phase=1))


def test_the_second_stage_of_context_demands_stitched_probabilities():
    objective, image, labels = prepared("context")
    assert [objective.needs_context(phase) for phase in (0, 1)] == [False, True]
    with pytest.raises(ValueError, match="stitched"):
        objective(image, labels, phase=1)


def test_each_player_of_entropy_moves_only_its_own_weights():
    objective, image, labels = prepared("entropy")
    for player, other in (("network", "discriminators"), ("discriminators", "network")):
        objective.zero_grad(set_to_none=True)
        objective(image, labels, player=player)["loss"].backward()
        assert all(p.grad is not None for p in objective.parameters_of(player))
        assert all(p.grad is None for p in objective.parameters_of(other))


def test_the_adversarial_loss_reaches_the_network_with_its_weight():
    objective, image, labels = prepared("entropy")
    parts = objective(image, labels)
    expected = parts["segmentation"] + 0.01 * (parts["boundary"] + parts["entropy"])
    assert torch.allclose(parts["loss"], expected)
    gradient = torch.autograd.grad(parts["entropy"], objective.network.classifier.weight)[0]
    assert gradient.abs().sum() > 0


def test_rend_is_crend_without_the_contrastive_term():
    torch.manual_seed(0)
    network, (image, labels) = networks.build("crend", width=4), ball_in_a_ball()
    with torch.no_grad():
        network.classifier.weight *= 100  # confident enough that the contrastive loss finds its points
    parts = [objective_of(system, network, generator=torch.Generator().manual_seed(1))(image, labels) for system in ("crend", "rend")]
    assert "contrast" in parts[0] and "contrast" not in parts[1]
    assert 0 < parts[0]["contrast"] <= 4
    assert torch.equal(parts[0]["coarse"], parts[1]["coarse"]) and torch.equal(parts[0]["points"], parts[1]["points"])
    assert torch.allclose(parts[1]["loss"], parts[1]["coarse"] + 0.8 * parts[1]["points"])
    assert torch.allclose(parts[0]["loss"], parts[1]["loss"] + 0.2 * parts[0]["contrast"])


@pytest.mark.parametrize("detail", [False, True])
def test_the_points_are_weighed_by_dice_too_where_that_is_asked_for(detail):
    torch.manual_seed(0)
    network, (image, labels) = networks.build("crend", width=4, detail=detail), ball_in_a_ball()
    plain, dice = (
        objective_of("rend", network, point_dice_weight=w, generator=torch.Generator().manual_seed(1))(image, labels) for w in (0.0, 1.0)
    )
    assert torch.equal(plain["coarse"], dice["coarse"])
    assert 0.05 < (dice["points"] - plain["points"]).item() < 1


def test_with_detail_points_lie_at_voxel_centres(monkeypatch):
    network, (image, labels), seen = networks.build("crend", width=2, detail=True), ball_in_a_ball(), []
    monkeypatch.setattr(
        "crend.networks.points.hybrid_features", lambda logits, fine, coords: seen.append(coords) or torch.rand(1, 10, coords.shape[1])
    )
    objective_of("rend", network)(image, labels)
    voxels = seen[0] * torch.tensor([16.0, 16.0, 32.0]) - 0.5
    assert torch.allclose(voxels, voxels.round(), atol=1e-4) and voxels.min() > -0.1


def test_the_contour_is_the_label_boundary_one_voxel_to_each_side():
    labels = torch.zeros(1, 1, 9, 9, 9)
    labels[..., 2:7, 2:7, 2:7] = 1
    contour = contour_target(labels)[0, 0]
    assert contour[4, 4].tolist() == [0, 1, 1, 0, 0, 0, 1, 1, 0]
    assert contour.sum().item() == 7**3 - 3**3
    assert contour_target(labels, radius=2)[0, 0, 4, 4].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]


def test_the_contour_of_nothing_and_of_everything_is_empty():
    assert contour_target(torch.zeros(1, 2, 4, 4, 4)).sum() == 0
    assert contour_target(torch.ones(1, 2, 4, 4, 4)).sum() == 0


def test_the_boundary_map_is_1_at_a_label_edge_and_0_where_nothing_changes():
    step = torch.tensor([0.0, 0, 0, 1, 1, 1]).reshape(1, 1, 1, 1, 6)
    assert boundary_map(step).flatten().tolist() == [0, 0, 1, 1, 0, 0]
    assert boundary_map(0.25 + step / 2).flatten().tolist() == [0, 0, 0.5, 0.5, 0, 0]


def test_the_entropy_map_is_in_bits():
    p = torch.tensor([0.5, 0.25, 1e-6]).reshape(1, 1, 1, 1, 3)
    values = entropy_map(torch.logit(p)).flatten()
    quarter = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert values.tolist() == pytest.approx([1.0, quarter, 0.0], abs=1e-4)
    assert torch.isfinite(entropy_map(torch.tensor([-1e4, 1e4]))).all()


def test_unknown_systems_and_settings_are_named():
    with pytest.raises(ValueError, match="'vnet'.*crend"):
        objective_of("vnet", None)
    with pytest.raises(ValueError, match="unet.*gamma"):
        objective_of("unet", networks.build("unet", width=2), gamma=2)
