"""Counts, cohorts, volumes and the polycystic criterion of ovaries whose sizes are known."""

import pytest
from clinic_samples import FLAG, ovary, side

from crend.clinic.findings import findings_of
from crend.clinic.study import BOX, NOT_ASSESSABLE, NOT_SEEN, PRESENT, Side, Study, plain_name, read_cohorts, read_date, side_of_name
from crend.errors import InputError

FEW, MANY = [4.0] * 7, [4.0] * 20
LARGE = ovary(10.4, (34, 26, 23))


def verdict(**sides):
    return findings_of(Study(), sides)["polycystic_criterion"]["verdict"]


def reasons(of, study=Study()):
    found = findings_of(study, {"left": of})["polycystic_criterion"]["sides"]["left"]
    return found["verdict"], [reason["key"] for reason in found["reasons"]]


def test_follicles_are_counted_by_their_rounded_mean_diameter():
    found = findings_of(Study(cohorts_mm=(10, 12)), {"left": side([18.2, 12.4, 10.5, 10.4, 9.5, 9.4, 2.0, 1.6, 1.4])})["sides"]["left"]
    assert (found["follicle_count"], found["follicles_2_9_mm"], found["antral_count"]) == (9, 3, 5)
    assert found["follicles_above_10_mm"] == [1, 2, 3] and found["cohorts"] == {"10": 5, "12": 2}
    assert found["leading"]["id"] == 1 and found["leading"]["mean_diameter_mm"] == 18.2


def test_the_volume_stands_there_both_ways_and_a_box_has_none():
    found = findings_of(Study(), {"left": side(), "right": side(ovary_source=BOX)})["sides"]
    assert found["left"]["volume_ml"] == 8.0 and found["left"]["volume_0523_ml"] == pytest.approx(0.523 * 34 * 24 * 18 / 1000)
    assert all(found["right"][key] is None for key in ("d1_mm", "d2_mm", "d3_mm", "volume_ml", "volume_0523_ml"))
    assert found["right"]["antral_count"] == 1


def test_the_total_counts_only_what_was_seen_on_both_sides_and_is_marked():
    both = findings_of(Study(), {"left": side(FEW), "right": side(FEW)})
    assert both["total_antral_count"] == 14 and both["total_antral_count_confirmed"]
    assert list(both["sides"]) == ["right", "left"]
    doubtful = findings_of(Study(), {"left": side(FEW, confirmed=range(1, 7)), "right": side(FEW)})
    assert doubtful["total_antral_count"] == 14 and not doubtful["total_antral_count_confirmed"]
    assert not findings_of(Study(), {"left": side(FEW), "right": side(FEW, flags=(FLAG,))})["total_antral_count_confirmed"]
    for missing in (Side(state=NOT_SEEN), Side(state=NOT_ASSESSABLE), Side(), side(FEW, state=NOT_SEEN)):
        found = findings_of(Study(), {"left": side(FEW), "right": missing})
        assert found["total_antral_count"] is None and found["sides"]["right"]["antral_count"] is None


def test_the_criterion_is_judged_only_where_all_is_confirmed_and_nothing_speaks_against_it():
    assert reasons(side(MANY)) == ("met", []) and reasons(side(FEW, of=LARGE)) == ("met", []) and reasons(side(FEW)) == ("not met", [])
    unknown = {
        "not_confirmed": side(MANY, confirmed=range(1, 20)),
        "flags": side(MANY, flags=(FLAG,)),
        "large_follicle": side([*MANY, 11.0]),
        "cut_off": side(MANY, of=ovary(touches_border=True)),
        "corpus_luteum": side(MANY, corpus_luteum=PRESENT),
        "corpus_luteum_not_stated": side(MANY, corpus_luteum="not stated"),
        "no_follicle": side([]),
        "two_ovaries": side(MANY, ovaries=2),
        "not seen": Side(state=NOT_SEEN),
        "no_result": Side(),
        "no_volume": side(FEW, ovary_source=BOX),
        "volumes_differ": side(FEW, of=ovary(10.4, (34, 26, 20))),
    }
    assert {key: reasons(each) for key, each in unknown.items()} == {key: ("cannot be said", [key]) for key in unknown}
    assert reasons(side(MANY), Study(route="transabdominal")) == ("cannot be said", ["route"])


def test_one_ovary_that_meets_the_criterion_is_enough_and_only_two_that_do_not_are_none():
    assert verdict(left=side(MANY), right=side(FEW, confirmed=())) == "met"
    assert verdict(left=side(FEW), right=side(FEW)) == "not met"
    assert verdict(left=side(FEW), right=Side(state=NOT_SEEN)) == "cannot be said"
    assert verdict(left=side(FEW)) == "cannot be said"


def test_the_date_is_that_of_the_volumes_where_they_agree_and_nobody_states_another():
    scans = [side(model={"acquisition_date": date}) for date in ("20260131", "20260131", "20260201")]
    assert findings_of(Study(), {"left": scans[0], "right": scans[1]})["study"]["date"] == "2026-01-31"
    assert findings_of(Study(), {"left": scans[0], "right": scans[2]})["study"]["date"] == ""
    assert findings_of(Study(date="2026-02-02"), {"left": scans[0]})["study"]["date"] == "2026-02-02"


def test_what_is_typed_is_read_or_refused():
    assert read_cohorts("18, 10;12 10") == (10, 12, 18) and read_cohorts(" ") == (10, 12, 14, 16, 18)
    assert read_date("20260131") == read_date("2026-01-31") == "2026-01-31" and read_date("") == ""
    for wrong in (lambda: read_cohorts("10, x"), lambda: read_cohorts("0"), lambda: read_date("31.1.2026"), lambda: read_date("20261331")):
        with pytest.raises(InputError):
            wrong()
    assert plain_name("Doe^Jane^Ann^Dr") == "Doe, Jane Ann" and plain_name("Doe") == "Doe" and plain_name("") == ""


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("Left ovary", "left"),
        ("patient7_RIGHT_ov ovary", "right"),
        ("ovaryLeft", "left"),
        ("Ovar links", "left"),
        ("Copyright scan", ""),
        ("left and right", ""),
        ("Ultrasound", ""),
    ],
)
def test_the_side_is_guessed_from_whole_words_of_a_name(name, wanted):
    assert side_of_name(name) == wanted
