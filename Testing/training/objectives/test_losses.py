"""The losses against hand-computed numbers, and the direction in which they pull (paper eq. 1, 3, 4, 5)."""

import math

import pytest
import torch

from crend_training.objectives.contrast import contrastive_loss
from crend_training.objectives.losses import coarse_loss, point_loss, soft_dice_loss, total_loss

FOLLICLE, OVARY = (1, 1), (1, 0)


def points(*rows):
    """rows of (vector, (p_ovary, p_follicle), (label_ovary, label_follicle)) -> hybrid, probabilities, labels of one patch."""
    vectors, probabilities, labels = (torch.tensor(column, dtype=torch.float32).T[None] for column in zip(*rows))
    return vectors, probabilities, labels


HIGH_FOLLICLE, LOW_FOLLICLE = (0.95, 0.95), (0.95, 0.5)
HIGH_OVARY, LOW_OVARY = (0.95, 0.05), (0.6, 0.05)


def four_points(high_f, low_f, high_o, low_o):
    return points(
        (high_f, HIGH_FOLLICLE, FOLLICLE), (low_f, LOW_FOLLICLE, FOLLICLE), (high_o, HIGH_OVARY, OVARY), (low_o, LOW_OVARY, OVARY)
    )


def test_point_loss_is_the_mean_cross_entropy_of_both_channels():
    logits = torch.tensor([[[0.0, 2.0], [-1.0, 0.0]]])
    labels = torch.tensor([[[1, 1], [0, 0]]], dtype=torch.uint8)
    expected = (math.log(2) + math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1)) + math.log(2)) / 4
    assert point_loss(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_point_loss_takes_dice_where_it_is_asked_for():
    logits, labels = torch.randn(1, 2, 50), torch.randint(0, 2, (1, 2, 50))
    assert torch.allclose(point_loss(logits, labels, 0.5), point_loss(logits, labels) + 0.5 * soft_dice_loss(logits, labels))


def test_point_loss_does_not_grow_with_the_number_of_points():
    logits, labels = torch.randn(1, 2, 50), torch.randint(0, 2, (1, 2, 50))
    assert torch.allclose(point_loss(logits.repeat(1, 1, 7), labels.repeat(1, 1, 7)), point_loss(logits, labels))


def test_coarse_loss_is_cross_entropy_alone_unless_dice_is_asked_for():
    logits, labels = torch.randn(1, 2, 4, 4, 4), torch.randint(0, 2, (1, 2, 4, 4, 4))
    plain = coarse_loss(logits, labels)
    assert torch.equal(plain, point_loss(logits.flatten(2), labels.flatten(2)))
    assert torch.allclose(coarse_loss(logits, labels, dice_weight=0.5), plain + 0.5 * soft_dice_loss(logits, labels))


def test_soft_dice_of_a_hand_computed_patch():
    logits = torch.tensor([0.0, 0.0, 100.0, -100.0]).reshape(1, 1, 1, 1, 4)
    labels = torch.tensor([1, 0, 1, 0]).reshape(1, 1, 1, 1, 4)
    # probabilities 0.5, 0.5, 1, 0: overlap 2 * 1.5 + 1 = 4, sizes 2 + 2 + 1 = 5
    assert soft_dice_loss(logits, labels).item() == pytest.approx(1 - 4 / 5)


def test_soft_dice_of_an_empty_channel_found_empty_is_no_loss():
    assert soft_dice_loss(torch.full((1, 2, 2, 2, 2), -100.0), torch.zeros(1, 2, 2, 2, 2)).item() == pytest.approx(0, abs=1e-6)


def test_logits_and_labels_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        point_loss(torch.zeros(1, 2, 5), torch.zeros(1, 1, 5))


def test_contrast_of_hand_computed_vectors():
    # follicle: cos(high, low) = 1, cos(high, other) = 0 -> log(e / 1) = 1; ovary: cos(high, low) = 0.6, other = 0 -> 0.6
    loss = contrastive_loss(*four_points((2, 0), (3, 0), (0, 1), (0.8, 0.6)))
    assert loss.item() == pytest.approx(2 - (1 + 0.6) / 2, rel=1e-5)


def test_contrast_takes_means_over_the_other_points():
    rows = [
        ((1, 0), HIGH_FOLLICLE, FOLLICLE),
        ((1, 0), LOW_FOLLICLE, FOLLICLE),
        ((0, 1), LOW_FOLLICLE, FOLLICLE),
        ((0, 1), HIGH_OVARY, OVARY),
    ]  # the ovary has no low point, so only the follicle's term counts
    expected = 2 - math.log((math.e + 1) / 2 / 1)
    assert contrastive_loss(*points(*rows)).item() == pytest.approx(expected, rel=1e-5)


def test_contrast_uses_only_points_that_are_labelled_so():
    rows = [
        ((1, 0), HIGH_FOLLICLE, FOLLICLE),
        ((1, 0), LOW_FOLLICLE, FOLLICLE),
        ((0, 1), HIGH_OVARY, OVARY),
        ((5, 5), HIGH_FOLLICLE, OVARY),  # confidently wrong: a low point of the ovary, not a high one of the follicles
        ((-1, 3), HIGH_OVARY, (0, 0)),  # background
    ]
    follicle = math.log(math.e / 1)
    ovary = math.cos(math.pi / 4) - 0
    assert contrastive_loss(*points(*rows)).item() == pytest.approx(2 - (follicle + ovary) / 2, rel=1e-5)


def test_low_confidence_points_are_those_closest_to_one_half():
    rows = [
        ((1, 0), HIGH_FOLLICLE, FOLLICLE),
        ((0, 1), (0.95, 0.8), FOLLICLE),
        ((1, 0), (0.95, 0.45), FOLLICLE),
        ((0, 1), (0.95, 0.1), FOLLICLE),
        ((0, 1), HIGH_OVARY, OVARY),
    ]
    assert contrastive_loss(*points(*rows), most=1).item() == pytest.approx(2 - 1, rel=1e-5)


@pytest.mark.parametrize("without", [0, 2])
def test_a_class_without_confident_points_contributes_nothing(without):
    hybrid, probabilities, labels = four_points((2, 0), (3, 0), (0, 1), (0.8, 0.6))
    hybrid.requires_grad_(True)
    probabilities[0, :, without] = 0.5
    loss = contrastive_loss(hybrid, probabilities, labels)
    assert loss.item() == 0
    assert torch.isfinite(loss)


def test_only_background_gives_zero_that_can_be_added_to_a_loss():
    hybrid = torch.randn(1, 8, 20, requires_grad=True)
    loss = contrastive_loss(hybrid, torch.rand(1, 2, 20), torch.zeros(1, 2, 20)) + hybrid.square().mean()
    loss.backward()
    assert torch.isfinite(hybrid.grad).all()


def test_zero_vectors_give_no_nan():
    hybrid, probabilities, labels = four_points((0, 0), (0, 0), (0, 0), (0, 0))
    hybrid.requires_grad_(True)
    loss = contrastive_loss(hybrid, probabilities, labels)
    loss.backward()
    assert loss.item() == pytest.approx(2)
    assert torch.isfinite(hybrid.grad).all()


def test_contrast_stays_within_0_and_4_and_reaches_both_ends():
    best = contrastive_loss(*four_points((1, 0), (1, 0), (-1, 0), (-1, 0)))
    worst = contrastive_loss(*four_points((1, 0), (-1, 0), (1, 0), (-1, 0)))
    assert best.item() == pytest.approx(0, abs=1e-5)
    assert worst.item() == pytest.approx(4, rel=1e-5)
    generator = torch.Generator().manual_seed(0)
    for scale in (1e-3, 1.0, 1e3):
        hybrid = scale * torch.randn(2, 10, 500, generator=generator)
        labels = (torch.rand(2, 2, 500, generator=generator) > 0.5).float()
        assert 0 <= contrastive_loss(hybrid, torch.rand(2, 2, 500, generator=generator), labels).item() <= 4


def test_a_gradient_step_raises_same_class_and_lowers_cross_class_similarity():
    hybrid, probabilities, labels = four_points((1, 0.5, 0.1), (0.3, 1, 0.2), (0.8, 0.6, 0.4), (0.1, 0.2, 1))
    hybrid.requires_grad_(True)

    def similarities():
        high_f, low_f, high_o, low_o = torch.nn.functional.normalize(hybrid[0].T, dim=1)
        return (high_f @ low_f).item(), (high_o @ low_o).item(), (high_f @ high_o).item()

    before = similarities()
    contrastive_loss(hybrid, probabilities, labels).backward()
    with torch.no_grad():
        hybrid -= 0.05 * hybrid.grad
    after = similarities()
    assert after[0] > before[0] and after[1] > before[1]
    assert after[2] < before[2]


def test_no_gradient_reaches_the_probabilities_that_choose_the_points():
    hybrid, probabilities, labels = four_points((2, 0), (3, 0), (0, 1), (0.8, 0.6))
    hybrid.requires_grad_(True)
    probabilities.requires_grad_(True)
    contrastive_loss(hybrid, probabilities, labels).backward()
    assert probabilities.grad is None


def test_large_sets_are_drawn_down_to_the_limit_and_reproducibly():
    hybrid = torch.randn(1, 6, 3000)
    labels = torch.ones(1, 2, 3000)
    labels[0, 1, 1500:] = 0
    probabilities = torch.rand(1, 2, 3000)
    probabilities[0, 0] = 0.99
    draw = [contrastive_loss(hybrid, probabilities, labels, most=20, generator=torch.Generator().manual_seed(s)).item() for s in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]


def test_contrast_is_float32_under_autocast():
    hybrid, probabilities, labels = four_points((2, 0), (3, 0), (0, 1), (0.8, 0.6))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = contrastive_loss(hybrid.bfloat16(), probabilities, labels)
    assert loss.dtype == torch.float32


def test_contrast_refuses_mismatched_shapes():
    with pytest.raises(ValueError, match=r"\(B, C, P\)"):
        contrastive_loss(torch.zeros(1, 98, 10), torch.zeros(1, 2, 10), torch.zeros(1, 2, 9))


def test_total_loss_weighs_its_parts_as_in_the_paper():
    coarse, point, contrast = torch.tensor(1.0), torch.tensor(10.0), torch.tensor(100.0)
    assert total_loss(coarse, point, contrast).item() == pytest.approx(1 + 8 + 20)
    assert total_loss(coarse, point).item() == pytest.approx(9)
