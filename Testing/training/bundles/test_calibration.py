"""From predicted follicles with their truth to the blocks in a bundle that turn into confidences and flags."""

import copy
import csv
import functools
import hashlib
import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from crend.bundle import bundle as bundles
from crend.confidence.familiarity import FEATURES as DESCRIPTION
from crend.confidence.familiarity import familiarity_model
from crend.confidence.follicle_confidence import FEATURES, calibration_of
from crend.errors import InputError
from crend.io.labels import write_labels
from crend_training.bundles import calibration
from crend_training.bundles import calibration_card as calibrating
from crend_training.cli.app import app
from crend_training.data.subjects import Listed, Simulated
from crend_training.data.volumes import Entry


def follicles(count=300, seed=0):
    """Rows in which the chance to be true is that of `inside`."""
    generator = np.random.default_rng(seed)
    rows = []
    for k in range(count):
        features = generator.normal(size=len(FEATURES))
        chance = 1 / (1 + np.exp(-(1.5 + 2 * features[0])))
        rows.append({"seed": k // 10, "id": k % 10 + 1, "matched": int(generator.random() < chance), **dict(zip(FEATURES, features))})
    return rows


def volumes(count=20, seed=1):
    generator = np.random.default_rng(seed)
    return [
        {
            "seed": k,
            "has_ovary": 1,
            "ovary_dsc": 0.9,
            "expected_ovary_dsc": generator.uniform(0.7, 0.9) if k else "",
            **dict(zip(DESCRIPTION, generator.normal(size=len(DESCRIPTION)))),
        }
        for k in range(count)
    ]


def simulated(count):
    return [Simulated("training", seed) for seed in range(count)]


def blocks():
    """(confidence, familiar), of which a test may change what it likes."""
    return copy.deepcopy(_blocks())


@functools.cache
def _blocks():
    confidence = calibration.calibrate_confidence(follicles())
    known = np.random.default_rng(2).normal(size=(44, len(DESCRIPTION)))
    return confidence, calibration.learn_familiar(known, volumes())


def test_reliability_by_hand():
    found = calibration.reliability([0.2, 0.6, 0.92, 0.94, 1.0], [False, True, True, False, True])
    assert found == [
        {"from": 0.2, "to": 0.5, "follicles": 1, "confidence": 0.2, "true": 0.0},
        {"from": 0.5, "to": 0.8, "follicles": 1, "confidence": 0.6, "true": 1.0},
        {"from": 0.8, "to": 0.95, "follicles": 2, "confidence": 0.93, "true": 0.5},
        {"from": 0.95, "to": 1.0, "follicles": 1, "confidence": 1.0, "true": 1.0},
    ]


def test_confidences_of_left_out_volumes_are_reliable():
    measured = calibration.calibrate_confidence(follicles(600))["measured"]
    assert measured["follicles"] == 600 and measured["volumes"] == 60
    assert sum(row["follicles"] for row in measured["reliability"]) == 600
    assert measured["calibration_error"] < 0.06 and measured["brier"] < measured["brier_uncalibrated"]


def test_too_little_to_learn_from_is_refused_in_words():
    with pytest.raises(InputError, match="give more volumes"):
        calibration.calibrate_confidence(follicles(20))
    with pytest.raises(InputError, match="none of the 40 predicted follicles is a true one; are these the labels of these volumes"):
        calibration.calibrate_confidence([{**row, "matched": 0} for row in follicles(40)])
    with pytest.raises(
        InputError, match="all 40 predicted follicles are of one volume, which cannot be judged by others; give more volumes"
    ):
        calibration.calibrate_confidence([{**row, "seed": 1} for row in follicles(40)])
    with pytest.raises(InputError, match="name a folder of cases"):
        calibration.learn_familiar(np.zeros((10, len(DESCRIPTION))), volumes())


def test_few_volumes_like_those_learned_from_are_flagged():
    _, familiar = blocks()
    assert familiar["measured"]["volumes"] == 20 and familiar["measured"]["unfamiliar"] <= 1
    assert 0.5 < familiar["least_expected_dsc"] < 0.75 and familiar["measured"]["uncertain"] <= 1


def test_an_ovary_is_called_uncertain_by_a_limit_that_does_not_know_it():
    rows = [dict(row, expected_ovary_dsc=0.8 + 0.001 * k) for k, row in enumerate(volumes(12))]
    known = np.random.default_rng(2).normal(size=(44, len(DESCRIPTION)))
    # The odd one lies within the limit fitted with it, but not within the one fitted to the others.
    rows[3]["expected_ovary_dsc"] = 0.797
    block = calibration.learn_familiar(known, rows)
    assert block["least_expected_dsc"] < 0.797 and block["measured"]["uncertain"] == 1
    # One whose ovary is wrong says nothing of right ones: the limit is that of the eleven others, and it is beyond.
    rows[3]["ovary_dsc"] = 0.3
    block = calibration.learn_familiar(known, rows)
    assert 0.797 < block["least_expected_dsc"] < 0.81 and block["measured"]["uncertain"] == 1
    assert (block["measured"]["wrong"], block["measured"]["wrong_uncertain"]) == (1, 1)
    assert "1 of them had one, among them 1 of the 1 whose ovary is wrong (Dice below 0.7)" in calibrating.section(
        blocks()[0], block, "12 volumes"
    )
    # Eight are too few for a limit of their own: then it is 0.6, as where a bundle does not say.
    rows[3]["expected_ovary_dsc"] = 0.59
    assert calibration.learn_familiar(known, rows[:8])["measured"]["uncertain"] == 1


def test_an_ovary_that_promises_as_little_as_where_there_is_none_is_not_drawn():
    known = np.random.default_rng(2).normal(size=(44, len(DESCRIPTION)))
    rows = [dict(row, expected_ovary_dsc=0.8 + 0.001 * k) for k, row in enumerate(volumes(12))]
    nothing = [dict(row, has_ovary=0, ovary_dsc=0.0, expected_ovary_dsc=0.3 + 0.05 * k) for k, row in enumerate(volumes(5))]
    fair = [dict(volumes(1)[0], ovary_dsc=0.75, expected_ovary_dsc=0.6)]
    wrong = [dict(volumes(1)[0], ovary_dsc=0.5, expected_ovary_dsc=0.45)]
    block = calibration.learn_familiar(known, [*rows, *fair, *wrong, *nothing])
    assert block["least_drawn_dsc"] == pytest.approx(0.55), (
        "0.5 where there is none, 0.6 where a fair one helps, a wrong one at 0.45 helps nobody"
    )
    assert "No ovary is drawn where the probabilities promise a Dice below 0.55. " in calibrating.section(blocks()[0], block, "19 volumes")
    assert 0.6 < block["least_expected_dsc"] < 0.81 and block["measured"]["uncertain"] == 1, "those that are not drawn need no warning"
    assert "least_drawn_dsc" not in calibration.learn_familiar(known, rows)


def test_the_section_says_on_which_volumes_flags_were_counted():
    confidence, familiar = blocks()
    assert "of 20 other volumes were. " in calibrating.section(confidence, familiar, "20 volumes")
    familiar["measured"]["fresh"] = False
    assert "of 20 volumes that this was fitted on were. " in calibrating.section(confidence, familiar, "20 volumes")


@pytest.fixture
def bundle(tmp_path):
    from host.bundles import writeBundle

    return writeBundle(tmp_path / "mine")


def test_the_bundle_keeps_its_weights_and_loads_with_the_new_metadata(bundle):
    before = hashlib.sha256((bundle / bundles.WEIGHTS).read_bytes()).hexdigest()
    confidence, familiar = blocks()
    for _ in range(2):
        calibrating.write_into_bundle(bundle, confidence, familiar, "20 simulated volumes")
    loaded = bundles.load(str(bundle))
    assert loaded.model.graph is not None
    assert (
        hashlib.sha256((bundle / bundles.WEIGHTS).read_bytes()).hexdigest() == before == loaded.metadata["crend"]["sha256"][bundles.WEIGHTS]
    )
    assert calibration_of(loaded.metadata["crend"])["weights"] == confidence["weights"]
    assert familiarity_model(loaded.metadata["crend"]) == familiar
    card = (bundle / "README.md").read_text()
    assert card.count("## Confidence and flags") == 1 and "| confidence | follicles |" in card
    assert len((bundle / bundles.METADATA).read_text().splitlines()) < 400


def test_a_bundle_with_a_damaged_calibration_does_not_load(bundle):
    confidence, familiar = blocks()
    calibrating.write_into_bundle(bundle, confidence, familiar, "20 simulated volumes")
    path = bundle / bundles.METADATA
    metadata = json.loads(path.read_text())
    metadata["crend"]["confidence"]["weights"] = [1.0]
    path.write_text(json.dumps(metadata))
    with pytest.raises(InputError, match="metadata.json: .*calibrate the bundle again"):
        bundles.info(str(bundle))


def test_a_bundle_without_a_card_gets_one_and_a_model_that_is_only_named_is_not_rewritten(bundle):
    confidence, familiar = blocks()
    (bundle / "README.md").unlink()
    calibrating.write_into_bundle(bundle, confidence, familiar, "20 simulated volumes")
    assert (bundle / "README.md").read_text().startswith(f"# {bundle.name}\n\n<!-- confidence -->")
    error = CliRunner().invoke(app, ["calibrate", "crend-sim", "--out", str(bundle / "rows")]).exception
    assert isinstance(error, InputError) and "crend-sim: is rewritten by a calibration; copy the model's folder, " in str(error)


def test_a_copy_of_ours_that_is_calibrated_on_own_volumes_is_no_more_ours(tmp_path):
    ours = bundles.info("crend-sim")
    copied = shutil.copytree(ours.folder, tmp_path / "copied")
    for _ in range(2):
        calibrating.write_into_bundle(copied, *blocks(), "60 volumes of own.csv", own=True)
    metadata, card = bundles.info(copied).metadata, (copied / "README.md").read_text()
    assert (
        metadata["version"] == f"{ours.metadata['version']}-calibrated"
        and "confidences fitted on" in metadata["changelog"][metadata["version"]]
    )
    assert metadata["authors"] == "The CRend authors (weights; confidences by a user)"
    assert f"| made by | {metadata['authors']} |" in card and "nothing was measured on real" not in card + json.dumps(metadata)
    shutil.copytree(ours.folder, tmp_path / "crend-sim")
    words = ["calibrate", str(tmp_path / "crend-sim"), "--list", "own.csv", "--out", str(tmp_path / "rows")]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, InputError) and "give your copy's folder another name" in str(error)


def test_the_section_goes_before_the_limits_and_is_replaced_in_place():
    card = calibrating.with_section("# m\n\n## Limits\n\nMany.\n", "first")
    assert card.index("first") < card.index("## Limits")
    again = calibrating.with_section(card, "second")
    assert "first" not in again and again.replace("second", "first") == card


def test_the_diagram_is_drawn(tmp_path):
    path = calibrating.draw(calibration.calibrate_confidence(follicles()), tmp_path / "r.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_rows_of_a_volume_are_kept_and_those_of_another_bundle_refused(bundle, tmp_path, monkeypatch):
    made = []

    def one(loaded, engine, subject):
        made.append(subject.seed)
        return [dict(follicles(1)[0], seed=subject.seed)], dict(volumes(1)[0], seed=subject.seed)

    monkeypatch.setattr(calibration, "_observe_one", one)
    out = tmp_path / "rows"
    for _ in range(2):
        rows, seen = calibration.observe(bundle, simulated(3), out, engine="torch", tell=lambda line: None)
    assert made == [0, 1, 2] and len(rows) == len(seen) == 3
    assert len(list(csv.DictReader(open(out / calibration.FOLLICLES)))) == 3
    (out / calibration.ABOUT).write_text(json.dumps({"sha256": {}}))
    with pytest.raises(InputError, match="another bundle"):
        calibration.observe(bundle, simulated(3), out, tell=lambda line: None)


def test_volumes_of_several_simulators_and_without_an_ovary_are_told_apart_in_the_rows(bundle, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from crend_training.cli.app import app

    def one(loaded, engine, subject):
        assert subject.empty == (subject.seed >= 9002)
        rows = [{key: value for key, value in dict(row, volume=subject.name).items() if key != "seed"} for row in follicles(8)]
        generator = np.random.default_rng(abs(hash(subject.name)) % 999)
        description = dict(zip(DESCRIPTION, generator.normal(size=len(DESCRIPTION))))
        return rows, {"volume": subject.name, "has_ovary": 1, "ovary_dsc": 0.9, "expected_ovary_dsc": 0.8, **description}

    monkeypatch.setattr(calibration, "_observe_one", one)
    monkeypatch.setattr(calibration, "FEWEST_VOLUMES", 3)
    mix = ["--simulator", "training", "--simulator", "trial", "--first-seed", "9000", "--volumes", "2", "--empty", "1"]
    done = CliRunner().invoke(app, ["calibrate", str(bundle), *mix, "--out", str(tmp_path / "rows")])
    assert done.exit_code == 0, done.output
    names = [row["volume"] for row in csv.DictReader(open(tmp_path / "rows" / calibration.VOLUMES))]
    assert names == ["training 9000", "trial 9000", "training 9001", "trial 9001", "training 9002 empty", "trial 9002 empty"]
    words = "2 simulated volumes of each of training, trial (seeds 9000 to 9001), and 1 of each without an ovary (seeds 9002 to 9002)"
    assert words in (bundle / "README.md").read_text() and bundles.info(bundle).metadata["crend"]["familiar"]["volumes"] == 6


def test_rows_of_a_volume_that_was_stopped_half_way_are_counted_once(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(
        calibration,
        "_observe_one",
        lambda loaded, engine, subject: (
            [dict(row, seed=subject.seed) for row in follicles(2)],
            dict(volumes(1)[0], seed=subject.seed),
        ),
    )
    out = tmp_path / "rows"
    calibration.observe(bundle, simulated(2), out, engine="torch", tell=lambda line: None)
    table = out / calibration.VOLUMES
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    for _ in range(2):
        rows, seen = calibration.observe(bundle, simulated(2), out, engine="torch", tell=lambda line: None)
        assert [int(row["seed"]) for row in rows] == [0, 0, 1, 1] and len(seen) == 2


@pytest.mark.parametrize(
    "key, value", [("thresholds", {"ovary": 0.4, "follicles": 0.5}), ("smallest_follicle_mm", 1.0), ("render", {"points": 0})]
)
def test_rows_of_other_settings_are_refused(bundle, tmp_path, key, value):
    calibration.observe(bundle, [], tmp_path / "rows", engine="torch")
    path = bundle / bundles.METADATA
    metadata = json.loads(path.read_text())
    metadata["crend"][key] = value
    path.write_text(json.dumps(metadata))
    with pytest.raises(InputError, match="other settings"):
        calibration.observe(bundle, [], tmp_path / "rows", engine="torch")


def test_cases_of_another_spacing_are_refused(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"spacing_mm": [0.5, 0.5, 0.5]}))
    with pytest.raises(InputError, match="prepared at 0.5 x 0.5 x 0.5 mm, the bundle says 0.6"):
        calibration.describe_cases(tmp_path, {"spacing_mm": [0.6, 0.6, 0.6]})
    with pytest.raises(InputError, match="holds no cases"):
        calibration.describe_cases(tmp_path / "none", {"spacing_mm": [0.6, 0.6, 0.6]})


def test_volumes_of_a_list_are_known_by_their_content_and_too_few_leave_what_is_familiar(bundle, tmp_path, monkeypatch):
    from training_samples import ball_images

    def one(loaded, engine, subject):
        rows = [dict(row, volume=subject.name) for row in follicles(40, seed=len(subject.name))]
        return [{k: v for k, v in row.items() if k != "seed"} for row in rows], {"volume": subject.name, **volumes(1)[0], "seed": None}

    monkeypatch.setattr(calibration, "_observe_one", one)
    monkeypatch.setattr(calibration, "_append", lambda *_: None)
    for number, name in enumerate("ab"):
        sitk.WriteImage(ball_images(number)[0], str(tmp_path / f"{name}.nrrd"))
    mine = [Listed(Entry(name, tmp_path / f"{name}.nrrd")) for name in "ab"]
    rows, seen = calibration.observe(bundle, mine, tmp_path / "rows", engine="torch", tell=lambda line: None)
    assert {row["volume"] for row in rows} == {"a", "b"} and len(seen) == 2
    before = bundles.info(bundle).metadata["crend"].get("familiar")
    calibrating.write_into_bundle(bundle, calibration.calibrate_confidence(rows), None, "2 volumes of ours.csv")
    block = bundles.info(bundle).metadata["crend"]
    assert block["confidence"]["fitted_on"] == "2 volumes of ours.csv" and block.get("familiar") == before
    assert "is that of its base: these volumes are too few" in (bundle / "README.md").read_text()
    write_labels(tmp_path / "labels.nrrd", *ball_images(0)[1:])
    for other in (Entry("a", tmp_path / "b.nrrd"), Entry("a", tmp_path / "a.nrrd", tmp_path / "labels.nrrd")):
        with pytest.raises(InputError, match="other labels or other volumes; give another folder"):
            calibration.observe(bundle, [Listed(other)], tmp_path / "rows", engine="torch", tell=lambda line: None)
