"""Files of twelve formats, cut off or with a flipped bit: right or refused, and no reader crashes or hangs."""

import pytest
from corrupt_files import CHECKED, RIGHT, facts_of, judge, run, write_all


@pytest.mark.slow
def test_corrupted_files_are_right_or_refused(tmp_path):
    counts, bad = run(tmp_path, 96, seed=3)
    assert bad == [] and sum(sum(found.values()) for found in counts.values()) == 96 and len({kind for kind, _ in counts}) == 12


def test_the_judge_knows_a_wrong_reading_from_a_right_one(tmp_path):
    whole = facts_of(write_all(tmp_path / "whole")["mha, zlib"])
    assert set(whole) == {"place", "voxels"} and "mha, zlib" in CHECKED
    other = {**whole, "voxels": ["0"]}
    assert judge(whole, whole, "mha, zlib", "cut", "at 9 of 10 in a.mha") == RIGHT
    assert judge(other, whole, "mha, zlib", "cut", "at 9 of 10 in a.mha") == "WRONG"
    assert judge(other, whole, "mha, zlib", "bit flip", "at 9 of 10 in a.mha, voxels") == "WRONG"
    assert judge(other, whole, "mha", "bit flip", "at 9 of 10 in a.mha, voxels") == "not detectable"
    assert judge({**whole, "place": []}, whole, "mha", "bit flip", "at 9 of 10 in a.mha, voxels") == "WRONG"
    assert judge({"ended": -11}, whole, "mha", "cut", "") == "CRASH" and judge({"ended": "timeout"}, whole, "mha", "cut", "") == "HANG"
    assert judge({"error": "ValueError: x"}, whole, "mha", "bit flip", "at 1 of 2 in a.mha, header") == "WRONG"
