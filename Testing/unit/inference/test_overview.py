"""The overview: a second network sees the whole volume coarsely, says where to look, and has a say in what is found."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from standin import BACKGROUND, bundle_for, image_of, scene

from crend.inference.engines import engine_for_network, make_engine
from crend.inference.model_grid import ModelGrid
from crend.inference.probabilities import fuse_predictions
from crend.predict import segment

ORGAN = (slice(50, 74), slice(56, 80), slice(60, 84))
FOLLICLE = (slice(56, 62), slice(60, 66), slice(66, 72))


class Says(torch.nn.Module):
    """Follows the networks' protocol: everywhere the same two logits."""

    head = None

    def __init__(self, ovary, follicles):
        super().__init__()
        self.register_buffer("logits", torch.tensor([float(ovary), float(follicles)]).reshape(1, 2, 1, 1, 1))

    def trunk(self, x):
        return self.logits.expand(1, 2, *x.shape[2:]).clone(), None


@pytest.fixture
def array():
    return scene((90, 100, 110), ORGAN, [FOLLICLE])


def run(array, overview, share=None, **arguments):
    bundle = bundle_for(array, overview=overview, share=share)
    return segment(image_of(array), bundle, engine="torch", device="cpu", **arguments)


def ovary(found):
    return sitk.GetArrayFromImage(found.ovary) > 0


@pytest.mark.slow
def test_windows_are_looked_at_closely_only_where_the_overview_saw_an_ovary(array):
    finder = bundle_for(array).network
    found = run(array, finder, {"ovary": 0, "follicles": 0})
    assert np.array_equal(ovary(found), array > BACKGROUND)
    # Every window of the overview (45 x 50 x 55 in patches of 32: 2 x 3 x 3), then some of the close look's 5 x 6 x 6.
    assert found.provenance["windows"]["search"] == 2 * 3 * 3
    assert 0 < found.provenance["windows"]["run"] < 5 * 6 * 6 / 2


@pytest.mark.slow
def test_where_the_overview_sees_nothing_nothing_is_found_unless_everything_is_looked_at(array):
    blind = Says(-9, -9)
    assert run(array, blind, {"ovary": 0, "follicles": 0}).provenance["ovaries"] == 0
    assert np.array_equal(ovary(run(array, blind, {"ovary": 0, "follicles": 0}, search=False)), array > BACKGROUND)


@pytest.mark.slow
def test_the_share_decides_who_is_believed(array):
    # The overview sees an ovary everywhere, the close look a small one.
    everywhere = Says(9, -9)
    assert np.array_equal(ovary(run(array, everywhere, {"ovary": 0.4, "follicles": 0}, search=False)), array > BACKGROUND)
    assert ovary(run(array, everywhere, {"ovary": 0.6, "follicles": 0}, search=False)).all()


def test_join_is_a_mean_weighted_by_channel():
    close, overview = np.full((2, 1, 1, 1), 0.2, np.float32), np.full((2, 1, 1, 1), 0.8, np.float32)
    assert fuse_predictions(close, overview, {"ovary": 0.5, "follicles": 0.25}).ravel() == pytest.approx([0.5, 0.35])


@pytest.mark.slow
def test_a_ramp_comes_from_one_grid_to_another_as_the_same_ramp():
    image = sitk.GetImageFromArray(np.zeros((30, 40, 50), np.uint8))
    image.SetSpacing((0.5, 0.4, 0.7))
    coarse, fine = ModelGrid.of(image, (1.2, 1.2, 1.2)), ModelGrid.of(image, (0.6, 0.6, 0.6))
    for axis in range(3):
        shape = [1, 1, 1]
        shape[axis] = -1
        ramp = np.broadcast_to(coarse.model_to_image(axis, np.arange(coarse.shape[axis])).reshape(shape), coarse.shape)
        there = coarse.resample_to(fine, ramp.astype(np.float32))
        expected = np.broadcast_to(fine.model_to_image(axis, np.arange(fine.shape[axis])).reshape(shape), fine.shape)
        inner = tuple(slice(2, -2) for _ in range(3))
        assert there.shape == fine.shape and there[inner] == pytest.approx(expected[inner], abs=1e-3)


def test_an_engine_for_network_another_is_kept_and_shares_its_warnings():
    engine = make_engine(Says(0, 0), "cpu", "torch")
    other = Says(1, 1)
    beside = engine_for_network(engine, other)
    assert beside is engine_for_network(engine, other) and beside.network is other and beside.device == engine.device
    assert beside.warnings is engine.warnings
    assert engine_for_network(engine, Says(2, 2)) is not beside


class Leans(torch.nn.Module):
    """The ovary's logit rises along the window's last axis, whatever is in it."""

    head = None

    def trunk(self, x):
        logits = torch.full((1, 2, *x.shape[2:]), -9.0)
        logits[:, 0] = torch.linspace(-5, 5, x.shape[-1])
        return logits, None


@pytest.mark.slow
def test_mirror_images_cancel_what_depends_on_the_side(array):
    def seen(mirrored):
        bundle = bundle_for(array, overview=Leans(), share={"ovary": 1, "follicles": 1})
        bundle.metadata["crend"]["overview"]["mirrored"] = mirrored
        found = segment(image_of(array), bundle, engine="torch", device="cpu", search=False, keep_probabilities=True)
        return sitk.GetArrayFromImage(found.probabilities[0])

    # Of the four views three run one way and one the other: p, p, p, 1 - p. At the right edge p is sigmoid(5).
    p = 1 / (1 + np.exp(-5))
    assert seen(False)[..., -1] == pytest.approx(p, abs=1e-3)
    assert seen(True)[..., -1] == pytest.approx((3 * p + 1 - p) / 4, abs=1e-3)


class Echo(torch.nn.Module):
    """Says what it is told by its guide: the logits of the two maps beside the image."""

    head = None

    def trunk(self, x):
        return torch.logit(x[:, 1:], eps=1e-6), None


@pytest.mark.slow
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_guided_close_look_sees_the_overviews_maps_where_they_belong(array, mirrored):
    array = array[:40]
    array[:] = BACKGROUND
    array[10:30, 50:74, 12:40] = 140  # off centre along every axis: a map turned round or shifted would lie elsewhere
    bundle = bundle_for(array, overview=bundle_for(array).network, share={"ovary": 0, "follicles": 0})
    alone = ovary(segment(image_of(array), bundle, engine="torch", device="cpu", search=False))
    guided = bundle_for(
        array, network=Echo(), overview=bundle_for(array).network, share={"ovary": 0, "follicles": 0}, guided=True, mirrored=mirrored
    )
    told = ovary(segment(image_of(array), guided, engine="torch", device="cpu", search=False))
    assert told.any() and 2 * np.count_nonzero(told & alone) > 0.95 * (np.count_nonzero(told) + np.count_nonzero(alone))
