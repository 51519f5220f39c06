"""Numbers that people write, wherever they are read: what Python alone would take for another number is refused, never read."""

import json

import pytest
from header_files import metaimage, nrrd, placed, vtk

from crend.cli import main
from crend.clinic.followup_files import read_visits
from crend.clinic.segment_reports import read_side
from crend.errors import InputError
from crend.io.inputs import find_volumes, part_of
from crend.io.usova3d import find_scans
from crend.io.volumes import read_image
from crend.numerals import number_in, whole_in, yaml_in
from crend.structures.box import Box
from crend_training.configuration.experiment import read_experiment
from crend_training.data.lists import read_datalist

ODD = ["0_3", "１", "1e400", "nan", "-inf", "", "0x10", "1,5", "²", "1 2"]


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_number_is_none(text):
    for read in (number_in, whole_in):
        with pytest.raises(ValueError, match="is no"):
            read(text)


def test_numbers_are_read_as_people_write_them():
    assert [number_in(text) for text in ("0.3", " .5", "-3.", "+1e-3", "2E2")] == [0.3, 0.5, -3, 0.001, 200]
    assert [whole_in(text) for text in ("12", "-3", "+0")] == [12, -3, 0] and number_in("-inf", finite=False) == float("-inf")


@pytest.mark.parametrize(
    "option", ["--spacing 0.3 0_3 0.3", "--least-confidence 0_1", "--smallest-follicle 1e400", "--frame 1_0", "--box 0 1_0 0 9 0 9"]
)
def test_an_option_is_refused_with_the_word_that_stands_there(option, tmp_path, capfd):
    words = option.split()
    assert main(["segment", "volume.nrrd", str(tmp_path / "o.nrrd"), *words]) == 2
    said = capfd.readouterr().err
    assert next(word for word in words if word in ("0_3", "0_1", "1e400", "1_0")) in said and words[0] in said and said.count("\n") == 1


@pytest.mark.parametrize("word", ["0_3", "1e400"])
@pytest.mark.parametrize(
    "write, fields",
    [
        (nrrd, "spacings: {} .7 .7\n"),
        (nrrd, placed("({},0,0) (0,.7,0) (0,0,.7)")),
        (metaimage, "ElementSpacing = .7 {} .7\n"),
        (vtk, "SPACING .7 .7 {}\n"),
    ],
    ids=["spacings", "directions", "metaimage", "vtk"],
)
def test_a_header_is_refused_with_the_word_that_stands_there(tmp_path, write, fields, word):
    path = write(tmp_path / f"a.{ {nrrd: 'nrrd', metaimage: 'mha', vtk: 'vtk'}[write] }", fields.format(word))
    with pytest.raises(InputError, match="a.*: .*its header says"):
        read_image(path)


