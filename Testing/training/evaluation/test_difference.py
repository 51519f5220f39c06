"""Two reports side by side."""

import csv
import json

import pytest

from crend.errors import InputError
from crend_training.evaluation.difference import difference, difference_markdown, heads


def write(folder, rows, **about):
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"model": "m", "seeds": [0, 9], "figures": {}, **about}))
    with open(folder / "per_volume.csv", "w", newline="") as f:
        writer = csv.DictWriter(f, ["seed", "ovary_dsc", "fd_percent"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_figures_are_paired_by_volume_and_missing_ones_left_out(tmp_path):
    first = write(tmp_path / "a", [{"seed": s, "ovary_dsc": 0.5 + 0.01 * s, "fd_percent": 10} for s in range(8)])
    other = [{"seed": s, "ovary_dsc": 0.4, "fd_percent": "" if s == 3 else 20} for s in reversed(range(1, 9))]
    rows = {row["figure"]: row for row in difference(first, write(tmp_path / "b", other))}
    dice, false = rows["ovary_dsc"], rows["fd_percent"]
    assert (dice["pairs"], false["pairs"]) == (7, 6)
    assert dice["first"] == pytest.approx(0.54) and dice["difference"] == pytest.approx(0.14)
    # Seven differences of one sign: 2 / 2^7, twice that after Holm.
    assert dice["p"] == pytest.approx(2 / 2**7) and dice["p_holm"] == pytest.approx(2 * dice["p"])
    assert "| ovary_dsc | 7 | 0.540 | 0.400 | 0.140 | 0.0156 | 0.0312 |" in difference_markdown(list(rows.values()), "a", "b")


def test_reports_without_a_volume_in_common_are_refused(tmp_path):
    row = {"ovary_dsc": 1, "fd_percent": 0}
    first, second = (write(tmp_path / name, [{"seed": seed, **row}]) for name, seed in (("a", 1), ("b", 2)))
    with pytest.raises(InputError, match="same seeds"):
        difference(first, second)
    with pytest.raises(InputError, match="no report there"):
        difference(first, tmp_path / "nowhere")


ROW = {"seed": 1, "ovary_dsc": 1, "fd_percent": 0}


def test_volumes_of_two_simulators_are_not_paired_by_their_seeds(tmp_path):
    old, trial = write(tmp_path / "old", [ROW]), write(tmp_path / "trial", [ROW], simulator="trial")
    with pytest.raises(
        InputError, match="old and [^\n]*trial: volumes of the training and of the trial simulator are not the same; evaluate both on one"
    ):
        difference(old, trial)
    assert difference(trial, write(tmp_path / "other", [ROW], simulator="trial"))
    assert difference(old, write(tmp_path / "new", [ROW], simulator="training"))


def test_volumes_of_a_list_are_paired_by_their_names_and_never_with_others_of_the_same_name(tmp_path):
    def report(name, contents, **values):
        truths = {volume: values.get("truth", "t") for volume in contents}
        said = {"list": "ours.csv", "volumes": list(contents), "contents": contents, "truths": truths}
        folder = write(tmp_path / name, [{"seed": 0, "ovary_dsc": 0.5}], **said)
        lines = [f"{volume},{value}" for volume, value in zip(contents, values["dice"])]
        (folder / "per_volume.csv").write_text("\n".join(["volume,ovary_dsc", *lines]) + "\n")
        return folder

    first = report("first", {"left": "aa", "right": "bb"}, dice=(0.5, 0.7))
    (row,) = difference(first, report("second", {"right": "bb", "other": "cc"}, dice=(0.6, 0.1)))
    assert (row["pairs"], row["first"], row["second"]) == (1, 0.7, 0.6)
    with pytest.raises(InputError, match="right is another volume in each; evaluate both on the same list"):
        difference(first, report("swapped", {"right": "dd"}, dice=(0.6,)))
    with pytest.raises(InputError, match="right has other labels, or another spacing, in each; evaluate both on the same list"):
        difference(first, report("corrected", {"right": "bb"}, dice=(0.6,), truth="u"))
    with pytest.raises(InputError, match="volumes of a list and simulated ones are not the same"):
        difference(first, write(tmp_path / "simulated", [ROW]))


def test_columns_are_headed_by_what_tells_them_apart(tmp_path):
    kinds = {
        "old": {},
        "new": {"version": "0.2.0", "rendering": True},
        "coarse": {"version": "0.2.0", "rendering": False},
        "again": {"version": "0.2.0"},
    }
    old, new, coarse, again = (write(tmp_path / name, [ROW], **about) for name, about in kinds.items())
    assert heads(old, new) == ("m", "m 0.2.0")
    assert heads(new, coarse) == ("m 0.2.0", "m 0.2.0, not rendered")
    assert heads(new, again) == (f"m 0.2.0 ({new})", f"m 0.2.0 ({again})")


def test_a_report_on_volumes_without_an_ovary_has_nothing_to_compare(tmp_path):
    empty = write(tmp_path / "empty", [{"seed": 1}])
    (empty / "summary.json").write_text(json.dumps({"model": "m", "seeds": [1, 2], "empty": {"volumes": 1, "drawn": 0, "doubtful": 0}}))
    with pytest.raises(InputError, match="has no figures to compare; "):
        difference(write(tmp_path / "full", [ROW]), empty)
