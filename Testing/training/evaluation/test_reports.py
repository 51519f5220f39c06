"""What a report says was measured, and what model cards and commands make of it."""

import dataclasses
import json
import re

import pytest
import torch
from training_samples import TINY
from typer.testing import CliRunner

from crend import networks
from crend.bundle import bundle
from crend.errors import InputError
from crend_training.bundles.bundling import Overview, bundle_run
from crend_training.bundles.maker import Maker
from crend_training.cli.app import app, main
from crend_training.evaluation.reports import about, read_report

FIGURE = {"mean": 0.9, "sd": 0.1, "present": 2, "missing": 0}


@pytest.fixture
def made(tmp_path):
    """Makes the bundle of two untrained runs, which learned from seeds 1000 to 1199 and were watched on 900 to 907."""
    for number, run in enumerate(("close", "over")):
        torch.manual_seed(number)
        weights = networks.build(TINY.network, **TINY.arguments).state_dict()
        (tmp_path / run).mkdir()
        torch.save({"state_dict": {f"network.{k}": v for k, v in weights.items()}, "global_step": 4}, tmp_path / run / "last.ckpt")

    def make(reports=(), share=(0.5, 0.0), out="model", run="close", **more):
        return bundle_run(TINY, tmp_path / run, tmp_path / out, reports, overview=Overview(TINY, tmp_path / "over", share), **more)

    return make


def write_report(folder, described):
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"figures": {"ovary_dsc": FIGURE}, **described}))
    return folder


@pytest.mark.parametrize("changed, words", [
    ({"follicles_edge": 0.6}, "measures the weights with other thresholds"),
    ({"smallest_follicle_mm": 3.0}, "counts follicles from another size on"),
    ({"render_points": 512}, "renders another number of points"),
])  # fmt: skip
def test_a_report_with_other_settings_is_refused(made, tmp_path, changed, words):
    report = write_report(
        tmp_path / "report",
        about(bundle_run(TINY, tmp_path / "close", tmp_path / "model"), range(2), simulator="training", rendering=True),
    )
    with pytest.raises(InputError, match=f"report: {words}"):
        bundle_run(dataclasses.replace(TINY, **changed), tmp_path / "close", tmp_path / "model", [report])


def card_of(folder):
    return (folder / "README.md").read_text()


def test_a_report_names_model_version_weights_and_settings(made):
    folder = made(share=(1, 0.6), version="0.2.0")
    said = about(folder, range(200, 202), simulator="training", rendering=False)
    assert (said["model"], said["version"], said["simulator"], said["seeds"], said["rendering"]) == (
        "model",
        "0.2.0",
        "training",
        [200, 202],
        False,
    )
    assert set(said["sha256"]) == {"model.safetensors", "overview.safetensors"}
    assert said["settings"] == {
        "overview": {"share": {"ovary": 1.0, "follicles": 0.6}, "mirrored": True},
        "thresholds": {"ovary": 0.5, "ovary_lowest": 0.1, "follicles": 0.5, "follicles_edge": 0.5}, "smallest_follicle_mm": 2.0, "render_points": 1024,
    }  # fmt: skip


def test_a_run_bundled_again_has_the_same_weights_so_that_its_report_is_taken(made, tmp_path):
    report = write_report(tmp_path / "report", about(made(), range(2), simulator="training", rendering=True))
    before = bundle.info(tmp_path / "model").metadata["crend"]["sha256"]
    folder = made([report])
    assert bundle.info(folder).metadata["crend"]["sha256"] == before
    assert made([report], out="elsewhere") and bundle.info(tmp_path / "elsewhere").metadata["crend"]["sha256"] == before
    assert "Measured with follicles from 2 mm; thresholds: ovary 0.5 (down to 0.1 where nothing reaches it), follicles 0.5." in card_of(
        folder
    )


def test_a_report_of_other_weights_or_another_share_is_refused_and_the_bundle_stays(made, tmp_path):
    report = write_report(tmp_path / "report", about(made(), range(2), simulator="training", rendering=True))
    before = card_of(tmp_path / "model")
    with pytest.raises(InputError, match="^[^\n]*report: measures other weights than those bundled; [^\n]*$"):
        made([report], run="over")
    with pytest.raises(InputError, match="another --share"):
        made([report], share=(1, 1))
    assert card_of(tmp_path / "model") == before


def test_a_report_that_names_no_weights_is_taken_without_the_settings(made, tmp_path):
    folder = made([write_report(tmp_path / "old", {"model": "model", "seeds": [0, 2]})])
    assert "| ovary: Dice | 0.900 |" in card_of(folder) and "Measured with" not in card_of(folder)


