"""The trials of make reliability run, count what they should, and tell a loss from a refusal."""

import random

import pytest
from reliability import bundles, properties, volumes
from reliability.faults import faults
from reliability.outcome import Tally, is_clear, together
from reliability.run import TRIALS, shares

from crend.errors import InputError


def test_a_refusal_in_one_line_ends_well_and_anything_else_is_lost():
    tally = Tally("x")

    def refuse(text):
        raise InputError(text)

    tally.attempt("a", lambda: None)
    tally.attempt("b", lambda: refuse("a.nrrd: is empty; export it again."))
    tally.attempt("c", lambda: refuse("two\nlines"))
    tally.attempt("d", lambda: 1 / 0)
    assert (tally.tried, dict(tally.ended)) == (4, {"done": 1, "refused": 1})
    assert [what for what, _ in tally.lost] == ["c", "d"] and "ZeroDivisionError" in tally.lost[1][1]
    assert is_clear("a.nrrd: is empty; export it again.") and not is_clear("")


def test_the_same_seed_tries_the_same():
    metadata = {"a": [1, 2, {"b": "c"}], "d": {"e": 1.5}}
    first, second = ([bundles.mutated(metadata, random.Random(3))[1] for _ in range(9)] for _ in range(2))
    assert first == second and metadata == {"a": [1, 2, {"b": "c"}], "d": {"e": 1.5}}
    assert bundles.damaged(bytes(500), random.Random(3)) == bundles.damaged(bytes(500), random.Random(3)) != bytes(500)


@pytest.mark.slow
def test_a_few_of_each_kind_lose_nothing(tmp_path):
    tallies = [volumes.through_grid(30, 5), volumes.damaged_files(40, 5, tmp_path), bundles.run(40, 5, tmp_path)]
    assert [tally.lost for tally in tallies] == [[], [], []]
    assert all(tally.ended["refused"] > 0 and len(tally.ended) > 1 for tally in tallies)


def test_parts_of_a_trial_add_up_to_the_whole():
    assert shares(5, 2) == [3, 2] and shares(1, 6) == [1] and sum(shares(5000, 20)) == 5000
    first, second = Tally("x"), Tally("x")
    first.count("a", True, "done")
    second.count("b", False, "crash", "seen")
    second.seconds = 2.5
    whole = together([Tally.from_json(each.as_json()) for each in (first, second)])
    assert (whole.tried, dict(whole.ended), whole.lost, whole.seconds) == (2, {"done": 1}, [("b", "crash: seen")], 2.5)
    assert {name: count for name, count, _ in TRIALS}["faults"] == len(faults())


@pytest.mark.slow
def test_a_property_that_does_not_hold_is_one_loss_with_its_smallest_input():
    tally = Tally("x")

    def holds(number):
        assert number < 100
        return "small"

    properties._try(tally, "numbers", properties.st.integers(), holds, 200, 1)
    assert len(tally.lost) == 1 and "100" in tally.lost[0][1] and tally.ended["small"] > 0
