"""A step of `paper.yaml`: its shapes and memory on torch's meta device, which computes nothing, for each of the seven systems."""

import numpy as np
import paper_step
import pytest
import torch

from crend import networks
from crend_training.objectives import rendering

SYSTEMS = list(networks.CLASSES_BY_NAME)


def test_the_configuration_is_the_papers():
    paper = paper_step.paper("crend")
    assert paper.spacing_mm == (0.2, 0.2, 0.2) and paper.in_plane == [192, 192] and paper.patch == (128, 192, 192)
    assert paper.points == np.prod(paper.patch) and paper.arguments == {"width": 32}
    assert paper.ovary_share == 0 and not paper.intensity and not paper.gradient_clip and not paper.average_decay
    assert (paper.epochs, paper.batch, paper.learning_rate, paper.final_learning_rate) == (150, 1, 1e-4, 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_step_of_the_papers_size_fits_a_card_of_24_gib(system):
    paper = paper_step.paper(system)
    with torch.device("meta"):
        network = networks.build(system, **paper.arguments)
        logits, fine = (network.first if system == "context" else network).trunk(torch.zeros(1, 1, *paper.patch))
    assert logits.shape[0] == 1 and logits.shape[1] >= 2 and logits.shape[2:] == paper.patch
    assert fine is None or fine.shape == (1, 96, 64, 96, 96)
    # In single precision; the least is what a U-Net's maps of 4.7 million voxels and 32 channels take, a dozen of 0.56 GiB.
    assert 6 < paper_step.peak_gib(paper) < 20


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_the_meta_device_says_is_what_a_real_step_of_width_4_takes(system):
    small = paper_step.paper(system, arguments={"width": 4}, patch=(32, 32, 32), points=32**3)
    said, taken = paper_step.peak_gib(small), paper_step.peak_gib(small, "cpu")
    if system == "crend":
        # Without values the contrastive loss takes every point for one that it compares: more than any step has.
        assert taken < said < 5 * taken
    else:
        assert said == pytest.approx(taken, rel=0.02)


def test_points_that_go_through_the_head_in_parts_give_the_same_losses_and_gradients(monkeypatch):
    small = paper_step.paper("crend", arguments={"width": 2}, patch=(32, 16, 16), points=500)
    found = []
    for at_once in (1000, 120):
        monkeypatch.setattr(rendering, "POINTS_AT_ONCE", at_once)
        ((objective, phase, _),) = paper_step.players_of(small, "cpu")
        torch.manual_seed(1)
        patch = paper_step.patch_of(small, objective, phase, "cpu")
        parts = objective(patch["image"], patch["labels"])
        parts["loss"].backward()
        found.append((parts["loss"].detach(), [p.grad for p in objective.network.parameters()]))
    (loss, gradients), (in_parts, theirs) = found
    assert torch.allclose(loss, in_parts, rtol=1e-5)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(gradients, theirs))
