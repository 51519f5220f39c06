"""The optimizer of short trainings: Muon for convolutions, Adam for the rest."""

import pytest
import torch
from training_samples import tiny

from crend import networks
from crend.errors import InputError
from crend_training.configuration.experiment import experiment_from
from crend_training.training.optimizers import ConvolutionMuon, is_filter_bank, orthogonalised


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (8, 8)])
def test_orthogonalising_brings_every_singular_value_near_one_and_keeps_the_directions(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    turned = orthogonalised(matrix)
    values = torch.linalg.svdvals(turned)
    assert turned.shape == matrix.shape and turned.dtype == matrix.dtype
    assert values.min() > 0.6 and values.max() < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert ((left.T @ turned @ right.T).diagonal() > 0.6).all()


def test_filter_banks_are_the_convolutions_between_stem_and_classifier():
    network = networks.build("crend", width=4)
    named = {name: is_filter_bank(p) for name, p in network.named_parameters()}
    banks = [name for name, bank in named.items() if bank]
    # Two a stage, two a decoder level, and the block before the classifier; neither stem, classifier nor MLP.
    assert len(banks) == 2 * 5 + 2 * 3 + 1
    assert not any(named[name] for name in named if name.endswith("bias"))


def test_one_step_turns_filters_by_the_rate_and_moves_all_else_as_adam_does():
    torch.manual_seed(0)
    bank, bias = torch.nn.Parameter(torch.randn(4, 3, 3, 3, 3)), torch.nn.Parameter(torch.randn(4))
    before, before_bias = bank.detach().clone(), bias.detach().clone()
    optimizer = ConvolutionMuon([bank, bias], lr=0.01)
    gradient = torch.randn_like(bank)
    bank.grad, bias.grad = gradient.clone(), torch.tensor([1.0, -2.0, 3.0, -4.0])
    optimizer.step()
    # 81 columns: scaled by 0.2 * 9, so that a weight moves about as far as under Adam.
    assert torch.allclose(before - bank, 0.01 * 1.8 * orthogonalised(gradient.flatten(1)).view_as(bank), atol=2e-3)
    assert torch.allclose(before_bias - bias, 0.01 * bias.new_tensor([1, -1, 1, -1]), atol=1e-5)


def test_an_unknown_optimizer_is_named():
    assert tiny(optimizer="muon").optimizer == "muon"
    with pytest.raises(InputError, match="'optimizer' is 'sgd'; known are adam, muon"):
        experiment_from({"optimizer": "sgd"}, "x.yaml")
