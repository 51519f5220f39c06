"""Two reports side by side."""

import csv

import pytest

from crend.errors import InputError
from crend_training.difference import difference, difference_markdown


def write(folder, rows):
    folder.mkdir()
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
