"""Volumes without an ovary: what is counted, what is said of it, and where it may be written."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from test_reports import card_of, made, write_report  # noqa: F401
from training_samples import SMALL
from typer.testing import CliRunner

from crend.bundle import bundle
from crend.confidence.plausibility import flag
from crend.errors import InputError
from crend.result import Segmentation
from crend.structures.measurements import measure
from crend_training.cli.app import app
from crend_training.evaluation import emptiness
from crend_training.evaluation.reports import about
from crend_training.phantom import make_phantom
from crend_training.trial_phantom import make_trial_volume


def found(drawn, *flags):
    ovary = np.zeros((20, 20, 20), np.uint8)
    ovary[5:15, 5:15, 5:15] = drawn
    images = [sitk.GetImageFromArray(array) for array in (ovary, np.zeros(ovary.shape, np.uint16))]
    return Segmentation(*images, measure(*images), {"flags": [flag(key, dsc=0.5) for key in flags]})


def test_drawn_and_doubtful_volumes_are_counted(tmp_path):
    results = [found(1, "uncertain"), found(1), found(0, "no_ovary"), found(0, "no_ovary", "sector")]
    rows = [emptiness.row_of(seed, each) for seed, each in enumerate(results)]
    assert [(row["drawn"], row["doubtful"]) for row in rows] == [(True, True), (True, False), (False, False), (False, False)]
    assert rows[0]["ovary_ml"] == pytest.approx(1) and rows[2]["ovary_ml"] is None and rows[3]["flags"] == "no sector"
    summary = emptiness.write_empty_report(rows, tmp_path, {"model": "m", "seeds": [0, 4]})
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert summary["empty"] == {"volumes": 4, "drawn": 2, "doubtful": 1}
    words = "In simulated volumes without an ovary (seeds 0 to 3), one was drawn in 2 of 4; of these, 1 was flagged as doubtful."
    assert emptiness.empty_words(summary) == words


def test_where_none_was_drawn_nothing_is_said_of_flags():
    said = emptiness.empty_words({"seeds": [0, 9], "empty": {"volumes": 9, "drawn": 0, "doubtful": 0}})
    assert said == "In simulated volumes without an ovary (seeds 0 to 8), one was drawn in 0 of 9."


def test_a_trial_volume_without_an_ovary_is_the_same_pelvis_with_none_in_it():
    full, none = (make_trial_volume(3, empty=empty, samples=300_000, voxel_mm=0.55) for empty in (False, True))
    assert full.ovary.GetSize() == none.ovary.GetSize() and none.parameters["empty"]
    inside, grey, other = (sitk.GetArrayFromImage(image) for image in (full.ovary, full.volume, none.volume))
    assert inside.any() and not any(sitk.GetArrayViewFromImage(image).any() for image in (none.ovary, none.follicles))
    fluid = sitk.GetArrayFromImage(full.follicles) > 0
    assert np.median(other[fluid]) > np.median(grey[fluid]) + 20
    far = ndimage.distance_transform_edt(inside == 0) * 0.55 > 8
    assert np.median(np.abs(other - grey.astype(int))[far]) <= 2


def test_the_trial_simulator_is_named_where_its_volumes_held_no_ovary():
    said = emptiness.empty_words({"seeds": [0, 9], "simulator": "trial", "empty": {"volumes": 9, "drawn": 0, "doubtful": 0}})
    assert said == "In volumes of the trial simulator without an ovary (seeds 0 to 8), one was drawn in 0 of 9."


def test_the_card_carries_the_sentence_and_figures_come_from_the_other_report(made, tmp_path):  # noqa: F811
    said = about(made(), range(20), simulator="training", rendering=True)
    emptiness.write_empty_report([emptiness.row_of(seed, found(seed == 0)) for seed in range(20)], tmp_path / "empty", said)
    folder = made([tmp_path / "empty"])
    card = card_of(folder)
    assert (
        "| an ovary drawn where there is none (95 % interval) | 1 of 20 (1 to 24 %) |" in card and "| of these warned of | 0 of 1 |" in card
    )
    assert "evaluate model --empty --first-seed 0 --volumes 20" in card
    assert "Means over volumes" not in card and bundle.info(folder).metadata["crend"]["measured_on"] == "not measured"
    made([tmp_path / "empty", write_report(tmp_path / "full", {"seeds": [0, 2]})])
    assert "ovary_dsc" in bundle.info(folder).metadata["eval_metrics"] and "without an ovary (seeds 0 to 19)" in card_of(folder)


def test_a_report_of_the_other_kind_is_not_overwritten(tmp_path):
    write_report(tmp_path / "full", {"seeds": [0, 2]})
    emptiness.check_place(tmp_path / "full", empty=False)
    emptiness.check_place(tmp_path / "new", empty=True)
    with pytest.raises(InputError, match="holds a report on volumes with an ovary; give another folder"):
        emptiness.check_place(tmp_path / "full", empty=True)


def test_a_volume_without_an_ovary_is_measured_from_the_command_line(made, tmp_path, monkeypatch):  # noqa: F811
    # The simulator's own volume, but a small one: a whole one takes a while.
    def small(name, seed, *, empty):
        return make_phantom(seed, **{**SMALL, "empty": empty})

    monkeypatch.setattr(emptiness, "simulate", small)
    words = ["evaluate", str(made()), "--empty", "--first-seed", "3", "--volumes", "1", "--engine", "torch", "--out", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.exception
    assert "In simulated volumes without an ovary (seeds 3 to 3), one was drawn in " in answer.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["empty"]["volumes"] == 1 and summary["sha256"] and summary["version"] == "0.1.0"


def test_a_cluster_measures_the_same_volumes_alike(made, tmp_path, monkeypatch):  # noqa: F811
    distributed = pytest.importorskip("distributed", reason="the optional package distributed is not installed")
    monkeypatch.setattr(emptiness, "simulate", lambda name, seed, *, empty: make_phantom(seed, **{**SMALL, "empty": empty}))
    words = ["evaluate", str(made()), "--empty", "--first-seed", "3", "--volumes", "2", "--engine", "torch"]
    # Workers in this process: what they measure is the small volume, too.
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None) as cluster:
        answer = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "there"), "--scheduler", cluster.scheduler_address])
    assert answer.exit_code == 0, answer.exception
    here = emptiness.evaluate_empty(made(), [4], engine="torch", cluster=())
    rows = (tmp_path / "there" / "per_volume.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["seed", "3", "4"]
    assert rows[2].split(",")[1:4] == [
        str(here[0][name] if here[0][name] is not None else "") for name in ("drawn", "ovary_ml", "follicles")
    ]
