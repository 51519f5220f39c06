"""Forms of the contrastive loss beside the paper's: each does what its name says, and acts where the paper's does not."""

import dataclasses
import math

import pytest
import torch
from test_losses import FOLLICLE, HIGH_FOLLICLE, HIGH_OVARY, LOW_FOLLICLE, OVARY, points
from training_samples import tiny, write_ball_cases

from crend import networks
from crend_training.configuration.experiment import Contrastive
from crend_training.objectives.contrast import Form, Prototypes, contrast, contrastive_loss
from crend_training.training.curves import read_curve
from crend_training.training.loop import objective_for
from crend_training.training.train import train

BACKGROUND = (0, 0)
UNSURE = (0.6, 0.5)
FORMS = {
    "confident": Form(confident=50),
    "background": Form(confident=50, background=True),
    "hard": Form(confident=50, background=True, hard=True),
    "centred": Form(confident=50, centred=True),
    "temperature": Form(confident=50, temperature=0.2),
}


def test_the_configuration_has_the_forms_settings_and_the_papers_values():
    assert dataclasses.asdict(Contrastive()) == dataclasses.asdict(Form())


def test_in_the_papers_form_nothing_acts_before_a_point_is_sure_the_most_confident_ones_always_do():
    rows = [((1, 0), UNSURE, FOLLICLE), ((1, 0), (0.9, 0.8), FOLLICLE), ((0, 1), UNSURE, OVARY), ((0, 1), (0.8, 0.1), OVARY)]
    loss, acted = contrast(*points(*rows))
    assert (loss.item(), acted.item()) == (0, 0)
    loss, acted = contrast(*points(*rows), form=Form(confident=1))
    assert loss.item() == pytest.approx(2 - 1, rel=1e-5) and acted.item() == 1


def test_a_low_temperature_gives_finite_losses_and_gradients_between_0_and_4():
    torch.manual_seed(0)
    hybrid = torch.randn(1, 6, 60, requires_grad=True)
    labels = (torch.rand(1, 2, 60) > 0.4).float()
    loss = contrastive_loss(hybrid, torch.rand(1, 2, 60), labels, form=Form(confident=9, background=True, hard=True, temperature=0.01))
    loss.backward()
    assert 0 <= loss.item() <= 4 and hybrid.grad.isfinite().all() and hybrid.grad.abs().max() > 0


def test_background_is_pushed_away_only_in_the_form_that_knows_it():
    rows = [
        ((1, 0), HIGH_FOLLICLE, FOLLICLE),
        ((1, 0), LOW_FOLLICLE, FOLLICLE),
        ((0, 1), HIGH_OVARY, OVARY),
        ((1, 0), (0.05, 0.01), BACKGROUND),
    ]
    assert contrastive_loss(*points(*rows)).item() == pytest.approx(2 - 1, rel=1e-5)
    # Two negatives now: the ovary's, at right angles, and the background's, on the follicles themselves.
    assert contrastive_loss(*points(*rows), form=Form(background=True)).item() == pytest.approx(
        2 - math.log(math.e / ((1 + math.e) / 2)), rel=1e-5
    )


def test_low_confidence_points_of_different_classes_are_pushed_apart_only_by_hard_anchors():
    rows = [
        ((1, 0), HIGH_FOLLICLE, FOLLICLE),
        ((1, 1), LOW_FOLLICLE, FOLLICLE),
        ((0, 1), HIGH_OVARY, OVARY),
        ((1, 1.2), (0.6, 0.4), OVARY),
    ]
    moved = {}
    for hard in (False, True):
        hybrid, probabilities, labels = points(*rows)
        hybrid.requires_grad_(True)
        contrastive_loss(hybrid, probabilities, labels, form=Form(hard=hard)).backward()
        after = torch.nn.functional.normalize((hybrid - 0.1 * hybrid.grad)[0].T.detach(), dim=1)
        moved[hard] = (after[1] @ after[3]).item()
    assert moved[True] < moved[False]