@pytest.mark.parametrize("column, cell", [("spacing", "0_3"), ("frame", "１"), ("frame", "1_0"), ("box", "0 1_0 0 20 0 20")])
def test_a_list_is_refused_with_its_line(tmp_path, column, cell):
    (tmp_path / "list.csv").write_text(f"volume,{column}\na.nrrd,{cell}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"line 2: {column} {cell}: "):
        find_volumes([tmp_path / "list.csv"], tmp_path / "out")
    with pytest.raises(InputError, match="--part 1_0/20"):
        part_of([], "1_0/20")


@pytest.mark.parametrize("spacing", [["0_3", 0.3, 0.3], [True, 0.3, 0.3], "0.3 0.3 1e400"])
def test_a_training_list_is_refused_with_its_item(tmp_path, spacing):
    (tmp_path / "list.json").write_text(json.dumps({"training": [{"image": "a.nrrd", "spacing_mm": spacing}]}))
    with pytest.raises(InputError, match=r"training\[0\]: spacing_mm must be three lengths"):
        read_datalist(tmp_path / "list.json")


def test_spacings_of_a_set_and_a_box_of_words_are_refused(tmp_path):
    (tmp_path / "vol1.vtk").touch()
    (tmp_path / "spacings.csv").write_text("id,x,y,z\n1,0.3,0_3,0.3\n")
    with pytest.raises(InputError, match="spacings.csv, line 2"):
        find_scans(tmp_path)
    for given in ("0 1_0 0 20 0 20", ("0", "1_0", "0", "20", "0", "20")):
        with pytest.raises(InputError, match="a box is six numbers in mm"):
            Box.of(given)


def test_a_configuration_has_the_numbers_that_it_shows(tmp_path):
    found = yaml_in("a: 0_3\nb: 010\nc: 1:30\nd: 1e-4\ne: -12\nf: [0.5, 7, .5, 1.]\ng: 1_000.5\nh: yes\ni: 2026-01-31\n")
    assert found["a"] == "0_3" and found["b"] == "010" and found["c"] == "1:30" and found["g"] == "1_000.5"
    assert found["d"] == 1e-4 and found["e"] == -12 and found["f"] == [0.5, 7, 0.5, 1.0] and found["h"] is True
    assert type(found["e"]) is int and type(found["f"][1]) is int and str(found["i"]) == "2026-01-31"
    for line in ("steps: 1_0", "learning_rate: 0_3", "steps: 010"):
        (tmp_path / "c.yaml").write_text(line + "\n")
        with pytest.raises(InputError, match=f"c.yaml: '{line.partition(':')[0]}' must be"):
            read_experiment(tmp_path / "c.yaml")


@pytest.fixture
def report(tmp_path):
    """report(change) writes the JSON of a segmentation with one follicle, changed by change(its follicle), below a folder `left`."""
    ball = {"dv_mm": 8.0, "mean_diameter_mm": 8.0, "dx_mm": 8.0, "dy_mm": 8.0, "dz_mm": 8.0, "max_diameter_mm": 8.0, "volume_ml": 0.27}
    place = {"sphericity": 1.0, "centroid_r_mm": -1.0, "centroid_a_mm": 0.0, "centroid_s_mm": 0.0, "touches_border": False}

    def write(change=lambda follicle: None):
        follicle = {**ball, **place, "segment": "Follicle 1", "id": 1, "confidence": 0.9, "ovary": 1}
        change(follicle)
        facts = {"provenance": {"input": "C:\\scans\\Doe\\left.nrrd", "acquisition_date": "20260131"}, "flags": [], "ovary": None}
        (tmp_path / "left").mkdir(exist_ok=True)
        (tmp_path / "left" / "r.json").write_text(json.dumps({**facts, "follicles": [follicle]}))
        return tmp_path / "left" / "r.json"

    return write


@pytest.mark.parametrize(
    "name, value", [("confidence", float("nan")), ("confidence", 7), ("sphericity", float("inf")), ("id", "1"), ("dx_mm", True)]
)
def test_a_report_with_a_figure_that_is_none_is_refused(report, name, value):
    with pytest.raises(InputError, match=f"says {name} {value} of Follicle 1"):
        read_side(report(lambda follicle: follicle.update({name: value})))


def test_a_report_from_windows_is_called_by_its_files_name(report):
    assert read_side(report())[0].name == "left.nrrd"


def test_a_list_of_reports_from_windows_finds_them_and_an_odd_ovary_is_refused(report, tmp_path):
    report()
    (tmp_path / "visits.csv").write_text("report,date,side\nleft\\r.json,2026-01-31,left\n")
    (visit,) = read_visits([tmp_path / "visits.csv"])
    assert visit.side == "left" and len(visit.measurements.follicles) == 1
    (tmp_path / "visits.csv").write_text("report,ovary\nleft\\r.json,²\n", encoding="utf-8")
    with pytest.raises(InputError, match="² is no number of an ovary; write 1 or 2"):
        read_visits([tmp_path / "visits.csv"])
