"""The mean teacher's loss on numbers worked out by hand, and the average of weights that the teacher is."""

import math

import pytest
import torch
from torch import nn
from training_samples import tiny

from crend import networks
from crend_training.data.stitched import stitch
from crend_training.training.average import Average
from crend_training.training.teacher import MeanTeacher, agreement, confident_labels


def logit(p):
    return math.log(p / (1 - p))


def test_the_student_agrees_only_where_the_teacher_is_confident():
    told = torch.tensor([logit(0.95), logit(0.6), logit(0.02)]).reshape(1, 1, 3)
    student = torch.tensor([logit(0.5), logit(0.001), logit(0.25)]).reshape(1, 1, 3)
    expected = -(math.log(0.5) + math.log(0.75)) / 2
    assert agreement(student, told, 0.9).item() == pytest.approx(expected, rel=1e-5)
    assert agreement(student, told * 0, 0.9).item() == 0


def test_no_gradient_reaches_the_teacher():
    told = torch.full((1, 2, 4), 5.0, requires_grad=True)
    student = torch.zeros(1, 2, 4, requires_grad=True)
    agreement(student, told, 0.9).backward()
    assert told.grad is None and student.grad.abs().sum() > 0


def test_a_point_has_a_class_only_when_the_teacher_is_sure_of_both_channels():
    p = torch.tensor([[[0.99, 0.99, 0.99, 0.01], [0.99, 0.5, 0.01, 0.01]]])
    labels = confident_labels(torch.logit(p), 0.9)
    assert labels[0].tolist() == [[1, 0, 1, 0], [1, 0, 0, 0]]


def test_the_weight_ramps_up_as_in_mean_teacher():
    teacher = MeanTeacher(tiny(semi_weight=2.0, semi_ramp_steps=100))
    assert teacher.weight_at(0) == pytest.approx(2 * math.exp(-5))
    assert teacher.weight_at(50) == pytest.approx(2 * math.exp(-1.25))
    assert teacher.weight_at(100) == teacher.weight_at(5000) == 2.0


@pytest.mark.parametrize(
    "system, parts",
    [
        ("crend", {"consistency", "point_consistency", "unlabelled_contrast"}),
        ("rend", {"consistency", "point_consistency"}),
        ("unet", {"consistency"}),
    ],
)
def test_unlabelled_patches_train_what_the_system_has(system, parts):
    torch.manual_seed(0)
    student, teacher = (networks.build(system, width=2) for _ in range(2))
    # A teacher that is sure: of follicle in one half, of ovary in the other.
    with torch.no_grad():
        for network in (student, teacher):
            network.classifier.weight.mul_(30)
    found = MeanTeacher(tiny(system, semi_weight=1.0, semi_ramp_steps=1))(torch.randn(1, 1, 32, 16, 16), student, teacher, 10)
    assert set(found) == parts | {"loss"}
    found["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in student.parameters() if p.grad is not None)
    assert all(p.grad is None for p in teacher.parameters())


def test_the_average_forgets_its_beginning_and_then_follows_slowly():
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 0.0)
    average = Average(network, decay=0.9)
    nn.init.constant_(network.weight, 1.0)
    average.update(network, 0)
    assert average.network.weight.item() == pytest.approx(0.9)  # decay (1 + 0) / (10 + 0)
    nn.init.constant_(network.weight, 0.0)
    average.update(network, 1000)
    assert average.network.weight.item() == pytest.approx(0.81)
    assert not average.network.weight.requires_grad


def test_stitched_probabilities_of_a_pointwise_network_are_those_of_the_whole_volume():
    image = torch.randn(40, 24, 21).numpy()
    found = stitch(lambda x: torch.cat([x, -x], dim=1), image, (32, 16, 16))
    whole = torch.sigmoid(torch.from_numpy(image)).numpy()
    assert found.shape == (2, 40, 24, 21)
    assert found[0] == pytest.approx(whole, abs=1e-5) and found[1] == pytest.approx(1 - whole, abs=1e-5)
