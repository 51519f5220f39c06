"""Two ovaries of one volume: a side each, with figures of its own; none is called left or right unless somebody said so."""

import json

import pytest
from clinic_samples import FLAG, pair, side

from crend.clinic.files import write_report
from crend.clinic.findings import findings_of
from crend.clinic.page import page_html
from crend.clinic.several import one_ovary, ovary_sides, unstated, what_to_say
from crend.clinic.study import NOT_SEEN, PRESENT, Side, Study
from crend.errors import InputError


def sides(both, **stated):
    first, second = (one_ovary(both, number, "a.json", "--ovary") for number in (1, 2))
    return {"right": first, "left": second, **stated}


def test_each_ovary_has_its_own_figures_follicles_and_verdict():
    found = findings_of(Study(), sides(pair()))
    right, left = found["sides"]["right"], found["sides"]["left"]
    assert (right["volume_ml"], right["follicle_count"], right["antral_count"], right["follicles_above_10_mm"]) == (8.0, 2, 1, [2])
    assert (left["volume_ml"], left["d1_mm"], left["antral_count"], left["follicles"][0]["id"]) == (5.0, 28.0, 1, 3)
    assert found["total_antral_count"] == 2 and found["total_antral_count_confirmed"]
    verdicts = {name: each["verdict"] for name, each in found["polycystic_criterion"]["sides"].items()}
    assert verdicts == {"right": "cannot be said", "left": "not met"}, "the right one has a follicle above 10 mm"
    met = findings_of(Study(), sides(pair(first=[4.0] * 20)))["polycystic_criterion"]
    assert met["verdict"] == "met" and met["sides"]["left"]["verdict"] == "not met"
    assert findings_of(Study(), sides(pair(flags=(FLAG,))))["polycystic_criterion"]["sides"]["left"]["verdict"] == "cannot be said"


def test_a_follicle_in_neither_ovary_counts_for_none_and_leaves_no_count_confirmed():
    found = findings_of(Study(), sides(pair(strays=(6.0,))))
    assert [each["follicle_count"] for each in found["sides"].values()] == [2, 1] and not found["total_antral_count_confirmed"]
    reasons = found["polycystic_criterion"]["sides"]["left"]["reasons"]
    assert [reason["text"] for reason in reasons] == ["1 of the volume's follicles lie in no ovary"]
    assert "1 follicles of the volume lie in no ovary" in page_html(found)


def test_without_a_word_on_sides_each_ovary_stands_for_itself_and_the_report_says_what_to_do(tmp_path):
    both = pair()
    parts = {unstated(number): part for number, part in ovary_sides(both).items()}
    note = what_to_say("Scan", ["Ovary 1", "Ovary 2"], "Say it in Study.")
    found = findings_of(Study(), parts, [note])
    assert list(found["sides"]) == ["ovary 1", "ovary 2"] and found["total_antral_count"] is None
    assert found["polycystic_criterion"]["verdict"] == "cannot be said"
    text = page_html(found)
    for words in ("Ovary 1, side not stated", "Ovary 2, side not stated", note, "left and right are not stated"):
        assert words in text, words
    assert "Right ovary" not in text and "Left ovary" not in text
    for ending in ("csv", "json"):
        write_report(found, tmp_path / f"r.{ending}")
    assert note in (tmp_path / "r.csv").read_text(encoding="utf-8-sig")
    assert json.loads((tmp_path / "r.json").read_text())["notes"] == [note]
    head = (tmp_path / "r.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert head == "key,finding,unit,right,left,ovary 1,ovary 2,both"


def test_the_page_and_the_table_name_the_segment_of_each_side(tmp_path):
    found = findings_of(Study(), sides(pair()))
    write_report(found, tmp_path / "r.csv")
    assert 'ovary_segment,"Segment, of several ovaries",,Ovary 1,Ovary 2,' in (tmp_path / "r.csv").read_text(encoding="utf-8-sig")
    assert "Right ovary · Ultrasound ovary · Ovary 1" in page_html(found)
    assert "of several ovaries" not in page_html(findings_of(Study(), {"left": side()}))


def test_a_dicom_report_has_a_side_for_each_and_none_where_nobody_said_it(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom")
    for name, which in (("said", sides(pair())), ("unsaid", {unstated(k): part for k, part in ovary_sides(pair()).items()})):
        write_report(findings_of(Study(), which), tmp_path / f"{name}.dcm")
        text = str(pydicom.dcmread(tmp_path / f"{name}.dcm"))
        assert ("Laterality" in text) == (name == "said")
        assert ("right ovary" in text and "left follicle 3" in text) if name == "said" else ("ovary 2" in text and "'follicle 3'" in text)


def test_which_ovary_it_is_has_to_be_said_and_to_exist():
    with pytest.raises(InputError, match="a.json: shows 2 ovaries; say which of them it is: --left-ovary 1 or 2"):
        one_ovary(pair(), None, "a.json", "--left-ovary")
    with pytest.raises(InputError, match="shows 2 ovaries"):
        one_ovary(pair(), 3, "a.json", "--left-ovary")
    with pytest.raises(InputError, match="leave --left-ovary out"):
        one_ovary(side(), 2, "a.json", "--left-ovary")
    assert one_ovary(side(ovaries=2), None, "a.json", "").ovaries == 2, "measured as one by an older version: without a verdict, as before"
    assert ovary_sides(Side(state=NOT_SEEN)) == {}


def test_what_a_reader_says_of_a_side_is_said_of_that_ovary_alone():
    both = sides(pair(first=[4.0]))
    both["right"] = one_ovary(pair(first=[4.0], corpus_luteum=PRESENT), 1, "a.json", "")
    judged = findings_of(Study(), both)["polycystic_criterion"]["sides"]
    assert [reason["key"] for reason in judged["right"]["reasons"]] == ["corpus_luteum"] and judged["left"]["verdict"] == "not met"


def test_reasons_are_translated_before_their_numbers_come_in():
    known = {"{strays} of the volume's follicles lie in no ovary": "{strays} Follikel liegen in keinem Ovar"}
    text = page_html(findings_of(Study(), sides(pair(strays=(6.0,)))), translate=lambda text: known.get(text, text))
    assert "1 Follikel liegen in keinem Ovar" in text and "1 of the volume's follicles" not in text