def test_centring_spreads_cosines_that_a_relu_keeps_on_one_side():
    torch.manual_seed(0)
    hybrid = 5 + torch.rand(1, 8, 400)
    labels = torch.zeros(1, 2, 400)
    labels[0, :, :200] = 1
    labels[0, 0, 200:] = 1
    hybrid[0, :4, :200] += 0.5
    probabilities = torch.where(labels > 0.5, 0.95, 0.02)
    probabilities[..., ::2] = 0.5
    plain, centred = (contrastive_loss(hybrid, probabilities, labels, form=Form(centred=c)).item() for c in (False, True))
    assert abs(plain - 2) < 0.05 and centred < plain - 0.2


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_stays_within_0_and_4_and_a_step_down_its_gradient_lowers_it(form):
    generator = torch.Generator().manual_seed(1)
    hybrid = torch.randn(2, 10, 600, generator=generator).requires_grad_(True)
    labels = (torch.rand(2, 2, 600, generator=generator) > 0.5).float()
    probabilities = torch.rand(2, 2, 600, generator=generator)
    loss, acted = contrast(hybrid, probabilities, labels, form=form)
    loss.backward()
    assert 0 <= loss.item() <= 4 and acted.item() == 1
    assert contrastive_loss(hybrid - 20 * hybrid.grad, probabilities, labels, form=form).item() < loss.item()


def test_prototypes_remember_a_class_that_a_patch_does_not_hold():
    first = [((1, 0), HIGH_FOLLICLE, FOLLICLE), ((0, 1), HIGH_OVARY, OVARY)]
    second = [((1, 0.2), LOW_FOLLICLE, FOLLICLE)]
    form = Form(prototypes=0.9)
    memory = Prototypes(2, 0.9)
    assert contrast(*points(*first), form=form, prototypes=memory)[1].item() == 0  # nothing to compare with yet
    assert memory.seen.tolist() == [True, True, False]
    hybrid, probabilities, labels = points(*second)
    loss, acted = contrast(hybrid, probabilities, labels, form=form, prototypes=memory)
    cosines = torch.nn.functional.normalize(torch.tensor([1.0, 0.2]), dim=0)
    assert acted.item() == 1 and loss.item() == pytest.approx(2 - (cosines[0] - cosines[1]).item(), rel=1e-5)
    memory.update(0, torch.tensor([[0.0, 1.0]]))
    assert memory.means[0, 0] > 0.9  # nine tenths of what it was


def test_without_detail_no_gradient_of_the_term_reaches_the_full_size_map():
    network = networks.build("crend", width=2, detail=True)
    experiment = tiny("crend", arguments={"width": 2, "detail": True})
    wide, narrow = (
        objective_for(dataclasses.replace(experiment, contrastive=Contrastive(detail=detail)), network)._contrasted(
            network.head[0].in_channels
        )
        for detail in (True, False)
    )
    assert (wide, narrow) == (2 + 4 * 2, 2 + 3 * 2)


def test_the_weight_grows_over_the_ramp():
    objective = objective_for(tiny("crend", contrastive=Contrastive(ramp_steps=4)), networks.build("crend", width=2))
    weights = []
    for step in (0, 1, 3, 9):
        objective.at_step(step)
        weights.append(objective.contrast_weight() / 0.2)
    assert weights == pytest.approx([0.25, 0.5, 1, 1])


def test_the_curve_says_in_how_many_patches_contrast_acted_and_how_much_of_the_gradient_it_is(tmp_path):
    data = write_ball_cases(tmp_path / "balls", count=1)
    for name, form in (("paper", Contrastive()), ("best", Contrastive(confident=20))):
        train(tiny("crend", steps=6, ovary_share=1.0, contrastive=form), data, tmp_path / name, progress=False)
    paper, best = (read_curve(tmp_path / name / "train.csv") for name in ("paper", "best"))
    assert not any(row["contrast_acted"] or row["contrast_gradient"] for row in paper)  # of random weights no point is sure
    acted = [row for row in best if row["contrast_acted"]]
    assert acted and all((row["contrast_gradient"] > 0) == bool(row["contrast_acted"]) for row in best)