def test_a_card_with_a_report_on_own_volumes_does_not_say_that_nothing_real_was_measured(made, tmp_path):
    own = write_report(tmp_path / "own", {"list": "own.csv", "volumes": ["a", "b"], "contents": {"a": "1", "b": "2"}})
    plain, folder = made(out="plain"), made([own])
    for text in (card_of(folder), json.dumps(bundle.info(folder).metadata)):
        assert "nothing was measured on real" not in text and "no labelled real volume" not in text
    assert "nothing was measured on real ovaries" in card_of(plain) and "Trained on simulated ultrasound, measured on" in card_of(folder)


def test_a_report_without_rendering_says_so_in_line_and_command(made, tmp_path):
    report = write_report(tmp_path / "report", about(made(), range(2), simulator="trial", rendering=False))
    card = card_of(made([report]))
    assert "; not rendered." in card and "evaluate model --simulator trial --no-render --first-seed 0 --volumes 2" in card


def test_a_report_on_volumes_that_were_trained_on_is_refused(made, tmp_path):
    report = write_report(tmp_path / "report", {"seeds": [990, 1003], "simulator": "training"})
    with pytest.raises(InputError, match=r"report: 3 of the 13 volumes \(seeds 1000 to 1002\) were trained on; "):
        made([report])


def test_the_card_counts_the_volumes_that_the_training_was_watched_on(made, tmp_path):
    watched = write_report(tmp_path / "watched", {"seeds": [890, 903]})
    fresh = write_report(tmp_path / "fresh", {"seeds": [0, 2]})
    trial = write_report(tmp_path / "trial", {"seeds": [890, 1103], "simulator": "trial"})
    card = card_of(made([watched, fresh, trial]))
    assert "13 simulated volumes (seeds 890 to 902), none of them trained on; 3 were used to watch the training" in card
    assert "2 simulated volumes (seeds 0 to 1), none of them used in training" in card
    assert "213 volumes of the trial simulator" in card


def test_the_bundle_keeps_the_seeds_of_both_experiments(made, tmp_path):
    from dataclasses import replace

    from crend_training.configuration.experiment import Data

    assert bundle.info(made()).metadata["crend"]["seeds"] == {"training": [[1000, 1200]], "validation": [[900, 908]]}
    other = replace(
        TINY, data=Data(first_seed=3000, last_seed=3010, unlabelled_first_seed=4000, unlabelled_last_seed=4001), semi_weight=1.0
    )
    second = Overview(other, tmp_path / "over")
    folder = bundle_run(TINY, tmp_path / "close", tmp_path / "b", overview=second)
    assert bundle.info(folder).metadata["crend"]["seeds"]["training"] == [[1000, 1200], [3000, 3010], [4000, 4001]]
    on = bundle_run(replace(TINY, data=Data(first_seed=5000, last_seed=5010)), tmp_path / "close", tmp_path / "on", start=str(folder))
    block = bundle.info(on).metadata["crend"]
    assert block["seeds"]["training"] == [[1000, 1200], [3000, 3010], [4000, 4001], [5000, 5010]]
    assert block["trained_on"].startswith(bundle.info(folder).metadata["crend"]["trained_on"] + "; then 10 simulated volumes")
    own = replace(TINY, data=Data(kind="datalist", path="list.csv"))
    assert "seeds" not in bundle.info(bundle_run(own, tmp_path / "close", tmp_path / "c")).metadata["crend"]
    fold = bundle_run(TINY, tmp_path / "close", tmp_path / "d", trained_on="4 volumes of a fold")
    assert "seeds" not in bundle.info(fold).metadata["crend"]


@pytest.mark.parametrize("command", ["evaluate", "calibrate"])
def test_volumes_that_were_trained_on_are_not_measured(made, tmp_path, command, capsys, monkeypatch):
    words = [command, str(made()), "--first-seed", "1190", "--volumes", "30", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["crend_training", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and not (tmp_path / "out").exists()
    assert "error: model: 10 of the 30 volumes (seeds 1190 to 1199) were trained on; measure others" in capsys.readouterr().err


def test_a_missing_report_and_a_missing_note_are_one_line(made, tmp_path):
    with pytest.raises(InputError, match="summary.json: no report there; run `crend_training evaluate` first"):
        made([tmp_path / "nowhere"])
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "summary.json").write_text("[]")
    with pytest.raises(InputError, match="no report there"):
        read_report(tmp_path / "list")
    config = tmp_path / "tiny.yaml"
    config.write_text("network: crend\n")
    words = ["bundle", str(config), "--run", str(tmp_path / "close"), "--out", str(tmp_path / "x"), "--note", str(tmp_path / "none.md")]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, InputError) and re.fullmatch(r"--note \S+none.md: cannot be read as text; give a Markdown file", str(error))


