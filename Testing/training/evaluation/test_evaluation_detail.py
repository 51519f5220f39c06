"""What an evaluation says of follicles by their kind, and of its worst cases; on a truth and predictions made by hand."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from crend.errors import InputError
from crend.result import Segmentation
from crend.structures.measurements import measure
from crend_training.data.simulators import check_simulator
from crend_training.evaluation.baseline import segment_classically
from crend_training.evaluation.evaluation import case_of, flagged, flagged_words, markdown, summarise, write_report
from crend_training.evaluation.strata import VISIBLE, strata, strata_markdown
from crend_training.evaluation.worst_cases import reason
from crend_training.phantom import Phantom

SPACING = (0.5, 0.5, 0.5)
CENTRES, RADII = ((20, 24, 20), (20, 24, 33), (40, 24, 30)), (7, 6, 3)  # voxels; the first two touch


def as_image(array):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    return image


def scene(radii=RADII, extra=False):
    """Arrays (volume, ovary, follicles): grey 120, follicles grey 20, ovary a ball around them."""
    z, y, x = np.ogrid[:60, :48, :56]

    def ball(centre, radius):
        return (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < radius**2

    follicles = np.zeros((60, 48, 56), np.uint16)
    for k, (centre, radius) in enumerate(zip(CENTRES, radii), 1):
        follicles[ball(centre, radius)] = k
    if extra:
        follicles[ball((44, 24, 14), 4)] = 4
    ovary = (ball((28, 24, 28), 22) | (follicles > 0)).astype(np.uint8)
    return np.where(follicles > 0, 20, 120).astype(np.uint8), ovary, follicles


def segmentation(ovary, follicles):
    images = as_image(ovary), as_image(follicles)
    return Segmentation(*images, measure(*images), {"seconds": 1.0})


@pytest.fixture(scope="module")
def case():
    """The smallest is missed, one is invented, the first is one voxel too large all around."""
    truth = Phantom(*map(as_image, scene()), {"ovary_depth_mm": 24.0})
    _, ovary, found = scene((8, 6, 0), extra=True)
    return case_of(5, truth, segmentation(ovary, found))


def test_every_true_follicle_has_its_looks_and_its_fate(case):
    first, second, third, invented = case.follicles
    assert [row["kind"] for row in case.follicles] == ["true", "true", "true", "false"]
    assert first["dv_mm"] == pytest.approx(7, rel=0.03) and third["dv_mm"] == pytest.approx(3, rel=0.06)
    assert (first["neighbours"], second["neighbours"], third["neighbours"]) == (1, 1, 0)
    assert first["contrast"] == pytest.approx(100) and first["depth_mm"] == 24.0 and first["spacing_mm"] == 0.5
    assert [row["hit"] for row in (first, second, third)] == [True, True, False]
    assert first["mean_diameter_difference_mm"] == pytest.approx(1, abs=0.1) and second["mean_diameter_difference_mm"] == pytest.approx(
        0, abs=0.05
    )
    assert invented["dv_mm"] == pytest.approx(4, rel=0.05) and invented["hit"] is None


def test_a_follicle_in_noise_twice_its_contrast_is_one_that_nobody_can_see(case):
    volume, ovary, follicles = scene()
    for deviation, visible in ((50, True), (200, False)):
        noise = np.random.default_rng(0).normal(0, deviation, volume.shape)
        truth = Phantom(*map(as_image, (volume + noise + 1000.0, ovary, follicles)), {"ovary_depth_mm": 24.0})
        first = case_of(5, truth, segmentation(ovary, follicles)).follicles[0]
        # both sides have this noise
        assert first["contrast_to_noise"] == pytest.approx(100 / (deviation * 2**0.5), rel=0.15)
        assert (first["contrast_to_noise"] >= VISIBLE) == visible
    assert [(s["range"], s["follicles"]) for s in strata(case.follicles) if s["stratum"] == "contrast-to-noise ratio"] == [
        ("0.45 and more", 3)
    ]


def test_strata_count_missed_and_false_where_they_belong(case):
    found = {(s["stratum"], s["range"]): s for s in strata(case.follicles)}
    everything = found["all", ""]
    assert everything["follicles"] == 3 and everything["false"] == 1 and everything["missed_percent"] == pytest.approx(100 / 3)
    assert found["size", "2 to 4 mm"]["missed_percent"] == 100 and found["size", "2 to 4 mm"]["dsc"] is None
    assert found["size", "6 to 10 mm"]["bias_mm"] is not None
    assert found["touching neighbours", "0"]["missed_percent"] == 100 and found["touching neighbours", "1 to 2"]["missed_percent"] == 0
    assert found["touching neighbours", "0"]["false"] is None
    assert ("size", "10 and more mm") not in found


def test_limits_of_agreement_are_those_of_the_matched_follicles(case):
    differences = [row["mean_diameter_difference_mm"] for row in case.follicles if row["hit"]]
    everything = strata(case.follicles)[0]
    assert everything["bias_mm"] == pytest.approx(np.mean(differences))
    assert everything["upper_mm"] == pytest.approx(np.mean(differences) + 1.96 * np.std(differences, ddof=1))
    assert "| all |  | 3 | 33.3 | 1 |" in strata_markdown(strata(case.follicles))


def test_the_report_holds_rows_strata_and_pictures_of_the_worst_with_the_reason(case, tmp_path):
    write_report([case], tmp_path, {"seeds": [5, 6]})
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["worst"][0]["seed"] == 5
    assert (
        "1 of 3 follicles missed, 1 of them below 4 mm" in summary["worst"][0]["why"]
        and "1 found that are none" in summary["worst"][0]["why"]
    )
    assert (tmp_path / "worst_1_seed_5.png").read_bytes()[:4] == b"\x89PNG"
    with open(tmp_path / "per_follicle.csv") as f:
        assert [row["hit"] for row in csv.DictReader(f)] == ["True", "True", "False", ""]
    assert "| ovary_dsc |" in markdown(summarise([case.row]))


@pytest.mark.parametrize(
    "off, words",
    [(0.6, "the follicles found are 0.6 mm too large"), (-0.8, "the follicles found are 0.8 mm too small"), (0.4, "nothing stands out")],
)
def test_the_reason_says_when_sizes_are_off(off, words):
    row = {"ovary_volume_ratio": 1.0, "ovary_dsc": 0.95, "count_reference": 2}
    found = [{"kind": "true", "hit": True, "mean_diameter_difference_mm": off + more} for more in (-0.1, 0.1)]
    assert reason(row, found) == words


def test_a_report_replaces_the_pictures_of_the_one_that_lay_there_and_nothing_else(case, tmp_path):
    for name in ("worst_1_seed_77.png", "worst_case.png"):
        (tmp_path / name).write_text("old")
    write_report([case], tmp_path, {"seeds": [5, 6]})
    assert {path.name for path in tmp_path.glob("*.png")} == {"worst_1_seed_5.png", "worst_case.png"}


def test_a_model_that_finds_nothing_is_measured_too():
    volume, ovary, follicles = scene()
    case = case_of(1, Phantom(*map(as_image, (volume, ovary, follicles)), {}), segmentation(np.zeros_like(ovary), np.zeros_like(follicles)))
    assert case.row["ovary_dsc"] == 0 and case.row["ovary_volume_ratio"] == 0
    assert strata(case.follicles)[0]["missed_percent"] == 100


def test_the_baseline_finds_dark_blobs_and_an_ovary_around_them():
    volume, ovary, follicles = scene()
    speckle = np.random.default_rng(0).rayleigh(0.8, volume.shape)
    found = segment_classically(as_image((volume * speckle).clip(1, 255).astype(np.uint8)))
    case = case_of(0, Phantom(as_image(volume), as_image(ovary), as_image(follicles), {}), found)
    assert 2 <= case.row["count_prediction"] <= 4 and case.row["md_percent"] < 40
    assert case.row["follicles_dsc"] > 0.75 and case.row["ovary_dsc"] > 0.3


def test_the_baseline_is_content_with_a_volume_without_anything_dark():
    flat = as_image(np.random.default_rng(0).integers(90, 110, (30, 30, 30)).astype(np.uint8))
    assert segment_classically(flat).measurements.ovary is None


def test_an_unknown_simulator_is_named():
    with pytest.raises(InputError, match="--simulator real"):
        check_simulator("real")


def test_flags_are_counted_of_poor_ovaries_and_of_the_others():
    rows = [
        {"ovary_dsc": 0.2, "flags": "uncertain ovary"},
        {"ovary_dsc": 0.6, "flags": ""},
        {"ovary_dsc": 0.9, "flags": "no sector"},
        {"ovary_dsc": 0.7, "flags": "", "ovary_volume_ratio": 0.8},
        {"ovary_dsc": 0.0, "flags": "", "ovary_volume_ratio": 0.0},  # none was drawn, and the result says so by itself
    ]
    assert flagged(rows) == {"poor_below": 0.7, "poor": 2, "poor_flagged": 1, "others": 2, "others_flagged": 1} | {
        "good_from": 0.85,
        "good": 1,
        "good_flagged": 1,
        "not_drawn": 1,
    }
    assert (
        flagged_words(flagged(rows))
        == "In 1 volume no ovary was drawn. Flagged as doubtful: 1 of 2 volumes with an ovary's Dice below 0.7, 1 of the 2 others."
    )