def test_a_report_on_a_list_is_told_in_the_card_and_the_bundle_is_its_makers(made, tmp_path):
    with pytest.raises(InputError, match="crend-sim is the name of a model that comes with CRend"):
        made(out="crend-sim")
    report = write_report(tmp_path / "own", {"list": "ours.csv", "volumes": ["a", "b"]})
    card = card_of(made([report], maker=Maker("Clinic A", "MIT")))
    assert "- 2 volumes of its maker's list ours.csv, by `python -m crend_training evaluate model --list ours.csv --out REPORT`" in card
    assert "| made by | Clinic A |" in card and "| licence | MIT |" in card and "| intended use | not stated |" in card
    assert bundle.info(made(maker=Maker("The CRend authors"), out="crend-sim")).metadata["authors"] == "The CRend authors"


def test_a_bundle_asks_of_small_follicles_what_its_configuration_says_and_so_must_its_report(made, tmp_path):
    made()  # trains
    before = bundle_run(TINY, tmp_path / "close", tmp_path / "model")
    before = write_report(tmp_path / "before", about(before, range(2), simulator="training", rendering=True))
    asking = dataclasses.replace(TINY, small_follicle_mm=4, small_follicle_probability=0.7)
    folder = bundle_run(asking, tmp_path / "close", tmp_path / "model")
    assert bundle.info(folder).metadata["crend"]["least_probability"] == {"below_mm": 4.0, "small": 0.7}
    assert (
        "| follicles | probability from 0.5 on, diameter from 2 mm on; of those below 4 mm a mean probability of 0.7 is asked |"
        in card_of(folder)
    )
    with pytest.raises(InputError, match="before: asks another probability of small follicles"):
        bundle_run(asking, tmp_path / "close", tmp_path / "model", [before])
    report = write_report(tmp_path / "report", about(folder, range(2), simulator="training", rendering=True))
    bundle_run(asking, tmp_path / "close", tmp_path / "model", [report])
    assert "follicles 0.5; of those below 4 mm a mean probability of 0.7 is asked." in card_of(folder)
    with pytest.raises(InputError, match="report: asks another probability of small follicles"):
        bundle_run(TINY, tmp_path / "close", tmp_path / "model", [report])


def test_a_bundle_cuts_ovaries_and_counts_follicles_as_its_configuration_says(made, tmp_path):
    strict = dataclasses.replace(TINY, ovary_lowest=0.5, follicles_edge=0.6, smallest_follicle_mm=1.6)
    folder = bundle_run(strict, tmp_path / "close", tmp_path / "model")
    settings = bundle.info(folder).metadata["crend"]
    assert (
        settings["thresholds"] == {"ovary": 0.5, "ovary_lowest": 0.5, "follicles": 0.5, "follicles_edge": 0.6}
        and settings["smallest_follicle_mm"] == 1.6
    )
    card = (folder / "README.md").read_text()
    assert (
        "| ovary's threshold | 0.5 |" in card
        and "| follicles | probability from 0.5 on, diameter from 1.6 mm on; edge at a probability of 0.6, unless less than 0.75 of it is left |"
        in card
    )


def test_the_card_has_one_table_with_a_column_a_kind_of_volume(made, tmp_path):
    stratum = {"missed_percent": 20.0, "false": 2, "bias_mm": 0.1, "lower_mm": -0.5, "upper_mm": 0.7}
    strata = [{"stratum": "all", "range": "", "follicles": 10, **stratum}]
    strata += [{"stratum": "contrast-to-noise ratio", "range": "0.45 and more", "follicles": 9, **stratum, "missed_percent": 11.11}]
    flags = {"poor": 2, "poor_flagged": 1, "good": 30, "good_flagged": 3, "not_drawn": 1}
    full = write_report(tmp_path / "full", {"seeds": [0, 2], "strata": strata, "flags": flags})
    trial = write_report(tmp_path / "trial", {"seeds": [0, 2], "simulator": "trial"})
    rows = [line.split(" | ") for line in card_of(made([full, trial])).splitlines() if line.startswith("| ") and line.count("|") == 4]
    table = {row[0].strip("| "): [cell.strip("| ") for cell in row[1:]] for row in rows}
    assert table[""] == ["training", "trial"] and table["volumes"] == ["2", "2"] and table["ovary: Dice"] == ["0.900", "0.900"]
    assert table["follicles missed, %"] == ["20.0", "–"] and table["of those that can be seen, %"] == ["11.1", "–"]
    assert table["false follicles, %"] == ["20.0", "–"], "2 of the 10 that were predicted"
    assert table["mean diameter, mm: bias (95 % limits)"] == ["+0.10 (-0.50 to +0.70)", "–"]
    assert table["ovaries with a Dice of 0.85 or more, warned of"] == ["3 of 30", "–"]
